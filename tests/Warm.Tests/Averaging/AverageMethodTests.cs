using Warm.Testing;

namespace Warm.Tests.Averaging;

/// <summary>Every method beside a twin that is written out plainly: whole tensors as arrays of doubles, sorted where something is chosen.</summary>
public class AverageMethodTests
{
    private static double[] Zip(double[] o, double[][] x, Func<double, double[], double> f) => [.. o.Select((value, i) => f(value, [.. x.Select(m => m[i])]))];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[][] Deltas(double[] o, double[][] x) => [.. x.Select(m => m.Zip(o, (a, b) => a - b).ToArray())];

    private static double[] Largest(double[] d, double density)
    {
        HashSet<int> kept = [.. Enumerable.Range(0, d.Length).OrderByDescending(i => Math.Abs(d[i])).Take(Math.Max(1, (int)(density * d.Length)))];
        return [.. d.Select((value, i) => kept.Contains(i) ? value : 0)];
    }

    private static double[] Middle(double[] d, double density, double gamma)
    {
        int target = (int)(density * d.Length), bottom = Math.Max(0, d.Length - target - (int)(gamma * d.Length));
        HashSet<int> kept = [.. Enumerable.Range(0, d.Length).OrderBy(i => Math.Abs(d[i])).Skip(bottom).Take(target)];
        return [.. d.Select((value, i) => kept.Contains(i) ? value : 0)];
    }

    private static double Elected(double[] d, double[] c, bool divide)
    {
        double[] w = [.. d.Zip(c, (x, y) => x * y)];
        int sign = w.Sum() >= 0 ? 1 : -1;
        int[] agree = [.. Enumerable.Range(0, w.Length).Where(i => Math.Sign(w[i]) == sign)];
        double by = agree.Sum(i => c[i]);
        return agree.Sum(i => w[i]) / (divide && by != 0 ? by : 1);
    }

    private static double[] Turn(double[] x, double[] y, double t, double straightAbove)
    {
        double cos = Math.Clamp(Dot(x, y) / Math.Sqrt(Dot(x, x)) / Math.Sqrt(Dot(y, y)), -1, 1), a = Math.Acos(cos);
        return [.. x.Zip(y, (p, q) => Math.Abs(cos) > straightAbove ? (1 - t) * p + t * q : (Math.Sin((1 - t) * a) * p + Math.Sin(t * a) * q) / Math.Sin(a))];
    }

    private static double[] Stock(double[] o, double[][] x)
    {
        double[][] d = Deltas(o, x);
        List<double> cosines = [];
        for (int i = 0; i < x.Length; i++)
            for (int j = 0; j < i; j++) cosines.Add(Dot(d[i], d[j]) / Math.Sqrt(Dot(d[i], d[i]) * Dot(d[j], d[j])));
        double cos = cosines.Average(), t = x.Length * cos / (1 + (x.Length - 1) * cos);
        return Zip(o, x, (b, m) => t * m.Average() + (1 - t) * b);
    }

    private static double[] KarcherOf(double[][] x)
    {
        double[] lengths = [.. x.Select(v => Math.Sqrt(Dot(v, v)))];
        double[][] u = [.. x.Select((v, i) => v.Select(a => a / lengths[i]).ToArray())];
        double[] Unit(double[] v) => [.. v.Select(a => a / Math.Sqrt(Dot(v, v)))];
        double[] mean = Unit(Zip(x[0], u, (_, m) => m.Sum()));
        for (int step = 0; step < 10; step++)
        {
            double[] tangent = new double[mean.Length];
            foreach (double[] v in u)
            {
                double cos = Dot(mean, v), angle = Math.Acos(cos);
                for (int i = 0; i < mean.Length; i++) tangent[i] += angle / Math.Sin(angle) * (v[i] - cos * mean[i]) / u.Length;
            }
            double length = Math.Sqrt(Dot(tangent, tangent));
            if (length < 1e-5) break;
            mean = Unit([.. mean.Select((a, i) => Math.Cos(length) * a + Math.Sin(length) * tangent[i] / length)]);
        }
        return [.. mean.Select(a => a * lengths.Average())];
    }

