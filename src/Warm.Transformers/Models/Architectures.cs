namespace Warm.Transformers;

/// <summary>A transformer with its head, ready to score.</summary>
/// <param name="Name">The class that config.json names.</param>
/// <param name="Architecture">Ids to hidden states.</param>
/// <param name="Head">Hidden states to rewards.</param>
/// <param name="Remarks">What a reader should know: keys and tensors that are not used.</param>
internal sealed record Transformer(string Name, Architecture Architecture, RewardHead Head, IReadOnlyList<string> Remarks) : IDisposable
{
    /// <summary>Gives the weights back.</summary>
    public void Dispose()
    {
        Architecture.Dispose();
        Head.Dispose();
    }
}

/// <summary>From config.json's name to the architecture that is built here. One switch.</summary>
internal static class Architectures
{
    /// <summary>Decoders: transformers' class, and its model_type, by which <see cref="Backbone"/> makes it.</summary>
    private static readonly (string Class, string Family)[] DecoderClasses =
    [
        ("LlamaForSequenceClassification", "llama"), ("MistralForSequenceClassification", "mistral"), ("Qwen2ForSequenceClassification", "qwen2"), ("Qwen3ForSequenceClassification", "qwen3"),
        ("Phi3ForSequenceClassification", "phi3"), ("GemmaForSequenceClassification", "gemma"), ("Gemma2ForSequenceClassification", "gemma2"), ("Gemma3TextForSequenceClassification", "gemma3_text"),
        ("Gemma3ForSequenceClassification", "gemma3"), ("Olmo2ForSequenceClassification", "olmo2"), ("GPT2ForSequenceClassification", "gpt2"), ("GPTNeoXForSequenceClassification", "gpt_neox"),
        ("OPTForSequenceClassification", "opt"),
    ];

    /// <summary>The classes that are built, as config.json spells them.</summary>
    internal static readonly string[] Known =
    [
        .. DecoderClasses.Select(decoder => decoder.Class),
        "BertForSequenceClassification", "RobertaForSequenceClassification", "XLMRobertaForSequenceClassification", "CamembertForSequenceClassification", "DistilBertForSequenceClassification",
        "ElectraForSequenceClassification", "MPNetForSequenceClassification", "DebertaV2ForSequenceClassification", "ModernBertForSequenceClassification",
    ];

    /// <summary>The model_types of decoders that may carry heads of other projects.</summary>
    internal static readonly string[] Decoders = [.. DecoderClasses.Select(decoder => decoder.Family), "gpt_neox_reward_model"];

    /// <summary>Keys that every config.json may carry and that change nothing in a reward.</summary>
    private static readonly string[] Harmless =
    [
        "architectures", "model_type", "dtype", "torch_dtype", "transformers_version", "_name_or_path", "_attn_implementation_autoset", "id2label", "label2id", "num_labels", "problem_type",
        "initializer_range", "use_cache", "attention_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "mask_token_id",
        "decoder_start_token_id", "tie_word_embeddings", "tie_encoder_decoder", "is_encoder_decoder", "is_decoder", "add_cross_attention", "cross_attention_hidden_size", "chunk_size_feed_forward",
        "finetuning_task", "task_specific_params", "return_dict", "output_hidden_states", "output_attentions", "torchscript", "use_bfloat16", "pruned_heads", "tokenizer_class", "prefix",
        "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
        "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate", "forced_bos_token_id",
        "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "tf_legacy_loss", "name_or_path", "unsloth_version", "unsloth_fixed",
    ];

