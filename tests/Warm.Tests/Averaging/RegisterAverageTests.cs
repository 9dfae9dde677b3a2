using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Xunit;

namespace Warm.Tests;

/// <summary>The quick average against its plain twin, bit by bit: any stored bits, NaN, infinity and the smallest numbers among them.</summary>
public class RegisterAverageTests
{
    public static TheoryData<DType, DType, int, string> Cases()
    {
        var cases = new TheoryData<DType, DType, int, string>();
        foreach (DType stored in (DType[])[DType.BF16, DType.F32])
            foreach (DType saved in (DType[])[DType.BF16, DType.F32])
                foreach (int n in (int[])[1, 2, 3, 6, 7, 10])
                    foreach (string kind in (string[])["weights", "any bits", "zeros among them", "tiny", "huge"])
                        cases.Add(stored, saved, n, kind);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public unsafe void Run_equals_the_plain_way(DType stored, DType saved, int n, string kind)
    {
        if (!Avx512F.IsSupported) return; // nothing is done in registers there: the plain way is the only one
        const int Count = 4096;
        var random = new Random(n);
        byte[][] members = [.. Enumerable.Range(0, n).Select(_ => Bits(stored, Count, kind, random))];
        foreach ((double[] coefficients, double divisor) in new (double[], double)[]
        {
            ([.. Enumerable.Repeat(1.0, n)], n), ([.. Enumerable.Range(0, n).Select(i => 0.5 + (i / 3.0))], 1), ([.. Enumerable.Range(0, n).Select(i => 1.0 + i)], n * (n + 1) / 2.0), ([.. Enumerable.Repeat(1.0, n)], 0.7 * n),
        })
        {
            byte[] quick = new byte[Count * saved.Bits() / 8], plain = new byte[quick.Length];
            nint[] at = new nint[n];
            var pins = members.Select(m => System.Runtime.InteropServices.GCHandle.Alloc(m, System.Runtime.InteropServices.GCHandleType.Pinned)).ToArray();
            for (int i = 0; i < n; i++) at[i] = pins[i].AddrOfPinnedObject();
            int done;
            bool finite;
            fixed (byte* result = quick) done = RegisterAverage.Run(at, stored, coefficients, divisor, saved, result, Count, out finite);
            foreach (var pin in pins) pin.Free();
            Assert.Equal(Count, done);

            double[] sum = new double[Count];
            for (int start = 0; start < Count; start += WeightedSum.Run)
                for (int i = 0; i < n; i++)
                    WeightedSum.Add(sum.AsSpan(start, WeightedSum.Run), members[i].AsSpan(start * stored.Bits() / 8, WeightedSum.Run * stored.Bits() / 8), stored, coefficients[i]);
            Assert.Equal(sum.All(double.IsFinite), finite);
            for (int i = 0; i < Count; i++) sum[i] /= divisor;
            FloatBits.Narrow(saved, sum, plain);
            int size = saved.Bits() / 8;
            for (int i = 0; i < Count; i++)
                if (!double.IsNaN(sum[i])) Assert.True(quick.AsSpan(i * size, size).SequenceEqual(plain.AsSpan(i * size, size)), $"value {i}: {sum[i]:R} became {Convert.ToHexString(quick, i * size, size)}, not {Convert.ToHexString(plain, i * size, size)}");
        }
    }

    [Fact]
    public void Divide_is_division_to_the_bit()
    {
        if (!Avx512F.IsSupported) return;
        var random = new Random(1);
        foreach (int d in Enumerable.Range(1, 300).Concat([511, 513, 1000, 4095, 65535, 65537, (1 << 24) - 1, 1 << 24]))
        {
            Vector512<double> over = Vector512.Create((double)d), reciprocal = Vector512.Create(1.0 / d);
            for (int k = 0; k < 400; k++)
            {
                // Half of them are chosen so that the quotient lies as near as can be to the middle of two doubles.
                double wide = random.NextInt64(1L << 52, 1L << 53), near = (double)(new System.Numerics.BigInteger(wide) * 2 * d + d) / 2;
                double s = Math.ScaleB(k % 2 == 0 ? wide : Math.BitIncrement(near) - (k % 4 - 1) * Math.ScaleB(near, -53), random.Next(-180, 60)) * (random.Next(2) * 2 - 1);
                Assert.Equal(s / d, RegisterAverage.Divide(Vector512.Create(s), over, reciprocal)[0]);
            }
            Assert.Equal(0, RegisterAverage.Divide(Vector512<double>.Zero, over, reciprocal)[0]);
        }
    }

    private static byte[] Bits(DType dtype, int count, string kind, Random random)
    {
        var values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = kind switch
            {
                "tiny" => (random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-150, -120)),
                "huge" => (random.NextDouble() - 0.5) * 6e38,
                "zeros among them" when random.Next(20) > 0 => 0 * (random.NextDouble() - 0.5),
                _ => (random.NextDouble() - 0.5) * 0.1,
            };
        var bits = new byte[count * dtype.Bits() / 8];
        if (kind == "any bits") random.NextBytes(bits);
        else FloatBits.Narrow(dtype, values, bits);
        return bits;
    }
}