    private static double[] SceOf(double[] o, double[][] x, double top)
    {
        double[][] d = Deltas(o, x);
        double[] variance = Zip(o, d, (_, v) => v.Select(a => (a - v.Average()) * (a - v.Average())).Average());
        HashSet<int> kept = [.. Enumerable.Range(0, o.Length).OrderByDescending(i => variance[i]).Take((int)(top * variance.Count(v => v != 0)))];
        foreach (double[] v in d)
            for (int i = 0; i < v.Length; i++) v[i] = kept.Contains(i) ? v[i] : 0;
        double[] w = [.. d.Select(v => Dot(v, v) / v.Length)];
        double all = w.Sum();
        return Zip(o, d, (b, v) =>
        {
            int sign = v.Sum() >= 0 ? 1 : -1;
            int[] agree = [.. Enumerable.Range(0, v.Length).Where(i => Math.Sign(v[i]) == sign)];
            return b + agree.Sum(i => v[i] * w[i] / all) / Math.Max(1e-6, agree.Sum(i => w[i] / all));
        });
    }

    /// <summary>The tensor that a twin is computing: where the random choice depends on its name.</summary>
    private static readonly AsyncLocal<string> Tensor = new();

    /// <summary>Deltas of which each entry stays by its chance, and is divided by it.</summary>
    private static double[][] Thinned(double[] o, double[][] x, long seed, Func<double[], double[]> chances, long length) => [.. Deltas(o, x).Select((d, m) =>
    {
        double[] chance = [.. Rows(d, length).SelectMany(chances)];
        ulong stream = CountedRandom.Stream(seed, Tensor.Value!, m);
        return d.Select((v, i) => CountedRandom.At(stream, i) < chance[i] ? v / chance[i] : 0).ToArray();
    })];

    private static double[] Chances(double[] row, double density, double epsilon)
    {
        int[] order = [.. Enumerable.Range(0, row.Length).OrderBy(i => Math.Abs(row[i]))];
        return [.. row.Select((_, i) => density - epsilon + 2 * epsilon * Array.IndexOf(order, i) / (row.Length - 1))];
    }

    private static double[][] Each(double[][] deltas, Func<double[], int, double[]> make) => [.. deltas.Select(make)];

    private static double[] Normed(double[] kept, double[] before) => [.. kept.Select(v => v * before.Sum(Math.Abs) / kept.Sum(Math.Abs))];

    /// <summary>An angle for each column; a vector is one column, and numbers are turned straight.</summary>
    private static double[] TurnColumns(double[] x, double[] y, double t, long length)
    {
        if (Tensor.Value!.Contains("norm", StringComparison.Ordinal)) return Turn(x, y, t, 1);
        if (x.Length == length) return [.. x.Zip(y, (p, q) => (1 - t) * p + t * q)];
        var result = new double[x.Length];
        for (int column = 0; column < length; column++)
        {
            int[] at = [.. Enumerable.Range(0, x.Length).Where(i => i % length == column)];
            double[] turned = Turn([.. at.Select(i => x[i])], [.. at.Select(i => y[i])], t, 1);
            for (int i = 0; i < at.Length; i++) result[at[i]] = turned[i];
        }
        return result;
    }

    private static double[][] Rows(double[] values, long length) => [.. values.Chunk((int)length)];

    public static TheoryData<string> Names => [.. Twins(null!).Select(t => t.Name)];

