using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>The steps of a softmax over a row of scores that comes in blocks. Blocks are whole vectors.</summary>
internal static unsafe class Softmax
{
    /// <summary>s = cap tanh(s / cap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cap<S, V>(float* scores, float cap, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i += S.Lanes)
            S.Store(scores + i, S.Multiply(S.Broadcast(cap), Tanh.Of<S, V>(S.Divide(S.Load(scores + i), S.Broadcast(cap)))));
    }

    /// <summary>s_j += slope (first + j).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Slope<S, V>(float* scores, float slope, int first, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i++) scores[i] += slope * (first + i);
    }

    /// <summary>
    /// Turns scores into e^(s - largest), with the largest of this and all earlier blocks; adds them to the sum, which is scaled to the new largest. Gives that factor back, for what else was summed.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Update<S, V>(float* scores, int count, ref float largest, ref float sum) where S : ISimd<V> where V : struct
    {
        V most = S.Load(scores);
        for (int i = S.Lanes; i < count; i += S.Lanes) most = S.Max(most, S.Load(scores + i));
        float before = largest;
        largest = MathF.Max(before, S.Maximum(most));
        V peak = S.Broadcast(largest), added = S.Broadcast(0);
        for (int i = 0; i < count; i += S.Lanes)
        {
            V power = Exp.Of<S, V>(S.Subtract(S.Load(scores + i), peak));
            S.Store(scores + i, power);
            added = S.Add(added, power);
        }
        float factor = before == largest ? 1 : First<S, V>(Exp.Of<S, V>(S.Broadcast(before - largest)));
        sum = sum * factor + S.Sum(added);
        return factor;
    }

    private static float First<S, V>(V vector) where S : ISimd<V> where V : struct
    {
        float* lanes = stackalloc float[S.Lanes];
        S.Store(lanes, vector);
        return *lanes;
    }
}
