using Warm.Testing;

namespace Warm.Tests.Averaging;

public class WeightAverageTests
{
    /// <summary>The twin: one value at a time, product rounded, then added, from zero, in member order; divided; rounded once.</summary>
    private static byte[] Naive(Weights[] members, string name, double[] coefficients, double divisor, DType saved, bool single = false)
    {
        int count = (int)members[0].Info(name).Count;
        double[][] values = [.. members.Select(m =>
        {
            var v = new double[count];
            m.Read(name, 0, v);
            return v;
        })];
        var bits = new byte[count * saved.Bits() / 8];
        for (int i = 0; i < count; i++)
        {
            double sum = 0;
            float low = 0;
            for (int m = 0; m < members.Length; m++)
            {
                double product = coefficients[m] * values[m][i];
                sum += product;
                float lowProduct = (float)coefficients[m] * (float)values[m][i];
                low += lowProduct;
            }
            double mean = single ? low / (float)divisor : sum / divisor;
            byte[] one = saved switch
            {
                DType.F64 => BitConverter.GetBytes(mean),
                DType.F32 => BitConverter.GetBytes((float)mean),
                DType.F16 => BitConverter.GetBytes((Half)mean),
                _ => BitConverter.GetBytes(NearestBrain(mean)),
            };
            one.CopyTo(bits, i * one.Length);
        }
        return bits;
    }