    /// <summary>Method, members it takes, twin: from base, members and row length to the average of one tensor.</summary>
    private static (string Name, int Members, AverageMethod Method, Func<double[], double[][], long, double[]> Twin)[] Twins(Weights b)
    {
        double[] c = [0.5, 0.3, -0.4];
        return
        [
            ("task", 3, new TaskArithmetic(b) { Weights = c, Lambda = 0.7 }, (o, x, _) => Zip(o, x, (p, m) => p + 0.7 * (c[0] * (m[0] - p) + c[1] * (m[1] - p) + c[2] * (m[2] - p)))),
            ("task divided", 3, new TaskArithmetic(b) { Weights = c, Normalise = true }, (o, x, _) => Zip(o, x, (p, m) => p + (c[0] * (m[0] - p) + c[1] * (m[1] - p) + c[2] * (m[2] - p)) / c.Sum())),
            ("task of one", 1, new TaskArithmetic(b) { Weights = [-0.5] }, (o, x, _) => Zip(o, x, (p, m) => p - 0.5 * (m[0] - p))),
            ("liti", 4, new Liti(b, 0.3), (o, x, _) => Zip(o, x, (p, m) => 0.7 * p + 0.3 * m.Average())),
            ("ema", 5, new MovingAverage(0.9), (o, x, _) => Zip(o, x, (_, m) => m.Aggregate((e, w) => 0.9 * e + 0.1 * w))),
            ("ema corrected", 5, new MovingAverage(0.9) { Corrected = true }, (o, x, _) => Zip(o, x, (_, m) => m.Aggregate(0.0, (e, w) => 0.9 * e + 0.1 * w) / (1 - Math.Pow(0.9, 5)))),
            ("swa", 5, new StochasticWeightAverage(), (o, x, _) => Zip(o, x, (_, m) => m.Average())),
            ("slerp", 2, new Slerp(0.3), (o, x, _) => Turn(x[0], x[1], 0.3, 0.9995)),
            ("slerp of deltas", 2, new SlerpDeltas(b, 1.2), (o, x, _) => [.. Turn(Deltas(o, x)[0], Deltas(o, x)[1], 1.2, 1).Zip(o, (p, q) => p + q)]),
            ("nuslerp", 2, new NuSlerp(0.3), (o, x, length) => [.. Rows(x[0], length).Zip(Rows(x[1], length), (p, q) => Turn(p, q, 0.3, 1)).SelectMany(r => r)]),
            ("nuslerp of columns", 2, new NuSlerp(0.3) { Scope = MethodScope.Column }, (o, x, length) => TurnColumns(x[0], x[1], 0.3, length)),
            ("nuslerp of columns of deltas", 2, new NuSlerp(0.3) { Base = b, Scope = MethodScope.Column }, (o, x, length) => [.. TurnColumns(Deltas(o, x)[0], Deltas(o, x)[1], 0.3, length).Zip(o, (p, q) => p + q)]),
            ("nuslerp of deltas", 2, new NuSlerp(0.3) { Base = b, Scope = MethodScope.Tensor }, (o, x, _) => [.. Turn(Deltas(o, x)[0], Deltas(o, x)[1], 0.3, 1).Zip(o, (p, q) => p + q)]),
            ("ties", 3, new Ties(b) { Weights = c, Density = 0.3, Lambda = 0.8 }, (o, x, _) => Zip(o, [.. Deltas(o, x).Select(d => Largest(d, 0.3))], (p, d) => p + 0.8 * Elected(d, c, true))),
            ("ties summed", 3, new Ties(b) { Weights = c, Density = 1, Normalise = false }, (o, x, _) => Zip(o, Deltas(o, x), (p, d) => p + Elected(d, c, false))),
            ("ties, a density for each", 3, new Ties(b) { Weights = c, Density = new[] { 0.2, 1, 0.5 } }, (o, x, _) => Zip(o, Each(Deltas(o, x), (d, m) => Largest(d, new[] { 0.2, 1, 0.5 }[m])), (p, d) => p + Elected(d, c, true))),
            ("ties, by the norm", 3, new Ties(b) { Weights = c, Density = 0.3, Rescale = Rescaling.L1 }, (o, x, _) => Zip(o, Each(Deltas(o, x), (d, _) => Normed(Largest(d, 0.3), d)), (p, d) => p + Elected(d, c, true))),
            ("breadcrumbs, dials for each", 3, new Breadcrumbs(b) { Weights = c, Density = new[] { 0.6, 0.3, 0.9 }, Gamma = new[] { 0.1, 0.2, 0.05 }, Lambda = 0.5, Rescale = Rescaling.L1 },
                (o, x, _) => Zip(o, Each(Deltas(o, x), (d, m) => Normed(Middle(d, new[] { 0.6, 0.3, 0.9 }[m], new[] { 0.1, 0.2, 0.05 }[m]), d)), (p, d) => p + 0.5 * d.Zip(c, (a, w) => a * w).Sum())),
            ("breadcrumbs", 3, new Breadcrumbs(b) { Weights = c, Density = 0.6, Gamma = 0.1 }, (o, x, _) => Zip(o, [.. Deltas(o, x).Select(d => Middle(d, 0.6, 0.1))], (p, d) => p + d.Zip(c, (a, w) => a * w).Sum())),
            ("breadcrumbs ties", 3, new Breadcrumbs(b) { Weights = c, Density = 0.6, Gamma = 0.1, Signs = true, Normalise = true }, (o, x, _) => Zip(o, [.. Deltas(o, x).Select(d => Middle(d, 0.6, 0.1))], (p, d) => p + Elected(d, c, true))),
            ("stock", 4, new ModelStock(b), (o, x, _) => Stock(o, x)),
            ("stock by rows", 3, new ModelStock(b) { Rows = true }, (o, x, length) => [.. Rows(o, length).SelectMany((row, r) => Stock(row, [.. x.Select(m => Rows(m, length)[r])]))]),
            ("nearswap", 2, new NearSwap(0.01), (o, x, _) => [.. x[0].Zip(x[1], (p, q) => Math.Min(1, 0.01 / Math.Max(1e-6, Math.Abs(p - q))) is var w ? w * q + (1 - w) * p : 0)]),
            ("karcher", 3, new Karcher(), (o, x, _) => KarcherOf(x)),
            ("sce", 3, new Sce(b) { TopK = 0.4 }, (o, x, _) => SceOf(o, x, 0.4)),
            ("dare", 3, new Dare(b) { Weights = c, Density = 0.4, Seed = 3, Lambda = 0.7 }, (o, x, length) => Zip(o, Thinned(o, x, 3, row => [.. row.Select(_ => 0.4)], length), (p, d) => p + 0.7 * d.Zip(c, (a, w) => a * w).Sum())),
            ("dare ties, by the norm", 3, new Dare(b) { Weights = c, Density = 0.4, Seed = 3, Signs = true, Normalise = true, Rescale = Rescaling.L1 },
                (o, x, length) => Zip(o, [.. Thinned(o, x, 3, row => [.. row.Select(_ => 0.4)], length).Zip(Deltas(o, x), (kept, d) => kept.Select(v => v * d.Sum(Math.Abs) / kept.Sum(Math.Abs)).ToArray())], (p, d) => p + Elected(d, c, true))),
            ("dare, a density for each", 3, new Dare(b) { Weights = c, Density = new[] { 0.4, 0.9, 0.1 }, Seed = 3 },
                (o, x, length) => Zip(o, Each(Deltas(o, x), (_, m) => Thinned(o, x, 3, row => [.. row.Select(_ => new[] { 0.4, 0.9, 0.1 }[m])], length)[m]), (p, d) => p + d.Zip(c, (a, w) => a * w).Sum())),
            ("dare, not rescaled", 3, new Dare(b) { Weights = c, Density = 0.4, Seed = 3, Rescale = Rescaling.None }, (o, x, length) => Zip(o, Thinned(o, x, 3, row => [.. row.Select(_ => 0.4)], length), (p, d) => p + 0.4 * d.Zip(c, (a, w) => a * w).Sum())),
            ("della, by the norm, a density for each", 3, new Della(b) { Weights = c, Density = new[] { 0.4, 1, 0.3 }, Epsilon = new[] { 0.2, 0, 0.1 }, Seed = 4, Rescale = Rescaling.L1, Lambda = 0.9, Normalise = false },
                (o, x, length) => Zip(o, Each(Deltas(o, x), (d, m) => m == 1 ? d : Normed([.. Rows(Thinned(o, x, 4, row => Chances(row, m == 0 ? 0.4 : 0.3, m == 0 ? 0.2 : 0.1), length)[m], length)
                    .Zip(Rows(d, length), (kept, row) => kept.Zip(Chances(row, m == 0 ? 0.4 : 0.3, m == 0 ? 0.2 : 0.1), (v, chance) => v * chance)).SelectMany(row => row)], d)), (p, d) => p + 0.9 * Elected(d, c, false))),
            ("della", 3, new Della(b) { Weights = c, Density = 0.4, Epsilon = 0.2, Seed = 4 }, (o, x, length) => Zip(o, Thinned(o, x, 4, row => Chances(row, 0.4, 0.2), length), (p, d) => p + Elected(d, c, true))),
            ("della linear", 3, new Della(b) { Weights = c, Density = 0.4, Epsilon = 0.2, Seed = 4, Signs = false }, (o, x, length) => Zip(o, Thinned(o, x, 4, row => Chances(row, 0.4, 0.2), length), (p, d) => p + d.Zip(c, (a, w) => a * w).Sum())),
            ("sce of all", 3, new Sce(b), (o, x, _) => SceOf(o, x, 1)),
        ];
    }

