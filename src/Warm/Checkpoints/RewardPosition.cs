namespace Warm;

/// <summary>Which token's hidden state carries the reward.</summary>
public enum RewardPosition
{
    /// <summary>The last id that differs from pad_token_id: transformers' rule for <c>*ForSequenceClassification</c> decoders. All pads: the first token.</summary>
    LastNotPad,
    /// <summary>The last token that is attended: OpenRLHF, OpenAssistant, UltraRM, Beaver.</summary>
    LastAttended,
    /// <summary>The token before the first pad id: older transformers, INF-ORM, Starling.</summary>
    BeforeFirstPad,
    /// <summary>The first token: encoders ([CLS]).</summary>
    First,
    /// <summary>The last end-of-text id: T5, BART.</summary>
    LastEndOfText,
    /// <summary>The mean over attended tokens.</summary>
    Mean,
}
