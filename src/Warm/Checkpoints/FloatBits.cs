using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Warm;

/// <summary>
/// Every floating-point type's bits to single or double and back. Widening is exact (double to single is the one exception, rounded once); narrowing rounds once to
/// nearest, ties to even, from double as well: never by way of single, which would round twice.
/// </summary>
/// <remarks>
/// F32, F64, BF16 and F16 are vectorised (their loops are compiled at full strength at once: a short run would otherwise end before they are); the rest goes value by value (<see cref="SmallFloat"/>). Bits are little-endian and packed: two F4 a byte, four F6 in three bytes,
/// the first value in the lowest bits. Spans may begin at any address.
/// <para>Against loops over single values (the tests' twin), 16 Ki values in cache, Xeon with Vector of 256 bits: BF16 to single 8x, to double 4x; single to BF16 10x, double to BF16 8x.</para>
/// </remarks>
internal static class FloatBits
{
    /// <summary>Values of these bits. F64 is rounded to single.</summary>
    public static void Widen(DType dtype, ReadOnlySpan<byte> bits, Span<float> values)
    {
        CheckSizes(dtype, bits.Length, values.Length);
        switch (dtype)
        {
            case DType.F32: bits[..(values.Length * 4)].CopyTo(MemoryMarshal.AsBytes(values)); break;
            case DType.BF16: WidenBF16(MemoryMarshal.Cast<byte, ushort>(bits), values); break;
            case DType.F16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bits)[..values.Length], values); break;
            case DType.F64: DoubleToSingle(MemoryMarshal.Cast<byte, double>(bits), values); break;
            default: SmallFloat.Of(dtype).Widen(bits, values); break;
        }
    }

    /// <summary>Values of these bits, exactly.</summary>
    [SkipLocalsInit]
    public static void Widen(DType dtype, ReadOnlySpan<byte> bits, Span<double> values)
    {
        CheckSizes(dtype, bits.Length, values.Length);
        switch (dtype)
        {
            case DType.F64: bits[..(values.Length * 8)].CopyTo(MemoryMarshal.AsBytes(values)); break;
            case DType.F32: SingleToDouble(MemoryMarshal.Cast<byte, float>(bits), values); break;
            case DType.BF16: WidenBF16(MemoryMarshal.Cast<byte, ushort>(bits), values); break;
            default:
                Span<float> block = stackalloc float[Block];
                for (int done = 0; done < values.Length; done += Block)
                {
                    int count = Math.Min(Block, values.Length - done);
                    Widen(dtype, bits.Slice(done * dtype.Bits() / 8, (count * dtype.Bits() + 7) / 8), block[..count]);
                    SingleToDouble(block[..count], values[done..]);
                }
                break;
        }
    }

    /// <summary>Bits of these values, rounded once to nearest even.</summary>
    public static void Narrow(DType dtype, ReadOnlySpan<float> values, Span<byte> bits)
    {
        CheckSizes(dtype, bits.Length, values.Length);
        switch (dtype)
        {
            case DType.F32: MemoryMarshal.AsBytes(values).CopyTo(bits); break;
            case DType.BF16: NarrowBF16(values, MemoryMarshal.Cast<byte, ushort>(bits)); break;
            case DType.F16: TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(bits)); break;
            case DType.F64: SingleToDouble(values, MemoryMarshal.Cast<byte, double>(bits)); break;
            default: SmallFloat.Of(dtype).Narrow(values, bits); break;
        }
    }

    /// <summary>Bits of these values, rounded once to nearest even.</summary>
    [SkipLocalsInit]
    public static void Narrow(DType dtype, ReadOnlySpan<double> values, Span<byte> bits)
    {
        CheckSizes(dtype, bits.Length, values.Length);
        switch (dtype)
        {
            case DType.F64: MemoryMarshal.AsBytes(values).CopyTo(bits); break;
            case DType.F32: DoubleToSingle(values, MemoryMarshal.Cast<byte, float>(bits)); break;
            case DType.BF16: NarrowBF16(values, MemoryMarshal.Cast<byte, ushort>(bits)); break;
            default:
                // Rounding to odd keeps, in the last bit of the single, whether anything was cut off: the second rounding then cannot go wrong.
                Span<float> block = stackalloc float[Block];
                for (int done = 0; done < values.Length; done += Block)
                {
                    int count = Math.Min(Block, values.Length - done);
                    DoubleToSingleOdd(values.Slice(done, count), block);
                    Narrow(dtype, block[..count], bits.Slice(done * dtype.Bits() / 8, (count * dtype.Bits() + 7) / 8));
                }
                break;
        }
    }

    /// <summary>The value of a bfloat16.</summary>
    public static float FromBF16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>A single as bfloat16; a NaN stays one, made quiet.</summary>
    public static ushort ToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>A double as single, towards zero, and the last bit set where anything was cut off (rounding to odd, Boldo and Melquiond 2008).</summary>
    public static float ToSingleOdd(double value)
    {
        float nearest = (float)value;
        double back = nearest;
        if (back == value || double.IsNaN(value)) return nearest;
        uint bits = BitConverter.SingleToUInt32Bits(nearest);
        if (Math.Abs(back) > Math.Abs(value)) bits--; // one step towards zero: sign and magnitude lie apart
        return BitConverter.UInt32BitsToSingle(bits | 1);
    }

    private const int Block = 512; // values of a block on the stack; a multiple of 8, so that packed types begin on a byte

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenBF16(ReadOnlySpan<ushort> bits, Span<float> values)
    {
        int i = 0;
        Span<uint> wide = MemoryMarshal.Cast<float, uint>(values);
        for (; i <= wide.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(bits[i..]), out Vector<uint> low, out Vector<uint> high);
            (low << 16).CopyTo(wide[i..]);
            (high << 16).CopyTo(wide[(i + Vector<uint>.Count)..]);
        }
        for (; i < values.Length; i++) values[i] = FromBF16(bits[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenBF16(ReadOnlySpan<ushort> bits, Span<double> values)
    {
        int i = 0;
        for (; i <= values.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(bits[i..]), out Vector<uint> low, out Vector<uint> high);
            Span<double> to = values.Slice(i, Vector<ushort>.Count);
            Vector.Widen(Vector.AsVectorSingle(low << 16), out Vector<double> first, out Vector<double> second);
            first.CopyTo(to);
            second.CopyTo(to[Vector<double>.Count..]);
            Vector.Widen(Vector.AsVectorSingle(high << 16), out first, out second);
            first.CopyTo(to[(2 * Vector<double>.Count)..]);
            second.CopyTo(to[(3 * Vector<double>.Count)..]);
        }
        for (; i < values.Length; i++) values[i] = FromBF16(bits[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NarrowBF16(ReadOnlySpan<float> values, Span<ushort> bits)
    {
        int i = 0;
        for (; i <= values.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
            Vector.Narrow(RoundToBF16(new Vector<float>(values[i..])), RoundToBF16(new Vector<float>(values[(i + Vector<float>.Count)..]))).CopyTo(bits[i..]);
        for (; i < values.Length; i++) bits[i] = ToBF16(values[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NarrowBF16(ReadOnlySpan<double> values, Span<ushort> bits)
    {
        int i = 0;
        for (; i <= values.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            ReadOnlySpan<double> from = values.Slice(i, Vector<ushort>.Count);
            Vector<double> a = new(from), b = new(from[Vector<double>.Count..]), c = new(from[(2 * Vector<double>.Count)..]), d = new(from[(3 * Vector<double>.Count)..]);
            if ((Tiny(a) | Tiny(b) | Tiny(c) | Tiny(d)) != Vector<long>.Zero)
                for (int k = 0; k < from.Length; k++) bits[i + k] = ToBF16(ToSingleOdd(from[k]));
            else Vector.Narrow(RoundToBF16(Vector.Narrow(Odd(a), Odd(b))), RoundToBF16(Vector.Narrow(Odd(c), Odd(d)))).CopyTo(bits[i..]);
        }
        for (; i < values.Length; i++) bits[i] = ToBF16(ToSingleOdd(values[i]));
    }

    private static Vector<uint> RoundToBF16(Vector<float> value)
    {
        Vector<uint> b = Vector.AsVectorUInt32(value), upper = b >>> 16;
        Vector<uint> rounded = (b + new Vector<uint>(0x7FFF) + (upper & Vector<uint>.One)) >>> 16;
        return Vector.ConditionalSelect(Vector.AsVectorUInt32(Vector.Equals(value, value)), rounded, upper | new Vector<uint>(0x40));
    }

    /// <summary>
    /// Sixteen doubles as bfloat16. The quick way: the 29 low bits of a double, which a single cannot hold, are collected in the lowest bit that it can (rounding to odd), so that
    /// the conversion is exact and the one rounding is the last. Values outside the range of normal singles, and NaN, take the careful way.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> NarrowBF16(Vector512<double> low, Vector512<double> high)
    {
        if ((IsOrdinary(low) & IsOrdinary(high)).AsUInt64() != Vector512<ulong>.AllBitsSet) return Careful(low, high); // as doubles, ones are NaN and equal nothing
        Vector512<uint> single = Vector512.Narrow(Sticky(low), Sticky(high)).AsUInt32();
        Vector512<uint> rounded = (single + Vector512.Create(0x7FFFu) + ((single >>> 16) & Vector512<uint>.One)) >>> 16;
        return Vector512.Narrow(rounded, rounded).GetLower();

        static Vector512<double> IsOrdinary(Vector512<double> x)
        {
            Vector512<double> size = Vector512.Abs(x);
            return (Vector512.GreaterThanOrEqual(size, Vector512.Create(1.1754943508222875e-38)) & Vector512.LessThan(size, Vector512.Create(3.4e38))) | Vector512.Equals(x, Vector512<double>.Zero);
        }

        static Vector512<double> Sticky(Vector512<double> x)
        {
            Vector512<ulong> all = x.AsUInt64(), below = Vector512.Create((1ul << 29) - 1);
            return (Vector512.AndNot(all, below) | Vector512.AndNot(Vector512.Create(1ul << 29), Vector512.Equals(all & below, Vector512<ulong>.Zero))).AsDouble();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Vector256<ushort> Careful(Vector512<double> low, Vector512<double> high)
        {
            Span<ushort> bits = stackalloc ushort[16];
            for (int j = 0; j < 16; j++) bits[j] = ToBF16(ToSingleOdd(j < 8 ? low[j] : high[j - 8]));
            return Vector256.Create<ushort>(bits);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToDouble(ReadOnlySpan<float> from, Span<double> to)
    {
        int i = 0;
        for (; i <= from.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(from[i..]), out Vector<double> low, out Vector<double> high);
            low.CopyTo(to[i..]);
            high.CopyTo(to[(i + Vector<double>.Count)..]);
        }
        for (; i < from.Length; i++) to[i] = from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DoubleToSingle(ReadOnlySpan<double> from, Span<float> to)
    {
        int i = 0, count = Math.Min(from.Length, to.Length);
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            Vector.Narrow(new Vector<double>(from[i..]), new Vector<double>(from[(i + Vector<double>.Count)..])).CopyTo(to[i..]);
        for (; i < count; i++) to[i] = (float)from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DoubleToSingleOdd(ReadOnlySpan<double> from, Span<float> to)
    {
        int i = 0;
        for (; i <= from.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var low = new Vector<double>(from[i..]);
            var high = new Vector<double>(from[(i + Vector<double>.Count)..]);
            if ((Tiny(low) | Tiny(high)) != Vector<long>.Zero)
                for (int k = i; k < i + Vector<float>.Count; k++) to[k] = ToSingleOdd(from[k]);
            else Vector.Narrow(Odd(low), Odd(high)).CopyTo(to[i..]);
        }
        for (; i < from.Length; i++) to[i] = ToSingleOdd(from[i]);
    }

    /// <summary>Keeps the 24 bits that a single has and sets the last of them where any of the 29 below is set: adding ones to those 29 carries into it exactly then.</summary>
    private static Vector<double> Odd(Vector<double> value)
    {
        Vector<ulong> bits = Vector.AsVectorUInt64(value), below = new((1UL << 29) - 1);
        return Vector.AsVectorDouble(Vector.AndNot(bits | ((bits & below) + below), below));
    }

    /// <summary>Where values lie below a single's smallest normal one, but are not 0: a single has fewer bits than 24 there, so such values, which are rare, go one by one.</summary>
    private static Vector<long> Tiny(Vector<double> value)
    {
        Vector<double> size = Vector.Abs(value);
        return Vector.LessThan(size, new Vector<double>(1.1754943508222875e-38)) & Vector.GreaterThan(size, Vector<double>.Zero);
    }

    private static void CheckSizes(DType dtype, int bytes, int values)
    {
        if (!dtype.IsFloat()) throw new WarmException(dtype.Name(), "is no floating-point type", "values can be read of F4 to F64 and BF16 only; use ReadRaw");
        if (bytes < ((long)values * dtype.Bits() + 7) / 8) throw new ArgumentException($"{values} values of {dtype.Name()} do not fit {bytes} bytes.");
    }
}
