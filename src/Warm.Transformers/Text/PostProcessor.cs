namespace Warm.Transformers;

/// <summary>One place of a post-processor's template: a special token, or (Sequence 0 or 1) the first or second text.</summary>
internal readonly record struct TemplatePart(int Sequence, int TypeId, int Id = -1, string Token = "")
{
    public static TemplatePart First(int typeId = 0) => new(0, typeId);
    public static TemplatePart Second(int typeId = 1) => new(1, typeId);
    public static TemplatePart Special(int id, string token, int typeId = 0) => new(-1, typeId, id, token);
}

/// <summary>What is done to the tokens of a text or a pair at the end: spans trimmed of white space, special tokens put around, types given.</summary>
internal sealed record PostProcessor
{
    private static readonly CodePointSet s_space = RegexPattern.Space;

    /// <summary>The order of things for one text.</summary>
    public IReadOnlyList<TemplatePart> Single { get; init; } = [TemplatePart.First()];

    /// <summary>The order of things for two.</summary>
    public IReadOnlyList<TemplatePart> Pair { get; init; } = [TemplatePart.First(), TemplatePart.Second()];

    /// <summary>How spans are trimmed, once for each entry: true where a single leading blank of the first token is the tokenizer's own and so not taken off.</summary>
    public IReadOnlyList<bool> Trims { get; init; } = [];

    /// <summary>Shrinks a token's span by the white space that its spelling begins and ends with: as many characters (code points) of the text, whatever they are.</summary>
    public (int Start, int End) Trim((int Start, int End) span, string token, bool isFirst, string text)
    {
        foreach (bool prefixSpace in Trims)
        {
            int leading = 0, trailing = 0;
            while (leading < token.Length && IsSpace(token[leading])) leading++;
            while (trailing < token.Length && IsSpace(token[^(trailing + 1)])) trailing++;
            if (leading == 1 && prefixSpace && (isFirst || span.Start == 0)) leading = 0;
            (int start, int end) = span;
            for (int i = 0; i < leading && start < end; i++) start += char.IsHighSurrogate(text[start]) && start + 1 < text.Length && char.IsLowSurrogate(text[start + 1]) ? 2 : 1;
            for (int i = 0; i < trailing && end > start; i++) end -= end >= 2 && char.IsLowSurrogate(text[end - 1]) && char.IsHighSurrogate(text[end - 2]) ? 2 : 1;
            span = (start, end);
        }
        return span;

        static bool IsSpace(char c) => c == 'Ġ' || s_space.Contains(c);
    }
}
