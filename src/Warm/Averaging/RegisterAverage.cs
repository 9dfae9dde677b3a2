using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Warm;

/// <summary>
/// The whole average of some values in registers (AVX-512), for members that are all stored as BF16 or all as F32 and a result in one of the two: widen, sum in member order, divide,
/// round, value by value the very steps of <see cref="WeightedSum"/>, and its bits, without stops in memory.
/// </summary>
internal static unsafe class RegisterAverage
{
    /// <summary>Averages as many of the values as fill registers; nothing where the processor or the types are others.</summary>
    /// <param name="members">Where each member's bits are in memory.</param>
    /// <param name="stored">BF16 or F32.</param>
    /// <param name="coefficients">One for each member.</param>
    /// <param name="divisor">What the sum is divided by.</param>
    /// <param name="saved">BF16 or F32.</param>
    /// <param name="result">The rounded bits.</param>
    /// <param name="count">Number of values; the last few are left alone.</param>
    /// <param name="finite">False where a sum is NaN or infinite.</param>
    /// <returns>Number of values done.</returns>
    public static int Run(ReadOnlySpan<nint> members, DType stored, ReadOnlySpan<double> coefficients, double divisor, DType saved, byte* result, int count, out bool finite)
    {
        finite = true;
        if (!Avx512F.IsSupported || !Avx512BW.IsSupported || stored is not (DType.BF16 or DType.F32) || saved is not (DType.BF16 or DType.F32)) return 0;
        bool plain = !coefficients.ContainsAnyExcept(1.0);
        fixed (nint* at = members)
        fixed (double* c = coefficients)
        {
            return stored == DType.BF16 && saved == DType.BF16 && plain && IsQuick(divisor)
                ? Uniform(at, members.Length, divisor, (ushort*)result, count, out finite)
                : Sixteens(at, stored == DType.BF16, plain ? null : c, members.Length, divisor, plain && IsQuick(divisor), saved, result, count, out finite);
        }
    }

    /// <summary>
    /// Whether <see cref="Divide"/> is division, to the bit. With q = s r rounded (r the rounded 1/d) off by at most 1.5 units, s - q d is exact in one fused step, and q plus that times r is
    /// within 2^-52 units of s/d before its own rounding. A quotient by an integer d lies at least 1/(2d) units off every midpoint of two doubles, so that rounding goes the same way.
    /// Sums of stored values are 0 or above 2^-149: nothing gets small enough to lose bits.
    /// </summary>
    private static bool IsQuick(double divisor) => divisor is >= 1 and <= 1 << 24 && divisor == Math.Floor(divisor);

    /// <summary>s/d by a reciprocal and one correction, a fifth of the time of the divider. Only for what <see cref="IsQuick"/> allows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<double> Divide(Vector512<double> s, Vector512<double> d, Vector512<double> r)
    {
        Vector512<double> q = s * r;
        return Avx512F.FusedMultiplyAdd(Avx512F.FusedMultiplyAddNegated(q, d, s), r, q);
    }

    /// <summary>
    /// The uniform mean of BF16 in BF16, 32 values at a time. Two neighbours lie in one 32-bit lane: the upper one is a single with rubbish below, the lower one a shift away, and on
    /// the way back the halves only need to be put together. 0.30 of the plain way's time (six members, one thread of an AVX-512 Xeon; AverageBenchmarks).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Uniform(nint* at, int n, double divisor, ushort* result, int count, out bool finite)
    {
        finite = true;
        Vector512<uint> upper = Vector512.Create(0xFFFF0000u);
        Vector512<double> d = Vector512.Create(divisor), r = Vector512.Create(1 / divisor);
        int i = 0;
        for (; i <= count - 32; i += 32)
        {
            Vector512<double> a = default, b = default, c = default, e = default;
            for (int m = 0; m < n; m++)
            {
                Vector512<uint> pairs = Vector512.Load((uint*)((ushort*)at[m] + i));
                Vector512<float> even = (pairs << 16).AsSingle(), odd = (pairs & upper).AsSingle();
                a += Avx512F.ConvertToVector512Double(even.GetLower());
                b += Avx512F.ConvertToVector512Double(even.GetUpper());
                c += Avx512F.ConvertToVector512Double(odd.GetLower());
                e += Avx512F.ConvertToVector512Double(odd.GetUpper());
            }
            (a, b, c, e) = (Divide(a, d, r), Divide(b, d, r), Divide(c, d, r), Divide(e, d, r));
            Vector512<uint> low = Vector512.Create(Round(a), Round(b)), high = Vector512.Create(Round(c), Round(e));
            Vector512<ushort> bits = ((low >>> 16) | (high & upper)).AsUInt16();
            // Exponent fields 0, 254 and 255: zeros, values that BF16 holds with fewer bits, values that might round to infinity, and all that came of NaN and infinity.
            bool unusual = Vector512.GreaterThanAny((bits << 1) - Vector512.Create<ushort>(0x100), Vector512.Create<ushort>(0xFCFF));
            if (unusual && !(IsOrdinary(a) && IsOrdinary(b) && IsOrdinary(c) && IsOrdinary(e))) finite &= Careful(at, n, divisor, result, i);
            else bits.Store(result + i);
        }
        return i;
    }

