using System.Text.Json.Nodes;
using Warm.Testing;
using Warm.Tests.Averaging;
using Warm.Tests.Rewards;

namespace Warm.Tests.Diversity;

/// <summary>What recipe and card say of members' training and of how they were chosen.</summary>
public sealed class RecordedRunsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Recipe_and_card_tell_starts_and_dials()
    {
        Weights[] members = TinyFolder.Siblings(_folder, 3);
        File.WriteAllText(_folder[$"rm-1/{TrainingRun.FileName}"], """{"name":"rm-1","start":"/home/me/starts/checkpoint-80","learning_rate":4e-05,"dropout":0.1,"optim":"adamw|torch"}""");
        WeightAverage.Of(members).Save(_folder["out"]);
        JsonArray recorded = JsonNode.Parse(File.ReadAllText(_folder["out/warm.json"]))!["members"]!.AsArray();
        Assert.Null(recorded[0]!["run"]);
        Assert.Equal("""{"name":"rm-1","start":"checkpoint-80","learning_rate":4e-05,"dropout":0.1,"optim":"adamw|torch"}""", recorded[1]!["run"]!.ToJsonString());
        string card = File.ReadAllText(_folder["out/README.md"]);
        Assert.Contains("| member | weight | start | dials |", card);
        Assert.Contains("| checkpoint-80 | learning_rate 4e-05, dropout 0.1, optim adamw\\|torch |", card);
        Assert.DoesNotContain("/home/me", card);

        // A plan tells it where nothing lies beside the weights, by the folders' names.
        var plan = new HyperparameterSweep { Out = "runs", Train = "t", Runs = [new() { Name = "rm-0", Start = "a/checkpoint-40", Dials = new() { ["seed"] = 7 } }, new() { Name = "rm-2", Start = "b", Dials = [] }] };
        JsonNode recipe = Recipe.Of(WeightAverage.Of(members, new() { Runs = plan.Record }));
        Assert.Equal(["""{"name":"rm-0","start":"checkpoint-40","seed":7}""", """{"name":"rm-2","start":"b"}"""], ((int[])[0, 2]).Select(i => recipe["members"]![i]!["run"]!.ToJsonString()));
        Assert.Equal("rm-1", (string?)recipe["members"]![1]!["run"]!["name"]); // the plan does not know it, its own record does
        File.WriteAllText(_folder[$"rm-1/{TrainingRun.FileName}"], "[]");
        Assert.Contains(TrainingRun.FileName, Assert.Throws<WarmException>(() => Recipe.Of(WeightAverage.Of(members))).Message);
    }

    [Fact]
    public async Task Card_tells_who_was_tried_taken_and_left_out()
    {
        Weights[] members = TinyFolder.Siblings(_folder, 3);
        Preference[] pairs = [.. Enumerable.Range(0, 10).Select(i => Preference.Of($"p{i}", $"good {i}", $"bad {i}"))];
        // A member is right on as many pairs as its number says; a soup on as many as its worst, so nothing helps.
        IRewardModel Load(Weights weights)
        {
            int right = weights is WeightAverage soup ? soup.Members.Min(Number) : Number(weights);
            return new LambdaModel(text => text.StartsWith("good", StringComparison.Ordinal) == int.Parse(text.Split(' ')[1]) < 5 + right ? 1 : 0);
        }
        foreach (int orders in (int[])[1, int.MaxValue])
        {
            Soup soup = await Soup.ChooseAsync(members, Load, SelectionPairs.Of(pairs, "data/dev.jsonl"), SoupRule.Greedy(Acceptance.StrictlyBetter), new() { Orders = orders });
            Assert.Equal([2], soup.Members);
            string place = _folder[$"out-{orders}"];
            soup.Average().Save(place);
            JsonNode selection = JsonNode.Parse(File.ReadAllText(Path.Combine(place, "warm.json")))!["selection"]!;
            Assert.Equal(orders == 1, selection["orders"] is null);
            string card = File.ReadAllText(Path.Combine(place, "README.md"));
            Assert.Contains("## How the members were chosen\n\nRule `greedy-strict` on 10 pairs of dev.jsonl (ties count half). The soup has 0.7000 there, which flatters it", card);
            Assert.Contains("| rm-2 | 0.7000 | taken | place 1 of 3 alone", card);
            Assert.Contains("| rm-0 | 0.5000 | left out | the soup with it 0.5000, before 0.7000 |", card);
            if (orders > 1) Assert.Contains("Tried in 6 orders, 3 different soups: 0.5000 to 0.7000; in order of accuracy 0.7000.", card);
        }

        static int Number(Weights weights) => weights.Name[^1] - '0';
    }

    [Fact]
    public async Task Shuffled_labels_leave_every_choice_at_chance()
    {
        // Members that are really good, labels that are coins: whatever rule chooses by them, what it chose is right on half of other coins.
        Weights[] members = TinyFolder.Siblings(_folder, 5);
        var random = new Random(11);
        Preference[] Coins(string kind, int count) => [.. Enumerable.Range(0, count).Select(i => random.Next(2) == 0 ? Preference.Of($"{kind}{i}", $"good {i}", $"bad {i}") : Preference.Of($"{kind}{i}", $"bad {i}", $"good {i}"))];
        SelectionPairs chooseBy = SelectionPairs.Of(Coins("s", 400));
        ReportPairs report = ReportPairs.Of(Coins("r", 2000), chooseBy);
        IRewardModel Load(Weights weights)
        {
            int[] soup = weights is WeightAverage average ? [.. average.Members.Select(m => m.Name[^1] - '0')] : [weights.Name[^1] - '0'];
            return new LambdaModel(text => soup.Sum(member => (text.StartsWith("good", StringComparison.Ordinal) ? 1 : 0) + (float)new Random(int.Parse(text.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * 62 + text[0] + member).NextDouble() * 1.4f));
        }
        double flattered = 0;
        foreach ((SoupRule rule, int orders) in new[] { (SoupRule.Best(1), 1), (SoupRule.Best(3), 1), (SoupRule.Greedy(), 1), (SoupRule.Greedy(Acceptance.StrictlyBetter), 1), (SoupRule.Greedy(), int.MaxValue) })
        {
            Soup soup = await Soup.ChooseAsync(members, Load, chooseBy, rule, new() { Orders = orders });
            PairwiseAccuracy measured = await soup.MeasureAsync(report, Load);
            Assert.InRange(measured.Accuracy.Value, 0.5 - 0.045, 0.5 + 0.045); // four standard errors of 2,000 coins
            flattered = Math.Max(flattered, soup.SelectionAccuracy);
        }
        Assert.True(flattered > 0.5, "what was chosen looks good where it was chosen");
    }
}
