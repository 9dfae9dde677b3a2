namespace Warm.Transformers;

/// <summary>How a language model is loaded. The defaults take the folder's own rules.</summary>
public sealed record LanguageModelOptions
{
    /// <summary>The defaults.</summary>
    public static LanguageModelOptions Default { get; } = new();

    /// <summary>Where the weights are kept; default <see cref="Residency.Mapped"/>.</summary>
    public Residency Residency { get; init; }

    /// <summary>How prompt and response become text: <see cref="TextForm.Template"/>, <see cref="TextForm.Concatenate"/> or a format; null (default) for the template if the folder has one, else end to end.</summary>
    public TextForm? TextForm { get; init; }

    /// <summary>A tokenizer that takes the place of the folder's (<see cref="Transformers.Tokenizer.Of"/>: one of another library); null (default) for the folder's tokenizer.json.</summary>
    public Tokenizer? Tokenizer { get; init; }

    /// <summary>Ids that end a response; null (default) for eos_token_id of generation_config.json, else of config.json, else the tokenizer's.</summary>
    public IReadOnlyList<int>? EndIds { get; init; }

    /// <summary>Most tokens computed in one pass over the weights; default 16,384. More memory, fewer passes; no number depends on it.</summary>
    public int TokensPerPass { get; init; } = 16_384;
}