    private static double[] All(Weights weights, string name)
    {
        var values = new double[weights.Info(name).Count];
        weights.Read(name, 0, values);
        return values;
    }

    [Theory, MemberData(nameof(Names))]
    public void Method_equals_its_plain_twin(string name)
    {
        using var folder = new TemporaryFolder();
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        (_, int count, AverageMethod method, Func<double[], double[][], long, double[]> twin) = Twins(origin).Single(t => t.Name == name);
        Weights[] members = TinyFolder.Siblings(folder, count);
        WeightAverage average = WeightAverage.Of(members, new AverageOptions { Method = method });
        Dictionary<string, byte[]> one = Passed(average, 1, 1 << 18), three = Passed(average, 3, 256);
        foreach (string tensor in average.Names)
        {
            Tensor.Value = tensor;
            double[] want = twin(All(origin, tensor), [.. members.Select(m => All(m, tensor))], average.Info(tensor).Shape[^1]), got = All(average, tensor);
            for (int i = 0; i < want.Length; i++) Assert.True(Math.Abs(want[i] - got[i]) <= 1e-10, $"{tensor}[{i}] is {got[i]:R}, expected {want[i]:R}");
            Assert.Equal(TinyFolder.Bits(average, tensor), one[tensor]);
            Assert.Equal(one[tensor], three[tensor]);
        }
    }

