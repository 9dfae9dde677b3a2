using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>A step on the way from tokens back to text.</summary>
internal abstract class Decoder
{
    public abstract List<string> Apply(List<string> tokens);

    protected static string CleanUp(string text) => text.Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",").Replace(" ' ", "'")
        .Replace(" n't", "n't").Replace(" 'm", "'m").Replace(" do not", " don't").Replace(" 's", "'s").Replace(" 've", "'ve").Replace(" 're", "'re");
}

/// <summary>Steps one after another.</summary>
internal sealed class DecoderSequence(Decoder[] steps) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        foreach (Decoder step in steps) tokens = step.Apply(tokens);
        return tokens;
    }
}

/// <summary>Characters of the byte alphabet become bytes and these UTF-8 text; a token with another character is taken as text.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
        {
            if (token.All(c => ByteAlphabet.ByteOf(c) >= 0)) foreach (char c in token) bytes.Add((byte)ByteAlphabet.ByteOf(c));
            else bytes.AddRange(Encoding.UTF8.GetBytes(token));
        }
        return [Encoding.UTF8.GetString([.. bytes])]; // one U+FFFD for each maximal bad sequence
    }
}

/// <summary>Words apart by blanks, continuations without their prefix; with cleanup the blanks before punctuation and English endings go, token by token.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanUp) : Decoder
{
    public override List<string> Apply(List<string> tokens) => [.. tokens.Select((token, i) =>
    {
        if (i > 0) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        return cleanUp ? CleanUp(token) : token;
    })];
}

/// <summary>Marks become blanks; those of the first token go where the tokenizer put one there.</summary>
internal sealed class MetaspaceDecoder(int mark, MetaspacePrefix prefix) : Decoder
{
    private readonly string _mark = char.ConvertFromUtf32(mark);

    public override List<string> Apply(List<string> tokens) => [.. tokens.Select((token, i) => token.Replace(_mark, i == 0 && prefix != MetaspacePrefix.Never ? "" : " ", StringComparison.Ordinal))];
}

/// <summary>The end-of-word suffix becomes a blank, and nothing in the last token.</summary>
internal sealed class BytePairDecoder(string suffix) : Decoder
{
    public override List<string> Apply(List<string> tokens) => [.. tokens.Select((token, i) => Replaced(token, i == tokens.Count - 1 ? "" : " "))];

    private string Replaced(string token, string by)
    {
        if (suffix.Length > 0) return token.Replace(suffix, by, StringComparison.Ordinal);
        var text = new StringBuilder(by); // an empty suffix stands around every character
        foreach (Rune rune in token.EnumerateRunes()) text.Append(rune).Append(by);
        return text.ToString();
    }
}

/// <summary>All tokens become one.</summary>
internal sealed class FuseDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Takes a character off the ends of every token, so many times at most. (Where both ends overlap the library fails; here nothing is left.)</summary>
internal sealed class StripDecoder(int content, int start, int stop) : Decoder
{
    private readonly string _content = char.ConvertFromUtf32(content);

    public override List<string> Apply(List<string> tokens) => [.. tokens.Select(token =>
    {
        int from = 0, to = token.Length;
        for (int i = 0; i < start && string.CompareOrdinal(token, from, _content, 0, _content.Length) == 0; i++) from += _content.Length;
        for (int i = 0; i < stop && to >= _content.Length && string.CompareOrdinal(token, to - _content.Length, _content, 0, _content.Length) == 0; i++) to -= _content.Length;
        return from < to ? token[from..to] : "";
    })];
}

/// <summary>Replaces matches in every token.</summary>
internal sealed class ReplaceDecoder(TextPattern pattern, string content) : Decoder
{
    public override List<string> Apply(List<string> tokens) => [.. tokens.Select(token =>
    {
        var matches = new List<(int Start, int End)>();
        if (token.Length > 0) pattern.Matches(token, matches); // an empty token stays empty, whatever matches nothing
        var text = new StringBuilder();
        int last = 0;
        foreach ((int start, int end) in matches)
        {
            text.Append(token, last, start - last).Append(content);
            last = end;
        }
        return text.Append(token, last, token.Length - last).ToString();
    })];
}

/// <summary>Runs of <c>&lt;0xNN&gt;</c> become UTF-8 text, or one U+FFFD for each byte where they are not.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Apply(List<string> tokens)
    {
        var result = new List<string>();
        var run = new List<byte>();
        foreach (string token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' && char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4]))
            {
                run.Add(byte.Parse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                continue;
            }
            Flush();
            result.Add(token);
        }
        Flush();
        return result;

        void Flush()
        {
            if (run.Count == 0) return;
            try { result.Add(s_strict.GetString([.. run])); }
            catch (DecoderFallbackException) { result.AddRange(Enumerable.Repeat("\uFFFD", run.Count)); }
            run.Clear();
        }
    }
}

/// <summary>Speech models' way: repeated tokens are one, padding goes, the delimiter is a blank.</summary>
internal sealed class CtcDecoder(string pad, string delimiter, bool cleanUp) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var result = new List<string>();
        string? before = null;
        foreach (string token in tokens)
        {
            if (token == before) continue;
            before = token;
            string text = pad.Length > 0 ? token.Replace(pad, "", StringComparison.Ordinal) : token;
            if (cleanUp)
            {
                text = CleanUp(text);
                if (delimiter.Length > 0) text = text.Replace(delimiter, " ", StringComparison.Ordinal);
            }
            if (text.Length > 0) result.Add(text);
        }
        return result;
    }
}
