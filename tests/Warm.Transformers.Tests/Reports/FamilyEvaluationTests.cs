using System.Text.Json;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>Whether averaging helped a really trained family, from stored weights and texts to the recorded tables: accuracies, comparisons, intervals, columns by length, subsets, lines.</summary>
public class FamilyEvaluationTests(ITestOutputHelper output)
{
    private static readonly ScoringOptions Reading = new() { MaxLength = 192, Truncation = Truncation.Right };
    private readonly ScoreCache _cache = new();
    private readonly Dictionary<Weights, IRewardModel> _models = [];
    private int _cases;

    [ReferenceTheory]
    [InlineData("clean")]
    [InlineData("corrupted")]
    public async Task Tables_are_the_recorded_ones(string kind)
    {
        JsonElement metrics = JsonText.Read(Reference.Path("families", "decoder", "metrics.json")).GetProperty("kinds").GetProperty(kind), flipped = JsonText.Read(Reference.Path("families", "texts", "pairs.json")).GetProperty("flipped");
        EvaluatedModel[] members = [.. Enumerable.Range(1, 6).Select(i => new EvaluatedModel($"{kind}-{i}", Checkpoint.Open(Reference.Path("families", "decoder", $"{kind}-{i}"))))];
        Dictionary<string, Preference[]> pairs = new[] { "ood", "id_new", "id_seen", "train" }.ToDictionary(split => split, split => PreferenceFile.Read(Reference.Path("families", "texts", $"{split}.jsonl.gz")).ToArray());
        // The swapped labels as the corrupted runs saw them.
        pairs["train_swapped"] = [.. flipped.EnumerateArray().Select(i => pairs["train"][i.GetInt32()]).Select(p => p with { Chosen = p.Rejected, Rejected = p.Chosen })];
        PairSet Set(string split, string resample = "prompt", int resamples = 10_000) => PairSet.Of(pairs[split], new() { Ties = TieRule.Correct, Resample = resample, Resamples = resamples, Scoring = Reading }, split);
        PairSet[] sets = [.. pairs.Keys.Select(split => Set(split))];
        AverageOptions averaging = new() { DType = DType.F32 };
        Evaluation evaluation = await Evaluation.MeasureAsync(members, Load, sets, new()
        {
            Averaging = averaging, Cache = _cache, AllowSharedPrompts = true, Ensembles = [EnsembleRule.Mean], Selection = SelectionPairs.Of(pairs["id_new"], "id_new"),
        });
        Assert.Equal(metrics.GetProperty("best_member_on_id_new").GetString(), evaluation.Sets[0].Best!.Name);
        foreach (SetEvaluation set in evaluation.Sets)
        {
            string split = set.Name!;
            foreach (PairwiseAccuracy member in set.Members) Columns(metrics.GetProperty("members").GetProperty(member.Name!), member);
            Columns(metrics.GetProperty("wa_of_k").GetProperty("6"), set.Average!);
            Columns(metrics.GetProperty("ens_of_k").GetProperty("6"), set.Ensembles[0].Measured);
            Same(metrics.GetProperty("mean_of_members").GetProperty(split).GetDouble(), set.MeanOfMembers!.Value);
            JsonElement recorded = metrics.GetProperty("comparisons").GetProperty(split);
            PairedComparison Helped(string a, string b) => set.Helped.Single(pair => pair.A.StartsWith(a, StringComparison.Ordinal) && pair.B.StartsWith(b, StringComparison.Ordinal));
            Topics(recorded.GetProperty("wa_minus_mean_of_members"), Helped("average", "mean of"));
            Topics(recorded.GetProperty("wa_minus_ens"), Helped("average", "ensemble"));
            Topics(recorded.GetProperty("wa_minus_best_member"), Helped("average", set.Best!.Name!));
            Topics(recorded.GetProperty("ens_minus_mean_of_members"), Helped("ensemble", "mean of"));
            foreach ((string resample, string key) in split is "ood" or "train_swapped" ? new[] { ("pair", "pairs_95"), ("text", "arguments_95") } : [])
            {
                PairSet other = Set(split, resample, 2000);
                PairwiseAccuracy best = other.Measure(other.ScoreAsync(_models[members.First(m => m.Name == set.Best!.Name).Weights]).Result), average = other.Measure(other.ScoreAsync(_models.Last().Value).Result, "average");
                Assert.Equal(set.Average!.Differences, average.Differences);
                Estimate difference = PairedComparison.Of(average, best).Difference;
                JsonElement interval = recorded.GetProperty("wa_minus_best_member").GetProperty(key);
                Assert.InRange((difference.High - difference.Low) / (interval[1].GetDouble() - interval[0].GetDouble()), 0.9, 1.1);
                _cases++;
            }

            void Columns(JsonElement list, PairwiseAccuracy measured)
            {
                Same(list.GetProperty(split).GetDouble(), measured.Accuracy.Value);
                if (split != "ood") return;
                Same(list.GetProperty("ood_longer_wins").GetDouble(), measured.WhereLongerWins!.Value);
                Same(list.GetProperty("ood_shorter_wins").GetDouble(), measured.WhereShorterWins!.Value);
            }
        }
        // What an average spreads less: over all texts that were scored.
        Assert.InRange(evaluation.Sets[0].Average!.Rewards!.Std / evaluation.Sets[0].Members.Average(m => m.Rewards!.Std), 0.5, 0.95);
        Assert.Contains(evaluation.Sets[0].Remarks, remark => remark.Contains("spread less"));
        foreach (JsonElement point in metrics.GetProperty("lines").EnumerateArray().Where(p => p.GetProperty("lambda").GetDouble() == 0.5).Take(1))
        {
            (int from, int to) = (point.GetProperty("from").GetInt32(), point.GetProperty("to").GetInt32());
            Connectivity line = await Connectivity.MeasureAsync(members[from - 1].Weights, members[to - 1].Weights, Load, pairs["ood"], 3, sets[0].Options, averaging);
            Same(point.GetProperty("ood").GetDouble(), line.Path[1].Accuracy.Value);
            Same(point.GetProperty("ood_minus_straight").GetDouble(), line.Path[1].Gain.Value);
        }
        output.WriteLine($"{kind}: {_cases} figures");
        Reference.Count($"families: tables from text, {kind}", _cases);
        foreach (EvaluatedModel member in members) member.Weights.Dispose();
    }