    public static TheoryData<string> SingleNames => ["task", "liti", "ema", "swa", "slerp", "ties"];

    [Theory, MemberData(nameof(SingleNames))]
    public void Sums_in_single_are_single_arithmetic_step_by_step(string name)
    {
        using var folder = new TemporaryFolder();
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        Weights[] members = TinyFolder.Siblings(folder, name == "slerp" ? 2 : 3);
        float[] c = [0.5f, 0.3f, -0.4f];
        double[] weights = [0.5, 0.3, -0.4];
        AverageMethod method = name switch
        {
            "task" => new TaskArithmetic(origin) { Weights = weights, Lambda = 0.7 }, "liti" => new Liti(origin, 0.3), "ema" => new MovingAverage(0.9), "swa" => new StochasticWeightAverage(),
            "slerp" => new Slerp(0.3), _ => new Ties(origin) { Weights = weights, Density = 1 },
        };
        WeightAverage average = WeightAverage.Of(members, new AverageOptions { Method = method, Accumulate = DType.F32 });
        bool differs = false;
        foreach (string tensor in average.Names)
        {
            float[] o = Singles(origin, tensor);
            float[][] x = [.. members.Select(m => Singles(m, tensor))];
            double cos = Math.Clamp(Dot(All(members[0], tensor), All(members[1], tensor)) / Math.Sqrt(Dot(All(members[0], tensor), All(members[0], tensor))) / Math.Sqrt(Dot(All(members[1], tensor), All(members[1], tensor))), -1, 1), angle = Math.Acos(cos);
            float At(int i)
            {
                float sum = 0;
                switch (name)
                {
                    case "task":
                        for (int m = 0; m < 3; m++) sum += c[m] * (x[m][i] - o[i]);
                        return o[i] + 0.7f * sum;
                    case "liti":
                        for (int m = 0; m < 3; m++) sum += x[m][i];
                        return (float)(1 - 0.3) * o[i] + 0.3f * (sum / 3);
                    case "ema":
                        return 0.9f * (0.9f * x[0][i] + (float)(1 - 0.9) * x[1][i]) + (float)(1 - 0.9) * x[2][i];
                    case "swa":
                        float mean = x[0][i] + (x[1][i] - x[0][i]) / 2;
                        return mean + (x[2][i] - mean) / 3;
                    case "slerp":
                        return Math.Abs(cos) > 0.9995 ? (float)(1 - 0.3) * x[0][i] + 0.3f * x[1][i] : ((float)Math.Sin((1 - 0.3) * angle) * x[0][i] + (float)Math.Sin(0.3 * angle) * x[1][i]) / (float)Math.Sin(angle);
                    default:
                        float[] d = [.. x.Select((m, k) => c[k] * (m[i] - o[i]))];
                        int sign = d[0] + d[1] + d[2] >= 0 ? 1 : -1;
                        float by = 0;
                        for (int m = 0; m < 3; m++)
                            if (Math.Sign(d[m]) == sign) (sum, by) = (sum + d[m], by + c[m]);
                        return o[i] + (by != 0 ? sum / by : sum);
                }
            }
            float[] got = Singles(average, tensor), wide = Singles(WeightAverage.Of(members, average.Options with { Accumulate = DType.F64 }), tensor);
            for (int i = 0; i < got.Length; i++) Assert.True(At(i) == got[i] || (name == "slerp" && Math.Abs(At(i) - got[i]) < 3e-7f), $"{tensor}[{i}] is {got[i]:R}, expected {At(i):R}");
            differs |= !got.SequenceEqual(wide);
        }
        Assert.True(differs); // else single would not have been asked of it
    }

