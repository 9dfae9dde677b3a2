using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Warm;

/// <summary>
/// The arithmetic of an average, on runs of a few thousand values: <c>sum += c x</c> for each member in order, division by the number of members or the sum of the
/// weights, one rounding. A product is rounded before it is added (no fused multiply-add) and division is division, so scalar code, every vector width and any way of
/// cutting the values into runs give the same bits.
/// </summary>
internal static class WeightedSum
{
    /// <summary>Values handled at once by <see cref="Add(Span{double}, ReadOnlySpan{byte}, DType, double)"/>: they stay in the first-level cache. A multiple of 8.</summary>
    public const int Run = 1024;

    /// <summary>
    /// What a normalised sum is divided by: the sum of its weights; 1 where they sum to 1 but for the rounding of their own decimals (0.3, 0.1, 0.2, 0.15, 0.15, 0.1 sum to 1 + 2^-52), for dividing by
    /// that would only move halves off the middle.
    /// </summary>
    public static double Divisor(IReadOnlyList<double> weights) => weights.Sum() is var sum && Math.Abs(sum - 1) <= weights.Count * (Math.BitIncrement(1.0) - 1) ? 1 : sum;

    /// <summary>Adds <paramref name="c"/> times the values of <paramref name="bits"/> to <paramref name="sum"/>, at most <see cref="Run"/> of them.</summary>
    public static void Add(Span<double> sum, ReadOnlySpan<byte> bits, DType dtype, double c)
    {
        Span<double> values = stackalloc double[sum.Length];
        FloatBits.Widen(dtype, bits, values);
        if (c != 1) TensorPrimitives.Multiply(values, c, values); // 1 x is x
        TensorPrimitives.Add(sum, values, sum);
    }

    /// <summary>The same in single: a value is rounded to single (which changes only doubles), then the product, then the sum.</summary>
    public static void Add(Span<float> sum, ReadOnlySpan<byte> bits, DType dtype, float c)
    {
        Span<float> values = stackalloc float[sum.Length];
        FloatBits.Widen(dtype, bits, values);
        if (c != 1) TensorPrimitives.Multiply(values, c, values);
        TensorPrimitives.Add(sum, values, sum);
    }

    /// <summary>Whether no value is NaN or infinite.</summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
    public static bool AllFinite(ReadOnlySpan<double> values)
    {
        ref double first = ref MemoryMarshal.GetReference(values);
        Vector512<double> bad = default; // x - x is 0 for finite x and NaN for the others; a NaN survives adding zeros
        int i = 0;
        for (; i <= values.Length - 8; i += 8)
        {
            Vector512<double> x = Vector512.LoadUnsafe(ref first, (nuint)i);
            bad += x - x;
        }
        double rest = Vector512.Sum(bad);
        for (; i < values.Length; i++) rest += values[i] - values[i];
        return rest == 0;
    }
}
