using System.Text.Json.Nodes;
using System.Xml.Linq;
using Warm.Tests.Averaging;
using Warm.Tests.Rewards;
using Warm.Testing;

namespace Warm.Tests.Reports;

public class EvaluationTests
{
    [Fact]
    public async Task MeasureAsync_scores_each_model_once_and_makes_everything_of_those_rewards()
    {
        using var family = new ToyFamily(4);
        PairSet first = family.Pairs("ood", 90, seed: 1);
        PairSet[] sets = [first, PairSet.Of(first.Pairs.Take(10).Concat(family.Pairs("id", 60, seed: 2).Pairs), first.Options, "id")]; // ten pairs in both
        Evaluation evaluation = await Evaluation.MeasureAsync(family.Members, family.Load, sets, new() { Subsets = int.MaxValue, Runs = [new("run", [.. family.Members.Take(2).Select(m => m.Weights)]), new("other", [.. family.Members.Skip(2).Select(m => m.Weights)])] });
        // Four members, their average, six pairs, four triples, two runs, the average of the two: each text of both sets once by each.
        Assert.Equal(4 + 1 + 6 + 4 + 2 + 1, family.Loaded);
        Assert.Equal(family.Loaded * sets.SelectMany(set => set.Texts).Distinct().Count(), family.Scored);
        Assert.True(sets.SelectMany(set => set.Texts).Distinct().Count() < sets.Sum(set => set.Texts.Count));
        SetEvaluation ood = evaluation.Sets[0];
        Assert.Equal(["rm-1", "rm-2", "rm-3", "rm-4"], ood.Members.Select(m => m.Name));
        Assert.Equal([1, 2, 3, 4], ood.Subsets.Select(size => size.K));
        Assert.Equal([4, 6, 4, 1], ood.Subsets.Select(size => size.Subsets));
        Assert.Equal(ood.MeanOfMembers!.Value, ood.Subsets[0].Average.Value, 12);
        Assert.Equal(ood.Average!.Accuracy.Value, ood.Subsets[3].Average.Value, 12);
        Assert.Equal(ood.Ensembles[0].Measured.Accuracy.Value, ood.Subsets[3].Ensemble.Value, 12);
        Assert.Equal(3, ood.MovingAverages.Count);
        // The twin: everything measured on its own.
        Preference[] pairs = [.. sets[0].Pairs];
        PairwiseAccuracy average = PairwiseAccuracy.Measure(family.Load(WeightAverage.Of([.. family.Members.Select(m => m.Weights)])), pairs);
        Assert.Equal(average.Differences, ood.Average.Differences);
        PairwiseAccuracy mean = PairwiseAccuracy.Measure(RewardEnsemble.Of([.. family.Members.Select(m => family.Load(m.Weights))]), pairs);
        Assert.Equal(mean.Differences, ood.Ensembles[0].Measured.Differences);
        PairwiseAccuracy pairOfTwo = PairwiseAccuracy.Measure(family.Load(WeightAverage.Of(family.Members[1].Weights, family.Members[3].Weights)), pairs);
        Assert.InRange(pairOfTwo.Accuracy.Value, ood.Subsets[1].Lowest, ood.Subsets[1].Highest);
        Assert.Equal(["average of 4 - mean of the members", "average of 4 - ensemble: mean", "average of 4 - moving average (swa) of run, 2 checkpoints", "average of 4 - moving average (swa) of other, 2 checkpoints",
            "average of 4 - average of 2 runs' moving averages", "ensemble: mean - mean of the members", "average of 4 - the longer text wins"], ood.Helped.Select(p => $"{p.A} - {p.B}"));
        Assert.All(ood.Helped, pair => Assert.True(pair.CorrectedP >= pair.P));
        Assert.Equal(6, ood.Pairs.Count);
        MemberPair two = ood.Pairs.Single(pair => (pair.A, pair.B) == (1, 3));
        Assert.Equal(pairOfTwo.Accuracy.Value - 0.5 * (ood.Members[1].Accuracy.Value + ood.Members[3].Accuracy.Value), two.Gain.Value, 12);
        Assert.Equal(ood.Members[1].Differences.Zip(ood.Members[3].Differences).Average(d => Math.Sign(d.First) == Math.Sign(d.Second) ? 1.0 : 0), two.Agreement.Verdicts.Value, 12);
        Assert.Equal(Correlation.Pearson(ood.Members[1].Differences, ood.Members[3].Differences).Value, two.Agreement.Margins, 12);
        Assert.Equal(WeightDistance.Measure([family.Members[1].Weights, family.Members[3].Weights]).Distance(0, 1), two.Distance, 12);
        Assert.Null(two.Kind);
        TrainingRun Run(string start, double rate, double dropout, int seed) => new() { Name = $"r{seed}", Start = start, Dials = new JsonObject { ["learning_rate"] = rate, ["dropout"] = dropout, ["seed"] = seed } };
        Assert.Equal("order only", MemberPair.KindOf(Run("s", 1e-5, 0.1, 1), Run("s", 1e-5, 0.1, 2)));
        Assert.Equal("learning rate + dropout + Baklava", MemberPair.KindOf(Run("s", 1e-5, 0.1, 1), Run("t/", 4e-5, 0.05, 2)));
        // An average of halves of a linear model is the whole average.
        Assert.Equal(ood.Average.Accuracy.Value, ood.MovingAverages[2].Accuracy.Value, 12);
    }

