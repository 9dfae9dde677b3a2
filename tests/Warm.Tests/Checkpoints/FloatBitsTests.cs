using System.Runtime.InteropServices;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

public class FloatBitsTests
{
    public static TheoryData<DType> Floats => [.. Enum.GetValues<DType>().Where(d => d.IsFloat())];

    /// <summary>The twin: the value whose distance is least, looked for among all values of the type that are not negative; of two, the even pattern.</summary>
    private static int Nearest(double value, double[] byPattern)
    {
        int best = -1;
        for (int p = 0; p < byPattern.Length; p++)
        {
            if (!double.IsFinite(byPattern[p]) || double.IsNegative(byPattern[p])) continue;
            if (best < 0) { best = p; continue; }
            double a = Math.Abs(byPattern[p] - value), b = Math.Abs(byPattern[best] - value);
            if (a < b || (a == b && p % 2 == 0)) best = p;
        }
        return best;
    }

    [Theory, MemberData(nameof(Floats))]
    public void Narrow_of_widened_bits_gives_the_bits_back(DType dtype)
    {
        byte[] bits = new byte[24 * dtype.Bits()];
        new Random(7).NextBytes(bits);
        if (dtype.Bits() == 16) for (int i = 0; i < bits.Length; i += 2) { bits[i] = (byte)(i * 5); bits[i + 1] = (byte)(i / 2 * 37); }
        int count = bits.Length * 8 / dtype.Bits();
        var doubles = new double[count];
        FloatBits.Widen(dtype, bits, doubles);
        byte[] back = new byte[bits.Length];
        FloatBits.Narrow(dtype, doubles, back);
        var again = new double[count];
        FloatBits.Widen(dtype, back, again);
        Assert.Equal(doubles, again);
        if (!doubles.Any(double.IsNaN)) Assert.Equal(bits, back);
    }

    [Theory, MemberData(nameof(Floats))]
    public void Narrow_chooses_the_nearest_and_of_two_the_even(DType dtype)
    {
        if (dtype.Bits() > 16) return; // singles and doubles are the processor's own
        double[] byPattern = new double[1 << dtype.Bits()];
        byte[] one = new byte[24 * 8];
        for (int p = 0; p < byPattern.Length; p++)
        {
            float[] value = new float[1];
            MemoryMarshal.Write(one, (ushort)p);
            FloatBits.Widen(dtype, one, value);
            byPattern[p] = value[0];
        }
        double[] finite = [.. byPattern.Where(v => double.IsFinite(v) && v >= 0).Order()];
        var random = new Random(3);
        var values = new List<double>();
        for (int i = 0; i < (dtype.Bits() == 16 ? 20 : 100); i++)
        {
            double a = finite[random.Next(finite.Length - 1)], b = finite[Array.BinarySearch(finite, a) + 1];
            values.AddRange([a, (a + b) / 2, Math.BitIncrement((a + b) / 2), Math.BitDecrement((a + b) / 2), a + (b - a) * random.NextDouble()]);
        }
        if (dtype != DType.F8E8M0) values.AddRange(values.ToArray().Select(v => -v));
        foreach (double value in values)
        {
            double[] same = [.. Enumerable.Repeat(value, 17)]; // 17: the vector loop and its rest
            byte[] bits = new byte[(17 * dtype.Bits() + 7) / 8];
            FloatBits.Narrow(dtype, same, bits);
            double[] rounded = new double[17];
            FloatBits.Widen(dtype, bits, rounded);
            double expected = Math.CopySign(byPattern[Nearest(Math.Abs(value), byPattern)], value);
            if (expected == 0 && !byPattern.Any(v => v == 0 && double.IsNegative(v))) expected = 0;
            Assert.All(rounded, r => Assert.True(r.Equals(expected), $"{dtype.Name()}: {value:R} became {r:R}, expected {expected:R}"));
        }
    }

    [Fact]
    public void Narrow_of_a_double_rounds_once()
    {
        // 1 + 2^-8 is a tie of bfloat16; a little more, which a single cannot hold, must go up.
        double[] values = [1 + Math.ScaleB(1, -8) + Math.ScaleB(1, -40), 1 + Math.ScaleB(1, -8), 1 + Math.ScaleB(3, -8) - Math.ScaleB(1, -40)];
        byte[] bits = new byte[6];
        FloatBits.Narrow(DType.BF16, values, bits);
        Assert.Equal([0x3F81, 0x3F80, 0x3F81], MemoryMarshal.Cast<byte, ushort>(bits).ToArray().Select(b => (int)b));
    }

    [Theory]
    [InlineData(DType.F4)]
    [InlineData(DType.F6E2M3)]
    [InlineData(DType.F6E3M2)]
    [InlineData(DType.F8E4M3)]
    [InlineData(DType.F8E5M2)]
    [InlineData(DType.F8E8M0)]
    [InlineData(DType.F8E4M3Fnuz)]
    [InlineData(DType.F8E5M2Fnuz)]
    public void Narrow_to_small_floats_by_table_agrees_with_searching(DType dtype)
    {
        var random = new Random(5);
        var format = SmallFloat.Of(dtype);
        float[] values = [.. Enumerable.Range(0, 200_000).Select(i =>
        {
            uint bits = (uint)random.NextInt64(1L << 32);
            if (i % 3 == 0) bits &= 0xFFF0_0000; // ties
            if (i % 4 == 0) bits = (bits & 0x807F_FFFF) | (uint)random.Next(100, 150) << 23; // near 1
            float value = BitConverter.UInt32BitsToSingle(bits);
            return dtype == DType.F8E8M0 ? Math.Abs(value) : float.IsNaN(value) && dtype is DType.F4 or DType.F6E2M3 or DType.F6E3M2 ? 1 : value;
        }).Where(value => !float.IsNaN(value) || dtype is not (DType.F4 or DType.F6E2M3 or DType.F6E3M2))];
        byte[] bytes = new byte[(values.Length * dtype.Bits() + 7) / 8];
        FloatBits.Narrow(dtype, values, bytes);
        float[] back = new float[values.Length];
        FloatBits.Widen(dtype, bytes, back);
        for (int i = 0; i < values.Length; i++) Assert.True(format[format.Pattern(values[i])].Equals(back[i]), $"{values[i]:R} became {back[i]:R}");
    }

