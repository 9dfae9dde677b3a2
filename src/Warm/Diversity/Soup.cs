using System.Text.Json.Nodes;

namespace Warm;

/// <summary>Members chosen by a rule on selection pairs, and why each was taken or left out: what <c>warm soup</c> and <c>warm average --choose</c> make, and what the recipe records.</summary>
public sealed class Soup
{
    private readonly IReadOnlyList<Weights> _all;
    private readonly SelectionOptions _options;

    private Soup(IReadOnlyList<Weights> all, SoupRule rule, SelectionPairs pairs, SelectionOptions options, TopByAccuracy ranking, IReadOnlyList<int> members, double accuracy, IReadOnlyList<SoupStep> log, SoupOrders? orders = null)
    {
        (_all, Rule, Selection, _options) = (all, rule, pairs, options);
        (Ranking, Members, SelectionAccuracy, Log, Orders) = (ranking, members, accuracy, log, orders);
    }

    /// <summary>How the members were chosen.</summary>
    public SoupRule Rule { get; }

    /// <summary>By which pairs.</summary>
    public SelectionPairs Selection { get; }

    /// <summary>The members alone.</summary>
    public TopByAccuracy Ranking { get; }

    /// <summary>Numbers of the members that were taken, the best first.</summary>
    public IReadOnlyList<int> Members { get; }

    /// <summary>The soup's share on the selection pairs. It flatters: report on <see cref="ReportPairs"/>.</summary>
    public double SelectionAccuracy { get; }

    /// <summary>What a greedy soup tried; empty for the K best.</summary>
    public IReadOnlyList<SoupStep> Log { get; }

    /// <summary>What trying several orders gave; null where one was tried.</summary>
    public SoupOrders? Orders { get; }

    /// <summary>Chooses.</summary>
    /// <param name="members">At least one, and K.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">What is chosen by.</param>
    /// <param name="rule">Null (default) for greedy.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<Soup> ChooseAsync(IReadOnlyList<Weights> members, Func<Weights, IRewardModel> load, SelectionPairs pairs, SoupRule? rule = null, SelectionOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        rule ??= SoupRule.Greedy();
        options ??= new();
        if (rule.Top > members.Count) throw new WarmException("rule", $"is {rule}", FormattableString.Invariant($"top:1 to top:{members.Count}, the number of members"));
        // Refused before anything is scored: members that can never be averaged.
        if (members.Count > 1) _ = WeightAverage.Of(members, options.Averaging);
        TopByAccuracy ranking = await TopByAccuracy.RankAsync(members, load, pairs, options, cancellation).ConfigureAwait(false);
        Task<double> Measure(IReadOnlyList<int> soup) => pairs.AccuracyAsync(WeightAverage.Of([.. soup.Select(i => members[i])], options.Averaging), load, options, cancellation);
        if (rule.Top is { } k)
        {
            IReadOnlyList<int> best = ranking.Take(k);
            return new(members, rule, pairs, options, ranking, best, k == 1 ? ranking.Accuracies[best[0]] : await Measure(best).ConfigureAwait(false), []);
        }
        if (options.Orders > 1)
        {
            (SoupOrders orders, GreedySoup grown) = await SoupOrders.TryAsync(ranking, Measure, rule.Acceptance, options.Orders, options.Seed).ConfigureAwait(false);
            return new(members, rule, pairs, options, ranking, [.. ranking.Order.Where(grown.Members.Contains)], grown.Accuracy, grown.Log, orders);
        }
        GreedySoup greedy = await GreedySoup.ChooseAsync(ranking, Measure, rule.Acceptance).ConfigureAwait(false);
        return new(members, rule, pairs, options, ranking, greedy.Members, greedy.Accuracy, greedy.Log);
    }

    /// <summary>The average of those that were taken, the best first; its recipe says how they were chosen.</summary>
    public WeightAverage Average() => WeightAverage.Of([.. Members.Select(i => _all[i])], (_options.Averaging ?? AverageOptions.Default) with { Selection = ToJson() });

    /// <summary>Measures the soup where it was not chosen.</summary>
    public async Task<PairwiseAccuracy> MeasureAsync(ReportPairs pairs, Func<Weights, IRewardModel> load, AccuracyOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(load);
        IRewardModel model = load(Average());
        using (model as IDisposable) return await pairs.MeasureAsync(model, options, "soup", cancellation).ConfigureAwait(false);
    }

    /// <summary>Why a member was taken or left out, in words.</summary>
    public string Why(int member)
    {
        int rank = Ranking.Order.ToList().IndexOf(member) + 1;
        if (Orders is not null && Log.All(step => step.Try != member)) return FormattableString.Invariant($"place {rank} of {_all.Count} alone; the best order begins with it");
        if (Log.FirstOrDefault(step => step.Try == member) is not { } step)
            return FormattableString.Invariant($"place {rank} of {_all.Count} alone{(Rule.Top is { } k && rank > k ? $", beyond the best {k}" : "")}");
        return FormattableString.Invariant($"the soup with it {step.Accuracy:F4}, before {step.Before:F4}");
    }

    /// <summary>Rule, pairs, and everyone who was tried: what the recipe keeps under <c>selection</c>.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["rule"] = Rule.ToString(),
            ["ties"] = _options.Ties.ToString().ToLowerInvariant(),
            ["pairs"] = Selection.Name,
            ["n"] = Selection.Count,
            ["accuracy"] = SelectionAccuracy,
            ["taken"] = new JsonArray([.. Members.Select(Entry)]),
            ["leftOut"] = new JsonArray([.. Ranking.Order.Except(Members).Select(Entry)]),
            ["log"] = new JsonArray([.. Log.Select(step => new JsonObject { ["try"] = _all[step.Try].Name, ["accuracy"] = step.Accuracy, ["before"] = step.Before, ["enters"] = step.Enters })]),
        };
        if (Orders is { } orders) json["orders"] = orders.ToJson();
        return json;
    }

    private JsonNode Entry(int member) => new JsonObject { ["path"] = _all[member].Name, ["accuracy"] = Ranking.Accuracies[member], ["why"] = Why(member) };

    /// <summary><c>greedy: 2 of 6 members, 0.833 on dev.jsonl</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Rule}: {Members.Count} of {_all.Count} members, {SelectionAccuracy:F3} on {Selection.Name}");
}
