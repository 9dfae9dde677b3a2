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
        Assert.Equal(["name", "accuracy", "loss", "brier", "ece", "margins", "lengthCorrelation", "longerWins", "ties", "tieRule", "cost", "remarks"], json.Select(p => p.Key));
        Assert.Equal(["value", "error", "low", "high", "n", "units", "unit"], json["accuracy"]!.AsObject().Select(p => p.Key));
        Assert.Equal("half", json["tieRule"]!.GetValue<string>());
        PairedComparison paired = PairedComparison.Of(PairwiseAccuracy.Of([1, 2, 0], [0, 0, 1]), PairwiseAccuracy.Of([1, 0, 2], [0, 1, 1]));
        Assert.Equal(["a", "b", "difference", "mcnemar", "smallestDetectable", "verdict"], JsonSerializer.SerializeToNode(paired)!.AsObject().Select(p => p.Key));
        Assert.Equal("a - b: 0.000 ± 0.577 (n = 3 pairs), 95 % [-2.484, 2.484]; McNemar 1 : 1, p = 1 (mid-p 0.75); detectable 3.097; cannot tell with this many pairs", paired.ToString());
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