    [Fact]
    public async Task MeasureAsync_from_a_cache_scores_nothing_again()
    {
        using var family = new ToyFamily(3);
        var cache = new ScoreCache();
        var options = new EvaluationOptions { Subsets = 2, Cache = cache };
        Evaluation first = await Evaluation.MeasureAsync(family.Members, family.Load, [family.Pairs("ood", 50, 1)], options);
        int scored = family.Scored;
        Evaluation second = await Evaluation.MeasureAsync(family.Members, family.Load, [family.Pairs("ood", 50, 1)], options);
        Assert.Equal(scored, family.Scored);
        JsonObject[] documents = [EvaluationDocument.Of(first), EvaluationDocument.Of(second)];
        foreach (JsonObject document in documents)
        {
            document.Remove("remarks"); // the measured cost
            foreach (JsonNode? model in (JsonNode?[])[.. document["models"]!.AsArray(), document["average"], document["ensemble"], .. document["ensemble"]!["others"]!.AsArray()]) model!.AsObject().Remove("cost");
        }
        Assert.Equal(documents[0].ToJsonString(), documents[1].ToJsonString());
        Assert.All(second.Sets[0].Members, member => Assert.Equal(member.Cost!.Texts, member.Cost.Found));
        Assert.Contains(first.Sets[0].Remarks, remark => remark.Contains("took the average"));
        Assert.DoesNotContain(second.Sets[0].Remarks, remark => remark.Contains("took the average")); // nothing was measured
    }

    [Fact]
    public async Task Selection_is_apart_from_the_report_or_refused()
    {
        using var family = new ToyFamily(3);
        PairSet report = family.Pairs("ood", 40, 1);
        SelectionPairs apart = SelectionPairs.Of(family.Pairs(null, 40, 2, prefix: "other").Pairs, "dev.jsonl"), same = SelectionPairs.Of(report.Pairs.Take(3), "dev.jsonl");
        Evaluation evaluation = await Evaluation.MeasureAsync(family.Members, family.Load, [report], new() { Selection = apart });
        Assert.Equal(evaluation.Sets[0].Members[evaluation.Selection!.Order[0]], evaluation.Sets[0].Best);
        Assert.Contains(evaluation.Sets[0].Helped, pair => pair.B == evaluation.Sets[0].Best!.Name);
        WarmException refused = await Assert.ThrowsAsync<WarmException>(() => Evaluation.MeasureAsync(family.Members, family.Load, [report], new() { Selection = same }));
        Assert.Contains("dev.jsonl", refused.Message);
        Evaluation allowed = await Evaluation.MeasureAsync(family.Members, family.Load, [report], new() { Selection = same, AllowSharedPrompts = true });
        Assert.Contains("flattered", Assert.Single(allowed.Remarks));
    }

    [Fact]
    public async Task What_does_not_average_is_a_remark_and_what_is_not_finite_is_named()
    {
        using var family = new ToyFamily(2);
        using var other = new ToyFamily(1, TinyFolder.With("vocab_size", 31));
        Evaluation evaluation = await Evaluation.MeasureAsync([.. family.Members, new("stranger", other.Members[0].Weights)], weights => weights == other.Members[0].Weights ? other.Load(weights) : family.Load(weights), [family.Pairs("ood", 40, 1)]);
        Assert.Null(evaluation.Sets[0].Average);
        Assert.StartsWith("no average: ", Assert.Single(evaluation.Remarks));
        Assert.Equal(3, evaluation.Sets[0].Ensembles.Count);
        WarmException odd = await Assert.ThrowsAsync<WarmException>(() => Evaluation.MeasureAsync(family.Members, weights => new LambdaModel(_ => float.NaN), [family.Pairs("ood", 4, 1)]));
        Assert.Contains("by rm-1 is NaN", odd.Message);
        await Assert.ThrowsAsync<WarmException>(() => Evaluation.MeasureAsync([], family.Load, [family.Pairs("ood", 4, 1)]));
        await Assert.ThrowsAsync<WarmException>(() => Evaluation.MeasureAsync(family.Members, family.Load, []));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(40)]
    public async Task One_prompt_one_pair_and_all_ties_are_answered(int pairs)
    {
        using var family = new ToyFamily(2);
        PairSet one = PairSet.Of(Enumerable.Range(0, pairs).Select(i => Preference.Of("p", $"a{i}", $"b{i}")));
        Evaluation evaluation = await Evaluation.MeasureAsync(family.Members, weights => new LambdaModel(_ => 1), [one]);
        Assert.Equal(0.5, evaluation.Sets[0].Average!.Accuracy.Value);
        Assert.All(evaluation.Sets[0].Helped, pair => Assert.StartsWith("cannot tell", pair.Verdict));
        Assert.Contains(evaluation.Sets[0].Members[0].Remarks, remark => remark.Contains("one prompt only"));
        Assert.Contains(evaluation.Sets[0].Members[0].Remarks, remark => remark.Contains("every pair ties"));
        Assert.Equal("NaN", (string)EvaluationDocument.Of(evaluation)["models"]![0]!["accuracy"]!["error"]!);
        string page = EvaluationReport.Html(evaluation);
        Assert.DoesNotContain("NaN", page);
        Assert.Contains("one prompt only", page);
    }

