namespace Warm.Transformers;

/// <summary>A regex in Oniguruma's Ruby syntax, over code points, with the library's classes.</summary>
internal sealed class RegexPattern : TextPattern
{
    private readonly RegexProgram _program;
    private readonly string _pattern;

    /// <summary>Reads and compiles a pattern. Throws <see cref="FormatException"/>, saying what is wrong or not built.</summary>
    public RegexPattern(string pattern)
    {
        (RegexNode node, int groups) = RegexParser.Parse(pattern);
        (_program, _pattern) = (new RegexProgram(node, groups), pattern);
    }

    /// <summary><c>\w</c></summary>
    public static CodePointSet Word { get; } = UnicodeTables.Set("class-w");

    /// <summary><c>\s</c></summary>
    public static CodePointSet Space { get; } = UnicodeTables.Set("class-s");

    public override void Matches(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        var matcher = new RegexMatcher(_program, text);
        try
        {
            for (int from = 0, lastEnd = -1; from <= text.Length && matcher.Search(from, out int start, out int end);)
            {
                if (start == end && end == lastEnd) // an empty match right behind the last one does not count
                {
                    from = end + (end < text.Length && char.IsHighSurrogate(text[end]) ? 2 : 1);
                    continue;
                }
                matches.Add((start, end));
                from = lastEnd = end;
            }
        }
        catch (TimeoutException)
        {
            throw new WarmException("tokenizer.json", $"its regex {_pattern} takes too many steps on this text ({text.Length:N0} characters)", null, "The pattern backtracks without end; use a tokenizer without it.");
        }
    }

    public override string ToString() => _pattern;
}
