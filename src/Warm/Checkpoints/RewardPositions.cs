namespace Warm;

/// <summary>Spelling of a <see cref="RewardPosition"/>, and the rule of each architecture.</summary>
public static class RewardPositions
{
    private const string Suffix = "ForSequenceClassification";

    private static readonly string[] FirstToken =
        ["Bert", "Roberta", "XLMRoberta", "XLMRobertaXL", "RobertaPreLayerNorm", "Camembert", "DistilBert", "Electra", "Albert", "MPNet", "Deberta", "DebertaV2", "ModernBert", "MegatronBert", "NomicBert",
         "RemBert", "Ernie", "ErnieM", "Funnel", "Longformer", "BigBird", "ConvBert", "MobileBert", "SqueezeBert", "Nystromformer", "RoFormer", "XLM", "Flaubert", "LayoutLM", "Luke", "Data2VecText", "IBert", "FNet", "Canine", "Yoso", "Mra"];

    private static readonly string[] EncoderDecoder = ["T5", "MT5", "UMT5", "Bart", "MBart", "LED", "BigBirdPegasus", "Mvp", "PLBart"];

    /// <summary>
    /// Where a model of that config reads its reward: the first token for encoders (mean pooling: their mean), the last end-of-text for encoder-decoders, the last id that is no
    /// padding for transformers' decoders, the last attended token or the mean for OpenAssistant. Null where the architecture says nothing about rewards.
    /// </summary>
    public static RewardPosition? Of(ModelConfig? config)
    {
        if (config is null) return null;
        if (config.ModelType == "gpt_neox_reward_model") return config.String("pooling", "last") == "mean" ? RewardPosition.Mean : RewardPosition.LastAttended;
        if (config.Architecture is not { } name || !name.EndsWith(Suffix, StringComparison.Ordinal)) return null;
        if (IsEncoder(config)) return config.String("classifier_pooling", "cls") == "mean" ? RewardPosition.Mean : RewardPosition.First;
        return Array.Exists(EncoderDecoder, f => f == name[..^Suffix.Length]) ? RewardPosition.LastEndOfText : RewardPosition.LastNotPad;
    }

    /// <summary>Whether the config names an encoder: no decoder, no encoder-decoder; it reads pairs of texts and its first token carries the reward.</summary>
    public static bool IsEncoder(ModelConfig? config) => config?.Architecture is { } name && name.EndsWith(Suffix, StringComparison.Ordinal) && Array.Exists(FirstToken, f => f == name[..^Suffix.Length]);

    /// <summary>The position of that name, in any case, with or without hyphens (<c>LastNotPad</c>, <c>last-not-pad</c>); anything else is refused with the list.</summary>
    public static RewardPosition Parse(string name)
    {
        foreach (RewardPosition position in Enum.GetValues<RewardPosition>())
            if (position.ToString().Equals(name.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)) return position;
        throw new WarmException("read position", $"is {JsonText.Quote(name)}", string.Join(", ", Enum.GetNames<RewardPosition>()));
    }
}
