namespace Warm;

/// <summary>How members and their averages are judged when some are chosen.</summary>
public sealed record SelectionOptions
{
    /// <summary>What a pair of equal rewards counts; default half.</summary>
    public TieRule Ties { get; init; }

    /// <summary>How texts are scored; null (default) for the model's own way.</summary>
    public ScoringOptions? Scoring { get; init; }

    /// <summary>How those that are tried together are averaged; null (default) for the uniform mean in the members' own number type.</summary>
    public AverageOptions? Averaging { get; init; }
}
