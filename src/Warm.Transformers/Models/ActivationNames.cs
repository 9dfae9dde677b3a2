namespace Warm.Transformers;

/// <summary>The spellings of <see cref="Activation"/> in config.json.</summary>
internal static class ActivationNames
{
    /// <summary>The activation that a key names; an unknown one is refused.</summary>
    public static Activation Activation(this ConfigKeys config, string key, string? fallback = null) => (config.Text(key) ?? fallback) switch
    {
        "gelu" => Transformers.Activation.Gelu,
        "gelu_new" or "gelu_pytorch_tanh" => Transformers.Activation.GeluTanh,
        "gelu_fast" => Transformers.Activation.GeluFast,
        "quick_gelu" => Transformers.Activation.GeluQuick,
        "silu" or "swish" => Transformers.Activation.Silu,
        "relu" => Transformers.Activation.Relu,
        "relu2" => Transformers.Activation.Relu2,
        "tanh" => Transformers.Activation.Tanh,
        "sigmoid" => Transformers.Activation.Sigmoid,
        "mish" => Transformers.Activation.Mish,
        null => throw config.Refusal(key, "is missing", null),
        { } name => throw config.Refusal(key, $"is \"{name}\"", "gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, quick_gelu, silu, swish, relu, relu2, tanh, sigmoid or mish"),
    };
}
