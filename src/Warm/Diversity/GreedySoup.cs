using System.Text.Json.Serialization;

namespace Warm;

/// <summary>When a member that is tried enters a greedy soup.</summary>
public enum Acceptance
{
    /// <summary>The soup with it is at least as good (default; Wortsman et al., Model soups, arXiv:2203.05482).</summary>
    AtLeastAsGood,
    /// <summary>The soup with it is strictly better.</summary>
    StrictlyBetter,
}

/// <summary>One member that was tried.</summary>
/// <param name="Try">Its number, from 0.</param>
/// <param name="Accuracy">Of the soup with it, on the selection pairs.</param>
/// <param name="Before">Of the soup as it was.</param>
/// <param name="Enters">Whether it was taken.</param>
public sealed record SoupStep(
    [property: JsonPropertyName("try")] int Try,
    [property: JsonPropertyName("accuracy")] double Accuracy,
    [property: JsonPropertyName("before")] double Before,
    [property: JsonPropertyName("enters")] bool Enters);

/// <summary>
/// A soup that grows: the best member first, then the others in the order of their accuracy, each of which stays if the average with it is no worse (or strictly better) on the selection pairs.
/// Costs as many passes over the pairs as there are members, twice. Not every family gains: often one member alone remains.
/// </summary>
public sealed class GreedySoup
{
    private GreedySoup(IReadOnlyList<int> members, double accuracy, IReadOnlyList<SoupStep> log) => (Members, Accuracy, Log) = (members, accuracy, log);

    /// <summary>Numbers of the members that were taken, in the order in which they entered.</summary>
    public IReadOnlyList<int> Members { get; }

    /// <summary>The soup's share on the selection pairs, which flatters it.</summary>
    public double Accuracy { get; }

    /// <summary>Everyone who was tried after the first, in order.</summary>
    public IReadOnlyList<SoupStep> Log { get; }

    /// <summary>The rule alone, over any measure of a soup.</summary>
    /// <param name="ranking">Accuracies of the members alone.</param>
    /// <param name="accuracy">The accuracy of the soup of these members, numbers in the order in which they would have entered.</param>
    /// <param name="acceptance">When a member enters.</param>
    /// <param name="order">The order in which members are tried, each once; null (default) for the order of their accuracy.</param>
    public static async Task<GreedySoup> ChooseAsync(TopByAccuracy ranking, Func<IReadOnlyList<int>, Task<double>> accuracy, Acceptance acceptance = Acceptance.AtLeastAsGood, IReadOnlyList<int>? order = null)
    {
        ArgumentNullException.ThrowIfNull(ranking);
        ArgumentNullException.ThrowIfNull(accuracy);
        order ??= ranking.Order;
        if (!order.Order().SequenceEqual(ranking.Order.Order())) throw new WarmException("order", $"is {string.Join(", ", order.Take(20))}", FormattableString.Invariant($"each of 0 to {ranking.Order.Count - 1} once"));
        int[] soup = [order[0]];
        double best = ranking.Accuracies[soup[0]];
        var log = new List<SoupStep>();
        foreach (int member in order.Skip(1))
        {
            double with = await accuracy([.. soup, member]).ConfigureAwait(false);
            bool enters = acceptance == Acceptance.StrictlyBetter ? with > best : with >= best;
            log.Add(new(member, with, best, enters));
            if (!enters) continue;
            soup = [.. soup, member];
            best = with;
        }
        return new(soup, best, log);
    }

    /// <summary>Ranks the members and grows a soup of their weights; no average is ever written.</summary>
    /// <param name="members">At least one.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">What is chosen by.</param>
    /// <param name="acceptance">When a member enters.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<GreedySoup> ChooseAsync(IReadOnlyList<Weights> members, Func<Weights, IRewardModel> load, SelectionPairs pairs, Acceptance acceptance = Acceptance.AtLeastAsGood,
        SelectionOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        TopByAccuracy ranking = await TopByAccuracy.RankAsync(members, load, pairs, options, cancellation).ConfigureAwait(false);
        return await ChooseAsync(ranking, soup => pairs.AccuracyAsync(WeightAverage.Of([.. soup.Select(i => members[i])], options.Averaging), load, options, cancellation), acceptance).ConfigureAwait(false);
    }

    /// <summary><c>members 4, 0: 0.833 on the selection pairs; 4 left out</c></summary>
    public override string ToString() => FormattableString.Invariant($"members {string.Join(", ", Members)}: {Accuracy:F3} on the selection pairs; {Log.Count(step => !step.Enters)} left out");
}
