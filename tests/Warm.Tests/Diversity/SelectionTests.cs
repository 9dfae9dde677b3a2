using System.Text.Json;
using Warm.Testing;
using Warm.Tests.Rewards;

namespace Warm.Tests.Diversity;

public class SelectionTests
{
    [ReferenceFact]
    public async Task Choices_from_the_reference_tables()
    {
        JsonElement tables = JsonText.Read(Reference.Path("merges", "soup.json")).GetProperty("tables");
        foreach (JsonElement table in tables.EnumerateArray()) await Check(table);
        Reference.Count("soups: tables of selection", tables.GetArrayLength());
    }

    [Fact]
    public async Task Equal_accuracies_enter_only_where_asked()
    {
        // The first of two equals leads; the soup of both is as good, no better.
        const string table = """{"accuracy_of_soup":{"0":0.5,"1":0.75,"2":0.75,"1+2":0.75,"0+1+2":0.7,"0+1":0.75},"order":[1,2,0],"at_least_as_good":[1,2],"strictly_better":[1]}""";
        using JsonDocument json = JsonDocument.Parse(table);
        await Check(json.RootElement);
    }

    private static async Task Check(JsonElement table)
    {
        JsonElement soups = table.GetProperty("accuracy_of_soup");
        double Of(IEnumerable<int> soup) => soups.GetProperty(string.Join('+', soup.Order())).GetDouble();
        TopByAccuracy ranking = TopByAccuracy.Of([.. soups.EnumerateObject().Where(p => !p.Name.Contains('+')).Select(p => p.Value.GetDouble())]);
        Assert.Equal(Numbers("order"), ranking.Order);
        foreach ((Acceptance rule, string key) in new[] { (Acceptance.AtLeastAsGood, "at_least_as_good"), (Acceptance.StrictlyBetter, "strictly_better") })
        {
            GreedySoup soup = await GreedySoup.ChooseAsync(ranking, members => Task.FromResult(Of(members)), rule);
            Assert.Equal(Numbers(key), soup.Members);
            Assert.Equal(Of(soup.Members), soup.Accuracy);
            Assert.Equal(ranking.Order.Count - 1, soup.Log.Count);
        }

        IEnumerable<int> Numbers(string key) => table.GetProperty(key).EnumerateArray().Select(n => n.GetInt32());
    }

    [ReferenceFact]
    public async Task Every_order_from_the_recorded_soups()
    {
        JsonElement json = JsonText.Read(Reference.Path("merges", "soup.json")), soups = json.GetProperty("soups");
        double Of(IEnumerable<int> soup) => soups.GetProperty(string.Join('+', soup.Order())).GetProperty("dev").GetDouble();
        TopByAccuracy ranking = TopByAccuracy.Of([.. Enumerable.Range(0, 6).Select(i => Of([i]))]);
        int asked = 0;
        (SoupOrders orders, GreedySoup best) = await SoupOrders.TryAsync(ranking, members =>
        {
            asked++;
            return Task.FromResult(Of(members));
        }, Acceptance.AtLeastAsGood, int.MaxValue);
        // The twin: every order by hand, nothing remembered.
        double[] all = [.. Orders([0, 1, 2, 3, 4, 5]).Select(order =>
        {
            var soup = new List<int> { order[0] };
            foreach (int member in order.Skip(1)) if (Of(soup.Append(member)) >= Of(soup)) soup.Add(member);
            return Of(soup);
        })];
        Assert.Equal((720, all.Max(), all.Min()), (orders.Tried, orders.Best, orders.Worst));
        Assert.Equal(json.GetProperty("greedy_at_least_as_good").GetProperty("dev").GetDouble(), orders.ByAccuracy);
        Assert.Equal(asked, orders.Soups);
        Assert.InRange(orders.Soups, 6, 57); // no soup twice, and none of one member: those are ranked already
        Assert.Equal(Of(best.Members), best.Accuracy);
        (SoupOrders some, _) = await SoupOrders.TryAsync(ranking, members => Task.FromResult(Of(members)), Acceptance.StrictlyBetter, 5, seed: 3);
        Assert.Equal((5, json.GetProperty("greedy_strictly_better").GetProperty("dev").GetDouble()), (some.Tried, some.ByAccuracy));
        Reference.Count("soups: orders", 720);

        static IEnumerable<int[]> Orders(int[] items) => items.Length == 0 ? [[]] : items.SelectMany(first => Orders([.. items.Where(i => i != first)]).Select(rest => (int[])[first, .. rest]));
    }

    [Fact]
    public async Task Orders_are_drawn_alike_and_not_without_end()
    {
        TopByAccuracy nine = TopByAccuracy.Of([.. Enumerable.Range(0, 9).Select(i => i / 10.0)]);
        static Task<double> Mean(IReadOnlyList<int> soup) => Task.FromResult(soup.Average(i => i / 10.0));
        Assert.Contains("at most 8 members", (await Assert.ThrowsAsync<WarmException>(() => SoupOrders.TryAsync(nine, Mean, Acceptance.AtLeastAsGood, int.MaxValue))).Message);
        (SoupOrders a, _) = await SoupOrders.TryAsync(nine, Mean, Acceptance.AtLeastAsGood, 20, seed: 1);
        (SoupOrders b, _) = await SoupOrders.TryAsync(nine, Mean, Acceptance.AtLeastAsGood, 20, seed: 1);
        Assert.Equal(a.ToString(), b.ToString());
        Assert.Equal((0.8, 0.8), (a.Best, a.ByAccuracy));
        Assert.True(a.Worst < a.Best);
        await Assert.ThrowsAsync<WarmException>(() => GreedySoup.ChooseAsync(nine, Mean, order: [0, 1]));
    }

