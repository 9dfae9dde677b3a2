namespace Warm.Transformers;

/// <summary>A token as another library gives it: its id and the UTF-16 units of the text that it stands for.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Start">The first unit.</param>
/// <param name="End">One past the last unit.</param>
public readonly record struct ForeignToken(int Id, int Start, int End);

/// <summary>Another library's tokenizer in the place of a model: a whole stretch between special tokens is one piece, and it normalises and cuts that itself.</summary>
internal sealed class ForeignTokenModel(string name, Func<string, IReadOnlyList<ForeignToken>> encode, Func<IReadOnlyList<int>, string> decode) : TokenModel(new TokenTable())
{
    public override string Kind => name;

    public override void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        foreach (ForeignToken token in encode(piece.ToString())) // a library that normalises may count units beyond the text's end
            tokens.Add(new ModelToken(token.Id, Math.Clamp(token.Start, 0, piece.Length), Math.Clamp(token.End, Math.Clamp(token.Start, 0, piece.Length), piece.Length)));
    }

    /// <summary>What the library calls a token is not asked for: the text that it stands for is given.</summary>
    public override string Spell(ModelToken token, ReadOnlySpan<char> piece) => piece[token.Start..token.End].ToString();

    public string Decode(IReadOnlyList<int> ids) => decode(ids);
}
