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

    /// <summary>Adds <paramref name="c"/> times the values of <paramref name="bits"/> to <paramref name="sum"/>, at most <see cref="Run"/> of them.</summary>
    public static void Add(Span<double> sum, ReadOnlySpan<byte> bits, DType dtype, double c)
    {
        Span<double> values = stackalloc double[sum.Length];
        FloatBits.Widen(dtype, bits, values);
        if (c != 1) TensorPrimitives.Multiply(values, c, values); // 1 x is x
        TensorPrimitives.Add(sum, values, sum);
    }

    /// <summary>
    /// The whole average of sixteen values at a time, in registers, for members that are all stored as BF16 or all as F32 and a result in one of the two: the same steps as the plain
    /// way, value by value, without stops in memory; the divisions run beside the conversions. About twice as quick as the plain way (bf16, six members, AVX-512, a busy machine).
    /// </summary>
    /// <param name="members">Where each member's bits are in memory.</param>
    /// <param name="stored">BF16 or F32.</param>
    /// <param name="coefficients">One for each member.</param>
    /// <param name="divisor">What the sum is divided by.</param>
    /// <param name="saved">BF16 or F32.</param>
    /// <param name="result">The rounded bits.</param>
    /// <param name="count">Number of values; those beyond the last sixteen are left alone.</param>
    /// <param name="finite">False where a sum is NaN or infinite.</param>
    /// <returns>Number of values done.</returns>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
    public static unsafe int AverageSixteens(ReadOnlySpan<nint> members, DType stored, ReadOnlySpan<double> coefficients, double divisor, DType saved, byte* result, int count, out bool finite)
    {
        finite = true;
        if (!Vector512.IsHardwareAccelerated || stored is not (DType.BF16 or DType.F32) || saved is not (DType.BF16 or DType.F32)) return 0;
        Vector512<double> over = Vector512.Create(divisor), bad = default;
        bool plain = !coefficients.ContainsAnyExcept(1.0), brain = stored == DType.BF16;
        int i = 0, n = members.Length;
        fixed (nint* at = members)
        fixed (double* c = coefficients)
        {
            for (; i <= count - 16; i += 16)
            {
                Vector512<double> low = default, high = default;
                for (int m = 0; m < n; m++)
                {
                    Vector512<float> values = brain
                        ? (Vector512.WidenLower(Vector256.Load((ushort*)at[m] + i).ToVector512Unsafe()) << 16).AsSingle()
                        : Vector512.Load((float*)at[m] + i);
                    (Vector512<double> a, Vector512<double> b) = Vector512.Widen(values);
                    if (!plain) (a, b) = (a * c[m], b * c[m]); // 1 x is x
                    low += a;
                    high += b;
                }
                if (divisor != 1) (low, high) = (low / over, high / over);
                bad += (low - low) + (high - high); // 0, or NaN for ever
                if (saved == DType.F32) Vector512.Narrow(low, high).Store((float*)result + i);
                else FloatBits.NarrowBF16(low, high).Store((ushort*)result + i);
            }
        }
        finite = Vector512.Sum(bad) == 0;
        return i;
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
