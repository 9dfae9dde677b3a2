namespace Warm.Transformers;

/// <summary>One token of a piece: its id and the units of the piece that it stands for.</summary>
internal readonly record struct ModelToken(int Id, int Start, int End);

/// <summary>What turns a piece into tokens: byte-pair encoding, WordPiece, a list of words.</summary>
internal abstract class TokenModel(TokenTable vocabulary, IEnumerable<(string Token, int Id)>? entries = null)
{
    private readonly Dictionary<int, string> _tokens = Invert(entries ?? vocabulary.Items);

    public TokenTable Vocabulary => vocabulary;

    /// <summary>Entries of the vocabulary, doubles included.</summary>
    public virtual int Size => vocabulary.Count;

    /// <summary>The kind, as a person would say it.</summary>
    public abstract string Kind { get; }

    /// <summary>Adds the tokens of a piece (not empty). Safe from many threads.</summary>
    public abstract void Encode(ReadOnlySpan<char> piece, List<ModelToken> tokens);

    /// <summary>The end of a stretch of a piece that begins at a unit and has no part in the tokens of the rest: encoding such stretches by themselves gives the same. The piece's end where nothing is known.</summary>
    public virtual int StretchEnd(ReadOnlySpan<char> piece, int start) => piece.Length;

    /// <summary>How a token is spelt: its vocabulary entry.</summary>
    public virtual string Spell(ModelToken token, ReadOnlySpan<char> piece) => _tokens[token.Id];

    /// <summary>The highest id of the vocabulary; -1 where it is empty.</summary>
    public int HighestId => _tokens.Keys.DefaultIfEmpty(-1).Max();

    public string? TokenOf(int id) => _tokens.GetValueOrDefault(id);

    /// <summary>The id of a token that the pipeline cannot do without at this moment.</summary>
    protected int Needed(string? token, string model) =>
        token is not null && vocabulary.Find(token) is >= 0 and int id ? id : throw new WarmException("tokenizer.json", $"the {model} model's unknown token {(token is null ? "is not set" : $"'{token}' is not in its vocabulary")}",
            "a text with unknown characters needs one", "Use the tokenizer that the model was trained with.");

    private static Dictionary<int, string> Invert(IEnumerable<(string Token, int Id)> entries)
    {
        var tokens = new Dictionary<int, string>();
        foreach ((string token, int id) in entries) tokens.TryAdd(id, token);
        return tokens;
    }
}
