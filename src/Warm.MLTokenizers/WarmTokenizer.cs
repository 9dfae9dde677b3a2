using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace Warm.MLTokenizers;

/// <summary>A tokenizer of Warm's as one of Microsoft.ML.Tokenizers. Normalisation and pre-tokenization are part of it and cannot be switched off.</summary>
internal sealed class WarmTokenizer(Transformers.Tokenizer tokenizer, bool addSpecialTokens) : Tokenizer
{
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        string whole = text ?? textSpan.ToString();
        Transformers.TokenizedText tokens = tokenizer.Encode(whole, addSpecialTokens: addSpecialTokens);
        int count = Math.Min(tokens.Ids.Count, Math.Max(0, settings.MaxTokenCount));
        // What is taken of the text ends where the first token that is left out begins.
        int consumed = count == tokens.Ids.Count ? whole.Length : Math.Max(count == 0 ? 0 : tokens.Offsets[count - 1].End, tokens.Offsets[count].Start);
        return new EncodeResults<EncodedToken>
        {
            Tokens = [.. Enumerable.Range(0, count).Select(i => new EncodedToken(tokens.Ids[i], tokens.Tokens[i], new Range(tokens.Offsets[i].Start, tokens.Offsets[i].End)))],
            NormalizedText = null,
            CharsConsumed = count == 0 && tokens.Ids.Count > 0 ? 0 : consumed,
        };
    }

    public override string Decode(IEnumerable<int> ids) => tokenizer.Decode([.. ids]);

    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        int[] all = [.. ids];
        string text = tokenizer.Decode(all);
        bool fits = text.Length <= destination.Length;
        if (fits) text.CopyTo(destination);
        (idsConsumed, charsWritten) = fits ? (all.Length, text.Length) : (0, 0);
        return fits ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    public override string ToString() => tokenizer.ToString();
}
