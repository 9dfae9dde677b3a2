using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>Sums over a stretch in an order that depends on its length alone: value i goes to lane i mod lanes of vector i / lanes mod 4; the vectors, then the lanes, then the tail are added up.</summary>
internal static unsafe class Reduction
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Sum<S, V>(float* x, int count) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes, i = 0;
        V a = S.Broadcast(0), b = a, c = a, d = a;
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            a = S.Add(a, S.Load(x + i));
            b = S.Add(b, S.Load(x + i + lanes));
            c = S.Add(c, S.Load(x + i + 2 * lanes));
            d = S.Add(d, S.Load(x + i + 3 * lanes));
        }
        for (; i <= count - lanes; i += lanes) a = S.Add(a, S.Load(x + i));
        float sum = S.Sum(S.Add(S.Add(a, b), S.Add(c, d)));
        for (; i < count; i++) sum += x[i];
        return sum;
    }

    /// <summary>The sum of (x - mean)^2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float SumOfSquares<S, V>(float* x, float mean, int count) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes, i = 0;
        V a = S.Broadcast(0), b = a, c = a, d = a, m = S.Broadcast(mean);
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            V x0 = S.Subtract(S.Load(x + i), m), x1 = S.Subtract(S.Load(x + i + lanes), m), x2 = S.Subtract(S.Load(x + i + 2 * lanes), m), x3 = S.Subtract(S.Load(x + i + 3 * lanes), m);
            a = S.MultiplyAdd(x0, x0, a);
            b = S.MultiplyAdd(x1, x1, b);
            c = S.MultiplyAdd(x2, x2, c);
            d = S.MultiplyAdd(x3, x3, d);
        }
        for (; i <= count - lanes; i += lanes)
        {
            V value = S.Subtract(S.Load(x + i), m);
            a = S.MultiplyAdd(value, value, a);
        }
        float sum = S.Sum(S.Add(S.Add(a, b), S.Add(c, d)));
        for (; i < count; i++) sum += (x[i] - mean) * (x[i] - mean);
        return sum;
    }
}