    [ReferenceFact]
    public async Task Averages_of_all_subsets_are_those_of_the_recorded_rewards()
    {
        EvaluatedModel[] members = [.. Enumerable.Range(1, 4).Select(i => new EvaluatedModel($"clean-{i}", Checkpoint.Open(Reference.Path("families", "decoder", $"clean-{i}"))))];
        PairSet ood = PairSet.Of(PreferenceFile.Read(Reference.Path("families", "texts", "ood.jsonl.gz")), new() { Ties = TieRule.Correct, Scoring = Reading });
        Evaluation evaluation = await Evaluation.MeasureAsync(members, weights => RewardModel.Load(weights), [ood], new() { Averaging = new() { DType = DType.F32 }, Subsets = int.MaxValue, Ensembles = [EnsembleRule.Mean] });
        using Weights recorded = Checkpoint.Open(Reference.Path("families", "decoder", "rewards.safetensors"));
        (int Winner, int Loser)[] pairs = [.. JsonText.Read(Reference.Path("families", "texts", "pairs.json")).GetProperty("pairs").GetProperty("ood").EnumerateArray().Select(p => (p[0].GetInt32(), p[1].GetInt32()))];
        double[] Rewards(string name)
        {
            var values = new double[recorded.Info(name).Count];
            recorded.Read(name, 0, values.AsSpan());
            return values;
        }
        double Accuracy(double[] rewards) => pairs.Average(p => rewards[p.Winner] >= rewards[p.Loser] ? 1.0 : 0.0);
        foreach (SubsetAccuracy size in evaluation.Sets[0].Subsets)
        {
            int[][] subsets = MemberSubsets.Of(4, size.K);
            Assert.Equal(subsets.Length, size.Subsets);
            double[] averages = [.. subsets.Select(subset => Accuracy(Rewards(size.K == 1 ? $"clean-{subset[0] + 1}" : $"clean-wa-{string.Concat(subset.Select(m => m + 1))}")))];
            Same(averages.Average(), size.Average.Value);
            Same(averages.Min(), size.Lowest);
            Same(averages.Max(), size.Highest);
            Same(subsets.Average(subset => Accuracy([.. Rewards("clean-1").Select((_, text) => subset.Average(m => Rewards($"clean-{m + 1}")[text]))])), size.Ensemble.Value);
        }
        Reference.Count("families: subsets from text", _cases);
    }

    private RewardModel Load(Weights weights)
    {
        RewardModel model = RewardModel.Load(weights);
        _models[weights] = _cache.Of(model);
        return model;
    }

    /// <summary>To the last pair: none lies closer than the rewards' tolerance here.</summary>
    private void Same(double expected, double actual)
    {
        Assert.Equal(expected, actual, 12);
        _cases++;
    }

    private void Topics(JsonElement recorded, PairedComparison pair)
    {
        Same(recorded.GetProperty("difference").GetDouble(), pair.Difference.Value);
        Assert.Equal((recorded.GetProperty("n").GetInt32(), recorded.GetProperty("topics").GetInt32()), (pair.Difference.N, pair.Difference.Units));
        double low = recorded.GetProperty("topics_95")[0].GetDouble(), high = recorded.GetProperty("topics_95")[1].GetDouble();
        Assert.InRange(pair.Difference.Low - low, -1e-9 * Math.Abs(low), 1e-9 * Math.Abs(low));
        Assert.InRange(pair.Difference.High - high, -1e-9 * Math.Abs(high), 1e-9 * Math.Abs(high));
        _cases++;
    }
}
