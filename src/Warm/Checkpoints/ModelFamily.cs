namespace Warm;

/// <summary>
/// What must be known of a family of models by its name, because no key of a config.json and no tensor says it. One table: whoever wants to know asks for the fact, and never looks at a name.
/// A family that does not stand here is a decoder without anything odd.
/// </summary>
internal sealed record ModelFamily
{
    /// <summary>Which of a family's halves there are.</summary>
    private enum Halves { Decoder, Encoder, Both }

    /// <summary>How the names of transformers' reward models end.</summary>
    private const string Classifier = "ForSequenceClassification";

    /// <summary>How names of other classes end; what is the end of another comes later.</summary>
    private static readonly string[] OtherEnds = ["ForConditionalGeneration", "ForPreTraining", "ForCausalLM", "ForMaskedLM", "LMHeadModel", "Model"];

    private static readonly ModelFamily Plain = new("", null, Halves.Decoder);

    private static readonly ModelFamily[] All =
    [
        new("Bert", "bert", Halves.Encoder) { Padding = 0, HasPlainClassifier = true }, new("DistilBert", "distilbert", Halves.Encoder) { Padding = 0, HasPlainClassifier = true },
        new("DebertaV2", "deberta-v2", Halves.Encoder) { Padding = 0, HasPlainClassifier = true }, new("ModernBert", "modernbert", Halves.Encoder) { HasPlainClassifier = true },
        new("Electra", "electra", Halves.Encoder) { Padding = 0 }, new("Deberta", "deberta", Halves.Encoder) { Padding = 0 },
        new("Roberta", "roberta", Halves.Encoder) { Padding = 1 }, new("XLMRoberta", "xlm-roberta", Halves.Encoder) { Padding = 1 }, new("Camembert", "camembert", Halves.Encoder) { Padding = 1 },
        new("MPNet", "mpnet", Halves.Encoder) { Padding = 1 },
        .. Array.ConvertAll(
            (string[])["XLMRobertaXL", "RobertaPreLayerNorm", "Albert", "MegatronBert", "NomicBert", "RemBert", "Ernie", "ErnieM", "Funnel", "Longformer", "BigBird", "ConvBert", "MobileBert", "SqueezeBert",
                "Nystromformer", "RoFormer", "XLM", "Flaubert", "LayoutLM", "Luke", "Data2VecText", "IBert", "FNet", "Canine", "Yoso", "Mra"],
            stem => new ModelFamily(stem, null, Halves.Encoder)),
        new("T5", "t5", Halves.Both) { Padding = 0 }, new("MT5", "mt5", Halves.Both), new("UMT5", "umt5", Halves.Both), new("LongT5", "longt5", Halves.Both), new("SwitchTransformers", "switch_transformers", Halves.Both),
        new("Bart", "bart", Halves.Both) { Padding = 1 }, new("MBart", "mbart", Halves.Both), new("LED", "led", Halves.Both), new("BigBirdPegasus", "bigbird_pegasus", Halves.Both), new("Mvp", "mvp", Halves.Both),
        new("PLBart", "plbart", Halves.Both),
        .. Array.ConvertAll((string[])["gpt2", "openai-gpt", "imagegpt", "decision_transformer"], type => new ModelFamily(null, type, Halves.Decoder) { Transposed = ["c_attn", "c_proj", "c_fc", "q_attn"] }),
        .. Array.ConvertAll((string[])["gemma", "gemma2", "gemma3", "gemma3_text"], type => new ModelFamily(null, type, Halves.Decoder) { Padding = 0 }),
        new(null, "opt", Halves.Decoder) { Padding = 1 }, new(null, "olmo2", Halves.Decoder) { Padding = 1 }, new(null, "phi3", Halves.Decoder) { Padding = 32_000 },
        new(null, "gpt_neox_reward_model", Halves.Decoder) { Pools = true },
    ];

    private readonly string? _stem, _type;
    private readonly Halves _halves;

    private ModelFamily(string? stem, string? type, Halves halves) => (_stem, _type, _halves) = (stem, type, halves);

    /// <summary>The family of a class of transformers.</summary>
    public static ModelFamily OfClass(string name) => StemOf(name) is { } stem && Array.Find(All, family => family._stem == stem) is { } found ? found : Plain;

    /// <summary>The family of a config.json's model_type.</summary>
    public static ModelFamily OfType(string? type) => type is not null && Array.Find(All, family => family._type == type) is { } found ? found : Plain;

    /// <summary>How a class's name begins, before what says its head: Llama, GPT2 ...; null where it ends in no such thing.</summary>
    public static string? StemOf(string name) =>
        Array.Find([Classifier, .. OtherEnds], end => name.Length > end.Length && name.EndsWith(end, StringComparison.Ordinal)) is { } end ? name[..^end.Length] : null;

    /// <summary>Whether a class is transformers' reward model.</summary>
    public static bool IsClassifier(string? name) => name is not null && name.EndsWith(Classifier, StringComparison.Ordinal);

    /// <summary>The class of transformers' reward model of a family whose names begin so.</summary>
    public static string ClassifierOf(string stem) => stem + Classifier;

    /// <summary>Whether it is an encoder only: the first token of a text, or the mean of all, carries a reward.</summary>
    public bool IsEncoder => _halves == Halves.Encoder;

    /// <summary>Whether it is encoder and decoder: a reward stands at the last end-of-text.</summary>
    public bool IsEncoderDecoder => _halves == Halves.Both;

    /// <summary>The padding's id where the key does not stand in config.json; null for none.</summary>
    public int? Padding { get; private init; }

    /// <summary>Whether an encoder's classifier is one layer on the pooler's states, and not one with a dense layer of its own below.</summary>
    public bool HasPlainClassifier { get; private init; }

    /// <summary>Layers that store their weights as [in, out] (transformers' Conv1D).</summary>
    public IReadOnlyList<string> Transposed { get; private init; } = [];

    /// <summary>Whether config.json's <c>pooling</c> says where the reward is read (OpenAssistant).</summary>
    public bool Pools { get; private init; }
}
