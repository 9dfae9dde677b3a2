namespace Warm.Transformers;

/// <summary>Why a response ended.</summary>
public enum StopReason
{
    /// <summary>The model drew an end token.</summary>
    EndToken,
    /// <summary>A stop text came up.</summary>
    StopText,
    /// <summary>It reached <see cref="SamplingOptions.MaxTokens"/> or the end of the model's position table.</summary>
    Length,
}

/// <summary>A response drawn from a language model.</summary>
public sealed record DrawnResponse
{
    /// <summary>The prompt's ids.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The response's ids as drawn, the end token included.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>The text of the ids, without special tokens and without a stop text and what follows; empty where the folder has no tokenizer.</summary>
    public required string Text { get; init; }

    /// <summary>
    /// log p(token | all before it) of each id by the model itself, before temperature, top-k and top-p. <see cref="LanguageModel.LogProbabilities(IReadOnlyList{TokenSequence}, IProgress{int}?, CancellationToken)"/>
    /// gives the same within 1e-5 (its sums run in another order).
    /// </summary>
    public required IReadOnlyList<float> LogProbabilities { get; init; }

    /// <summary>Why it ended.</summary>
    public required StopReason Stop { get; init; }

    /// <summary>Prompt and response for <see cref="LanguageModel.LogProbabilities(IReadOnlyList{TokenSequence}, IProgress{int}?, CancellationToken)"/> of this or another model.</summary>
    public TokenSequence Sequence => new(Prompt, Ids);

    /// <summary>The text.</summary>
    public override string ToString() => Text;
}

/// <summary>One token of a response, as it is drawn.</summary>
/// <param name="Sequence">Which prompt it belongs to, from 0.</param>
/// <param name="Id">The token.</param>
/// <param name="Text">
/// What it adds to the response's text; the texts of all tokens together are the response's. Empty while characters are unfinished, while a stop text may have begun, and where the folder has no tokenizer.
/// </param>
/// <param name="LogProbability">log p(token | all before it) by the model itself.</param>
/// <param name="Response">The whole response with its last token; null before.</param>
public readonly record struct DrawnToken(int Sequence, int Id, string Text, float LogProbability, DrawnResponse? Response);
