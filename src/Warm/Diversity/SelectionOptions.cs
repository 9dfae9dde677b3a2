namespace Warm;

/// <summary>How members and their averages are judged when some are chosen.</summary>
public sealed record SelectionOptions
{
    /// <summary>What a pair of equal rewards counts; default half.</summary>
    public TieRule Ties { get; init; }

    /// <summary>How texts are scored; null (default) for the model's own way.</summary>
    public ScoringOptions? Scoring { get; init; }

    /// <summary>
    /// In how many orders a greedy soup is grown, the best of them taken: 1 (default) for the order of accuracy alone, <see cref="int.MaxValue"/> for every order (at most eight members). Each
    /// different soup is measured once, and there are 2^members - 1 of them at most. The more orders, the more the result flatters.
    /// </summary>
    public int Orders { get; init; } = 1;

    /// <summary>Seed of the orders that are drawn; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>How those that are tried together are averaged; null (default) for the uniform mean in the members' own number type.</summary>
    public AverageOptions? Averaging { get; init; }
}
