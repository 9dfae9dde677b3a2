using System.Text.Json;

namespace Warm;

/// <summary>
/// Which keys of config.json may differ between members. A key that is known to change the function is refused, one that shifts it a little is doubtful, training and bookkeeping
/// keys are nobody's concern, and a key that nobody knows is a remark. An absent key and its well-known default are the same; so are the two spellings of the rotary settings.
/// </summary>
internal static class ConfigRules
{
    private static readonly HashSet<string> Function =
    [
        "hidden_act", "hidden_activation", "activation_function", "activation", "feed_forward_proj", "classifier_activation", "pooler_hidden_act", "classifier_bias", "mlp_type",
        "num_attention_heads", "num_key_value_heads", "n_head", "n_heads", "num_heads", "head_dim", "d_kv", "multi_query", "num_kv_heads", "encoder_attention_heads", "decoder_attention_heads",
        "hidden_size", "intermediate_size", "num_hidden_layers", "n_embd", "n_layer", "n_layers", "n_inner", "d_model", "d_ff", "num_layers", "embedding_size", "word_embed_proj_dim", "ffn_dim", "hidden_dim", "dim",
        "rotary_pct", "rotary_emb_base", "rotary_dim", "rotary", "partial_rotary_factor", "position_embedding_type", "position_encoding", "alibi", "alibi_bias_max",
        "relative_attention", "relative_attention_num_buckets", "relative_attention_max_distance", "position_buckets", "max_relative_positions", "pos_att_type", "share_att_key", "position_biased_input", "norm_rel_ebd",
        "sliding_window", "use_sliding_window", "max_window_layers", "layer_types", "sliding_window_pattern", "local_attention", "global_attn_every_n_layers", "attention_types", "window_size", "attention_layers",
        "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "attention_multiplier", "residual_multiplier", "embedding_multiplier", "logits_scaling", "logit_scale", "scale_embedding",
        "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "qk_layernorm", "use_qk_norm", "attention_bias", "mlp_bias", "use_bias", "bias", "qkv_bias", "clip_qkv",
        "do_layer_norm_before", "norm_type", "normalization_layer_type", "use_parallel_residual", "parallel_attn", "new_decoder_architecture", "apply_residual_connection_post_layernorm", "rms_norm_add_unit_offset",
        "num_experts_per_tok", "num_local_experts", "num_experts", "norm_topk_prob", "decoder_sparse_step", "mlp_only_layers", "moe_intermediate_size", "shared_expert_intermediate_size", "n_shared_experts", "routed_scaling_factor",
        "is_decoder", "is_encoder_decoder", "add_cross_attention", "use_mrope", "no_rope_layers", "no_rope_layer_interval", "attention_chunk_size", "ff_factor", "value_head_prefix", "score_dim", "type_vocab_size",
    ];

    private static readonly HashSet<string> Soft =
        ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon", "max_position_embeddings", "n_positions", "n_ctx", "tie_word_embeddings", "tie_encoder_decoder", "quantization_config"];

