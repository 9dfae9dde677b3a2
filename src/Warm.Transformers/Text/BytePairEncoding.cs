using System.Text;

namespace Warm.Transformers;

/// <summary>
/// Byte-pair encoding: a piece begins as its code points; the adjacent pair of the lowest rank is merged, the leftmost among equals, until no pair has a
/// rank. Short pieces are scanned, long ones (a million equal letters) go through a heap.
/// </summary>
internal sealed class BytePairEncoding : TokenModel
{
    private const int ScanLimit = 64;
    private readonly MergeTable _merges;
    private readonly BytePairOptions _options;
    private readonly int[] _single = new int[0x250]; // ids of one-character entries: all of the byte alphabet and more
    private readonly int[]? _bytes;
    private readonly bool _decorates, _bytesStand; // whether bytes stand for every character that is not in the vocabulary, and no merge is about them
    private readonly MergeTable? _joins; // code points that some merge brings together; null where pieces are not cut into stretches

    public BytePairEncoding(TokenTable vocabulary, MergeTable merges, BytePairOptions options, bool byteLevel) : base(vocabulary)
    {
        (_merges, _options) = (merges, options);
        Span<char> one = stackalloc char[1];
        for (int c = 0; c < _single.Length; c++)
        {
            one[0] = (char)c;
            _single[c] = vocabulary.Find(one);
        }
        if (options.ByteFallback) _bytes = [.. Enumerable.Range(0, 256).Select(b => vocabulary.Find($"<0x{b:X2}>"))];
        _decorates = options.ContinuingPrefix.Length > 0 || options.EndOfWordSuffix.Length > 0;
        _bytesStand = _bytes is not null && !_bytes.Contains(-1) && !merges.Pairs.Any(pair => _bytes.Contains(pair.Left) || _bytes.Contains(pair.Right));
        _joins = Joins();
        Kind = byteLevel ? "BPE (byte level)" : options.ByteFallback ? "BPE (byte fallback)" : "BPE";
    }

    public override string Kind { get; }

