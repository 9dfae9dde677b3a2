namespace Warm.Transformers;

/// <summary>What tells the three generations of Gemma apart, and what they take where config.json is silent.</summary>
internal sealed record GemmaKind
{
    /// <summary>Gemma 1: a Llama layer. Trap: hidden_act "gelu" of old published configs means the tanh form.</summary>
    public static GemmaKind Gemma1 { get; } = new()
    {
        Defaults = new(28, 3072, 24576, 256000, 16, 16, 256, 8192),
        Activation = config =>
        {
            Activation asked = config.Activation("hidden_act", "gelu_pytorch_tanh"), means = asked == Transformers.Activation.Gelu ? Transformers.Activation.GeluTanh : asked;
            if (config.Has("hidden_activation") && config.Activation("hidden_activation") != means) throw config.Refusal("hidden_activation", $"is \"{config.Text("hidden_activation")}\"", "the same function as hidden_act");
            return means;
        },
    };

    /// <summary>Gemma 2: four norms, a bound on scores, every second layer windowed, from the first.</summary>
    public static GemmaKind Gemma2 { get; } = new()
    {
        Defaults = new(26, 2304, 9216, 256000, 8, 4, 256, 8192),
        FourNorms = true,
        ScoreScale = 256,
        Softcap = config => config.Has("attn_logit_softcapping") ? config.Number("attn_logit_softcapping") : config.Stands("attn_logit_softcapping") ? null : 50,
        Windows = (config, layers) => LayerWindows.Alternating(config, layers, i => i % 2 == 0),
    };

    /// <summary>Gemma 3: four norms, normalised heads, all layers windowed but every sixth (sliding_window_pattern), two rotations.</summary>
    public static GemmaKind Gemma3 { get; } = new()
    {
        Defaults = new(26, 2304, 9216, 262208, 8, 4, 256, 131072),
        FourNorms = true,
        HeadNorms = true,
        ScoreScale = 256,
        Windows = (config, layers) => LayerWindows.Alternating(config, layers, i => (i + 1) % config.Size("sliding_window_pattern", 6) != 0),
        FullRope = new() { DefaultTheta = 1_000_000, LayerType = "full_attention" },
        LocalRope = new() { DefaultTheta = 10_000, Theta = "rope_local_base_freq", LayerType = "sliding_attention", Scaled = false },
    };

    public required DecoderShape.Defaults Defaults { get; init; }

    /// <summary>Norms after attention and around the MLP as well.</summary>
    public bool FourNorms { get; init; }

    /// <summary>Whether q and k are normalised head by head.</summary>
    public bool HeadNorms { get; init; }

    /// <summary>query_pre_attn_scalar where nothing is said (scores are divided by its root); null where scores are divided by the root of the head's width.</summary>
    public double? ScoreScale { get; init; }

    public Func<ConfigKeys, double?> Softcap { get; init; } = _ => null;

    public Func<ConfigKeys, Activation> Activation { get; init; } = config => config.Activation("hidden_activation", "gelu_pytorch_tanh");

    /// <summary>What each layer sees.</summary>
    public Func<ConfigKeys, int, int?[]> Windows { get; init; } = (_, layers) => new int?[layers];

    public RopeKeys FullRope { get; init; } = RopeKeys.Llama;

    /// <summary>The rotation of windowed layers; null for the same as the others.</summary>
    public RopeKeys? LocalRope { get; init; }
}
