using System.Runtime.InteropServices;

namespace Warm.Transformers;

/// <summary>The tokens of pieces that were seen in this call; most words of a text come again. Short pieces only, and a bounded number of them.</summary>
internal sealed class WordCache
{
    private const int LongestPiece = 40, MostPieces = 1 << 16;
    private int[] _table = new int[256]; // 1 + index of a word; 0: free
    private readonly List<Word> _words = [];
    private readonly List<ModelToken> _tokens = [], _once = [];
    private char[] _text = new char[1024];
    private int _used;

    private readonly record struct Word(uint Hash, int Start, int Length, int First, int Count);

    /// <summary>The tokens of a piece; the span is good until the next call. A long piece goes through the model in stretches, as far as it has such.</summary>
    public ReadOnlySpan<ModelToken> Tokens(ReadOnlySpan<char> piece, TokenModel model)
    {
        if (piece.Length <= LongestPiece) return Known(piece, model);
        _once.Clear();
        for (int start = 0, end; start < piece.Length; start = end)
        {
            end = model.StretchEnd(piece, start);
            int first = _once.Count;
            if (end - start <= LongestPiece) _once.AddRange(Known(piece[start..end], model));
            else model.Encode(piece[start..end], _once);
            foreach (ref ModelToken token in CollectionsMarshal.AsSpan(_once)[first..]) token = new ModelToken(token.Id, token.Start + start, token.End + start);
        }
        return CollectionsMarshal.AsSpan(_once);
    }

    private ReadOnlySpan<ModelToken> Known(ReadOnlySpan<char> piece, TokenModel model)
    {
        uint hash = TokenTable.Hash(piece);
        int slot = (int)hash & _table.Length - 1;
        for (; _table[slot] != 0; slot = slot + 1 & _table.Length - 1)
        {
            Word word = _words[_table[slot] - 1];
            if (word.Hash == hash && piece.SequenceEqual(_text.AsSpan(word.Start, word.Length))) return CollectionsMarshal.AsSpan(_tokens).Slice(word.First, word.Count);
        }
        if (_words.Count >= MostPieces) Clear();
        int first = _tokens.Count;
        model.Encode(piece, _tokens);
        Enter(piece, hash, first);
        return CollectionsMarshal.AsSpan(_tokens)[first..];
    }

    private void Enter(ReadOnlySpan<char> piece, uint hash, int first)
    {
        if (_used + piece.Length > _text.Length) Array.Resize(ref _text, _text.Length * 2);
        piece.CopyTo(_text.AsSpan(_used));
        _words.Add(new Word(hash, _used, piece.Length, first, _tokens.Count - first));
        _used += piece.Length;
        if (_words.Count * 2 > _table.Length) _table = new int[_table.Length * 4];
        else
        {
            Place(_words.Count - 1);
            return;
        }
        for (int i = 0; i < _words.Count; i++) Place(i);
    }

    private void Place(int index)
    {
        int slot = (int)_words[index].Hash & _table.Length - 1;
        while (_table[slot] != 0) slot = slot + 1 & _table.Length - 1;
        _table[slot] = index + 1;
    }

    private void Clear()
    {
        Array.Clear(_table);
        _words.Clear();
        _tokens.Clear();
        _used = 0;
    }
}