    public override void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        if (_options.IgnoreMerges && Vocabulary.Find(piece) is >= 0 and int whole)
        {
            tokens.Add(new ModelToken(whole, 0, piece.Length));
            return;
        }
        Span<Symbol> symbols = piece.Length <= ScanLimit ? stackalloc Symbol[ScanLimit] : new Symbol[piece.Length];
        int count = _decorates ? -1 : Known(piece, symbols);
        if (count < 0)
        {
            WithUnknown(piece, tokens);
            return;
        }
        count = Merge(symbols[..count]);
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            tokens.Add(new ModelToken(symbols[i].Id, at, at + symbols[i].Length));
            at += symbols[i].Length;
        }
    }

    /// <summary>
    /// Up to the first place where no merge brings the characters on both sides together: what lies before it and behind it is merged alike alone. Models that see a whole
    /// text as one piece (Llama 2, Gemma) are so cut into words, which are remembered. Nothing is cut beside an unknown character.
    /// </summary>
    public override int StretchEnd(ReadOnlySpan<char> piece, int start)
    {
        if (_joins is null) return piece.Length;
        int before = -1;
        for (int at = start; at < piece.Length;)
        {
            int point = piece[at], width = 1;
            if (char.IsHighSurrogate((char)point) && at + 1 < piece.Length) (point, width) = (char.ConvertToUtf32((char)point, piece[at + 1]), 2);
            bool known = _bytesStand || (point < _single.Length ? _single[point] : Vocabulary.Find(piece.Slice(at, width))) >= 0;
            if (known && before >= 0 && _joins.Find(before, point).Id < 0) return at;
            before = known ? point : -1;
            at += width;
        }
        return piece.Length;
    }

    /// <summary>The pairs of characters on both sides of every merge; null where the model does more than merge, or where a character can vanish and shift what is behind it.</summary>
    private MergeTable? Joins()
    {
        bool vanishes = _options.Unknown is null && (_bytes is null || _bytes.Contains(-1));
        if (_decorates || _options.IgnoreMerges || vanishes || Vocabulary.Find("") >= 0 || Vocabulary.Items.DistinctBy(item => item.Value).Count() < Vocabulary.Count) return null;
        (int, int)[] pairs = [.. _merges.Pairs.Select(pair => (Last(TokenOf(pair.Left)!), Rune.GetRuneAt(TokenOf(pair.Right)!, 0).Value)).Distinct()];
        var joins = new MergeTable(pairs.Length);
        foreach ((int left, int right) in pairs) joins.Set(left, right, 0, 0);
        return joins;
    }

    private static int Last(string token)
    {
        Rune.DecodeLastFromUtf16(token, out Rune rune, out _);
        return rune.Value;
    }

    /// <summary>A symbol; its length is in units (or bytes, where characters can vanish), its rank that of the pair it begins.</summary>
    private struct Symbol
    {
        public int Id, Length, Rank, Merged;
    }

    /// <summary>The symbols of a piece all of whose characters are in the vocabulary; -1 where one is not.</summary>
    private int Known(ReadOnlySpan<char> piece, Span<Symbol> symbols)
    {
        int count = 0;
        for (int at = 0; at < piece.Length; count++)
        {
            char c = piece[at];
            int width = char.IsHighSurrogate(c) && at + 1 < piece.Length ? 2 : 1;
            int id = c < _single.Length ? _single[c] : Vocabulary.Find(piece.Slice(at, width));
            if (id < 0) return -1;
            symbols[count] = new Symbol { Id = id, Length = width };
            at += width;
        }
        return count;
    }

    private int Merge(Span<Symbol> symbols)
    {
        if (symbols.Length > ScanLimit) return MergeByHeap(symbols);
        int count = symbols.Length;
        for (int i = 0; i < count - 1; i++) (symbols[i].Rank, symbols[i].Merged) = _merges.Find(symbols[i].Id, symbols[i + 1].Id);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++) if (symbols[i].Rank < symbols[best].Rank) best = i;
            if (symbols[best].Rank == int.MaxValue) break;
            symbols[best].Id = symbols[best].Merged;
            symbols[best].Length += symbols[best + 1].Length;
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            count--;
            if (best < count - 1) (symbols[best].Rank, symbols[best].Merged) = _merges.Find(symbols[best].Id, symbols[best + 1].Id);
            if (best > 0) (symbols[best - 1].Rank, symbols[best - 1].Merged) = _merges.Find(symbols[best - 1].Id, symbols[best].Id);
        }
        return count;
    }

    /// <summary>The same in n log n: pairs wait in a heap, those that changed since are passed over when they come up.</summary>
    private int MergeByHeap(Span<Symbol> symbols)
    {
        int[] before = new int[symbols.Length], after = new int[symbols.Length];
        var heap = new PriorityQueue<(int At, int Id), (int Rank, int At)>(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            (before[i], after[i]) = (i - 1, i + 1 < symbols.Length ? i + 1 : -1);
            Enter(symbols, i);
        }
        while (heap.TryDequeue(out (int At, int Id) top, out _))
        {
            int next = after[top.At];
            if (symbols[top.At].Length == 0 || next < 0 || _merges.Find(symbols[top.At].Id, symbols[next].Id).Id != top.Id) continue;
            symbols[top.At].Id = top.Id;
            symbols[top.At].Length += symbols[next].Length;
            symbols[next].Length = 0;
            after[top.At] = after[next];
            if (after[next] >= 0) before[after[next]] = top.At;
            if (before[top.At] >= 0) Enter(symbols, before[top.At]);
            Enter(symbols, top.At);
        }
        int count = 0;
        for (int i = 0; i >= 0; i = after[i]) symbols[count++] = symbols[i];
        return count;

        void Enter(Span<Symbol> symbols, int at)
        {
            if (after[at] < 0) return;
            (int rank, int id) = _merges.Find(symbols[at].Id, symbols[after[at]].Id);
            if (id >= 0) heap.Enqueue((at, id), (rank, at));
        }
    }

    /// <summary>
    /// The library's rules for decorated and for unknown characters. Lengths are UTF-8 bytes here: a character that vanishes (no unknown token) shifts the
    /// spans of those behind it, byte by byte, and so it does in the library.
    /// </summary>
    private void WithUnknown(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var symbols = new List<Symbol>(piece.Length);
        var byteUnits = new List<(int Start, int End)>(piece.Length * 2); // the units of the character that each byte belongs to
        Symbol? unknown = null;
        Span<byte> utf8 = stackalloc byte[4];
        for (int at = 0; at < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece[at..], out Rune rune, out int width);
            int bytes = rune.EncodeToUtf8(utf8);
            for (int i = 0; i < bytes; i++) byteUnits.Add((at, at + width));
            string spelt = (at > 0 ? _options.ContinuingPrefix : "") + rune + (at + width == piece.Length ? _options.EndOfWordSuffix : "");
            at += width;
            if (Vocabulary.Find(spelt) is >= 0 and int id)
            {
                if (unknown is { } waiting) symbols.Add(waiting);
                unknown = null;
                symbols.Add(new Symbol { Id = id, Length = bytes });
            }
            else if (_bytes is not null && Encoding.UTF8.GetBytes(spelt) is { } spelling && Array.TrueForAll(spelling, b => _bytes[b] >= 0))
                foreach (byte b in spelling) symbols.Add(new Symbol { Id = _bytes[b], Length = 1 }); // an unknown that waits comes behind them, as in the library
            else if (_options.Unknown is not null)
            {
                if (unknown is { } waiting && _options.FuseUnknown) unknown = waiting with { Length = waiting.Length + bytes };
                else
                {
                    if (unknown is { } previous) symbols.Add(previous);
                    unknown = new Symbol { Id = Needed(_options.Unknown, "BPE"), Length = bytes };
                }
            }
        }
        if (unknown is { } last) symbols.Add(last);
        Symbol[] merged = [.. symbols];
        int count = Merge(merged), position = 0;
        for (int i = 0; i < count; i++)
        {
            int start = Math.Min(position, byteUnits.Count - 1), end = Math.Min(position + merged[i].Length, byteUnits.Count) - 1;
            tokens.Add(new ModelToken(merged[i].Id, byteUnits[start].Start, byteUnits[Math.Max(start, end)].End));
            position += merged[i].Length;
        }
    }
}

/// <summary>What a BPE model's fields say.</summary>
internal sealed record BytePairOptions
{
    public string? Unknown { get; init; }
    public string ContinuingPrefix { get; init; } = "";
    public string EndOfWordSuffix { get; init; } = "";
    public bool FuseUnknown { get; init; }
    public bool ByteFallback { get; init; }
    public bool IgnoreMerges { get; init; }
}