    private static readonly HashSet<string> ReadPosition = ["pooling", "classifier_pooling", "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "pooling_mode"];

    private static readonly HashSet<string> Harmless =
    [
        "use_cache", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "name_or_path", "return_dict", "output_attentions", "output_hidden_states", "torchscript", "use_bfloat16", "pretraining_tp",
        "gradient_checkpointing", "_attn_implementation", "attn_implementation", "_attn_implementation_autoset", "finetuning_task", "task_specific_params", "problem_type", "keys_to_ignore_at_inference", "chunk_size_feed_forward",
        "id2label", "label2id", "num_labels", "model_type", "architectures", "pad_token_id", "eos_token_id", "bos_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "mask_token_id", "decoder_start_token_id",
        "normalize_reward", "mean", "std", "normalizer_type", "momentum", "do_normalize", "vocab_size", "rope_theta", "rope_scaling", "rope_parameters", "text_config", "unsloth_version", "unsloth_fixed", "is_composition", "prune_heads", "pruned_heads",
        "output_router_logits", "router_aux_loss_coef", "router_z_loss_coef", "embd_pdrop", "attn_pdrop", "resid_pdrop", "summary_first_dropout", "classifier_dropout", "layerdrop", "deterministic_flash_attn", "sparse_prediction", "sparse_pred_ignore_index",
        "temperature", "top_k", "top_p", "typical_p", "do_sample", "max_length", "min_length", "num_beams", "num_beam_groups", "num_return_sequences", "repetition_penalty", "length_penalty", "diversity_penalty", "early_stopping",
        "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "prefix", "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty", "remove_invalid_values",
        "output_scores", "return_dict_in_generate", "cross_attention_hidden_size", "tokenizer_class", "tf_legacy_loss", "auto_map",
    ];

    // What the model classes take where a config says nothing; only what all of them agree on.
    private static readonly Dictionary<string, string> Defaults = new()
    {
        ["attention_bias"] = "false", ["mlp_bias"] = "false", ["is_decoder"] = "false", ["is_encoder_decoder"] = "false", ["add_cross_attention"] = "false", ["use_sliding_window"] = "false",
        ["position_embedding_type"] = "\"absolute\"", ["scale_attn_weights"] = "true", ["scale_attn_by_inverse_layer_idx"] = "false", ["reorder_and_upcast_attn"] = "false", ["partial_rotary_factor"] = "1",
        ["tie_encoder_decoder"] = "false", ["do_layer_norm_before"] = "true", ["summary_type"] = "\"cls_index\"", ["summary_use_proj"] = "true", ["summary_proj_to_labels"] = "true", ["value_head_prefix"] = "\"score\"", ["pooling"] = "\"last\"",
    };

    /// <summary>All differences of a member's config from the first member's.</summary>
    public static IEnumerable<Difference> Compare(string firstName, ModelConfig first, ModelConfig other)
    {
        string[] a = [.. first.Strings("architectures")], b = [.. other.Strings("architectures")];
        if (!a.SequenceEqual(b)) yield return new("architecture", other.Path, $"\"architectures\" is {Listed(b)}", $"{firstName} has {Listed(a)}", Severity.Refused);
        if (first.ModelType != other.ModelType) yield return new("architecture", other.Path, $"\"model_type\" is {other.ModelType ?? "missing"}", $"{firstName} has {first.ModelType ?? "none"}", Severity.Refused);

        if (first.NumLabels != other.NumLabels)
            yield return new("head", other.Path, $"says {other.NumLabels} labels{Why(other)}", $"{firstName} says {first.NumLabels}{Why(first)}", Severity.Refused);
        else if (!first.Labels.SequenceEqual(other.Labels) && first.Labels.Count > 0 && other.Labels.Count > 0)
            yield return new("labels", other.Path, $"the labels are {Listed(other.Labels)}", $"{firstName} has {Listed(first.Labels)}", first.NumLabels > 1 ? Severity.Doubtful : Severity.Remark);

        foreach (Difference difference in Special(firstName, first, other)) yield return difference;
        if (Differ(first.Text.Find("vocab_size"), other.Text.Find("vocab_size"), "vocab_size"))
            yield return Of("vocabulary", "vocab_size", first.Text.Find("vocab_size"), other.Text.Find("vocab_size"), Severity.Refused);
        if (Statistics(first) != Statistics(other))
            yield return new("reward_statistics", other.Path, $"reward normaliser {Statistics(other)}", $"{firstName} has {Statistics(first)}", Severity.Doubtful);

        foreach (Difference difference in Keys(first, other, "")) yield return difference;
        if (first.Section("text_config") is { } text && other.Section("text_config") is { } otherText)
            foreach (Difference difference in Keys(text, otherText, "text_config.")) yield return difference;

        IEnumerable<Difference> Keys(ModelConfig one, ModelConfig two, string prefix)
        {
            foreach ((string key, string? mine, string? theirs) in Rotary(one, two))
                yield return new("config", other.Path, $"\"{prefix}{key}\" is {theirs ?? "missing"}", $"{firstName} has {mine ?? "none"}", Severity.Refused);
            foreach (string key in one.Keys.Union(two.Keys))
            {
                if (Harmless.Contains(key) || key.Contains("dropout", StringComparison.Ordinal) || key.Contains("initializer", StringComparison.Ordinal) || key.Contains("_init", StringComparison.Ordinal)) continue;
                JsonElement? mine = one.Find(key), theirs = two.Find(key);
                if (!Differ(mine, theirs, key)) continue;
                (string rule, Severity severity) =
                    ReadPosition.Contains(key) ? ("read_position", Severity.Refused)
                    : Function.Contains(key) ? ("config", mine is null || theirs is null ? Derived(key, one, two) : Severity.Refused)
                    : Soft.Contains(key) ? ("config", Severity.Doubtful) : ("config", Severity.Remark);
                if (rule == "config" && severity == Severity.Remark && Function.Contains(key)) continue;
                yield return Of(rule, $"{prefix}{key}", mine, theirs, severity);
            }
        }

        Difference Of(string rule, string key, JsonElement? mine, JsonElement? theirs, Severity severity) =>
            new(rule, other.Path, $"\"{key}\" is {Show(theirs)}", $"{firstName} has {Show(mine)}", severity);
    }

    /// <summary>pad decides where a decoder's reward is read; the others are ends and beginnings that a tokenizer puts there.</summary>
    private static IEnumerable<Difference> Special(string firstName, ModelConfig first, ModelConfig other)
    {
        bool encoder = ModelFamily.OfType(first.ModelType).IsEncoderDecoder;
        foreach (string key in (string[])["pad_token_id", "eos_token_id", "bos_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "mask_token_id", "decoder_start_token_id"])
        {
            JsonElement? mine = first.Text.Find(key), theirs = other.Text.Find(key);
            if (Text(mine) == Text(theirs) || (key == "pad_token_id" && first.PadTokenId == other.PadTokenId)) continue;
            Severity severity = key == "pad_token_id" || (encoder && key is "eos_token_id" or "decoder_start_token_id") ? Severity.Refused : Severity.Doubtful;
            yield return new("special_tokens", other.Path, $"\"{key}\" is {Show(theirs)}", $"{firstName} has {Show(mine)}{(key == "pad_token_id" ? ", and the reward is read by it" : "")}", severity);
        }
    }

    /// <summary>rope_theta, rope_scaling and rope_parameters as one flat list: the older and the newer spelling say the same.</summary>
    private static IEnumerable<(string Key, string? First, string? Other)> Rotary(ModelConfig first, ModelConfig other)
    {
        SortedDictionary<string, string> mine = Flat(first), theirs = Flat(other);
        foreach (string key in mine.Keys.Union(theirs.Keys))
        {
            (string? a, string? b) = (mine.GetValueOrDefault(key), theirs.GetValueOrDefault(key));
            if (a != b) yield return (key, a, b);
        }

        static SortedDictionary<string, string> Flat(ModelConfig config)
        {
            var flat = new SortedDictionary<string, string>(StringComparer.Ordinal);
            if (config.Find("rope_theta") is { } theta) flat["rope_theta"] = Text(theta)!;
            foreach (string key in (string[])["rope_scaling", "rope_parameters"])
                if (config.Find(key) is { ValueKind: JsonValueKind.Object } section) Add(section, "");
            flat.TryAdd("rope_theta", "10000");
            flat.TryAdd("rope_type", "\"default\"");
            if (flat["rope_type"] == "\"default\"") flat.Remove("factor");
            return flat;

            void Add(JsonElement section, string prefix)
            {
                foreach (JsonProperty entry in section.EnumerateObject())
                    if (entry.Value.ValueKind == JsonValueKind.Object) Add(entry.Value, $"{prefix}{entry.Name}.");
                    else if (entry.Value.ValueKind != JsonValueKind.Null) flat[prefix + (entry.Name == "type" ? "rope_type" : entry.Name)] = Text(entry.Value)!;
            }
        }
    }

    /// <summary>A key that only one member writes: no difference where it says what follows from the other keys, doubtful otherwise.</summary>
    private static Severity Derived(string key, ModelConfig one, ModelConfig two)
    {
        JsonElement value = (one.Find(key) ?? two.Find(key))!.Value;
        double? follows = key switch
        {
            "head_dim" when Number(one, "hidden_size") is { } hidden && Number(one, "num_attention_heads") is { } heads && heads != 0 => hidden / heads,
            "num_key_value_heads" => Number(one, "num_attention_heads"),
            _ => null,
        };
        return value.ValueKind == JsonValueKind.Number && value.GetDouble() == follows ? Severity.Remark : Severity.Doubtful;
    }

    private static bool Differ(JsonElement? a, JsonElement? b, string key)
    {
        string? otherwise = Defaults.GetValueOrDefault(key);
        return (Text(a) ?? otherwise) != (Text(b) ?? otherwise);
    }

    /// <summary>A value in one spelling: 1e-5 and 0.00001 are equal, and so are objects with their keys in another order.</summary>
    private static string? Text(JsonElement? value) => value is not { } v ? null : v.ValueKind switch
    {
        JsonValueKind.Number => v.TryGetDouble(out double number) ? number.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : v.GetRawText(),
        JsonValueKind.Object => $"{{{string.Join(",", v.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => $"{p.Name}:{Text(p.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(",", v.EnumerateArray().Select(item => Text(item)))}]",
        JsonValueKind.String => $"\"{v.GetString()}\"",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static double? Number(ModelConfig config, string key) => config.Find(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : null;

    private static string Statistics(ModelConfig config) =>
        config.Find("normalize_reward") is { ValueKind: JsonValueKind.True } || config.Has("mean") || config.Has("std") ? $"mean {Show(config.Find("mean"))}, std {Show(config.Find("std"))}" : "none";

    private static string Why(ModelConfig config) => config.Has("num_labels") || config.Has("id2label") ? "" : " (neither num_labels nor id2label is written, which means 2)";

    private static string Show(JsonElement? value) => value is { } v ? JsonText.Show(v) : "missing";

    private static string Listed(IReadOnlyList<string> items) => items.Count == 0 ? "missing" : string.Join(", ", items);
}
