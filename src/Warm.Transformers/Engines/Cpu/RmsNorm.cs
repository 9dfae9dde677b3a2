using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// <c>y = x / sqrt(mean(x^2) + epsilon) (offset + w)</c> over a group of w's width. Squares are summed in four vectors of lanes, these onto each other, then the lanes, then the tail:
/// an order that depends on the width alone.
/// </summary>
internal static unsafe class RmsNorm
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward<S, V>(float* x, float* weight, float* y, int groups, int width, double epsilon, float offset) where S : ISimd<V> where V : struct
    {
        for (int g = 0; g < groups; g++, x += width, y += width)
        {
            float factor = (float)(1 / Math.Sqrt((double)Reduction.SumOfSquares<S, V>(x, 0, width) / width + epsilon));
            int i = 0;
            for (; i <= width - S.Lanes; i += S.Lanes)
                S.Store(y + i, S.Multiply(S.Multiply(S.Load(x + i), S.Broadcast(factor)), S.Add(S.Broadcast(offset), S.Load(weight + i))));
            for (; i < width; i++) y[i] = x[i] * factor * (offset + weight[i]);
        }
    }
}