    /// <summary>The nearest of the two bfloat16 around a value, the even one of a tie, by exact differences in decimal-free arithmetic.</summary>
    private static ushort NearestBrain(double value)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)value) & 0xFFFF0000;
        (double best, ushort chosen) = (double.PositiveInfinity, (ushort)0);
        foreach (long candidate in (long[])[bits - 0x10000L, bits, bits + 0x10000L])
        {
            if (candidate is < 0 or > uint.MaxValue) continue;
            double distance = Math.Abs(BitConverter.UInt32BitsToSingle((uint)candidate) - value);
            var brain = (ushort)(candidate >> 16);
            if (double.IsNaN(distance) || distance > best || (distance == best && (brain & 1) == 1)) continue;
            (best, chosen) = (distance, brain);
        }
        return chosen == 0 && double.IsNegative(value) ? (ushort)0x8000 : chosen;
    }

    [Fact]
    public void Weights_that_sum_to_one_but_for_rounding_are_not_divided()
    {
        using var folder = new TemporaryFolder();
        double[] weights = [0.3, 0.1, 0.2, 0.15, 0.15, 0.1]; // 1 + 2^-52 in double
        Assert.NotEqual(1, weights.Sum());
        Weights[] members = TinyFolder.Siblings(folder, weights.Length);
        Assert.Equal(1, WeightAverage.Of(members, new AverageOptions { Weights = weights }).Divisor);
        Assert.Equal(weights.Sum() * 2, WeightAverage.Of(members, new AverageOptions { Weights = [.. weights.Select(w => w * 2)] }).Divisor);
        Assert.Equal(1.0001, WeightAverage.Of(members[..2], new AverageOptions { Weights = [0.5, 0.5001] }).Divisor, 1e-12);
    }

    [Theory]
    [InlineData(DType.F32, null, 3)]
    [InlineData(DType.BF16, null, 6)]
    [InlineData(DType.F16, null, 2)]
    [InlineData(DType.F64, null, 3)]
    [InlineData(DType.BF16, DType.F32, 5)]
    [InlineData(DType.F32, DType.BF16, 4)]
    [InlineData(DType.F32, DType.F16, 3)]
    [InlineData(DType.F32, DType.F64, 3)]
    public void Bits_equal_the_naive_twin(DType stored, DType? asked, int count)
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, count, stored);
        double[] given = [.. Enumerable.Range(0, count).Select(i => 0.3 + 0.7 * i)];
        foreach (DType accumulate in (DType[])[DType.F64, DType.F32])
            foreach (double[]? weights in (double[]?[])[null, given])
                foreach (bool normalise in (bool[])[true, false])
                {
                    WeightAverage average = WeightAverage.Of(members, new AverageOptions { DType = asked, Accumulate = accumulate, Weights = weights, Normalise = normalise });
                    double divisor = weights is null ? count : normalise ? weights.Sum() : 1;
                    foreach (string name in average.Names)
                        Assert.Equal(Naive(members, name, weights ?? [.. Enumerable.Repeat(1.0, count)], divisor, asked ?? stored, accumulate == DType.F32), TinyFolder.Bits(average, name));
                }
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    public void Bits_do_not_depend_on_threads_or_blocks_or_the_way_of_reading(DType stored)
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 5, stored), new AverageOptions { Weights = [0.1, 0.2, 0.3, 0.25, 0.15] });
        foreach (int threads in (int[])[1, 2, 7])
            foreach (int block in (int[])[64, 200, 1 << 18])
            {
                var seen = average.Names.ToDictionary(n => n, n => new byte[average.Info(n).Bytes]);
                average.Pass(new PassOptions { Threads = threads, BlockBytes = block, Hash = true }).Run((tensor, start, bits) => bits.CopyTo(seen[tensor.Name].AsSpan((int)(start * tensor.DType.Bits() / 8))));
                foreach (string name in average.Names) Assert.Equal(TinyFolder.Bits(average, name), seen[name]);
            }
        const string embedding = "model.embed_tokens.weight";
        byte[] whole = TinyFolder.Bits(average, embedding);
        int size = stored.Bits() / 8;
        foreach ((int start, int count) in ((int, int)[])[(0, 1), (3, 17), (100, 33), (511, 1)])
        {
            var part = new byte[count * size];
            average.ReadRaw(embedding, start, part);
            Assert.Equal(whole.AsSpan(start * size, count * size).ToArray(), part);
        }
    }

    [Fact]
    public void Rounding_a_double_sum_to_bf16_happens_once_also_for_odd_values()
    {
        double[] values = [1 + 1 / 256.0, 1 + 1 / 256.0 + 1e-12, 1 + 3 / 256.0, 0, -0.0, 1e-40, 3e-41, -1e-39, 9.1e-41, 3.39e38, 3.3961e38, -3.5e38, 5e-324, 1e300, 0.1, -0.3, 1.17e-38];
        double[] all = [.. Enumerable.Repeat(values, 3).SelectMany(v => v)];
        var bits = new byte[all.Length * 2];
        FloatBits.Narrow(DType.BF16, all, bits);
        for (int i = 0; i < all.Length; i++)
            if (Math.Abs(all[i]) < 3.3e38) Assert.Equal(NearestBrain(all[i]), BitConverter.ToUInt16(bits, i * 2));
        Assert.Equal(0x7F80, BitConverter.ToUInt16(bits, 2 * Array.IndexOf(all, 1e300)));
        Assert.Equal(0xFF80, BitConverter.ToUInt16(bits, 2 * Array.IndexOf(all, -3.5e38)));
    }

    [Fact]
    public void Keep_takes_the_widest_of_the_members_tensor_by_tensor()
    {
        Assert.Equal(DType.F32, DTypes.Widest([DType.BF16, DType.F16]));
        Assert.Equal(DType.BF16, DTypes.Widest([DType.BF16, DType.BF16]));
        Assert.Equal(DType.F64, DTypes.Widest([DType.F32, DType.F64]));
        Assert.Equal(DType.BF16, DTypes.Widest([DType.F8E4M3, DType.BF16]));
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0), DType.BF16)), Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(1), DType.F16)));
        Assert.All(average.Names, name => Assert.Equal(DType.F32, average.Info(name).DType));
        Assert.Contains(average.Compatibility.Differences, d => d.Rule == "dtype" && d.Severity == Severity.Remark);
    }

    [Fact]
    public void An_average_of_averages_is_rounded_once()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 4, DType.BF16);
        WeightAverage nested = WeightAverage.Of(WeightAverage.Of(members[0], members[1]), WeightAverage.Of(members[2], members[3]));
        foreach (string name in nested.Names)
        {
            int count = (int)nested.Info(name).Count;
            double[][] v = [.. members.Select(m => { var x = new double[count]; m.Read(name, 0, x); return x; })];
            ushort[] expected = [.. Enumerable.Range(0, count).Select(i => NearestBrain(((v[0][i] + v[1][i]) / 2 + (v[2][i] + v[3][i]) / 2) / 2))];
            Assert.Equal(System.Runtime.InteropServices.MemoryMarshal.AsBytes(expected.AsSpan()).ToArray(), TinyFolder.Bits(nested, name));
        }
    }

    [Fact]
    public void One_member_is_a_conversion_that_keeps_every_bit()
    {
        using var folder = new TemporaryFolder();
        Dictionary<string, double[]> values = TinyFolder.Values(0);
        values["model.norm.weight"][3] = -0.0;
        Checkpoint one = Checkpoint.Open(TinyFolder.Write(folder["a"], values));
        WeightAverage average = WeightAverage.Of(one);
        Assert.All(average.Names, name => Assert.Equal(TinyFolder.Bits(one, name), TinyFolder.Bits(average, name)));
        average.Save(folder["out"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(folder["out"], "model.safetensors")));
    }

    [Fact]
    public void Integers_and_a_heads_own_normaliser_are_the_first_members()
    {
        using var folder = new TemporaryFolder();
        void Add(Dictionary<string, (TensorInfo, byte[])> tensors, int count, float mean)
        {
            tensors["normalizer.count"] = (new("normalizer.count", DType.I64, new Shape(1)), BitConverter.GetBytes((long)count));
            tensors["normalizer.mean"] = (new("normalizer.mean", DType.F32, new Shape(1)), BitConverter.GetBytes(mean));
        }
        WeightAverage average = WeightAverage.Of(
            Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0), more: t => Add(t, 7, 0.5f))),
            Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(1), more: t => Add(t, 9, 1.5f))));
        Assert.Equal(BitConverter.GetBytes(7L), TinyFolder.Bits(average, "normalizer.count"));
        Assert.Equal(BitConverter.GetBytes(0.5f), TinyFolder.Bits(average, "normalizer.mean"));
        Assert.Contains(average.CheckValues(), r => r.Contains("normalizer.count") && r.Contains("holds different values"));
    }

    [Theory]
    [InlineData(new double[] { 1 }, "one for each of the 2 members")]
    [InlineData(new double[] { 1, -1 }, "sum other than 0")]
    [InlineData(new double[] { 1, double.NaN }, "finite")]
    public void Weights_that_make_no_average_are_refused(double[] weights, string expected)
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 2);
        WarmException error = Assert.Throws<WarmException>(() => WeightAverage.Of(members, new AverageOptions { Weights = weights }));
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void No_members_and_odd_types_are_refused()
    {
        Assert.Throws<WarmException>(() => WeightAverage.Of());
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 2);
        Assert.Throws<WarmException>(() => WeightAverage.Of(members, new AverageOptions { DType = DType.I64 }));
        Assert.Throws<WarmException>(() => WeightAverage.Of(members, new AverageOptions { Accumulate = DType.BF16 }));
    }

    [Fact]
    public void Interpolation_meets_its_ends()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 2);
        foreach (string name in members[0].Names)
        {
            Assert.Equal(TinyFolder.Bits(members[0], name), TinyFolder.Bits(Interpolation.Of(members[0], members[1], 0), name));
            Assert.Equal(TinyFolder.Bits(members[1], name), TinyFolder.Bits(Interpolation.Of(members[0], members[1], 1), name));
        }
    }

    [Fact]
    public void The_head_of_one_member_is_taken_as_it_is_and_everything_else_averaged()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 3, DType.BF16);
        WeightAverage plain = WeightAverage.Of(members), taken = WeightAverage.Of(members, new AverageOptions { Head = 1 });
        Assert.All(plain.Names.Where(n => n != "score.weight"), name => Assert.Equal(TinyFolder.Bits(plain, name), TinyFolder.Bits(taken, name)));
        Assert.Equal(TinyFolder.Bits(members[1], "score.weight"), TinyFolder.Bits(taken, "score.weight"));
        Assert.NotEqual(TinyFolder.Bits(plain, "score.weight"), TinyFolder.Bits(taken, "score.weight"));
        SaveResult result = taken.Save(folder["out"]);
        Checkpoint saved = Checkpoint.Open(folder["out"]);
        Assert.All(taken.Names, name => Assert.Equal(TinyFolder.Bits(taken, name), TinyFolder.Bits(saved, name)));
        Assert.Equal("rm-1", (string)result.Recipe!["head"]!);
        Assert.Contains(result.Remarks, r => r.StartsWith("the head (score.weight) is that of", StringComparison.Ordinal));

        // In another type, beside a method, and where it is not finite.
        WeightAverage wide = WeightAverage.Of(members[..2], new AverageOptions { Head = 1, DType = DType.F32, Method = new Slerp(0.5) });
        float[] got = new float[16], want = new float[16];
        wide.Save(folder["wide"]);
        Checkpoint.Open(folder["wide"]).Read("score.weight", 0, got);
        members[1].Read("score.weight", 0, want);
        Assert.Equal(want, got);
        Dictionary<string, double[]> broken = TinyFolder.Values(4);
        broken["score.weight"][5] = double.NaN;
        Weights nan = Checkpoint.Open(TinyFolder.Write(folder["nan"], broken));
        Assert.Contains("[0, 5]", Assert.Throws<WarmException>(() => WeightAverage.Of([members[0], nan], new AverageOptions { Head = 1 }).Save(folder["no"])).Message);
        WeightAverage.Of([members[0], nan], new AverageOptions { Head = 0 }).Save(folder["yes"]);
        Assert.Throws<WarmException>(() => WeightAverage.Of(members, new AverageOptions { Head = 3 }));
    }

    [Fact]
    public void Every_rule_that_is_ever_told_can_be_allowed_and_no_other()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 2);
        WeightAverage.Of(members, new AverageOptions { Allow = [.. Difference.Rules, "Special-Tokens ", "read-position"] });
        WarmException error = Assert.Throws<WarmException>(() => WeightAverage.Of(members, new AverageOptions { Allow = ["ancestry", "ancestors"] }));
        Assert.Equal("\"ancestors\" is no rule", error.Found);
        // The rules stand in the source beside the differences that they name.
        string[] told = [.. Directory.GetFiles(Repository.Path("src", "Warm", "Averaging"), "*.cs").SelectMany(File.ReadAllLines).SelectMany(line => System.Text.RegularExpressions.Regex.Matches(line, "new(?: Difference)?\\(\"([a-z_]+)\", .*Severity\\.").Select(m => m.Groups[1].Value)).Distinct()];
        Assert.InRange(told.Length, 15, 40);
        Assert.All(told, rule => Assert.Contains(rule, Difference.Rules));
    }
}
