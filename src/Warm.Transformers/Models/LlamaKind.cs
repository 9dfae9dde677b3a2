namespace Warm.Transformers;

/// <summary>What tells Llama's nearest relatives apart: biases, norms of the heads, windows, and what they take where config.json is silent.</summary>
internal sealed record LlamaKind
{
    /// <summary>Which linear layers have a bias.</summary>
    internal readonly record struct Bias(bool QueryKeyValue, bool Output, bool Mlp);

    /// <summary>attention_bias on q, k, v and o; mlp_bias on all three of the MLP.</summary>
    public static LlamaKind Llama { get; } = new()
    {
        Biases = config => new(config.Flag("attention_bias", false), config.Flag("attention_bias", false), config.Flag("mlp_bias", false)),
    };

    /// <summary>No biases; sliding_window in every layer unless null.</summary>
    public static LlamaKind Mistral { get; } = new()
    {
        Defaults = new(Positions: 131072, KeyHeads: 8),
        Windows = (config, layers) => LayerWindows.Everywhere(config, layers, missing: 4096),
    };

    /// <summary>Biases on q, k and v only; windows in the upper layers, if use_sliding_window.</summary>
    public static LlamaKind Qwen2 { get; } = new()
    {
        Defaults = new(Positions: 32768),
        Biases = _ => new(true, false, false),
        Windows = LayerWindows.Upper,
    };

    /// <summary>q and k each through RMS over the head, one weight for all heads, before rotation; attention_bias on q, k, v and o; windows as Qwen2.</summary>
    public static LlamaKind Qwen3 { get; } = new()
    {
        Defaults = new(Positions: 32768, HeadSize: 128),
        Biases = config => new(config.Flag("attention_bias", false), config.Flag("attention_bias", false), false),
        HeadNorms = true,
        Windows = LayerWindows.Upper,
    };

    public DecoderShape.Defaults Defaults { get; init; } = new();

    public Func<ConfigKeys, Bias> Biases { get; init; } = _ => default;

    /// <summary>Whether q and k are normalised head by head.</summary>
    public bool HeadNorms { get; init; }

    /// <summary>What each layer sees.</summary>
    public Func<ConfigKeys, int, int?[]> Windows { get; init; } = (_, layers) => new int?[layers];
}