    [Fact]
    public void Of_refuses_what_cannot_be_ranked()
    {
        Assert.Contains("NaN", Assert.Throws<WarmException>(() => TopByAccuracy.Of([0.5, double.NaN])).Message);
        Assert.Throws<WarmException>(() => TopByAccuracy.Of([]));
        Assert.Throws<WarmException>(() => TopByAccuracy.Of([0.5]).Take(2));
        Assert.Throws<WarmException>(() => TopByAccuracy.Of([0.5]).Take(0));
    }

    [Theory]
    [InlineData("greedy"), InlineData("greedy-strict"), InlineData("top:4")]
    public void Parse_and_ToString_are_one(string rule) => Assert.Equal(rule, SoupRule.Parse(rule).ToString());

    [Theory]
    [InlineData(""), InlineData("top"), InlineData("top:"), InlineData("top:0"), InlineData("top:-1"), InlineData("top:2.5"), InlineData("best")]
    public void Parse_refuses_other_words(string rule) => Assert.Throws<WarmException>(() => SoupRule.Parse(rule));

    [Fact]
    public void ReportPairs_name_a_prompt_that_was_chosen_by()
    {
        SelectionPairs chosenBy = SelectionPairs.Of([Preference.Of("p", "a", "b"), Preference.Of("q", "a", "b")], "dev");
        Preference[] pairs = [Preference.Of("r", "a", "b"), Preference.Of("q", "other", "texts")];
        WarmException refused = Assert.Throws<WarmException>(() => ReportPairs.Of(pairs, chosenBy, name: "test"));
        Assert.Contains("\"q\"", refused.Message);
        Assert.Contains("1 of its 2 pairs", refused.Message);
        ReportPairs allowed = ReportPairs.Of(pairs, chosenBy, allowShared: true);
        Assert.Contains("\"q\"", Assert.Single(allowed.Remarks));
        Assert.Empty(ReportPairs.Of(pairs[..1], chosenBy).Remarks);
        Assert.Throws<WarmException>(() => ReportPairs.Of([], chosenBy));
    }

    [Fact]
    public void ReportPairs_without_prompts_share_no_text()
    {
        SelectionPairs chosenBy = SelectionPairs.Of([Preference.Of(null, "a", "b")]);
        Assert.Empty(ReportPairs.Of([Preference.Of(null, "c", "d")], chosenBy).Remarks);
        Assert.Contains("texts of 1", Assert.Throws<WarmException>(() => ReportPairs.Of([Preference.Of(null, "c", "a")], chosenBy)).Message);
    }

    [Fact]
    public async Task Every_selection_by_shuffled_labels_falls_to_chance()
    {
        // Eight members of known skill; the labels of the selection pairs are tossed. The winner by them is right as often as a member drawn at random.
        const int members = 8, pairs = 400, rounds = 60;
        var random = new Random(7);
        double chosen = 0, mean = 0, onSelection = 0;
        for (int round = 0; round < rounds; round++)
        {
            bool[][] right = [.. Enumerable.Range(0, members).Select(m => Enumerable.Range(0, pairs).Select(_ => random.NextDouble() < 0.6 + 0.04 * m).ToArray())];
            bool[] tossed = [.. Enumerable.Range(0, pairs).Select(_ => random.Next(2) == 0)];
            double[] accuracies = [.. right.Select(r => r.Where((v, i) => v == tossed[i]).Count() / (double)pairs)];
            GreedySoup soup = await GreedySoup.ChooseAsync(TopByAccuracy.Of(accuracies), s => Task.FromResult(s.Average(i => accuracies[i]) - 1e-9));
            int best = soup.Members[0];
            chosen += 0.6 + 0.04 * best;
            mean += 0.74;
            onSelection += soup.Accuracy;
        }
        Assert.InRange(chosen / rounds, mean / rounds - 0.04, mean / rounds + 0.04); // sd of one draw 0.092, of 60 0.012
        Assert.InRange(onSelection / rounds, 0.5, 0.58); // what was chosen by flatters
    }

    [Fact]
    public async Task Connectivity_of_a_bent_path()
    {
        // Three pairs; the middle of the path loses one that both ends have.
        PairwiseAccuracy Point(params double[] differences) => PairwiseAccuracy.Of(differences, [0, 0, 0]);
        Connectivity path = Connectivity.Of([0, 0.5, 1], [Point(1, 1, -1), Point(1, -1, -1), Point(1, 1, 1)]);
        Assert.Equal((2 / 3.0 + 1) / 2, path.Path[1].Straight, 12);
        Assert.Equal(path.Path[1].Straight - 1 / 3.0, path.Barrier, 12);
        Assert.Equal(path.Path[1].Accuracy.Value - path.Path[1].Straight, path.Path[1].Gain.Value, 12);
        Assert.False(path.Connected);
        Assert.StartsWith("cannot tell with this many pairs", path.Verdict);
        Assert.True(path.LossBarrier > 0);
        Assert.True(Connectivity.Of([0, 1], [Point(1, 1, -1), Point(1, 1, 1)]) is { Connected: true, Barrier: 0, LossBarrier: 0 });
        await Assert.ThrowsAsync<WarmException>(() => Connectivity.MeasureAsync(null!, null!, _ => new LambdaModel(_ => 0), [], steps: 1));
    }
}
