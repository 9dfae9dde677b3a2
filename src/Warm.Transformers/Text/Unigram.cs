using System.Text;

namespace Warm.Transformers;

/// <summary>
/// sentencepiece's unigram model: of all ways to cut a piece into vocabulary entries the one whose scores (log-probabilities) sum highest, in double precision.
/// A later way replaces an earlier one only where it is strictly better. A character that is no entry costs ten less than the worst entry; neighbouring
/// unknown characters are one token, spelt as the text spells them.
/// </summary>
internal sealed class Unigram : TokenModel
{
    private const double UnknownPenalty = 10;
    private readonly Dictionary<long, int> _trie = [];
    private readonly List<int> _ids = [-1]; // id of each node's entry, or -1
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int? _unknown;
    private readonly int[]? _bytes;

    /// <summary>Entries with their scores; an entry's id is its place. Of the same entry twice the later counts.</summary>
    public Unigram(IReadOnlyList<(string Token, double Score)> entries, int? unknown, bool byteFallback) : base(Table(entries), entries.Select((entry, id) => (entry.Token, id)))
    {
        _scores = [.. entries.Select(entry => entry.Score)];
        _unknownScore = (_scores.Length > 0 ? _scores.Min() : 0) - UnknownPenalty;
        _unknown = unknown;
        if (byteFallback) _bytes = [.. Enumerable.Range(0, 256).Select(b => Vocabulary.Find($"<0x{b:X2}>"))];
        foreach ((string token, int id) in Vocabulary.Items)
        {
            int node = 0;
            foreach (char c in token)
            {
                long edge = (long)node << 16 | c;
                if (!_trie.TryGetValue(edge, out int next))
                {
                    _trie[edge] = next = _ids.Count;
                    _ids.Add(-1);
                }
                node = next;
            }
            if (node > 0) _ids[node] = id;
        }
    }

    public override string Kind => "Unigram";
    public override int Size => _scores.Length;

    /// <summary>As the text spells it: an unknown token's spelling is the text itself.</summary>
    public override string Spell(ModelToken token, ReadOnlySpan<char> piece) =>
        Vocabulary.Find(piece[token.Start..token.End]) == token.Id || token.Id == _unknown ? piece[token.Start..token.End].ToString() : base.Spell(token, piece);

    public override void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        // best[i]: the best way to units 0..i: its score, where its last token begins, and that token.
        var best = new (double Score, int Start, int Id)[piece.Length + 1];
        for (int i = 1; i < best.Length; i++) best[i].Start = -1;
        for (int start = 0; start < piece.Length;)
        {
            int width = char.IsHighSurrogate(piece[start]) && start + 1 < piece.Length ? 2 : 1;
            bool single = false;
            for (int node = 0, end = start; end < piece.Length && _trie.TryGetValue((long)node << 16 | piece[end], out node);)
            {
                end++;
                if (_ids[node] is not (>= 0 and var id)) continue;
                Offer(start, end, _scores[id], id);
                single |= end - start == width;
            }
            if (!single) Offer(start, start + width, _unknownScore, _unknown ?? throw MissingUnknown());
            start += width;
        }

        int before = tokens.Count;
        for (int end = piece.Length; end > 0;)
        {
            (_, int start, int id) = best[end];
            if (id == _unknown) while (start > 0 && best[start].Id == _unknown) start = best[start].Start; // a run of unknown ones
            Add(piece, start, end, tokens);
            end = start;
        }
        tokens.Reverse(before, tokens.Count - before);

        void Offer(int start, int end, double score, int id)
        {
            double sum = best[start].Score + score;
            if (best[end].Start < 0 || sum > best[end].Score) best[end] = (sum, start, id);
        }
    }

    /// <summary>Adds what units start..end become; the list is built from its end, so bytes go in from the last.</summary>
    private void Add(ReadOnlySpan<char> piece, int start, int end, List<ModelToken> tokens)
    {
        int id = Vocabulary.Find(piece[start..end]);
        if (id < 0 && _bytes is not null)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(piece[start..end].ToString());
            if (Array.TrueForAll(utf8, b => _bytes[b] >= 0))
            {
                for (int i = utf8.Length - 1; i >= 0; i--) tokens.Add(new ModelToken(_bytes[utf8[i]], start, end));
                return;
            }
        }
        tokens.Add(new ModelToken(id >= 0 ? id : _unknown ?? throw MissingUnknown(), start, end));
    }

    private static WarmException MissingUnknown() => new("tokenizer.json", "the Unigram model has no unk_id", "a text with unknown characters needs one", "Use the tokenizer that the model was trained with.");

    private static TokenTable Table(IReadOnlyList<(string Token, double Score)> entries)
    {
        var table = new TokenTable();
        for (int id = 0; id < entries.Count; id++) table.Set(entries[id].Token, id);
        return table;
    }
}