    [Fact]
    public void Narrow_of_doubles_agrees_with_rounding_each_alone()
    {
        var random = new Random(11);
        double[] values = [.. Enumerable.Range(0, 100_003).Select(i =>
        {
            long bits = random.NextInt64();
            if (i % 3 == 0) bits &= ~((1L << random.Next(53)) - 1); // few bits set: ties
            int exponent = i % 5 == 0 ? random.Next(2047) : 1023 + random.Next(-160, 130); // all of them, and those around a single's
            return BitConverter.Int64BitsToDouble((bits & ~(0x7FFL << 52)) | ((long)exponent << 52));
        })];
        for (int i = 0; i < values.Length; i += 7) values[i] = 0; // zeros stand beside tiny ones
        foreach (DType dtype in (DType[])[DType.BF16, DType.F16])
        {
            byte[] bits = new byte[values.Length * 2], alone = new byte[2];
            FloatBits.Narrow(dtype, values, bits);
            for (int i = 0; i < values.Length; i++)
            {
                FloatBits.Narrow(dtype, [FloatBits.ToSingleOdd(values[i])], alone);
                Assert.True(bits.AsSpan(2 * i, 2).SequenceEqual(alone), $"{dtype} {values[i]:R}");
            }
        }
    }

    [Theory]
    [InlineData(1e39, 0x7F80)]
    [InlineData(-1e39, 0xFF80)]
    [InlineData(3.4e38, 0x7F80)]
    [InlineData(double.PositiveInfinity, 0x7F80)]
    [InlineData(1e-60, 0)]
    [InlineData(-1e-60, 0x8000)]
    public void Narrow_of_a_double_to_bfloat16_at_the_ends(double value, int expected)
    {
        byte[] bits = new byte[32];
        FloatBits.Narrow(DType.BF16, [.. Enumerable.Repeat(value, 16)], bits);
        Assert.All(MemoryMarshal.Cast<byte, ushort>(bits).ToArray(), b => Assert.Equal(expected, b));
    }

    [Fact]
    public void Narrow_keeps_NaN()
    {
        foreach (DType dtype in Enum.GetValues<DType>().Where(d => d.IsFloat()))
        {
            float[] nan = [.. Enumerable.Repeat(BitConverter.UInt32BitsToSingle(0x7F800001), 16)], back = new float[16];
            byte[] bits = new byte[16 * dtype.Bits() / 8];
            if (dtype is DType.F4 or DType.F6E2M3 or DType.F6E3M2) { Assert.Throws<WarmException>(() => FloatBits.Narrow(dtype, nan, bits)); continue; }
            FloatBits.Narrow(dtype, nan, bits);
            FloatBits.Widen(dtype, bits, back);
            Assert.All(back, v => Assert.True(float.IsNaN(v), dtype.Name()));
        }
    }

    [Theory]
    [InlineData(448, 0x7E)]
    [InlineData(1e9, 0x7E)]
    [InlineData(float.PositiveInfinity, 0x7E)]
    [InlineData(float.NegativeInfinity, 0xFE)]
    public void Narrow_to_F8_E4M3_saturates(float value, int expected)
    {
        byte[] bits = new byte[1];
        FloatBits.Narrow(DType.F8E4M3, [value], bits);
        Assert.Equal(expected, bits[0]);
    }

    [Fact]
    public void Widen_refuses_integers() => Assert.Throws<WarmException>(() => FloatBits.Widen(DType.I32, new byte[4], new float[1]));

    [ReferenceFact]
    public void Widen_and_Narrow_agree_with_torch_on_every_16_bit_pattern_and_many_singles()
    {
        JsonElement hashes = JsonText.Read(Reference.Path("architectures", "operations", "conversions.json")).GetProperty("sha256");
        byte[] patterns = MemoryMarshal.AsBytes<ushort>([.. Enumerable.Range(0, 65_536).Select(p => (ushort)p)]).ToArray();
        float[] many = [.. Enumerable.Range(0, 200_000).Select(i => BitConverter.UInt32BitsToSingle((uint)(i * 2654435761L))).Where(float.IsFinite)];
        Assert.Equal(hashes.GetProperty("many_count").GetInt32(), many.Length);
        foreach ((DType dtype, string name) in ((DType, string)[])[(DType.BF16, "bf16"), (DType.F16, "f16")])
        {
            var wide = new float[65_536];
            FloatBits.Widen(dtype, patterns, wide);
            float[] numbers = [.. wide.Where(v => !float.IsNaN(v))]; // a NaN's payload differs between machines
            Assert.Equal(hashes.GetProperty($"{name}_to_f32_without_nan").GetString(), ContentHash.Of(MemoryMarshal.AsBytes<float>(numbers)));
            byte[] narrow = new byte[many.Length * 2], byDouble = new byte[many.Length * 2];
            FloatBits.Narrow(dtype, many, narrow);
            Assert.Equal(hashes.GetProperty($"f32_to_{name}_many").GetString(), ContentHash.Of(narrow));
            FloatBits.Narrow(dtype, [.. many.Select(v => (double)v)], byDouble);
            Assert.Equal(narrow, byDouble);
        }
        Reference.Count("conversions", 2 * 65_536 + 2 * many.Length);
    }
}
