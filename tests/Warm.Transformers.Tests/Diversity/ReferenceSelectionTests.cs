using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Soups, lines and ensembles of really trained members, from weights and token ids to the recorded choices.</summary>
public class ReferenceSelectionTests
{
    private static readonly SelectionOptions Strict = new() { Ties = TieRule.Wrong };

    private static RewardModel Load(Weights weights) => RewardModel.Load(weights);

    [ReferenceFact]
    public async Task Every_soup_and_every_choice_of_the_llama_family()
    {
        JsonElement soup = JsonText.Read(Reference.Path("merges", "soup.json"));
        Weights[] members = [.. Enumerable.Range(0, 6).Select(i => Checkpoint.Open(Reference.Path("merges", "llama", $"member-{i}")))];
        SelectionPairs dev = SelectionPairs.Of(soup.GetProperty("dev_chosen").EnumerateArray().Zip(soup.GetProperty("dev_rejected").EnumerateArray(), (c, r) => new Preference { Chosen = Ids(c), Rejected = Ids(r) }), "dev");
        int cases = 0;
        double Dev(JsonElement e) => e.GetProperty("dev").GetDouble();
        int[] Members(JsonElement e) => [.. e.GetProperty("members").EnumerateArray().Select(n => n.GetInt32())];
        foreach (JsonProperty one in soup.GetProperty("soups").EnumerateObject())
        {
            Weights average = WeightAverage.Of([.. one.Name.Split('+').Select(n => members[int.Parse(n, System.Globalization.CultureInfo.InvariantCulture)])]);
            Assert.Equal(Dev(one.Value), await dev.AccuracyAsync(average, Load, Strict, default), 12);
            cases++;
        }
        foreach (JsonElement point in soup.GetProperty("lambda_path_0_1").EnumerateArray())
        {
            Assert.Equal(Dev(point), await dev.AccuracyAsync(Interpolation.Of(members[0], members[1], point.GetProperty("lambda").GetDouble()), Load, Strict, default), 12);
            cases++;
        }
        foreach ((SoupRule rule, string key) in new[] { (SoupRule.Greedy(), "greedy_at_least_as_good"), (SoupRule.Greedy(Acceptance.StrictlyBetter), "greedy_strictly_better") })
        {
            Soup found = await Soup.ChooseAsync(members, Load, dev, rule, Strict);
            JsonElement expected = soup.GetProperty(key);
            Assert.Equal(soup.GetProperty("order_by_dev_accuracy").EnumerateArray().Select(n => n.GetInt32()), found.Ranking.Order);
            Assert.Equal(Members(expected), found.Members);
            Assert.Equal(Dev(expected), found.SelectionAccuracy, 12);
            Assert.Equal(expected.GetProperty("log").EnumerateArray().Select(s => (s.GetProperty("try").GetInt32(), Math.Round(s.GetProperty("accuracy").GetDouble(), 12), Math.Round(s.GetProperty("before").GetDouble(), 12), s.GetProperty("enters").GetBoolean())),
                found.Log.Select(s => (s.Try, Math.Round(s.Accuracy, 12), Math.Round(s.Before, 12), s.Enters)));
            Assert.Equal(found.Members.Select(i => Path.GetFileName(members[i].Name)), Recipe.Of(found.Average())["selection"]!["taken"]!.AsArray().Select(t => (string)t!["path"]!));
            cases += 1 + found.Log.Count;
        }
        TopByAccuracy ranking = await TopByAccuracy.RankAsync(members, Load, dev, Strict);
        foreach (JsonElement top in soup.GetProperty("top_m").EnumerateArray())
        {
            Assert.Equal(Members(top), ranking.Take(top.GetProperty("m").GetInt32()));
            Assert.Equal(Dev(top), await dev.AccuracyAsync(WeightAverage.Of([.. Members(top).Select(i => members[i])]), Load, Strict, default), 12);
            cases++;
        }
        Reference.Count("soups: accuracies, logs, choices", cases);
    }

