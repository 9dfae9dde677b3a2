namespace Warm.Transformers;

/// <summary>
/// Where the tokens of several texts lie in the rows of a matrix. Texts are packed end to end, never padded. Where the model is causal, texts that begin with the
/// same ids share those rows: the shared beginnings form a tree of <see cref="Segments"/>, and a text is the path from a root to its last segment.
/// The same for every engine. Immutable.
/// </summary>
public sealed class BatchLayout
{
    private readonly int[] _ids, _positions, _typeIds;
    private readonly bool[]? _attended;
    private readonly Segment[] _segments;
    private readonly int[] _last;

    private BatchLayout(int[] ids, int[] positions, int[] typeIds, bool[]? attended, Segment[] segments, int[] last, int tokens)
    {
        (_ids, _positions, _typeIds, _attended, _segments, _last, Tokens) = (ids, positions, typeIds, attended, segments, last, tokens);
    }

    /// <summary>A layout whose segments are known: of a <see cref="KeyValueCache"/>. Positions count from the texts' beginnings.</summary>
    internal BatchLayout(int[] ids, Segment[] segments, int[] last, KeyValueCache? cache)
    {
        (_ids, _typeIds, _segments, _last, Tokens, Cache) = (ids, new int[ids.Length], segments, last, ids.Length, cache);
        _positions = new int[ids.Length];
        foreach (Segment segment in segments)
            for (int i = 0; i < segment.Length; i++) _positions[segment.Row + i] = segment.Start + i;
    }

    /// <summary>Where the keys and values of the texts' earlier tokens are kept, and where those of these rows go; null for texts that are computed once and forgotten.</summary>
    public KeyValueCache? Cache { get; }

    /// <summary>A run of rows: tokens <see cref="Start"/> .. Start + Length - 1 of every text that passes through it.</summary>
    /// <param name="Row">Its first row.</param>
    /// <param name="Length">Number of rows, at least 1.</param>
    /// <param name="Start">Index in the text of its first token.</param>
    /// <param name="Parent">The segment that holds the tokens before, or -1 where Start is 0 or a cache holds them. Always a lower number.</param>
    public readonly record struct Segment(int Row, int Length, int Start, int Parent);

    /// <summary>Number of rows that are computed.</summary>
    public int Rows => _ids.Length;

    /// <summary>Number of tokens of all texts, shared ones counted once for each text.</summary>
    public int Tokens { get; }

    /// <summary>Number of texts.</summary>
    public int Texts => _last.Length;

    /// <summary>Token id of each row.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>Position of each row for position tables and rotation: the token's index in its text unless given otherwise.</summary>
    public ReadOnlySpan<int> Positions => _positions;

    /// <summary>Token type of each row, 0 unless given.</summary>
    public ReadOnlySpan<int> TypeIds => _typeIds;

    /// <summary>Whether each row is attended as a key; empty where all are.</summary>
    public ReadOnlySpan<bool> Attended => _attended;

    /// <summary>All segments, parents before children. Segments and rows are in the same order.</summary>
    public ReadOnlySpan<Segment> Segments => _segments;

    /// <summary>The segment in which a text ends.</summary>
    public int LastSegment(int text) => _last[text];

    /// <summary>Number of tokens of a text.</summary>
    public int Length(int text)
    {
        Segment last = _segments[_last[text]];
        return last.Start + last.Length;
    }

    /// <summary>Number of tokens of the longest text.</summary>
    internal int Longest
    {
        get
        {
            int longest = 0;
            for (int text = 0; text < Texts; text++) longest = Math.Max(longest, Length(text));
            return longest;
        }
    }

    /// <summary>Index of the first token of a text that has a row: 0, unless a cache holds what comes before.</summary>
    public int First(int text)
    {
        int segment = _last[text];
        while (_segments[segment].Parent >= 0) segment = _segments[segment].Parent;
        return _segments[segment].Start;
    }

    /// <summary>The row of a text's token <paramref name="index"/>.</summary>
    public int RowOf(int text, int index)
    {
        if ((uint)index >= (uint)Length(text)) throw new ArgumentOutOfRangeException(nameof(index), index, $"The text has {Length(text)} tokens.");
        if (Cache is not null && index < First(text)) throw new ArgumentOutOfRangeException(nameof(index), index, $"The rows begin at token {First(text)}.");
        int segment = _last[text];
        while (_segments[segment].Start > index) segment = _segments[segment].Parent;
        return _segments[segment].Row + index - _segments[segment].Start;
    }

