namespace Warm;

/// <summary>Which end of a text that is too long is cut off.</summary>
public enum Truncation
{
    /// <summary>Nothing is cut (default).</summary>
    None,
    /// <summary>The beginning is cut, the end kept.</summary>
    Left,
    /// <summary>The end is cut, the beginning kept.</summary>
    Right,
}

/// <summary>How candidates are read and scored. The defaults read every token and change nothing.</summary>
public sealed record ScoringOptions
{
    /// <summary>The defaults.</summary>
    public static ScoringOptions Default { get; } = new();

    /// <summary>How prompt and response become text; null (default) takes the model's own form.</summary>
    public TextForm? TextForm { get; init; }

    /// <summary>Longest text in tokens, special tokens included; null (default) for no limit. Needs <see cref="Truncation"/>.</summary>
    public int? MaxLength { get; init; }

    /// <summary>What is cut off a longer text; default <see cref="Truncation.None"/>, which refuses it.</summary>
    public Truncation Truncation { get; init; }

    /// <summary>Most tokens computed in one pass over the weights; default 16,384. More memory, fewer passes; no reward depends on it.</summary>
    public int TokensPerPass { get; init; } = 16_384;
}
