namespace Warm.Transformers;

/// <summary>A step that rewrites a stretch of text before it is cut into pieces, keeping for every unit the original span behind it.</summary>
internal abstract class Normalizer
{
    /// <summary>The rewritten text; the same object where nothing changes.</summary>
    public abstract AlignedText Apply(AlignedText text);

    /// <summary>
    /// The library's way of saying what became of a text: for each new point how the old text moves on. 0: takes the place (and the span) of the next old
    /// point. +1: inserted, takes the span of the old point before. -n: takes the place of the next old point and swallows n more.
    /// </summary>
    protected static AlignedText Transform(AlignedText text, List<(int Point, int Change)> points, int skip = 0)
    {
        var result = new AlignedText(text.Aligned, text.Length + 8);
        int at = 0;
        for (int i = 0; i < skip; i++) Step();
        foreach ((int point, int change) in points)
        {
            if (change > 0) { result.Push(point, text, at - 1, text.Origin); continue; }
            result.Push(point, text, Math.Min(at, text.Length - 1), text.Origin);
            for (int i = change; i <= 0; i++) Step();
        }
        return result;

        void Step()
        {
            if (at >= text.Length) return;
            text.PointAt(at, out int width);
            at += width;
        }
    }

    /// <summary>The points that are kept, with their spans.</summary>
    protected static AlignedText Keep(AlignedText text, Func<int, bool> keep)
    {
        AlignedText? result = null;
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            bool kept = keep(point);
            if (!kept && result is null)
            {
                result = new AlignedText(text.Aligned, text.Length);
                result.Append(text, 0, at);
            }
            else if (kept && result is not null) result.Append(text, at, at + width);
            at += width;
        }
        return result ?? text;
    }
}

/// <summary>Steps one after another.</summary>
internal sealed class NormalizerSequence(Normalizer[] steps) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        foreach (Normalizer step in steps) text = step.Apply(text);
        return text;
    }
}

/// <summary>Lower case, character by character with the full mapping: no final-sigma rule, <c>İ</c> becomes i and U+0307.</summary>
internal sealed class Lowercase : Normalizer
{
    private static readonly Dictionary<int, int[]> s_map = UnicodeTables.Map("lowercase");

    public static Lowercase Instance { get; } = new();

    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText(text.Aligned, text.Length);
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            if (point < 128) result.Push(point is >= 'A' and <= 'Z' ? point | 32 : point, text, at);
            else if (s_map.TryGetValue(point, out int[]? lower)) foreach (int each in lower) result.Push(each, text, at);
            else result.Push(point, text, at);
            at += width;
        }
        return result;
    }
}

/// <summary>Drops combining marks (Mn, Mc and Me of an older Unicode) and does not decompose first: é stays.</summary>
internal sealed class StripAccents : Normalizer
{
    private static readonly CodePointSet s_removed = UnicodeTables.Set("StripAccents-removed");

    public override AlignedText Apply(AlignedText text) => Keep(text, point => !s_removed.Contains(point));
}

/// <summary>Drops white space at the ends.</summary>
internal sealed class StripSpaces(bool left, bool right) : Normalizer
{
    private static readonly CodePointSet s_space = UnicodeTables.Set("Strip");

    public override AlignedText Apply(AlignedText text)
    {
        int start = 0, end = text.Length; // no white space lies beyond U+FFFF
        while (left && start < end && s_space.Contains(text[start])) start++;
        while (right && end > start && s_space.Contains(text[end - 1])) end--;
        return start == 0 && end == text.Length ? text : text.Slice(start, end);
    }
}

/// <summary>Puts a string before every stretch that is not empty; it stands for the first character.</summary>
internal sealed class Prepend(string what) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        if (text.Length == 0 || what.Length == 0) return text;
        var result = new AlignedText(text.Aligned, text.Length + what.Length);
        foreach (System.Text.Rune rune in what.EnumerateRunes()) result.Push(rune.Value, text, 0);
        result.Append(text, 0, text.Length);
        return result;
    }
}

/// <summary>Removes some controls and turns others (and some white space) into a blank, as the NMT code once did.</summary>
internal sealed class NmtNormalizer : Normalizer
{
    private static readonly CodePointSet s_removed = UnicodeTables.Set("Nmt-removed"), s_spaces = UnicodeTables.Set("Nmt-to-space");

    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText(text.Aligned, text.Length);
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            if (!s_removed.Contains(point)) result.Push(s_spaces.Contains(point) ? ' ' : point, text, at);
            at += width;
        }
        return result;
    }
}

/// <summary>Replaces every match of a string or regex by a literal text, which points to the last character replaced.</summary>
internal sealed class ReplaceMatches(TextPattern pattern, string content) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        if (text.Length == 0) return text;
        var matches = new List<(int Start, int End)>();
        pattern.Matches(text.Units, matches);
        if (matches.Count == 0) return text;
        var result = new AlignedText(text.Aligned, text.Length + 8);
        int last = 0;
        foreach ((int start, int end) in matches)
        {
            result.Append(text, last, start);
            foreach (System.Text.Rune rune in content.EnumerateRunes()) result.Push(rune.Value, text, end - 1, text.Origin);
            last = end;
        }
        result.Append(text, last, text.Length);
        return result;
    }
}

/// <summary>UTF-8 bytes in the printable alphabet, already as a normalizer.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var result = new AlignedText(text.Aligned, text.Length);
        ByteAlphabet.Push(text, 0, text.Length, result);
        return result;
    }
}
