namespace Warm.Transformers;

/// <summary>
/// WordPiece: the longest vocabulary entry that begins the piece, then the longest continuation (spelt with the prefix, usually ##), and so on; where a rest
/// has none the whole piece is the unknown token.
/// </summary>
internal sealed class WordPiece : TokenModel
{
    private readonly TokenTable _continuations = new();
    private readonly string? _unknown;
    private readonly int _longestWord, _longestToken;

    public WordPiece(TokenTable vocabulary, string unknown, string prefix, int longestWord) : base(vocabulary)
    {
        foreach ((string token, int id) in vocabulary.Items)
        {
            _longestToken = Math.Max(_longestToken, token.Length);
            if (token.Length > prefix.Length && token.StartsWith(prefix, StringComparison.Ordinal)) _continuations.Set(token[prefix.Length..], id);
        }
        (_unknown, _longestWord) = (unknown, longestWord);
    }

    public override string Kind => "WordPiece";

    public override void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        int before = tokens.Count;
        if (piece.Length > _longestWord && Points(piece) > _longestWord) { Unknown(piece, tokens, before); return; }
        for (int start = 0; start < piece.Length;)
        {
            TokenTable table = start == 0 ? Vocabulary : _continuations;
            int id = -1, end = Math.Min(piece.Length, start + _longestToken);
            for (; end > start; end--)
                if ((id = table.Find(piece[start..end])) >= 0) break;
            if (id < 0) { Unknown(piece, tokens, before); return; }
            tokens.Add(new ModelToken(id, start, end));
            start = end;
        }
    }

    private void Unknown(ReadOnlySpan<char> piece, List<ModelToken> tokens, int before)
    {
        tokens.RemoveRange(before, tokens.Count - before);
        tokens.Add(new ModelToken(Needed(_unknown, "WordPiece"), 0, piece.Length));
    }

    private static int Points(ReadOnlySpan<char> piece)
    {
        int points = piece.Length;
        foreach (char unit in piece) if (char.IsLowSurrogate(unit)) points--;
        return points;
    }
}

/// <summary>A piece is a vocabulary entry or unknown.</summary>
internal sealed class WordLevel(TokenTable vocabulary, string unknown) : TokenModel(vocabulary)
{
    public override string Kind => "WordLevel";

    public override void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        int id = Vocabulary.Find(piece);
        tokens.Add(new ModelToken(id >= 0 ? id : Needed(unknown, "WordLevel"), 0, piece.Length));
    }
}
