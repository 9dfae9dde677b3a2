namespace Warm.Transformers;

/// <summary>How a reward model is loaded. The defaults take the folder's own rules.</summary>
public sealed record RewardModelOptions
{
    /// <summary>The defaults.</summary>
    public static RewardModelOptions Default { get; } = new();

    /// <summary>Where the weights are kept; default <see cref="Residency.Mapped"/>.</summary>
    public Residency Residency { get; init; }

    /// <summary>Which outputs of a head with several labels are wanted, from 0; the first is the <see cref="Score.Reward"/>. Null (default) is right for one label and refused for more.</summary>
    public IReadOnlyList<int>? Labels { get; init; }

    /// <summary>Which token carries the reward; null (default) for the architecture's own rule.</summary>
    public RewardPosition? ReadAt { get; init; }

    /// <summary>How prompt and response become text; null (default) for the folder's: what its warm.json says, else the chat template, else a pair for encoders, else end to end.</summary>
    public TextForm? TextForm { get; init; }

    /// <summary>A tokenizer that takes the place of the folder's (<see cref="Transformers.Tokenizer.Of"/>: one of another library); null (default) for the folder's tokenizer.json.</summary>
    public Tokenizer? Tokenizer { get; init; }
}
