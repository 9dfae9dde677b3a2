using System.Text.Json.Serialization;

namespace Warm;

/// <summary>What a pair counts whose two rewards are equal.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TieRule>))]
public enum TieRule
{
    /// <summary>One half (default): the value does not depend on which side was written first.</summary>
    [JsonStringEnumMemberName("half")] Half,
    /// <summary>One, as the paper's accuracy does (&gt;=).</summary>
    [JsonStringEnumMemberName("correct")] Correct,
    /// <summary>Zero, as reward-bench v1 does (&gt;).</summary>
    [JsonStringEnumMemberName("wrong")] Wrong,
}

/// <summary>How a pairwise accuracy is measured.</summary>
public sealed record AccuracyOptions
{
    /// <summary>What a tie counts; default <see cref="TieRule.Half"/>. Printed with every result.</summary>
    public TieRule Ties { get; init; }

    /// <summary>
    /// What is resampled for the error: <c>prompt</c> (default), <c>pair</c>, <c>text</c> (both sides of a pair, where texts are in many pairs: <see cref="Units.Crossed"/>), or any field of the pairs'
    /// lines (<c>subset</c>, <c>topic</c>, <c>meta.annotator</c>). Pairs without it are units of their own; where no pair has a prompt the pairs are the units.
    /// </summary>
    public string Resample { get; init; } = "prompt";

    /// <summary>The field by which pairs are grouped to find the worst group; null (default) for what is resampled, or <c>subset</c> where that is prompt, pair or text.</summary>
    public string? Groups { get; init; }

    /// <summary>Number of bootstrap resamples; default 10,000.</summary>
    public int Resamples { get; init; } = 10_000;

    /// <summary>Seed of the resampling; default 0. The same seed draws the same units for every model.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the texts are scored; null (default) for the model's own way.</summary>
    public ScoringOptions? Scoring { get; init; }
}