    private static float[] Singles(Weights weights, string name)
    {
        var values = new float[weights.Info(name).Count];
        weights.Read(name, 0, values);
        return values;
    }

    [Fact]
    public void One_angle_or_threshold_for_the_model_is_that_of_all_tensors_end_to_end()
    {
        using var folder = new TemporaryFolder();
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        Weights[] members = TinyFolder.Siblings(folder, 2);
        double[] End(Weights w) => [.. w.Names.SelectMany(n => All(w, n))];
        double[] o = End(origin);
        double[][] x = [.. members.Select(End)];
        void Equal(double[] want, AverageMethod method) => Assert.Equal(want, End(WeightAverage.Of(members, new AverageOptions { Method = method })), (a, b) => Math.Abs(a - b) < 1e-10);
        Equal(Turn(x[0], x[1], 0.3, 0.9995), new Slerp(0.3) { Scope = MethodScope.Model });
        Equal([.. Turn(Deltas(o, x)[0], Deltas(o, x)[1], 0.3, 1).Zip(o, (p, q) => p + q)], new SlerpDeltas(origin, 0.3) { Scope = MethodScope.Model });
        Equal(Zip(o, [.. Deltas(o, x).Select(d => Largest(d, 0.3))], (p, d) => p + Elected(d, [1, 1], true)), new Ties(origin) { Density = 0.3, Scope = MethodScope.Model });
    }

    [Fact]
    public void Random_methods_keep_by_chance_and_give_the_same_bits_on_any_number_of_threads()
    {
        using var folder = new TemporaryFolder();
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        Weights[] members = TinyFolder.Siblings(folder, 1);
        foreach (AverageMethod method in (AverageMethod[])[new Dare(origin) { Density = 0.3, Seed = 5 }, new Della(origin) { Density = 0.3, Epsilon = 0.2, Seed = 5, Signs = false }])
        {
            WeightAverage average = WeightAverage.Of(members, new AverageOptions { Method = method, DType = DType.F64 });
            Dictionary<string, byte[]> one = Passed(average, 1, 1 << 18), three = Passed(average, 3, 512);
            int kept = 0, all = 0;
            foreach (string tensor in average.Names)
            {
                Assert.Equal(one[tensor], three[tensor]);
                double[] o = All(origin, tensor), d = [.. All(members[0], tensor).Zip(o, (a, b) => a - b)], got = All(average, tensor);
                int length = (int)average.Info(tensor).Shape[^1];
                for (int i = 0; i < o.Length; i++, all++)
                {
                    // By rank in its row, counted plainly; DARE's chance is the density.
                    int row = i / length * length, rank = Enumerable.Range(row, length).Count(j => Math.Abs(d[j]) < Math.Abs(d[i]) || (Math.Abs(d[j]) == Math.Abs(d[i]) && j < i));
                    double chance = method is Dare ? 0.3 : 0.1 + (double)rank / (length - 1) * 0.4;
                    if (got[i] == o[i]) continue;
                    kept++;
                    Assert.Equal(o[i] + d[i] / chance, got[i], 1e-12);
                }
            }
            Assert.InRange((double)kept / all, 0.25, 0.35); // 1,440 entries: 0.3 and four standard errors
            AverageMethod other = method is Dare dare ? dare with { Seed = 6 } : (Della)method with { Seed = 6 };
            Assert.NotEqual(TinyFolder.Bits(average, "model.embed_tokens.weight"), TinyFolder.Bits(WeightAverage.Of(members, average.Options with { Method = other }), "model.embed_tokens.weight"));
        }
    }

