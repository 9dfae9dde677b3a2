using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>The head on frozen features: its optimum, its bits, and the features themselves.</summary>
public class LinearProbeTests
{
    [ReferenceFact]
    public void Fit_finds_the_recorded_optimum()
    {
        JsonElement table = JsonText.Read(Reference.Path("training", "tables", "linear_probe.json"));
        double[][] rows = [.. table.GetProperty("pairs").EnumerateArray().Select(pair => Doubles(pair.GetProperty("chosen")).Zip(Doubles(pair.GetProperty("rejected")), (c, r) => c - r).ToArray())];
        foreach (JsonElement solution in table.GetProperty("solutions").EnumerateArray())
        {
            LinearProbe probe = LinearProbe.Fit(rows, new() { Ridge = solution.GetProperty("ridge").GetDouble() });
            Assert.True(probe.Converged, probe.ToString());
            double[] expected = Doubles(solution.GetProperty("w"));
            Assert.Equal(expected.Length, probe.Weights.Count);
            for (int j = 0; j < expected.Length; j++) Assert.Equal(expected[j], probe.Weights[j], 1e-6);
            Assert.Equal(solution.GetProperty("objective").GetDouble(), probe.Objective, 1e-12);
            Assert.Equal(solution.GetProperty("mean_loss").GetDouble(), probe.Loss, 1e-7);
            Assert.Equal(solution.GetProperty("accuracy").GetDouble(), rows.Average(row => row.Zip(probe.Weights, (x, w) => x * w).Sum() > 0 ? 1.0 : 0), 12);
        }
        Reference.Count("linear probes: optima", table.GetProperty("solutions").GetArrayLength());
    }

    [ReferenceFact]
    public async Task FeaturesAsync_gives_the_recorded_states()
    {
        JsonElement table = JsonText.Read(Reference.Path("training", "tables", "linear_probe.json"));
        SortedDictionary<int, (int[] Chosen, int[] Rejected)> ids = Ids();
        using RewardModel model = RewardModel.Load(Checkpoint.Open(Reference.Path("training", "start", "llama")));
        var expected = table.GetProperty("pairs").EnumerateArray().ToDictionary(pair => pair.GetProperty("index").GetInt32());
        Assert.Equal(expected.Keys.Order(), ids.Keys);
        foreach ((int index, (int[] chosen, int[] rejected)) in ids)
        {
            IReadOnlyList<float[]> features = await model.FeaturesAsync([Candidate.OfIds(chosen), Candidate.OfIds(rejected)]);
            Same(expected[index].GetProperty("chosen"), features[0]);
            Same(expected[index].GetProperty("rejected"), features[1]);
        }
        // From weights and ids alone the head of the table comes out.
        Preference[] pairs = [.. ids.Values.Select(pair => new Preference { Chosen = Candidate.OfIds(pair.Chosen), Rejected = Candidate.OfIds(pair.Rejected) })];
        JsonElement solution = table.GetProperty("solutions").EnumerateArray().Last();
        LinearProbe probe = await LinearProbe.FitAsync(model, pairs, new() { Ridge = solution.GetProperty("ridge").GetDouble() });
        Same(solution.GetProperty("w"), [.. probe.Weights.Select(w => (float)w)]);
        Reference.Count("linear probes: features", 2 * ids.Count);

        static void Same(JsonElement expected, float[] found)
        {
            double[] values = Doubles(expected);
            Assert.Equal(values.Length, found.Length);
            for (int j = 0; j < values.Length; j++) Assert.Equal(values[j], found[j], 1e-5);
        }
    }

    [Theory]
    [InlineData(40, 5, 1e-3)]
    [InlineData(30, 70, 1e-2)]
    [InlineData(300, 600, 0.1)]
    public void Fit_agrees_with_newton_and_no_bit_depends_on_threads(int pairs, int width, double ridge)
    {
        double[][] rows = Rows(pairs, width, 1);
        LinearProbe probe = LinearProbe.Fit(rows, new() { Ridge = ridge, Threads = 1 });
        Assert.True(probe.Converged, probe.ToString());
        if (width <= 70)
        {
            double[] twin = Newton(rows, ridge);
            for (int j = 0; j < width; j++) Assert.Equal(twin[j], probe.Weights[j], 1e-7);
        }
        foreach (int threads in (int[])[2, 3, 8])
            Assert.Equal(probe.Weights.Select(BitConverter.DoubleToInt64Bits), LinearProbe.Fit(rows, new() { Ridge = ridge, Threads = threads }).Weights.Select(BitConverter.DoubleToInt64Bits));
    }

    [Fact]
    public void Fit_of_pairs_that_a_head_separates_is_held_by_the_penalty()
    {
        LinearProbe probe = LinearProbe.Fit([[1.0], [2.0], [1.0]], new() { Ridge = 1e-6 });
        Assert.True(probe.Converged);
        // mean(sigmoid(-x w) x) = ridge w has one root.
        double slope = new[] { 1.0, 2.0, 1.0 }.Average(x => x / (1 + Math.Exp(x * probe.Weights[0])));
        Assert.Equal(1e-6 * probe.Weights[0], slope, 1e-13);
    }

    [Fact]
    public void Fit_of_equal_texts_is_zero()
    {
        LinearProbe probe = LinearProbe.Fit([[0.0, 0.0]]);
        Assert.Equal([0.0, 0.0], probe.Weights);
        Assert.Equal(Math.Log(2), probe.Loss, 15);
    }

