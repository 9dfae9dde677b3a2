namespace Warm.Transformers;

/// <summary>What a Split or Replace step looks for: a literal string or a regex. Matches do not overlap and come from left to right.</summary>
internal abstract class TextPattern
{
    /// <summary>Adds the matches (units), those of no length included.</summary>
    public abstract void Matches(ReadOnlySpan<char> text, List<(int Start, int End)> matches);
}

/// <summary>A literal string, not empty.</summary>
internal sealed class LiteralPattern(string literal) : TextPattern
{
    public override void Matches(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (int at = 0; at <= text.Length - literal.Length; at += literal.Length)
        {
            int found = text[at..].IndexOf(literal, StringComparison.Ordinal);
            if (found < 0) return;
            at += found;
            matches.Add((at, at + literal.Length));
        }
    }
}