    /// <summary>Builds the model that the folder's config.json names. Everything is checked on headers before anything is read.</summary>
    /// <param name="weights">The weights; they need a folder with a config.json.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="residency">Where the weights are kept.</param>
    /// <param name="readAt">Which token carries the reward; null takes the architecture's own rule.</param>
    /// <param name="checkLabels">Told the number of outputs of the head before anything is read; may refuse.</param>
    /// <param name="headersOnly">Only checks: the model has no weights, and serves for its sizes and remarks.</param>
    public static Transformer Load(Weights weights, Engine engine, Residency residency = Residency.Mapped, RewardPosition? readAt = null, Action<int>? checkLabels = null, bool headersOnly = false)
    {
        ModelConfig config = ConfigOf(weights);
        string? name = config.Architecture, type = config.ModelType;
        if (name is null) throw new WarmException(config.Path, "\"architectures\" is missing", $"one of {string.Join(", ", Known)}");
        HeadLayout? layout = HeadLayout.Of(weights);
        ConfigKeys keys = KeysOf(config);

        (Architecture architecture, RewardHead head, ModelWeights asked) Build(string family, string prefix, Func<ModelWeights, Architecture> make, Func<ModelWeights, int, RewardHead> head)
        {
            if (type is not null && type != family) throw new WarmException(config.Path, $"\"model_type\" is \"{type}\", and \"architectures\" names {name}", $"model_type {family}");
            var asked = new ModelWeights(weights, engine, residency, prefix);
            Architecture architecture = make(asked);
            return (architecture, head(asked, architecture.HiddenSize), asked);
        }

        Func<ModelWeights, int, RewardHead> OfEncoder(string dense, Activation activation, string output, string? activationPath = null) =>
            (w, hidden) => RewardHead.OfEncoder(w, engine, config, hidden, readAt, dense, activation, output, activationPath);

        (Architecture, RewardHead, ModelWeights) Roberta(string family) => Build(family, Transformers.Roberta.Prefix, w => new Roberta(keys, w, engine), OfEncoder("classifier.dense", Activation.Tanh, "classifier.out_proj"));

        // A decoder with the head of transformers' class.
        (Architecture, RewardHead, ModelWeights) OfDecoder(string family)
        {
            Decoder decoder = Backbone(family, keys, engine)!;
            return Build(family, DecoderPrefix(weights, decoder), decoder.Make, (w, hidden) => RewardHead.OfDecoder(w, engine, config, hidden, readAt));
        }

        // A decoder with a head of another project. Trap: 'score' on a language model is OpenRLHF's only where the config says so.
        (Architecture, RewardHead, ModelWeights)? WithOwnHead()
        {
            if (layout is null or { Project: "transformers" } || Backbone(type, keys, engine) is not { } decoder) return null;
            return Build(type!, FirstPrefix(weights, decoder.Prefix, $"pretrained_model.{decoder.Prefix}", "pretrained_model.", "transformer.", ""), decoder.Make, (w, hidden) => OwnHead.Of(w, engine, keys, config, layout, hidden, readAt));
        }

        (Architecture architecture, RewardHead head, ModelWeights asked) = name switch
        {
            _ when Array.Find(DecoderClasses, decoder => decoder.Class == name).Family is { } family => OfDecoder(family),
            "BertForSequenceClassification" => Build("bert", Bert.Prefix, w => new Bert(keys, w, engine), OfEncoder("bert.pooler.dense", Activation.Tanh, "classifier", "bert.pooler.activation")),
            "RobertaForSequenceClassification" => Roberta("roberta"),
            "XLMRobertaForSequenceClassification" => Roberta("xlm-roberta"),
            "CamembertForSequenceClassification" => Roberta("camembert"),
            "DistilBertForSequenceClassification" => Build("distilbert", DistilBert.Prefix, w => new DistilBert(keys, w, engine), OfEncoder("pre_classifier", Activation.Relu, "classifier")),
            "ElectraForSequenceClassification" => Build("electra", Electra.Prefix, w => new Electra(keys, w, engine), OfEncoder("classifier.dense", Activation.Gelu, "classifier.out_proj", "classifier.activation")),
            "DebertaV2ForSequenceClassification" => Build("deberta-v2", DebertaV2.Prefix, w => new DebertaV2(keys, w, engine), OfEncoder("pooler.dense", keys.Activation("pooler_hidden_act", "gelu"), "classifier", "pooler")),
            "ModernBertForSequenceClassification" => Build("modernbert", ModernBert.Prefix, w => new ModernBert(keys, w, engine), (w, hidden) => RewardHead.OfModernBert(w, engine, keys, config, hidden, readAt)),
            "MPNetForSequenceClassification" => Build("mpnet", MpNet.Prefix, w => new MpNet(keys, w, engine), OfEncoder("classifier.dense", Activation.Tanh, "classifier.out_proj")),
            _ when WithOwnHead() is { } built => built,
            _ when layout is { Project: not "transformers" and var project } && Backbone(type, keys, engine) is null =>
                throw new WarmException(config.Path, type is null ? "\"model_type\" is missing" : $"\"model_type\" is \"{type}\"", $"one of {string.Join(", ", Decoders)}, for '{layout.Output}' is {project}'s head"),
            _ when IsLanguageModel(name) => throw new WarmException(config.Path, $"\"architectures\" names {name}, a language model", "a reward model",
                layout is null ? "It has no reward head: it can be averaged, not asked for rewards." + OfNoPart()
                : $"Its '{layout.Output}' is a head of another class: name that one, such as {name.Replace("ForCausalLM", "", StringComparison.Ordinal)}ForSequenceClassification, or \"value_head_prefix\" if it is OpenRLHF's."),
            _ => throw new WarmException(config.Path, $"\"architectures\" names {name}", $"one of {string.Join(", ", Known)}; or a decoder of these with the head of TRL, GRM, Starling, UltraRM, Beaver, INF-ORM, OpenAssistant or OpenRLHF", OfNoPart() is { Length: > 0 } strange ? strange.Trim() : null),
        };
        try
        {
            if (readAt is { } asks && architecture.Causal && asks == RewardPosition.First)
                throw new WarmException("read position", "the first token of a causal model has seen nothing but itself", "LastNotPad, LastAttended, BeforeFirstPad, LastEndOfText or Mean");
            checkLabels?.Invoke(head.Labels);
            asked.Check(name);
            if (!headersOnly) asked.Load();
            return new Transformer(name, architecture, head, [.. Remarks()]);
        }
        catch
        {
            architecture.Dispose();
            head.Dispose();
            throw;
        }

        IEnumerable<string> Remarks()
        {
            foreach (string remark in asked.Remarks) yield return remark;
            if (config.Text.Bool("tie_word_embeddings", false) && asked.OutputMatrix is { } tied && asked.DiffersFromEmbedding(tied))
                yield return $"{weights.Name}: '{tied}' is not the embedding, and config.json ties the two (\"tie_word_embeddings\"); no reward depends on it";
            if (layout is { Others.Count: > 0 })
                yield return $"{weights.Name}: several heads: '{layout.Output}' ({layout.Project}) is taken, for {(config.Has("value_head_prefix") && config.String("value_head_prefix") == layout.Name ? "\"value_head_prefix\" names it" : layout.Project == "transformers" ? $"it is {name}'s" : "it comes first")}; {Some([.. layout.Others])} not";
            foreach (string remark in UnknownKeys(config, keys)) yield return remark;
            string[] unused = [.. asked.Unused.Where(t => !Leftover(t))];
            if (unused.Length > 0) yield return $"{weights.Name}: tensors that {name} does not have, and that are not used: {Some(unused)}";
            if (config.PadTokenId is { } pad && (pad < 0 || pad >= architecture.VocabularySize) && head.Position is RewardPosition.LastNotPad or RewardPosition.BeforeFirstPad)
                yield return $"{config.Path}: \"pad_token_id\" is {config.PadTokenId}, which is no token: the last token is read";
        }

        // A language model without a head that is known may have one that is not: what lies beside the decoder is named.
        string OfNoPart()
        {
            if (Backbone(type, keys, engine) is not { } decoder) return "";
            string[] parts = [decoder.Prefix, "model.", "transformer.", $"pretrained_model.{decoder.Prefix}", "pretrained_model."];
            string[] beside = [.. weights.Names.Where(tensor => !Leftover(tensor) && !parts.Any(part => tensor.StartsWith(part, StringComparison.Ordinal)))];
            return beside.Length == 0 ? "" : $" Tensors that belong to no head that is known: {Some(beside)}.";
        }
    }

    /// <summary>Builds the language model that the folder's config.json names. Everything is checked on headers before anything is read.</summary>
    public static LanguageTransformer LoadLanguage(Weights weights, Engine engine, Residency residency)
    {
        ModelConfig config = ConfigOf(weights);
        string name = config.Architecture ?? throw new WarmException(config.Path, "\"architectures\" is missing", "the name of a language model, such as LlamaForCausalLM");
        if (!IsLanguageModel(name) && !name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal))
            throw new WarmException(config.Path, $"\"architectures\" names {name}, which is no language model", "a name such as LlamaForCausalLM", "A reward model gives rewards: RewardModel.Load, `warm score`.");
        ConfigKeys keys = KeysOf(config);
        Decoder decoder = Backbone(config.ModelType, keys, engine)
            ?? throw new WarmException(config.Path, $"\"model_type\" is {(config.ModelType is { } type ? $"\"{type}\"" : "missing")}, and \"architectures\" names {name}", $"one of {string.Join(", ", Decoders)}");
        var asked = new ModelWeights(weights, engine, residency, DecoderPrefix(weights, decoder));
        Architecture architecture = decoder.Make(asked);
        LanguageHead? head = null;
        try
        {
            head = new LanguageHead(asked, engine, config, architecture, decoder.TiesEmbeddings);
            asked.Check(name);
            asked.Load();
            return new LanguageTransformer(name, architecture, head, [.. asked.Remarks, .. UnknownKeys(config, keys)]);
        }
        catch
        {
            architecture.Dispose();
            head?.Dispose();
            throw;
        }
    }

    private static ModelConfig ConfigOf(Weights weights) =>
        weights.Folder?.Config ?? throw new WarmException(weights.Name, "has no config.json", "a Hugging Face folder", "Tensors alone do not say which model they are.");

    /// <summary>The keys of a config whose model is what its other keys say, and not code or codes.</summary>
    private static ConfigKeys KeysOf(ModelConfig config)
    {
        var keys = new ConfigKeys(config);
        keys.Ignore(Harmless);
        keys.RefuseOtherFunctions();
        return keys;
    }

    private static bool IsLanguageModel(string name) => name.EndsWith("ForCausalLM", StringComparison.Ordinal) || name.EndsWith("LMHeadModel", StringComparison.Ordinal);

    private static IEnumerable<string> UnknownKeys(ModelConfig config, ConfigKeys keys)
    {
        string[] unknown = [.. keys.Unknown.Order(StringComparer.Ordinal)];
        if (unknown.Length > 0) yield return $"{config.Path}: keys that are not known here, and ignored as transformers does: {Some(unknown)}";
    }

    private static string Some(string[] names) => string.Join(", ", names.Take(8)) + (names.Length > 8 ? $" and {names.Length - 8} more" : "");

    /// <summary>A decoder that is built here.</summary>
    /// <param name="Prefix">What its tensors' names begin with.</param>
    /// <param name="Make">Makes it.</param>
    /// <param name="TiesEmbeddings">Whether its embedding serves as a language model's head where config.json does not say.</param>
    private sealed record Decoder(string Prefix, Func<ModelWeights, Architecture> Make, bool TiesEmbeddings = false);

    /// <summary>A decoder by config.json's model_type. Null where it is none that is built.</summary>
    private static Decoder? Backbone(string? family, ConfigKeys keys, Engine engine) => family switch
    {
        "llama" => new(Llama.Prefix, w => new Llama(keys, w, engine, LlamaKind.Llama)),
        "mistral" => new(Llama.Prefix, w => new Llama(keys, w, engine, LlamaKind.Mistral)),
        "qwen2" => new(Llama.Prefix, w => new Llama(keys, w, engine, LlamaKind.Qwen2)),
        "qwen3" => new(Llama.Prefix, w => new Llama(keys, w, engine, LlamaKind.Qwen3)),
        "phi3" => new(Phi3.Prefix, w => new Phi3(keys, w, engine)),
        "gemma" => new(Gemma.Prefix, w => new Gemma(keys, w, engine, GemmaKind.Gemma1), TiesEmbeddings: true),
        "gemma2" => new(Gemma.Prefix, w => new Gemma(keys, w, engine, GemmaKind.Gemma2), TiesEmbeddings: true),
        "gemma3_text" => new(Gemma.Prefix, w => new Gemma(keys, w, engine, GemmaKind.Gemma3), TiesEmbeddings: true),
        "gemma3" => new("language_model.model.", w => new Gemma(keys.TextOfComposite(), w, engine, GemmaKind.Gemma3), TiesEmbeddings: true),
        "olmo2" => new(Olmo2.Prefix, w => new Olmo2(keys, w, engine)),
        "gpt2" => new(Gpt2.Prefix, w => new Gpt2(keys, w, engine), TiesEmbeddings: true),
        "gpt_neox" or "gpt_neox_reward_model" => new(GptNeoX.Prefix, w => new GptNeoX(keys, w, engine)),
        "opt" => new(Opt.Prefix, w => new Opt(keys, w, engine), TiesEmbeddings: true),
        _ => null,
    };

    /// <summary>What a decoder's tensors begin with in a file that transformers wrote.</summary>
    private static string DecoderPrefix(Weights weights, Decoder decoder) => FirstPrefix(weights, decoder.Prefix, $"model.{decoder.Prefix.Replace(".model", "", StringComparison.Ordinal)}", "");

    /// <summary>The first of these beginnings that a tensor's name has; else the first of all, for the message about what is missing.</summary>
    private static string FirstPrefix(Weights weights, params string[] prefixes) =>
        prefixes.FirstOrDefault(prefix => weights.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal))) ?? prefixes[0];

    /// <summary>Buffers and heads that older files carry and that no reward depends on.</summary>
    private static bool Leftover(string tensor) =>
        tensor.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || tensor.EndsWith("position_ids", StringComparison.Ordinal)
        || tensor.EndsWith(".attention.bias", StringComparison.Ordinal) || tensor.EndsWith(".attention.masked_bias", StringComparison.Ordinal)
        || tensor.EndsWith(".attn.bias", StringComparison.Ordinal) || tensor.EndsWith(".attn.masked_bias", StringComparison.Ordinal) || tensor.StartsWith("vision_tower.", StringComparison.Ordinal) || tensor.StartsWith("multi_modal_projector.", StringComparison.Ordinal)
        || ModelWeights.OutputMatrices.Contains(tensor) || tensor.StartsWith("cls.", StringComparison.Ordinal);
}
