using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// <c>y = (x - mean) / sqrt(var + epsilon) w + b</c> over a group of w's width; the variance in a second pass over x - mean, so that a large mean costs no digits.
/// Sums run in an order that depends on the width alone.
/// </summary>
internal static unsafe class LayerNorm
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward<S, V>(float* x, float* weight, float* bias, float* y, int groups, int width, double epsilon) where S : ISimd<V> where V : struct
    {
        for (int g = 0; g < groups; g++, x += width, y += width)
        {
            float mean = Reduction.Sum<S, V>(x, width) / width;
            float factor = (float)(1 / Math.Sqrt((double)Reduction.SumOfSquares<S, V>(x, mean, width) / width + epsilon));
            int i = 0;
            for (; i <= width - S.Lanes; i += S.Lanes)
            {
                V value = S.Multiply(S.Multiply(S.Subtract(S.Load(x + i), S.Broadcast(mean)), S.Broadcast(factor)), S.Load(weight + i));
                S.Store(y + i, bias is null ? value : S.Add(value, S.Load(bias + i)));
            }
            for (; i < width; i++) y[i] = (x[i] - mean) * factor * weight[i] + (bias is null ? 0 : bias[i]);
        }
    }
}
