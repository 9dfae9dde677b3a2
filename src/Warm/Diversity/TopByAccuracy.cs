namespace Warm;

/// <summary>
/// Members in the order of their accuracy on selection pairs, the best first; equal accuracies by member number. The paper's M best: <c>Take(M)</c> (Ramé et al., WARM, arXiv:2401.12187, section 5).
/// </summary>
public sealed class TopByAccuracy
{
    private readonly double[] _accuracies;
    private readonly int[] _order;

    private TopByAccuracy(double[] accuracies)
    {
        _accuracies = accuracies;
        int odd = Array.FindIndex(accuracies, double.IsNaN);
        if (accuracies.Length == 0) throw new WarmException("members", "there are none", "at least one");
        // NaN compares false with everything: a member that holds it would win or lose by chance.
        if (odd >= 0) throw new WarmException(FormattableString.Invariant($"member {odd}"), "its accuracy is NaN", "a share from 0 to 1");
        _order = [.. Enumerable.Range(0, accuracies.Length).OrderByDescending(i => accuracies[i])];
    }

    /// <summary>One a member, in member order: the share on the selection pairs. It flatters whoever comes first: report on other pairs.</summary>
    public IReadOnlyList<double> Accuracies => _accuracies;

    /// <summary>Member numbers from 0, the best first.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>Ranks by accuracies that are there already.</summary>
    /// <exception cref="WarmException">There are none, or one is NaN.</exception>
    public static TopByAccuracy Of(IReadOnlyList<double> accuracies)
    {
        ArgumentNullException.ThrowIfNull(accuracies);
        return new([.. accuracies]);
    }

    /// <summary>Loads each member, scores the pairs, lets it go, and ranks.</summary>
    /// <param name="members">At least one.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">What is chosen by.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<TopByAccuracy> RankAsync(IReadOnlyList<Weights> members, Func<Weights, IRewardModel> load, SelectionPairs pairs, SelectionOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(pairs);
        var accuracies = new double[members.Count];
        for (int i = 0; i < accuracies.Length; i++) accuracies[i] = await pairs.AccuracyAsync(members[i], load, options ?? new(), cancellation).ConfigureAwait(false);
        return new(accuracies);
    }

    /// <summary>The best <paramref name="count"/> members' numbers, the best first.</summary>
    /// <param name="count">1 to the number of members.</param>
    public IReadOnlyList<int> Take(int count) => count >= 1 && count <= _order.Length ? _order[..count]
        : throw new WarmException("top", FormattableString.Invariant($"is {count}"), FormattableString.Invariant($"1 to {_order.Length}, the number of members"));

    /// <summary><c>4 (0.825), 0 (0.808), 2 (0.796)</c></summary>
    public override string ToString() => string.Join(", ", _order.Select(i => FormattableString.Invariant($"{i} ({_accuracies[i]:F3})")));
}
