using Warm.Transformers;

namespace Warm.MLTokenizers;

/// <summary>Tokenizers of either library for the other.</summary>
public static class MLTokenizerExtensions
{
    /// <summary>
    /// An existing tokenizer for Warm: <c>RewardModel.Load(weights, options: new() { Tokenizer = mine.ForWarm("tiktoken cl100k", special) })</c>. That its ids are the model's is for the caller to know.
    /// </summary>
    /// <param name="tokenizer">The tokenizer. Warm finds special tokens itself and hands over the stretches between them; make it without beginning and end tokens of its own.</param>
    /// <param name="name">What messages call it, and part of a model's identity.</param>
    /// <param name="special">Special tokens with their ids; null for none.</param>
    /// <param name="roles">Which of those have a role; null for none.</param>
    /// <param name="before">Special tokens that a bare text begins with; null for none.</param>
    /// <param name="after">Special tokens that it ends with; null for none.</param>
    public static Transformers.Tokenizer ForWarm(this Microsoft.ML.Tokenizers.Tokenizer tokenizer, string name, IReadOnlyDictionary<string, int>? special = null, SpecialTokens? roles = null,
        IReadOnlyList<string>? before = null, IReadOnlyList<string>? after = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return Transformers.Tokenizer.Of(name,
            text => [.. tokenizer.EncodeToTokens(text, out _).Select(token => new ForeignToken(token.Id, token.Offset.Start.Value, token.Offset.End.Value))],
            ids => tokenizer.Decode(ids),
            [.. (special ?? new Dictionary<string, int>()).Select(token => new AddedToken(token.Key, token.Value, Special: true))], roles, before, after);
    }

    /// <summary>A tokenizer of Warm's, exact as the tokenizers library, for a program that takes a <c>Microsoft.ML.Tokenizers.Tokenizer</c>.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="addSpecialTokens">Whether the tokens around a text are added; default false.</param>
    public static Microsoft.ML.Tokenizers.Tokenizer ForMicrosoftML(this Transformers.Tokenizer tokenizer, bool addSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return new WarmTokenizer(tokenizer, addSpecialTokens);
    }
}