    /// <summary>Rounds to the 8 bits of a BF16, which are then the first of a single; below them is rubbish. For normal BF16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector512<double> x)
    {
        Vector512<ulong> bits = x.AsUInt64();
        bits += Vector512.Create((1ul << 44) - 1) + ((bits >>> 45) & Vector512<ulong>.One);
        return Avx512F.ConvertToVector256Single(bits.AsDouble(), FloatRoundingMode.ToZero).AsUInt32();
    }

    /// <summary>Whether all are 0 or numbers that <see cref="Round"/> rounds to normal BF16 numbers.</summary>
    private static bool IsOrdinary(Vector512<double> x)
    {
        Vector512<double> size = Vector512.Abs(x);
        return Vector512.EqualsAll((Vector512.GreaterThanOrEqual(size, Vector512.Create(1.1754943508222875e-38)) & Vector512.LessThan(size, Vector512.Create(3.38e38)) | Vector512.Equals(x, Vector512<double>.Zero)).AsUInt64(), Vector512<ulong>.AllBitsSet);
    }

    /// <summary>The same 32 values one by one.</summary>
    /// <returns>Whether all are finite.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Careful(nint* at, int n, double divisor, ushort* result, int start)
    {
        bool finite = true;
        for (int i = start; i < start + 32; i++)
        {
            double sum = 0;
            for (int m = 0; m < n; m++) sum += FloatBits.FromBF16(((ushort*)at[m])[i]);
            finite &= double.IsFinite(sum);
            result[i] = FloatBits.ToBF16(FloatBits.ToSingleOdd(sum / divisor));
        }
        return finite;
    }

    /// <summary>Any coefficients and divisor (<paramref name="c"/> null for ones), sixteen values at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Sixteens(nint* at, bool brain, double* c, int n, double divisor, bool quick, DType saved, byte* result, int count, out bool finite)
    {
        Vector512<double> over = Vector512.Create(divisor), r = Vector512.Create(1 / divisor), bad = default;
        int i = 0;
        for (; i <= count - 16; i += 16)
        {
            Vector512<double> low = default, high = default;
            for (int m = 0; m < n; m++)
            {
                Vector512<float> values = brain
                    ? (Vector512.WidenLower(Vector256.Load((ushort*)at[m] + i).ToVector512Unsafe()) << 16).AsSingle()
                    : Vector512.Load((float*)at[m] + i);
                (Vector512<double> a, Vector512<double> b) = Vector512.Widen(values);
                if (c != null) (a, b) = (a * c[m], b * c[m]);
                low += a;
                high += b;
            }
            bad += (low - low) + (high - high); // 0, or NaN for ever
            if (quick) (low, high) = (Divide(low, over, r), Divide(high, over, r));
            else if (divisor != 1) (low, high) = (low / over, high / over);
            if (saved == DType.F32) Vector512.Narrow(low, high).Store((float*)result + i);
            else FloatBits.NarrowBF16(low, high).Store((ushort*)result + i);
        }
        finite = Vector512.Sum(bad) == 0;
        if (quick && !finite) Sixteens(at, brain, c, n, divisor, false, saved, result, count, out _); // infinity over d is infinity, but the correction makes it NaN
        return i;
    }
}
