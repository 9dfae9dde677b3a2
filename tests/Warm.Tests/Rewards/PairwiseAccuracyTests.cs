using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Rewards;

public class PairwiseAccuracyTests
{
    private static readonly Preference[] Three = [Preference.Of("p", "aaa", "b"), Preference.Of("p", "b", "aaa"), Preference.Of("q", "cc", "dd")];

    [Theory]
    [InlineData(TieRule.Half, 0.5)]
    [InlineData(TieRule.Correct, 2.0 / 3)]
    [InlineData(TieRule.Wrong, 1.0 / 3)]
    public void Measure_counts_ties_by_the_rule(TieRule rule, double expected)
    {
        PairwiseAccuracy result = PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), Three, new() { Ties = rule });
        Assert.Equal((expected, 1, rule), (result.Accuracy.Value, result.Ties, result.TieRule));
        Assert.Equal((3, 2, "prompt"), (result.Accuracy.N, result.Accuracy.Units, result.Accuracy.Unit));
        Assert.Equal(expected, result.LongerWins!.Value);
        Assert.Equal(1, result.LengthCorrelation!.Value, 12);
        Assert.Equal([2, -2, 0], result.Differences);
    }

    [Fact]
    public void Measure_scores_each_distinct_text_once()
    {
        var model = new LambdaModel(text => text.Length);
        PairwiseAccuracy result = PairwiseAccuracy.Measure(model, Three.Concat(Three));
        Assert.Equal(4, model.Asked.Count);
        Assert.Equal((4, 12L), (result.Cost!.Texts, result.Cost.Tokens));
        // The same response to another prompt is another text, and so is a text that only looks like it.
        model.Asked.Clear();
        PairwiseAccuracy.Measure(model, [Preference.Of("p", "x", "y"), Preference.Of("q", "x", "y"), Preference.Of(null, "px", "qy"), Preference.Of("px", "", "y")]);
        Assert.Equal(8, model.Asked.Count);
    }

    [Fact]
    public void Measure_streams()
    {
        int ahead = 0, most = 0;
        var model = new LambdaModel(text => { ahead = 0; return text.Length; });
        PairwiseAccuracy.Measure(model, Enumerable.Range(0, 5000).Select(i => { most = Math.Max(most, ++ahead); return Preference.Of($"{i}", $"a{i}", "b"); }), new() { Resamples = 10 });
        Assert.InRange(most, 1, 600);
    }

    [Fact]
    public void Measure_resamples_any_field()
    {
        Preference[] pairs = [.. Enumerable.Range(0, 40).Select(i => Preference.Of($"{i}", i % 3 == 0 ? "aa" : "b", i % 3 == 0 ? "b" : "aa") with { Fields = new JsonObject { ["meta"] = new JsonObject { ["topic"] = i % 5 } } })];
        var model = new LambdaModel(text => text.Length);
        Assert.Equal((40, "prompt"), Over("prompt"));
        Assert.Equal((40, "pair"), Over("pair"));
        Assert.Equal((5, "meta.topic"), Over("meta.topic"));
        Assert.Contains("no pair has a field \"topic\"", Assert.Throws<WarmException>(() => Over("topic")).Message);

        (int, string) Over(string field) => PairwiseAccuracy.Measure(model, pairs, new() { Resample = field }).Accuracy is var a ? (a.Units, a.Unit) : default;
    }

    [Fact]
    public void Measure_refuses_what_is_not_finite_and_what_is_empty()
    {
        Assert.Contains("is NaN", Assert.Throws<WarmException>(() => PairwiseAccuracy.Measure(new LambdaModel(_ => float.NaN), Three)).Message);
        Assert.Contains("there are none", Assert.Throws<WarmException>(() => PairwiseAccuracy.Measure(new LambdaModel(_ => 0), [])).Message);
        Assert.Throws<WarmException>(() => PairwiseAccuracy.Of([double.PositiveInfinity], [0]));
        Assert.Throws<WarmException>(() => PairwiseAccuracy.Of([1, 2], [0]));
    }

    [Fact]
    public void ToString_says_value_error_ties_and_length()
    {
        PairwiseAccuracy result = PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), Three);
        Assert.StartsWith("0.500 ± 0.000 (n = 3 pairs, 2 prompts), ties count half (1); the longer text wins 0.500 ± ", result.ToString());
        Assert.StartsWith("1.000 ± 0.000 (n = 2 pairs), ties count as wrong", PairwiseAccuracy.Of([1, 2], [0, 0], options: new() { Ties = TieRule.Wrong }).ToString());
    }

    [Fact]
    public void Serialises_under_the_names_of_the_command()
    {
        JsonObject json = JsonSerializer.SerializeToNode(PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), Three))!.AsObject();
        Assert.Equal(["name", "accuracy", "loss", "brier", "ece", "margins", "lengthCorrelation", "longerWins", "whereLongerWins", "whereShorterWins", "rewards", "worstGroup", "ties", "tieRule", "cost", "remarks"], json.Select(p => p.Key));
        Assert.Equal(["value", "error", "low", "high", "n", "units", "unit"], json["accuracy"]!.AsObject().Select(p => p.Key));
        Assert.Equal("half", json["tieRule"]!.GetValue<string>());
        PairedComparison paired = PairedComparison.Of(PairwiseAccuracy.Of([1, 2, 0], [0, 0, 1]), PairwiseAccuracy.Of([1, 0, 2], [0, 1, 1]));
        Assert.Equal(["a", "b", "difference", "mcnemar", "p", "smallestDetectable", "verdict"], JsonSerializer.SerializeToNode(paired)!.AsObject().Select(p => p.Key));
        Assert.Equal("a - b: 0.000 ± 0.577 (n = 3 pairs), 95 % [-2.484, 2.484]; McNemar 1 : 1, p = 1 (mid-p 0.75); detectable 3.097; cannot tell with this many pairs", paired.ToString());
    }

    [Fact]
    public void Measure_gives_columns_by_length_the_spread_and_the_worst_group()
    {
        // The model likes length: right where the longer text wins, wrong where the shorter does; equal lengths count with the shorter.
        Preference[] pairs = [.. Enumerable.Range(0, 60).Select(i => Preference.Of($"{i}", i % 3 == 0 ? "a" : "bbb", i % 3 == 0 ? "bbb" : i % 3 == 1 ? "a" : "ccc") with { Subset = i % 3 == 0 ? "hard" : "easy" })];
        PairwiseAccuracy result = PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), pairs, new() { Resamples = 200 });
        Assert.Equal((1.0, 20, 20), (result.WhereLongerWins!.Value, result.WhereLongerWins.N, result.WhereLongerWins.Units));
        Assert.Equal((0.25, 40), (result.WhereShorterWins!.Value, result.WhereShorterWins.N)); // 20 wrong, 20 ties
        Assert.Equal(new WorstGroup("subset", "hard", 0, 20, 2), result.WorstGroup);
        Assert.Equal(0.5, result.LongerWins!.Value);
        // 40 distinct texts of three characters for every 20 + 20 + 20 prompts: a, bbb; bbb, a; bbb, ccc
        double[] rewards = [.. pairs.SelectMany(p => new[] { (p.Prompt, p.Chosen.Response!), (p.Prompt, p.Rejected.Response!) }).Distinct().Select(t => (double)t.Item2.Length)];
        double mean = rewards.Average();
        Assert.Equal(mean, result.Rewards!.Mean, 12);
        Assert.Equal(Math.Sqrt(rewards.Average(r => (r - mean) * (r - mean))), result.Rewards.Std, 12);
        PairwiseAccuracy byTopic = PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), pairs, new() { Resample = "subset" });
        Assert.Equal(("subset", 2), (byTopic.WorstGroup!.Field, byTopic.Accuracy.Units));
        Assert.Null(PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), Three).WorstGroup);
    }

    [Fact]
    public async Task PairSet_measures_as_the_stream_does()
    {
        Preference[] pairs = [.. Enumerable.Range(0, 700).Select(i => Preference.Of($"{i % 90}", new string('a', i % 7 + 1), new string('b', i % 5 + 1)) with { Subset = $"{i % 3}" })];
        var model = new LambdaModel(text => text.Length % 4);
        foreach (string resample in new[] { "prompt", "pair", "text", "subset" })
        {
            var options = new AccuracyOptions { Resample = resample, Resamples = 300 };
            PairwiseAccuracy streamed = await PairwiseAccuracy.MeasureAsync(model, pairs, options, "m");
            PairSet set = PairSet.Of(pairs, options, "set");
            PairwiseAccuracy held = set.Measure(await set.ScoreAsync(model), "m");
            JsonObject a = JsonSerializer.SerializeToNode(streamed)!.AsObject(), b = JsonSerializer.SerializeToNode(held)!.AsObject();
            a["cost"]!["seconds"] = 0;
            b["cost"]!["seconds"] = 0;
            Assert.Equal(a.ToJsonString(), b.ToJsonString());
            Assert.Equal(streamed.Cost!.Texts, set.Texts.Count);
        }
        Assert.Throws<WarmException>(() => PairSet.Of([]));
        Assert.Throws<WarmException>(() => PairSet.Of(pairs, new() { Resample = "annotator" }));
        PairSet few = PairSet.Of(pairs.Take(3), name: "few");
        Assert.Contains("by rm-3 is NaN", Assert.Throws<WarmException>(() => few.Measure(new([.. few.Texts.Select(_ => float.NaN)]), "rm-3")).Message);
        Assert.Contains("by rm-3 is NaN", (await Assert.ThrowsAsync<WarmException>(() => few.ScoreAsync(new LambdaModel(_ => float.NaN), "rm-3"))).Message);
        Assert.Equal([3f, 3f], PairSet.Together([new([2f, 1f]), new([4f, 5f])], EnsembleRule.Mean).Rewards);
    }

    [Fact]
    public void What_cannot_be_told_is_a_remark()
    {
        PairwiseAccuracy one = PairwiseAccuracy.Of([1], [0]);
        Assert.Contains("there is one pair only", Assert.Single(one.Remarks));
        Assert.Contains("cannot tell", PairedComparison.Of(one, one).Verdict);
        PairwiseAccuracy prompt = PairwiseAccuracy.Measure(new LambdaModel(text => text.Length), [Preference.Of("p", "aa", "b"), Preference.Of("p", "b", "aa")]);
        Assert.Contains("there is one prompt only", Assert.Single(prompt.Remarks));
        Assert.True(double.IsNaN(prompt.Accuracy.Error));
        PairwiseAccuracy ties = PairwiseAccuracy.Of([1, 2, 3], [1, 2, 3]);
        Assert.Contains("every pair ties", Assert.Single(ties.Remarks));
        Assert.Equal(0.5, ties.Accuracy.Value);
    }

    [Fact]
    public void PairedComparison_is_careful_with_words()
    {
        var random = new Random(5);
        double[] zeros = new double[400];
        PairwiseAccuracy Judge(double right, string name) => PairwiseAccuracy.Of([.. zeros.Select(_ => random.NextDouble() < right ? 1.0 : -1.0)], zeros, options: new() { Resamples = 1000 }, name: name);
        int better = 0, unsure = 0;
        for (int trial = 0; trial < 40; trial++)
        {
            PairedComparison pair = PairedComparison.Of(Judge(0.75, "a"), Judge(trial < 20 ? 0.75 : 0.6, "b"));
            bool holdsZero = !(pair.Difference.Low > 0 || pair.Difference.High < 0);
            Assert.Equal(holdsZero, pair.Verdict.StartsWith("cannot tell with this many pairs", StringComparison.Ordinal));
            Assert.Equal(!holdsZero, pair.Verdict.EndsWith(" is better", StringComparison.Ordinal));
            if (holdsZero) unsure++;
            else better++;
            if (holdsZero && pair.Difference.Value != 0)
            {
                // As many pairs as it would take: the error falls with the root, to where the measured difference is the smallest detectable one.
                double needed = double.Parse(pair.Verdict.Split("about ")[1].Split(' ')[0], System.Globalization.NumberStyles.AllowThousands, System.Globalization.CultureInfo.InvariantCulture);
                Assert.InRange(needed, 401, 1e9);
                Assert.InRange(needed / (400 * Math.Pow(pair.SmallestDetectable / pair.Difference.Value, 2)), 0.99, needed < 500 ? 2 : 1.01);
            }
        }
        Assert.True(better > 10 && unsure > 10);
    }

    /// <summary>Three pairs that agree make an interval without width: no evidence, in words, in charts and along lines.</summary>
    [Fact]
    public void An_interval_without_width_from_few_units_tells_nothing()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rewards.jsonl"], string.Concat(Enumerable.Repeat("{\"chosen\":{\"a\":1,\"b\":0},\"rejected\":{\"a\":0,\"b\":1}}\n", 3)));
        SetEvaluation set = Assert.Single(Evaluation.OfRewards(folder["rewards.jsonl"], null, new() { Ensembles = [] }).Sets);
        PairedComparison pair = Assert.Single(set.Helped);
        Assert.Equal((1, 1, 1), (pair.Difference.Value, pair.Difference.Low, pair.Difference.High));
        Assert.StartsWith("cannot tell with this many pairs", pair.Verdict);
        Assert.Equal(2, Assert.Single(EvaluationCharts.Differences(set)!.Bars).Kind); // cannot tell
        PairwiseAccuracy right = set.Members[0], wrong = set.Members[1];
        Assert.StartsWith("cannot tell with this many pairs: 1 of 3 points fall below", Connectivity.Of([0, 0.5, 1], [right, wrong, right]).Verdict);
    }

    [Fact]
    public void PairedComparison_corrects_for_how_many_are_shown()
    {
        double[] zeros = new double[200];
        PairwiseAccuracy Right(int count, string name) => PairwiseAccuracy.Of([.. zeros.Select((_, i) => i < count ? 1.0 : -1.0)], zeros, options: new() { Resamples = 1000 }, name: name);
        PairwiseAccuracy a = Right(146, "a"), b = Right(140, "b"), c = Right(139, "c");
        PairedComparison alone = PairedComparison.Of(a, b);
        Assert.Equal("a is better", alone.Verdict);
        Assert.InRange(alone.P, 0.005, 0.02); // six of six
        PairedComparison[] many = [.. PairedComparison.Adjust([alone, .. Enumerable.Range(0, 9).Select(_ => PairedComparison.Of(b, c))])];
        Assert.Equal(10 * alone.P, many[0].CorrectedP!.Value, 12);
        Assert.StartsWith("a is better by this comparison alone; among the 10 shown, such a difference comes by chance", many[0].Verdict);
        PairedComparison mean = PairedComparison.OfMean(a, [b, c]);
        Assert.Equal(((146 - 139.5) / 200, "mean of the members"), (Math.Round(mean.Difference.Value, 12), mean.B));
        Assert.Null(mean.McNemar);
    }

    [Fact]
    public void Serialises_what_cannot_be_said() =>
        Assert.Equal("NaN", JsonSerializer.SerializeToNode(PairwiseAccuracy.Of([1], [0]))!["accuracy"]!["error"]!.GetValue<string>());

    [Fact]
    public void PairedComparison_refuses_other_pairs()
    {
        PairwiseAccuracy a = PairwiseAccuracy.Of([1, 2], [0, 0]), b = PairwiseAccuracy.Of([1, 2], [0, 0], Units.By("prompt", ["x", "x"]));
        Assert.Throws<WarmException>(() => PairedComparison.Of(a, b));
    }

    [ReferenceFact]
    public void Of_agrees_with_the_reference()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Reference.Path("evaluation", "accuracy.json")));
        int cases = 0;
        foreach (JsonElement c in reference.RootElement.GetProperty("cases").EnumerateArray())
        {
            double[] chosen = [.. c.GetProperty("chosen").EnumerateArray().Select(v => v.GetDouble())], rejected = [.. c.GetProperty("rejected").EnumerateArray().Select(v => v.GetDouble())];
            foreach ((TieRule rule, string name) in new[] { (TieRule.Wrong, "accuracy_strict"), (TieRule.Correct, "accuracy_at_least"), (TieRule.Half, "accuracy_half") })
            {
                PairwiseAccuracy result = PairwiseAccuracy.Of(chosen, rejected, options: new() { Ties = rule, Resamples = 10 });
                Close(c.GetProperty(name).GetDouble(), result.Accuracy.Value);
                Close(c.GetProperty("log_loss").GetDouble(), result.Loss);
                Close(c.GetProperty("brier").GetDouble(), result.Brier);
                Close(c.GetProperty("ece").GetDouble(), result.Ece);
                Close(c.GetProperty("mean_margin").GetDouble(), result.Margins.Mean);
                Close(c.GetProperty("margin_std_0").GetDouble(), result.Margins.Std);
                Assert.Equal(c.GetProperty("ties").GetInt32(), result.Ties);
                cases += 7;
            }
        }
        Reference.Count("accuracies", cases);
    }

    private static void Close(double expected, double actual) =>
        Assert.True(Math.Abs(actual - expected) <= 1e-10 * Math.Max(1e-6, Math.Abs(expected)), $"{actual:R} instead of {expected:R}");
}