    /// <summary>Lays texts out.</summary>
    /// <param name="texts">Token ids of each text, each at least one.</param>
    /// <param name="shareBeginnings">Whether common beginnings are computed once: only for causal models whose rotation does not depend on the length.</param>
    /// <param name="typeIds">Token types of each text, or null. Texts share a token only where id and type agree.</param>
    /// <param name="positions">Positions of each text, or null. Given positions switch sharing off.</param>
    /// <param name="attended">Which tokens of each text are attended as keys, or null. A given mask switches sharing off.</param>
    public static BatchLayout Of(IReadOnlyList<IReadOnlyList<int>> texts, bool shareBeginnings = false, IReadOnlyList<IReadOnlyList<int>?>? typeIds = null,
        IReadOnlyList<IReadOnlyList<int>>? positions = null, IReadOnlyList<IReadOnlyList<bool>>? attended = null)
    {
        foreach (IReadOnlyList<int> text in texts)
            if (text.Count == 0) throw new ArgumentException("A text has no tokens.", nameof(texts));
        bool share = shareBeginnings && positions is null && attended is null;
        long Key(int text, int index) => (long)(typeIds?[text]?[index] ?? 0) << 32 | (uint)texts[text][index];

        // Sorted by ids, texts with a common beginning are neighbours; common[i] is how much text order[i] shares with order[i - 1].
        int[] order = [.. Enumerable.Range(0, texts.Count)];
        int[] common = new int[texts.Count];
        if (share)
        {
            Array.Sort(order, (a, b) =>
            {
                int shorter = Math.Min(texts[a].Count, texts[b].Count);
                for (int i = 0; i < shorter; i++)
                    if (Key(a, i) != Key(b, i)) return Key(a, i).CompareTo(Key(b, i));
                return texts[a].Count != texts[b].Count ? texts[a].Count.CompareTo(texts[b].Count) : a.CompareTo(b);
            });
            for (int n = 1; n < order.Length; n++)
            {
                int a = order[n - 1], b = order[n], shorter = Math.Min(texts[a].Count, texts[b].Count);
                while (common[n] < shorter && Key(a, common[n]) == Key(b, common[n])) common[n]++;
            }
        }

        var ids = new List<int>();
        var rowPositions = new List<int>();
        var rowTypes = new List<int>();
        List<bool>? rowAttended = attended is null ? null : [];
        var segments = new List<Segment>();
        int[] last = new int[texts.Count];
        int tokens = 0;
        var path = new List<int>(); // segments of the text before, root first
        for (int n = 0; n < order.Length; n++)
        {
            int text = order[n], length = texts[text].Count;
            tokens = checked(tokens + length);
            // Later texts can only branch off where segments end, so a text is cut wherever a later neighbour leaves it before anyone else did.
            while (path.Count > 0 && segments[path[^1]].Start >= common[n]) path.RemoveAt(path.Count - 1);
            int start = path.Count == 0 ? 0 : segments[path[^1]].Start + segments[path[^1]].Length;
            var cuts = new SortedSet<int> { length };
            for (int m = n + 1, shared = int.MaxValue; m < order.Length && (shared = Math.Min(shared, common[m])) > start; m++) cuts.Add(Math.Min(shared, length));
            foreach (int end in cuts)
            {
                if (end <= start) continue;
                segments.Add(new(ids.Count, end - start, start, path.Count == 0 ? -1 : path[^1]));
                path.Add(segments.Count - 1);
                for (int i = start; i < end; i++)
                {
                    ids.Add(texts[text][i]);
                    rowPositions.Add(positions?[text][i] ?? i);
                    rowTypes.Add(typeIds?[text]?[i] ?? 0);
                    rowAttended?.Add(attended![text][i]);
                }
                start = end;
            }
            last[text] = path[^1];
        }
        return new([.. ids], [.. rowPositions], [.. rowTypes], rowAttended?.ToArray(), [.. segments], last, tokens);
    }

    /// <summary><c>8 texts, 1,840 tokens in 440 rows</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Texts:N0} texts, {Tokens:N0} tokens in {Rows:N0} rows");
}