    [Fact]
    public async Task Html_stands_alone_and_is_escaped()
    {
        using var family = new ToyFamily(3);
        EvaluatedModel[] hostile = [.. family.Members.Select((m, i) => m with { Name = $"<script>alert({i})</script>&\"" })];
        Evaluation evaluation = await Evaluation.MeasureAsync(hostile, family.Load, [family.Pairs("<b>ood</b>", 60, 1), family.Pairs("id", 60, 2)], new() { Subsets = int.MaxValue, Selection = SelectionPairs.Of(family.Pairs(null, 40, 3, "other").Pairs, "<i>dev</i>") });
        string page = EvaluationReport.Html(evaluation);
        XElement read = XDocument.Parse(page.Replace("<!DOCTYPE html>\n", "").Replace("<meta charset=\"utf-8\">", "").Replace("initial-scale=1\">", "initial-scale=1\"/>").Replace("'unsafe-inline'\">", "'unsafe-inline'\"/>")).Root!;
        Assert.DoesNotContain(read.Descendants(), element => element.Name.LocalName is "script" or "b" or "i" or "link" or "img" or "iframe");
        Assert.DoesNotContain(read.Descendants().Attributes(), attribute => attribute.Name.LocalName is "src" or "href" || attribute.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("url(", page);
        Assert.Equal(12, read.Descendants().Count(element => element.Name.LocalName == "svg")); // six a set
        Assert.Contains("cannot tell with this many prompts", page.Replace("&#39;", "'"));
        Assert.Equal(2, evaluation.Sets.Count(set => page.Contains($"<h2>{Svg.Escape(set.Name!)}</h2>")));
    }

    [Fact]
    public void MemberSubsets_are_all_or_drawn_without_doubles()
    {
        Assert.Equal(["0,1", "0,2", "1,2"], MemberSubsets.Of(3, 2).Select(s => string.Join(',', s)));
        Assert.Equal(20, MemberSubsets.Of(6, 3).Length);
        Assert.Equal((20.0, 1.0, 137846528820.0), (MemberSubsets.Count(6, 3), MemberSubsets.Count(5, 5), MemberSubsets.Count(40, 20)));
        int[][] drawn = MemberSubsets.Of(40, 20, 50, seed: 3);
        Assert.Equal(50, drawn.Select(s => string.Join(',', s)).Distinct().Count());
        Assert.All(drawn, s => Assert.Equal(s.Order().Distinct(), s));
        Assert.All(drawn, s => Assert.Equal(20, s.Length));
        Assert.Equal(drawn.Select(s => string.Join(',', s)), MemberSubsets.Of(40, 20, 50, seed: 3).Select(s => string.Join(',', s)));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemberSubsets.Of(3, 4));
    }

    /// <summary>Members whose reward is a product of their weights with counts of letters: the average's is the mean of theirs, up to rounding.</summary>
    private sealed class ToyFamily : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public ToyFamily(int members, string? config = null) =>
            Members = [.. Enumerable.Range(1, members).Select(i => new EvaluatedModel($"rm-{i}", Checkpoint.Open(TinyFolder.Write(_folder[$"rm-{i}"], TinyFolder.Values(i, step: 2), config: config))))];

        public EvaluatedModel[] Members { get; }
        public int Loaded { get; private set; }
        public int Scored { get; private set; }

        public IRewardModel Load(Weights weights)
        {
            Loaded++;
            var values = new double[16];
            weights.Read("score.weight", 0, values.AsSpan());
            string identity = string.Join(',', values);
            return new LambdaModel(text => { Scored++; return (float)Enumerable.Range(0, 4).Sum(i => values[i] * text.Count(c => c == 'a' + i)); }, identity);
        }

        public PairSet Pairs(string? name, int count, int seed, string prefix = "prompt")
        {
            var random = new Random(seed);
            string Text() => new([.. Enumerable.Range(0, random.Next(3, 12)).Select(_ => (char)('a' + random.Next(4)))]);
            return PairSet.Of(Enumerable.Range(0, count).Select(i => Preference.Of($"{prefix} {i / 2}", $"{Text()}{(i % 3 == 0 ? "" : "a")}", Text())), new() { Resamples = 300 }, name);
        }

        public void Dispose()
        {
            foreach (EvaluatedModel member in Members) member.Weights.Dispose();
            _folder.Dispose();
        }
    }
}