    [Fact]
    public void Cut_by_counting_bits_is_the_cut_by_sorting()
    {
        var random = new Random(3);
        double[] values = [.. Enumerable.Range(0, 20_000).Select(i => i % 3 == 0 ? random.Next(-4, 5) : (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-3, 4)))];
        void Read(long start, Span<double> into) => values.AsSpan((int)start, into.Length).CopyTo(into);
        int[] ascending = [.. Enumerable.Range(0, values.Length).OrderBy(i => Math.Abs(values[i]))], descending = [.. Enumerable.Range(0, values.Length).OrderByDescending(i => Math.Abs(values[i]))];
        foreach (int few in (int[])[1, 500, MagnitudeCut.FewEnough])
            foreach (int k in (int[])[0, 1, 777, 5000, 12_345, 19_999, 20_000])
            {
                MagnitudeCut.Cut large = MagnitudeCut.Largest(values.Length, k, Read, few), small = MagnitudeCut.Smallest(values.Length, k, Read, few);
                Assert.Equal(descending.Take(k).Order(), Enumerable.Range(0, values.Length).Where(i => large.IsAmongLargest(values[i], i)));
                Assert.Equal(ascending.Take(k).Order(), Enumerable.Range(0, values.Length).Where(i => small.IsAmongSmallest(values[i], i)));
            }
    }

    [Fact]
    public void What_means_nothing_is_refused_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 3);
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        void Refused(string expected, AverageMethod method, int count = 2, Weights[]? of = null)
        {
            var refusal = Assert.Throws<WarmException>(() => WeightAverage.Of(of ?? members[..count], new AverageOptions { Method = method }).Save(folder["out"]));
            Assert.Contains(expected, refusal.Message);
            Assert.False(Path.Exists(folder["out"]));
        }
        Refused("--density: is 0", new Ties(origin) { Density = 0 });
        Refused("--density: is NaN", new Dare(origin) { Density = double.NaN });
        Refused("--decay: is 1", new MovingAverage(1));
        Refused("--epsilon", new Della(origin) { Density = 0.1, Epsilon = 0.1 });
        Refused("--top-k: is 0", new Sce(origin) { TopK = 0 });
        Refused("exactly two", new Slerp(0.5), 3);
        Refused("two or more", new ModelStock(origin), 1);
        Refused("one for each of the 2 members", new Ties(origin) { Weights = [1] });
        Refused("a sum other than 0", new TaskArithmetic(origin) { Weights = [1, -1], Normalise = true });

        Dictionary<string, double[]> headless = TinyFolder.Values(50), stranger = TinyFolder.Values(50, start: 9), broken = TinyFolder.Values(3);
        headless.Remove("score.weight");
        Refused("'score.weight' is missing in the base", new TaskArithmetic(Checkpoint.Open(TinyFolder.Write(folder["headless"], headless))));
        Refused("is no sibling", new TaskArithmetic(Checkpoint.Open(TinyFolder.Write(folder["stranger"], stranger))));
        broken["model.norm.weight"][3] = double.NaN;
        Weights nan = Checkpoint.Open(TinyFolder.Write(folder["nan"], broken));
        Refused("'model.norm.weight'", new Ties(origin) { Density = 0.1 }, of: [members[0], nan]);
        Refused("[3]", new Ties(nan) { Density = 0.1 });
        Assert.Contains(WeightAverage.Of(members[..2], new AverageOptions { Method = new Slerp(1.5) }).Remarks, r => r.Contains("t is 1.5"));
    }

    private static Dictionary<string, byte[]> Passed(WeightAverage average, int threads, int blockBytes)
    {
        var passed = average.Names.ToDictionary(n => n, n => new byte[average.Info(n).Bytes]);
        average.Pass(new PassOptions { Threads = threads, BlockBytes = blockBytes }).Run((tensor, start, bits) => bits.CopyTo(passed[tensor.Name].AsSpan((int)(start * tensor.DType.Bits() / 8))));
        return passed;
    }
}