    [Fact]
    public void Fit_refuses_what_has_no_optimum()
    {
        Assert.Contains("no pairs", Assert.Throws<WarmException>(() => LinearProbe.Fit([])).Message);
        Assert.Contains("2 features", Assert.Throws<WarmException>(() => LinearProbe.Fit([[1.0], [1.0, 2.0]])).Message);
        Assert.Contains("not finite", Assert.Throws<WarmException>(() => LinearProbe.Fit([[double.NaN]])).Message);
        Assert.Contains("above 0", Assert.Throws<WarmException>(() => LinearProbe.Fit([[1.0]], new() { Ridge = 0 })).Message);
    }

    [ReferenceFact]
    public async Task A_language_model_gives_features_and_takes_a_head()
    {
        using Checkpoint start = Checkpoint.Open(Reference.Path("families", "decoder", "sft-200"));
        Assert.Throws<WarmException>(() => RewardModel.Load(start));
        using RewardModel frozen = RewardModel.Load(HeadedWeights.Of(start));
        Candidate[] texts = [Candidate.OfResponse("Is a house better than a tent?", "Yes."), Candidate.OfResponse("Is a house better than a tent?", "It has a roof, and walls."), Candidate.OfResponse("Is a house better than a tent?", "Yes.")];
        IReadOnlyList<float[]> features = await frozen.FeaturesAsync(texts);
        Assert.Same(features[0], features[2]);
        Assert.Equal(128, features[0].Length);
        Assert.All(frozen.Score(texts), score => Assert.Equal(0, score.Reward));

        LinearProbe probe = LinearProbe.Fit([Baklava.Row(features[1], features[0])]);
        using var folder = new TemporaryFolder();
        HeadedWeights.Of(start, probe.Weights).Save(folder["start"]);
        using Checkpoint written = Checkpoint.Open(folder["start"]);
        Assert.Equal(new TensorInfo("score.weight", DType.BF16, new Shape(1, 128)), written.Info("score.weight"));
        Assert.Equal(1, written.Folder!.Config!.NumLabels);
        Assert.Equal("LlamaForSequenceClassification", written.Folder.Config.Architecture);
        using RewardModel model = RewardModel.Load(written);
        float[] head = new float[128];
        written.Read("score.weight", 0, head.AsSpan());
        IReadOnlyList<Score> scores = model.Score(texts);
        for (int i = 0; i < texts.Length; i++) Assert.Equal(features[i].Zip(head, (f, w) => (double)f * w).Sum(), scores[i].Reward, 1e-5);
        Assert.True(scores[1].Reward > scores[0].Reward);
    }

    internal static double[][] Rows(int pairs, int width, int seed)
    {
        var random = new Random(seed);
        double[] truth = [.. Enumerable.Range(0, width).Select(_ => random.NextDouble() - 0.5)];
        return [.. Enumerable.Range(0, pairs).Select(_ =>
        {
            double[] row = [.. Enumerable.Range(0, width).Select(j => (random.NextDouble() - 0.5) * (1 + j % 7))];
            return row.Zip(truth, (x, w) => x * w).Sum() + 0.5 * (random.NextDouble() - 0.5) >= 0 ? row : [.. row.Select(x => -x)];
        })];
    }

    /// <summary>The twin: Newton's method with whole matrices.</summary>
    private static double[] Newton(double[][] rows, double ridge)
    {
        int n = rows.Length, width = rows[0].Length;
        double[] w = new double[width];
        double Value(double[] v) => rows.Average(row => Math.Log(1 + Math.Exp(-row.Zip(v, (x, y) => x * y).Sum()))) + ridge / 2 * v.Sum(x => x * x);
        for (int step = 0; step < 100; step++)
        {
            var h = new double[width, width + 1]; // the last column: the gradient
            for (int j = 0; j < width; j++) (h[j, j], h[j, width]) = (ridge, ridge * w[j]);
            foreach (double[] row in rows)
            {
                double s = 1 / (1 + Math.Exp(row.Zip(w, (x, y) => x * y).Sum()));
                for (int j = 0; j < width; j++)
                {
                    h[j, width] -= s * row[j] / n;
                    for (int k = 0; k < width; k++) h[j, k] += s * (1 - s) * row[j] * row[k] / n;
                }
            }
            for (int p = 0; p < width; p++) // positive definite: no pivot needed
                for (int j = 0; j < width; j++)
                {
                    if (j == p) continue;
                    double times = h[j, p] / h[p, p];
                    for (int k = p; k <= width; k++) h[j, k] -= times * h[p, k];
                }
            double[] move = [.. Enumerable.Range(0, width).Select(j => h[j, width] / h[j, j])];
            if (move.Sum(x => x * x) < 1e-26) break;
            double t = 1, here = Value(w);
            while (t > 1e-8 && Value([.. w.Zip(move, (x, m) => x - t * m)]) > here) t /= 2;
            w = [.. w.Zip(move, (x, m) => x - t * m)];
        }
        return w;
    }

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetDouble())];

    /// <summary>The token ids of the pairs, as the trainer logged them.</summary>
    private static SortedDictionary<int, (int[], int[])> Ids()
    {
        var pairs = new SortedDictionary<int, (int[], int[])>();
        foreach (string line in File.ReadLines(Reference.Path("training", "runs", "reward-linear", "steps.jsonl")))
        {
            using JsonDocument step = JsonDocument.Parse(line);
            foreach (JsonElement batch in step.RootElement.GetProperty("micro_batches").EnumerateArray())
            {
                JsonElement ids = batch.GetProperty("input_ids"), lengths = batch.GetProperty("lengths");
                int half = ids.GetArrayLength() / 2;
                int[] Row(int row) => [.. ids[row].EnumerateArray().Take(lengths[row].GetInt32()).Select(n => n.GetInt32())];
                foreach ((JsonElement index, int i) in batch.GetProperty("indices").EnumerateArray().Select((index, i) => (index, i))) pairs[index.GetInt32()] = (Row(i), Row(half + i));
            }
        }
        return pairs;
    }
}
