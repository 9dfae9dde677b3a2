using System.Buffers;

namespace Warm.Transformers;

/// <summary>A set of added tokens to search for: leftmost match first, the longest of those that begin at one place.</summary>
internal sealed class AddedTokens
{
    private readonly List<(Dictionary<char, int>? Next, AddedToken? Token)> _nodes = [(null, null)];
    private readonly SearchValues<char> _first;
    private readonly bool _passSpecial;

    /// <summary>Tokens under the spellings to search for; among equal spellings the first counts. Special ones can be passed over where they are found: they are then text.</summary>
    public AddedTokens(IEnumerable<(string Spelling, AddedToken Token)> tokens, bool passSpecial = false)
    {
        _passSpecial = passSpecial;
        var first = new HashSet<char>();
        foreach ((string spelling, AddedToken token) in tokens)
        {
            if (spelling.Length == 0) continue;
            first.Add(spelling[0]);
            int node = 0;
            foreach (char c in spelling)
            {
                Dictionary<char, int> next = _nodes[node].Next ?? [];
                _nodes[node] = (next, _nodes[node].Token);
                if (!next.TryGetValue(c, out int child))
                {
                    next[c] = child = _nodes.Count;
                    _nodes.Add((null, null));
                }
                node = child;
            }
            if (_nodes[node].Token is null) _nodes[node] = (_nodes[node].Next, token);
        }
        _first = SearchValues.Create([.. first]);
    }

    public bool IsEmpty => _nodes.Count == 1;

    /// <summary>Whether any of the tokens stands in a text.</summary>
    public bool Occurs(ReadOnlySpan<char> text)
    {
        int at = 0;
        return Next(text, ref at, out _) is not null;
    }

    /// <summary>The stretches of a text, in order: between tokens (Token null, not empty) and the tokens themselves with the white space that they take.</summary>
    public List<(int Start, int End, AddedToken? Token)> Cut(ReadOnlySpan<char> text)
    {
        var parts = new List<(int, int, AddedToken?)>();
        int done = 0, at = 0;
        while (Next(text, ref at, out int length) is { } token)
        {
            int start = at, end = at + length;
            at = end;
            if (_passSpecial && token.Special) continue;
            if (token.SingleWord && ((start > 0 && IsWordBefore(text, start)) || (end < text.Length && IsWordAt(text, end)))) continue;
            if (token.LeftStrip)
            {
                while (start > 0 && RegexPattern.Space.Contains(text[start - 1])) start--;
                start = Math.Max(start, done); // what the token before has taken stays there
            }
            if (token.RightStrip) while (end < text.Length && RegexPattern.Space.Contains(text[end])) end++;
            if (start >= end) continue; // the token before has swallowed all of it
            if (start > done) parts.Add((done, start, null));
            parts.Add((start, end, token));
            done = end;
        }
        if (done < text.Length) parts.Add((done, text.Length, null));
        return parts;
    }

    private AddedToken? Next(ReadOnlySpan<char> text, ref int at, out int length)
    {
        while (at < text.Length)
        {
            int skip = text[at..].IndexOfAny(_first);
            if (skip < 0) break;
            at += skip;
            AddedToken? found = null;
            length = 0;
            for (int node = 0, i = at; i < text.Length && _nodes[node].Next is { } next && next.TryGetValue(text[i], out node);)
            {
                i++;
                if (_nodes[node].Token is { } token) (found, length) = (token, i - at);
            }
            if (found is not null) return found;
            at++;
        }
        length = 0;
        return null;
    }

    private static bool IsWordAt(ReadOnlySpan<char> text, int at) =>
        SplitAt.Words.Contains(char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at]);

    private static bool IsWordBefore(ReadOnlySpan<char> text, int at) => IsWordAt(text, char.IsLowSurrogate(text[at - 1]) && at >= 2 ? at - 2 : at - 1);
}
