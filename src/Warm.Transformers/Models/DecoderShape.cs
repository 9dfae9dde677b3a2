using System.Text.Json;

namespace Warm.Transformers;

/// <summary>The sizes of a decoder as config.json gives them, checked against each other before any tensor is looked at.</summary>
internal sealed record DecoderShape(int Layers, int Hidden, int Inner, int Vocabulary, int Heads, int KeyHeads, int HeadSize, int Positions)
{
    /// <summary>What a family takes where config.json is silent; null where the key is needed.</summary>
    internal sealed record Defaults(int? Layers = null, int? Hidden = null, int? Inner = null, int? Vocabulary = null, int? Heads = null, int? KeyHeads = null, int? HeadSize = null, int Positions = 2048);

    /// <summary>Columns of all query heads.</summary>
    public int Queries => Heads * HeadSize;

    /// <summary>Columns of all key heads, and of all value heads.</summary>
    public int Keys => KeyHeads * HeadSize;

    /// <summary>Reads the keys that Llama and its relatives share.</summary>
    public static DecoderShape Of(ConfigKeys config, ModelWeights weights, Defaults? defaults = null)
    {
        defaults ??= new();
        int layers = config.Size("num_hidden_layers", defaults.Layers), hidden = config.Size("hidden_size", defaults.Hidden), inner = config.Size("intermediate_size", defaults.Inner);
        int vocabulary = config.Size("vocab_size", defaults.Vocabulary), heads = config.Size("num_attention_heads", defaults.Heads), keyHeads = config.Size("num_key_value_heads", defaults.KeyHeads ?? heads);
        if (heads % keyHeads != 0) throw config.Refusal("num_key_value_heads", $"is {keyHeads}", $"a divisor of num_attention_heads ({heads})");
        if (!config.Has("head_dim") && defaults.HeadSize is null && hidden % heads != 0) throw config.Refusal("num_attention_heads", $"is {heads}", $"a divisor of hidden_size ({hidden})");
        var shape = new DecoderShape(layers, hidden, inner, vocabulary, heads, keyHeads, config.Size("head_dim", defaults.HeadSize ?? hidden / heads), config.Size("max_position_embeddings", defaults.Positions));
        return shape.Checked(config, weights, "num_hidden_layers", "head_dim");
    }

    /// <summary>Refuses sizes that no file can have.</summary>
    public DecoderShape Checked(ConfigKeys config, ModelWeights weights, string layersKey, string headKey)
    {
        if ((long)Heads * HeadSize > int.MaxValue / 3) throw config.Refusal(headKey, FormattableString.Invariant($"makes heads of {HeadSize}"), $"heads that fit in a matrix ({Heads} of them)");
        if (Layers > weights.Tensors) throw config.Refusal(layersKey, $"is {Layers}", $"no more layers than the file has tensors ({weights.Tensors})");
        return this;
    }

    /// <summary>The attention of these heads.</summary>
    /// <param name="window">Number of tokens that a token sees, itself included, or null for all before it.</param>
    /// <param name="scale">Factor on a score; null for HeadSize^-1/2.</param>
    /// <param name="softcap">Bound of a score, or null.</param>
    public AttentionForm Attention(int? window = null, double? scale = null, double? softcap = null) => new()
    {
        Heads = Heads, KeyHeads = KeyHeads, HeadSize = HeadSize, Scale = scale ?? 1 / Math.Sqrt(HeadSize), Softcap = softcap, Causal = true, WindowLeft = window - 1,
    };

    /// <summary>
    /// Refuses keys that make another function of a decoder than the family builds: those of this list that the family has not asked for. Call it last.
    /// </summary>
    public static void RefuseOtherFunctions(ConfigKeys config)
    {
        if (!config.WasAsked("sliding_window") && config.Flag("use_sliding_window", true)) config.Refuse("sliding_window", "none: windows are not built for this architecture");
        Unless("layer_types", "full_attention in every layer", types => types.ValueKind == JsonValueKind.Array
            && types.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String && t.GetString() == "full_attention"));
        Unless("no_rope_layers", "none: layers without rotation are not built for this architecture");
        Unless("use_bidirectional_attention", "false: this architecture sees only what came before");
        Unless("is_causal", "true: this architecture sees only what came before", value => value.ValueKind == JsonValueKind.True); // no key of a class, and yet it decides the mask
        foreach (string one in (string[])["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"])
            Unless(one, "none or 1: multipliers are not built", value => value is { ValueKind: JsonValueKind.Number } && value.GetDouble() == 1);
        foreach (string other in (string[])["attn_logit_softcapping", "query_pre_attn_scalar", "clip_qkv", "num_local_experts", "num_experts", "use_qk_norm", "qk_layernorm", "use_parallel_residual"])
            Unless(other, "none: it makes another architecture than this one");
        config.Ignore("rope_theta", "pretraining_tp", "final_logit_softcapping");

        void Unless(string key, string expected, Func<JsonElement, bool>? harmless = null)
        {
            if (!config.WasAsked(key)) config.Refuse(key, expected, harmless);
        }
    }
}
