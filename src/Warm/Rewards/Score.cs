namespace Warm;

/// <summary>The reward of one candidate and how it came about.</summary>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed record Score : IRichDisplay
{
    /// <summary>The candidate's own id, or null.</summary>
    public string? Id { get; init; }

    /// <summary>The raw output of the head (a logit, never a sigmoid). Higher is better; only differences between candidates of one model mean something.</summary>
    public required float Reward { get; init; }

    /// <summary>All requested labels, where more than one was asked for.</summary>
    public IReadOnlyList<float>? Rewards { get; init; }

    /// <summary>The reward after the head's own normaliser, where the folder carries one.</summary>
    public double? Normalised { get; init; }

    /// <summary>Number of tokens read, special ones included.</summary>
    public required int Tokens { get; init; }

    /// <summary>Index of the token that carries the reward; -1 for a mean over tokens.</summary>
    public required int ReadAt { get; init; }

    /// <summary>Number of tokens that truncation cut off.</summary>
    public int Truncated { get; init; }

    /// <summary>What a reader should know: truncated, doubled beginning-of-text, special-token literals inside a text ... Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    string IRichDisplay.ToHtml() => HtmlTable.Line(FormattableString.Invariant($"{Reward:F3} ({Tokens} tokens, read at {ReadAt})")) + HtmlTable.Remarks(Remarks);

    /// <summary><c>2.413 (57 tokens)</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Reward:F3} ({Tokens} tokens){(Remarks.Count == 0 ? "" : $" [{string.Join("; ", Remarks)}]")}");
}
