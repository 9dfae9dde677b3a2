namespace Warm;

/// <summary>Spelling of a <see cref="RewardPosition"/>, and the rule of each architecture.</summary>
public static class RewardPositions
{
    /// <summary>
    /// Where a model of that config reads its reward: the first token for encoders (mean pooling: their mean), the last end-of-text for encoder-decoders, the last id that is no
    /// padding for transformers' decoders, the last attended token or the mean for OpenAssistant. Null where the architecture says nothing about rewards.
    /// </summary>
    public static RewardPosition? Of(ModelConfig? config)
    {
        if (config is null) return null;
        if (ModelFamily.OfType(config.ModelType).Pools) return config.String("pooling", "last") == "mean" ? RewardPosition.Mean : RewardPosition.LastAttended;
        if (!ModelFamily.IsClassifier(config.Architecture)) return null;
        if (IsEncoder(config)) return config.String("classifier_pooling", "cls") == "mean" ? RewardPosition.Mean : RewardPosition.First;
        return ModelFamily.OfClass(config.Architecture!).IsEncoderDecoder ? RewardPosition.LastEndOfText : RewardPosition.LastNotPad;
    }

    /// <summary>Whether the config names an encoder: no decoder, no encoder-decoder; it reads pairs of texts and its first token carries the reward.</summary>
    public static bool IsEncoder(ModelConfig? config) => config?.Architecture is { } name && ModelFamily.IsClassifier(name) && ModelFamily.OfClass(name).IsEncoder;

    /// <summary>The position of that name, in any case, with or without hyphens (<c>LastNotPad</c>, <c>last-not-pad</c>); anything else is refused with the list.</summary>
    public static RewardPosition Parse(string name)
    {
        foreach (RewardPosition position in Enum.GetValues<RewardPosition>())
            if (position.ToString().Equals(name.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)) return position;
        throw new WarmException("read position", $"is {JsonText.Quote(name)}", string.Join(", ", Enum.GetNames<RewardPosition>()));
    }
}
