namespace Warm;

/// <summary>
/// A float of 4, 6 or 8 bits: sign, exponent, fraction (E8M0 has an exponent only). Values from a table, bits by nearest even. Beyond the largest value: F8_E5M2 becomes
/// infinity, the others stay at the largest (saturation, as torch 2.13 converts to F8_E4M3, infinity included). Formats: OCP OFP8 and MX specifications 1.0; FNUZ: Graphcore and AMD.
/// </summary>
internal sealed class SmallFloat
{
    private static readonly SmallFloat?[] All = new SmallFloat?[Enum.GetValues<DType>().Length];

    private readonly DType _dtype;
    private readonly int _bits;
    private readonly float[] _values;   // by bit pattern
    private readonly float[] _positive; // the finite values from 0 up, by magnitude; index = the pattern's magnitude
    private readonly byte? _nan;        // pattern of the positive NaN, or null where the format has none
    private readonly bool _signed, _negativeZero, _infinity;
    private readonly Lazy<short[]> _patterns;

    private SmallFloat(DType dtype)
    {
        _dtype = dtype;
        _bits = dtype.Bits();
        (int exponent, int fraction, int bias) = dtype switch
        {
            DType.F4 => (2, 1, 1),
            DType.F6E2M3 => (2, 3, 1),
            DType.F6E3M2 => (3, 2, 3),
            DType.F8E4M3 => (4, 3, 7),
            DType.F8E5M2 => (5, 2, 15),
            DType.F8E4M3Fnuz => (4, 3, 8),
            DType.F8E5M2Fnuz => (5, 2, 16),
            DType.F8E8M0 => (8, 0, 127),
            _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "No small float."),
        };
        _signed = dtype != DType.F8E8M0;
        _negativeZero = dtype is not (DType.F8E4M3Fnuz or DType.F8E5M2Fnuz);
        _infinity = dtype == DType.F8E5M2;
        _nan = dtype switch { DType.F8E4M3 or DType.F8E5M2 => 0x7F, DType.F8E8M0 => 0xFF, DType.F8E4M3Fnuz or DType.F8E5M2Fnuz => 0x80, _ => null };
        int magnitudes = 1 << (exponent + fraction);
        // Patterns above the largest finite value: E4M3 has one NaN, E5M2 infinity and three NaNs, E8M0 one NaN.
        int finite = magnitudes - dtype switch { DType.F8E4M3 or DType.F8E8M0 => 1, DType.F8E5M2 => 4, _ => 0 };
        _positive = new float[finite];
        for (int m = 0; m < finite; m++)
        {
            int e = m >> fraction, f = m & ((1 << fraction) - 1);
            _positive[m] = dtype == DType.F8E8M0 ? MathF.ScaleB(1, m - bias)
                : e == 0 ? MathF.ScaleB(f, 1 - bias - fraction)
                : MathF.ScaleB(f + (1 << fraction), e - bias - fraction);
        }
        _values = new float[1 << _bits];
        for (int pattern = 0; pattern < _values.Length; pattern++)
        {
            bool negative = _signed && pattern >= magnitudes;
            int m = pattern & (magnitudes - 1);
            float value = m < finite ? _positive[m] : _infinity && m == finite ? float.PositiveInfinity : float.NaN;
            _values[pattern] = negative ? -value : value;
        }
        if (!_negativeZero) _values[0x80] = float.NaN;
        _patterns = new(() => [.. Enumerable.Range(0, 1 << 16).Select(upper => BitConverter.UInt32BitsToSingle((uint)upper << 16)).Select(value => Holds(value) ? Pattern(value) : (short)-1)]);
    }

    /// <summary>The format of that type.</summary>
    public static SmallFloat Of(DType dtype) => All[(int)dtype] ??= new(dtype);

    /// <summary>The value of a pattern.</summary>
    public float this[int pattern] => _values[pattern];

    /// <summary>Values of packed bits.</summary>
    public void Widen(ReadOnlySpan<byte> bits, Span<float> values)
    {
        if (_bits == 8)
        {
            for (int i = 0; i < values.Length; i++) values[i] = _values[bits[i]];
            return;
        }
        int mask = (1 << _bits) - 1;
        for (int i = 0; i < values.Length; i++)
        {
            int at = i * _bits, pair = bits[at >> 3] | (((at >> 3) + 1 < bits.Length ? bits[(at >> 3) + 1] : 0) << 8);
            values[i] = _values[(pair >> (at & 7)) & mask];
        }
    }

    /// <summary>Packed bits of values; a last byte that is not filled keeps zeros.</summary>
    public void Narrow(ReadOnlySpan<float> values, Span<byte> bits)
    {
        if (_bits == 8)
        {
            for (int i = 0; i < values.Length; i++) bits[i] = Looked(values[i]);
            return;
        }
        bits[..((values.Length * _bits + 7) / 8)].Clear();
        for (int i = 0; i < values.Length; i++)
        {
            int at = i * _bits, shifted = Looked(values[i]) << (at & 7);
            bits[at >> 3] |= (byte)shifted;
            if (shifted > 0xFF) bits[(at >> 3) + 1] |= (byte)(shifted >> 8);
        }
    }

    /// <summary>
    /// The same as <see cref="Pattern"/>, from a table by the value's upper half. What is cut off below is kept in the half's last bit (rounding to odd), which is three bits below the last that any
    /// of these formats has: it says above or below a tie, and the table rounds as the value itself would.
    /// </summary>
    private byte Looked(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        short found = _patterns.Value[(bits >> 16) | ((bits & 0xFFFF) != 0 ? 1u : 0)];
        return found >= 0 ? (byte)found : Pattern(value);
    }

    private bool Holds(float value) => float.IsNaN(value) ? _nan is not null : _signed || !float.IsNegative(value);

    /// <summary>The nearest pattern, ties to the even one.</summary>
    public byte Pattern(float value)
    {
        if (float.IsNaN(value))
        {
            byte nan = _nan ?? throw new WarmException(_dtype.Name(), "cannot hold NaN", fix: "Choose a type that can, such as BF16.");
            return _signed && _negativeZero && float.IsNegative(value) ? (byte)(nan | 0x80) : nan;
        }
        float magnitude = Math.Abs(value);
        if (!_signed && float.IsNegative(value)) throw new WarmException(_dtype.Name(), "cannot hold negative values", fix: "Choose a type with a sign, such as BF16.");
        int m = Nearest(magnitude);
        bool negative = float.IsNegative(value) && (_negativeZero || m != 0);
        return (byte)(negative ? m | (1 << (_bits - 1)) : m);
    }

    private int Nearest(float magnitude)
    {
        int last = _positive.Length - 1;
        if (magnitude >= _positive[last])
        {
            // Half a step above the largest value rounds to the infinity that lies one step above it.
            double step = (double)_positive[last] - _positive[last - 1];
            return _infinity && magnitude >= _positive[last] + step / 2 ? last + 1 : last;
        }
        int found = Array.BinarySearch(_positive, magnitude);
        if (found >= 0) return found;
        int above = ~found;
        if (above == 0) return 0; // below the smallest power of two of E8M0, which has no zero
        double middle = ((double)_positive[above - 1] + _positive[above]) / 2;
        return magnitude < middle || (magnitude == middle && (above & 1) == 1) ? above - 1 : above;
    }
}
