namespace Warm.Transformers;

/// <summary>What a tokenizer makes of a text (or a pair of texts). All lists have one entry a token.</summary>
public sealed record TokenizedText
{
    /// <summary>Vocabulary ids.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>Vocabulary entries as spelt in the vocabulary; of an added token what stands in the (normalised) text, with the white space that it took; of an unknown token of a Unigram model the text.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>Where each token stands in its text: start and end in UTF-16 units; (0, 0) for special tokens added by the tokenizer.</summary>
    public required IReadOnlyList<(int Start, int End)> Offsets { get; init; }

    /// <summary>0 for the first text, 1 for the second, as the post-processor says.</summary>
    public required IReadOnlyList<int> TypeIds { get; init; }

    /// <summary>True for special tokens that the tokenizer added (not for special tokens spelt in the text).</summary>
    public required IReadOnlyList<bool> SpecialMask { get; init; }

    /// <summary>The tokens, apart by blanks.</summary>
    public override string ToString() => string.Join(' ', Tokens);
}
