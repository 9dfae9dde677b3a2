namespace Warm.Transformers;

/// <summary>The sizes of an encoder that config.json gives under BERT's names; what it does not give is as in BERT base.</summary>
internal sealed record EncoderSizes(int Layers, int Hidden, int Inner, int Heads, int Vocabulary, int Positions, int Types)
{
    /// <summary>Width of one head.</summary>
    public int HeadSize => Hidden / Heads;

    /// <summary>Reads the keys, with the defaults that are given, and checks them.</summary>
    public static EncoderSizes Of(ConfigKeys config, ModelWeights weights, EncoderSizes defaults) => new EncoderSizes(
        config.Size("num_hidden_layers", defaults.Layers), config.Size("hidden_size", defaults.Hidden), config.Size("intermediate_size", defaults.Inner), config.Size("num_attention_heads", defaults.Heads),
        config.Size("vocab_size", defaults.Vocabulary), config.Size("max_position_embeddings", defaults.Positions),
        defaults.Types == 0 ? 0 : config.Size("type_vocab_size", defaults.Types)).Checked(config, weights, "num_attention_heads", "num_hidden_layers");

    /// <summary>Refuses heads that do not divide the width, and more layers than the file can hold.</summary>
    public EncoderSizes Checked(ConfigKeys config, ModelWeights weights, string headsKey, string layersKey)
    {
        if (Hidden % Heads != 0) throw config.Refusal(headsKey, $"is {Heads}", $"a divisor of the hidden size ({Hidden})");
        if (Layers > weights.Tensors) throw config.Refusal(layersKey, $"is {Layers}", $"no more layers than the file has tensors ({weights.Tensors})");
        return this;
    }

    /// <summary>The same for BERT's nearest relatives: refuses the keys that make another model of them, and says which change nothing.</summary>
    public static EncoderSizes OfBertKind(ConfigKeys config, ModelWeights weights, EncoderSizes defaults)
    {
        // Trap: transformers 5 ignores this key and computes absolute positions, which is not what such a model was trained with.
        if (config.Text("position_embedding_type") is { } type and not "absolute")
            throw config.Refusal("position_embedding_type", $"is \"{type}\"", "absolute: relative positions are not built", "No library that is current computes this model as it was trained.");
        config.Refuse("is_decoder", "false: only the encoder is built");
        config.Refuse("add_cross_attention", "false: only the encoder is built");
        config.Ignore("attention_probs_dropout_prob", "hidden_dropout_prob", "classifier_dropout", "gradient_checkpointing");
        return Of(config, weights, defaults);
    }
}