    [ReferenceFact]
    public async Task Lines_ensembles_and_choices_of_the_training_runs()
    {
        JsonElement expected = JsonText.Read(Reference.Path("evaluation", "connectivity.json"));
        using var folder = new TemporaryFolder();
        Weights[] members = [.. Enumerable.Range(1, 3).Select(i => Member(folder, i))];
        var options = new AccuracyOptions { Ties = TieRule.Wrong, Resample = "pair", Resamples = 200 };
        Dictionary<string, Preference[]> pairs = Pairs();
        int cases = 0;
        foreach (JsonElement line in expected.GetProperty("interpolations").EnumerateArray())
        {
            Weights End(string key) => members[line.GetProperty(key).GetString()![^1] - '1'];
            Connectivity found = await Connectivity.MeasureAsync(End("first"), End("second"), Load, pairs[line.GetProperty("pairs").GetString()!], 11, options);
            Assert.Equal(line.GetProperty("holds").GetBoolean(), found.Connected);
            Assert.Equal(line.GetProperty("barrier").GetDouble(), found.Barrier, 12);
            Assert.Equal(line.GetProperty("loss_barrier").GetDouble(), found.LossBarrier, 1e-5);
            foreach ((JsonElement point, int i) in line.GetProperty("table").EnumerateArray().Select((p, i) => (p, i)))
            {
                Assert.Equal(point.GetProperty("lambda").GetDouble(), found.Path[i].Lambda, 12);
                Assert.Equal(point.GetProperty("accuracy_strict").GetDouble(), found.Path[i].Accuracy.Value, 12);
                Same(point, found.Measured[i]);
                cases++;
            }
        }
        foreach (JsonProperty set in expected.GetProperty("comparison").EnumerateObject())
        {
            var cache = new ScoreCache();
            IRewardModel[] models = [.. members.Select(m => cache.Of(Load(m)))];
            var named = new Dictionary<string, IRewardModel>
            {
                ["member-1"] = models[0], ["member-2"] = models[1], ["member-3"] = models[2],
                ["average_of_weights_rounded_to_float32"] = Load(WeightAverage.Of(members)),
                ["ensemble_mean"] = RewardEnsemble.Of(models), ["ensemble_worst"] = RewardEnsemble.Of(models, EnsembleRule.Worst), ["ensemble_median"] = RewardEnsemble.Of(models, EnsembleRule.Median),
                ["ensemble_mean_minus_half_variance"] = RewardEnsemble.Of(models, EnsembleRule.LessVariance()),
            };
            foreach ((string name, IRewardModel model) in named)
            {
                JsonElement want = set.Value.GetProperty(name);
                PairwiseAccuracy measured = await PairwiseAccuracy.MeasureAsync(model, pairs[set.Name], options);
                Assert.Equal(want.GetProperty("accuracy_strict").GetDouble(), measured.Accuracy.Value, 12);
                Same(want, measured);
                foreach ((string side, Func<Preference, Candidate> of) in new (string, Func<Preference, Candidate>)[] { ("chosen", p => p.Chosen), ("rejected", p => p.Rejected) })
                {
                    IReadOnlyList<Score> scores = model.Score([.. pairs[set.Name].Select(of)]);
                    for (int i = 0; i < scores.Count; i++) Assert.Equal(want.GetProperty(side)[i].GetDouble(), scores[i].Reward, 1e-5);
                }
                cases++;
            }
        }
        JsonElement selection = expected.GetProperty("selection");
        Soup soup = await Soup.ChooseAsync(members, Load, SelectionPairs.Of(pairs["eval"], "eval"));
        string Name(int i) => $"member-{i + 1}";
        Assert.Equal(selection.GetProperty("rank_by_eval_accuracy_half_then_index").EnumerateArray().Select(n => n.GetString()), soup.Ranking.Order.Select(Name));
        Assert.Equal(selection.GetProperty("greedy").GetProperty("kept").EnumerateArray().Select(n => n.GetString()), soup.Members.Select(Name));
        Assert.Equal(selection.GetProperty("greedy").GetProperty("trail").EnumerateArray().Skip(1).Select(t => (t.GetProperty("member").GetString(), t.GetProperty("accuracy_half_if_added").GetDouble(), t.GetProperty("kept").GetBoolean())),
            soup.Log.Select(s => ((string?)Name(s.Try), s.Accuracy, s.Enters)));
        Reference.Count("connectivity: points, models, choices", cases + 1);

        static void Same(JsonElement want, PairwiseAccuracy measured)
        {
            Assert.Equal(want.GetProperty("log_loss").GetDouble(), measured.Loss, 1e-5);
            Assert.Equal(want.GetProperty("brier").GetDouble(), measured.Brier, 1e-5);
            Assert.Equal(want.GetProperty("mean_margin").GetDouble(), measured.Margins.Mean, 1e-5);
            Assert.Equal(want.GetProperty("ties").GetInt32(), measured.Ties);
        }
    }

    /// <summary>A run stores its weights; the config is that of its start.</summary>
    private static Checkpoint Member(TemporaryFolder folder, int number)
    {
        string path = Directory.CreateDirectory(folder[$"member-{number}"]).FullName;
        foreach (string file in Directory.GetFiles(Reference.Path("training", "start", "llama-probed")))
            if (Path.GetExtension(file) is ".json" or ".jinja") File.Copy(file, Path.Combine(path, Path.GetFileName(file)));
        File.Copy(Reference.Path("training", "runs", $"member-{number}", "final.safetensors"), Path.Combine(path, "model.safetensors"), overwrite: true);
        return Checkpoint.Open(path);
    }

    /// <summary>The token ids that the trainer logged: the training pairs of its micro-batches, and the pairs that it evaluated.</summary>
    private static Dictionary<string, Preference[]> Pairs()
    {
        var train = new SortedDictionary<int, Preference>();
        foreach (string line in File.ReadLines(Reference.Path("training", "runs", "member-1", "steps.jsonl")))
        {
            using JsonDocument step = JsonDocument.Parse(line);
            foreach (JsonElement batch in step.RootElement.GetProperty("micro_batches").EnumerateArray())
            {
                JsonElement ids = batch.GetProperty("input_ids"), lengths = batch.GetProperty("lengths");
                int half = ids.GetArrayLength() / 2;
                Candidate Row(int row) => Candidate.OfIds([.. ids[row].EnumerateArray().Take(lengths[row].GetInt32()).Select(n => n.GetInt32())]);
                foreach ((JsonElement index, int i) in batch.GetProperty("indices").EnumerateArray().Select((index, i) => (index, i)))
                    train[index.GetInt32()] = new Preference { Chosen = Row(i), Rejected = Row(half + i) };
            }
        }
        using JsonDocument result = JsonDocument.Parse(File.ReadAllText(Reference.Path("training", "runs", "member-1", "result.json")));
        return new()
        {
            ["train"] = [.. train.Values],
            ["eval"] = [.. result.RootElement.GetProperty("eval_ids").EnumerateArray().Select(row => new Preference { Chosen = Ids(row.GetProperty("chosen")), Rejected = Ids(row.GetProperty("rejected")) })],
        };
    }

    private static Candidate Ids(JsonElement ids) => Candidate.OfIds([.. ids.EnumerateArray().Select(n => n.GetInt32())]);
}
