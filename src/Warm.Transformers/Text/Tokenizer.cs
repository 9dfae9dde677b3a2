using System.Text;

namespace Warm.Transformers;

/// <summary>
/// Text to ids and back, exactly as the <c>tokenizers</c> library does it with the same <c>tokenizer.json</c>. Safe from many threads; a text's ids depend on
/// nothing but the text.
/// </summary>
/// <remarks>
/// The file is followed as written; its truncation and padding blocks are not (scoring has options of its own). A component that is not built is refused by
/// name. Half a surrogate pair in a text counts as U+FFFD. Texts may be as long as a string may be; time grows linearly (n log n within one word).
/// </remarks>
public sealed class Tokenizer
{
    private readonly TokenizerJson _steps;
    private readonly AddedTokens _raw, _normalized, _special;
    private readonly Dictionary<string, AddedToken> _addedByContent;
    private readonly Dictionary<int, AddedToken> _addedById;
    private readonly Lazy<((string, string, Tokenizer)? Reader, string? Misfit)> _other;
    private readonly Dictionary<int, string> _decodedAs; // what the decoder sees of added tokens: searched normalised, so spelt normalised

    private Tokenizer(TokenizerJson steps, string name, string? folder, SpecialTokens? special = null, bool passSpecial = false)
    {
        (_steps, Name) = (steps, name);
        AddedToken[] inOrder = [.. steps.Added.Where(token => token.Special), .. steps.Added.Where(token => !token.Special)];
        _raw = new AddedTokens(inOrder.Where(token => !token.Normalized).Select(token => (token.Content, token)), passSpecial);
        _normalized = new AddedTokens(inOrder.Where(token => token.Normalized).Select(token => (Searched(token), token)), passSpecial);
        _special = new AddedTokens(inOrder.Where(token => token.Special).Select(token => (token.Content, token)));
        _addedByContent = steps.Added.ToDictionary(token => token.Content);
        _addedById = [];
        foreach (AddedToken token in steps.Added) _addedById[token.Id] = token;
        _decodedAs = _addedById.ToDictionary(entry => entry.Key, entry => entry.Value.Normalized ? Normalize(entry.Value.Content) : entry.Value.Content);
        Special = special ?? SpecialTokens.Read(folder, TokenOf);
        _other = new(() => folder is null ? default : (TokenizerClass.Other(folder, name, out string? misfit), misfit));
    }

    /// <summary>Opens the tokenizer.json of a folder (with the files beside it that name special tokens), or a tokenizer.json. Refuses what it cannot follow exactly.</summary>
    /// <exception cref="WarmException">The file is missing, broken, or holds a component that is not built.</exception>
    public static Tokenizer Open(string folderOrFile)
    {
        string file = Directory.Exists(folderOrFile) ? Path.Combine(folderOrFile, "tokenizer.json") : folderOrFile;
        if (!File.Exists(file)) throw Missing(file);
        return new Tokenizer(TokenizerJson.Open(file), file, Path.GetDirectoryName(Path.GetFullPath(file)));
    }

    /// <summary>
    /// A tokenizer of another library, for <see cref="RewardModelOptions.Tokenizer"/> and <see cref="LanguageModelOptions.Tokenizer"/>. Special tokens are found in the text by Warm; each stretch between them goes to
    /// <paramref name="encode"/> whole. That its ids are the model's is for the caller to know.
    /// </summary>
    /// <param name="name">What messages call it, and part of a model's identity: another name for other ids.</param>
    /// <param name="encode">The tokens of a text, without special tokens around it. Called from many threads.</param>
    /// <param name="decode">The text of ids, none of which is a special token's.</param>
    /// <param name="added">Special tokens with their ids.</param>
    /// <param name="special">Which of those have a role; null for none.</param>
    /// <param name="before">Special tokens that a bare text begins with, by their spelling; null for none.</param>
    /// <param name="after">Special tokens that it ends with. A pair of texts is: before, first, after, second, after.</param>
    /// <exception cref="WarmException">A token that is put around a text is not among the added ones.</exception>
    public static Tokenizer Of(string name, Func<string, IReadOnlyList<ForeignToken>> encode, Func<IReadOnlyList<int>, string> decode, IReadOnlyList<AddedToken> added, SpecialTokens? special = null,
        IReadOnlyList<string>? before = null, IReadOnlyList<string>? after = null)
    {
        ArgumentNullException.ThrowIfNull(encode);
        ArgumentNullException.ThrowIfNull(decode);
        IEnumerable<TemplatePart> Around(IReadOnlyList<string>? tokens, int type) => (tokens ?? []).Select(content =>
            added.FirstOrDefault(token => token.Content == content) is { } token ? TemplatePart.Special(token.Id, content, type) : throw new WarmException(name, $"'{content}' is put around texts and is no added token", "one of the added tokens"));
        var post = new PostProcessor
        {
            Single = [.. Around(before, 0), TemplatePart.First(), .. Around(after, 0)],
            Pair = [.. Around(before, 0), TemplatePart.First(), .. Around(after, 0), TemplatePart.Second(), .. Around(after, 1)],
        };
        return new Tokenizer(new TokenizerJson(new ForeignTokenModel(name, encode, decode), added, post), name, null, special ?? new SpecialTokens());
    }

    /// <summary>Files of older tokenizers, whose meaning no file says: classes of transformers hold it.</summary>
    private static readonly string[] Older = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "vocab.json", "merges.txt", "vocab.txt", "tekken.json", "tiktoken.model"];

    private static WarmException Missing(string file)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string[] older = [.. Older.Where(name => File.Exists(Path.Combine(folder, name)))];
        return new WarmException(file, older.Length == 0 ? "is not there" : $"is not there; there {(older.Length == 1 ? "is" : "are")} {string.Join(" and ", older)}, whose rules only a class of transformers knows", "a tokenizer is read from its tokenizer.json",
            older.Length == 0 ? "Save the tokenizer with transformers (save_pretrained of a fast tokenizer) to get one."
            : $"Write one beside {(older.Length == 1 ? "it" : "them")}, once: python -c \"from transformers import AutoTokenizer as A; A.from_pretrained('{folder}').save_pretrained('{folder}')\"");
    }

    /// <summary>A tokenizer from the text of its file; <paramref name="passSpecial"/>: special tokens spelt in a text stay text.</summary>
    internal static Tokenizer Parse(string json, string name = "tokenizer.json", bool passSpecial = false) => new(TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), name), name, null, passSpecial: passSpecial);

    /// <summary>The file that this was read from.</summary>
    public string Name { get; }

    /// <summary>What kind of model it is: <c>BPE (byte level)</c>, <c>WordPiece</c> ...</summary>
    public string Kind => _steps.Model.Kind;

    /// <summary>Entries of the vocabulary, added tokens included.</summary>
    public int VocabularySize => _steps.Model.Size + _steps.Added.Count(token => _steps.Model.Vocabulary.Find(token.Content) < 0);

    /// <summary>What transformers 5 reads this folder with, where that is not the file: see <see cref="TokenizerClass"/>. Null where the two agree, and for a tokenizer without a folder.</summary>
    internal (string Class, string Parts, Tokenizer Tokenizer)? Other => _other.Value.Reader;

    /// <summary>What a reader should know: where another library reads the folder otherwise.</summary>
    internal IReadOnlyList<string> Remarks =>
    [
        .. Other is not { } other ? Array.Empty<string>() : [$"{Name}: transformers 5 reads this folder with {other.Class}, which has another {other.Parts}. The file decides here, as in transformers 4, vLLM and TEI; a text that gets other ids there carries a remark"],
        .. _other.Value.Misfit is { } misfit ? [$"{Name}: transformers 5 reads this folder with {misfit}: it refuses the folder or gives other ids. The file decides here"] : Array.Empty<string>(),
    ];

    /// <summary>The highest id that a text can get.</summary>
    internal int HighestId => Math.Max(_steps.Model.HighestId, _addedById.Keys.DefaultIfEmpty(-1).Max());

    /// <summary>The added tokens in file order.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => _steps.Added;

    /// <summary>The tokens with a role: beginning, end, padding ...</summary>
    public SpecialTokens Special { get; }

    /// <summary>The id of a token as spelt in the vocabulary, or null.</summary>
    public int? IdOf(string token) => _addedByContent.TryGetValue(token, out AddedToken? added) ? added.Id : _steps.Model.Vocabulary.Find(token) is >= 0 and int id ? id : null;

    /// <summary>The token of an id as spelt in the vocabulary, or null.</summary>
    public string? TokenOf(int id) => _addedById.TryGetValue(id, out AddedToken? added) ? added.Content : _steps.Model.TokenOf(id);

    /// <summary>Whether a special token's spelling stands in a text: it becomes that token wherever the text is encoded.</summary>
    public bool HasSpecialToken(string text) => _special.Occurs(text);

    /// <summary>The tokens of a text or a pair of texts with spans, types and the mask of special tokens.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="pair">The second text, where there is one.</param>
    /// <param name="addSpecialTokens">Whether the post-processor puts its special tokens around (default true).</param>
    public TokenizedText Encode(string text, string? pair = null, bool addSpecialTokens = true)
    {
        PostProcessor post = _steps.PostProcessor;
        var first = new EncodedTokens();
        Run(Sound(text), first, new WordCache());
        EncodedTokens? second = null;
        if (pair is not null) Run(Sound(pair), second = new EncodedTokens(), new WordCache());
        var result = new EncodedTokens();
        var (types, mask) = (new List<int>(), new List<bool>());
        foreach (TemplatePart part in pair is null ? post.Single : post.Pair)
        {
            if (part.Sequence < 0)
            {
                if (!addSpecialTokens) continue;
                result.Add(part.Id, part.Token, (0, 0));
                types.Add(part.TypeId);
                mask.Add(true);
                continue;
            }
            if ((part.Sequence == 0 ? first : second) is not { } sequence) continue;
            string source = part.Sequence == 0 ? text : pair!;
            for (int i = 0; i < sequence.Ids.Count; i++)
            {
                result.Add(sequence.Ids[i], sequence.Tokens[i], post.Trim(sequence.Spans[i], sequence.Tokens[i], i == 0, source));
                types.Add(part.TypeId);
                mask.Add(false);
            }
        }
        return new TokenizedText { Ids = result.Ids, Tokens = result.Tokens, Offsets = result.Spans, TypeIds = types, SpecialMask = mask };
    }

    /// <summary>The ids alone: the same as <see cref="Encode"/>'s, faster.</summary>
    public int[] EncodeIds(string text, string? pair = null, bool addSpecialTokens = true)
    {
        var ids = new List<int>(text.Length / 3 + 8);
        EncodeIds(text, pair, addSpecialTokens, ids, new WordCache());
        return [.. ids];
    }

    /// <summary>The ids of many texts, with special tokens; words that come again are looked up once.</summary>
    public IEnumerable<int[]> EncodeIds(IEnumerable<string> texts, bool addSpecialTokens = true)
    {
        var words = new WordCache();
        var ids = new List<int>();
        foreach (string text in texts)
        {
            ids.Clear();
            EncodeIds(text, null, addSpecialTokens, ids, words);
            yield return [.. ids];
        }
    }

    /// <summary>The text of ids: unknown ids are passed over, special tokens too where asked.</summary>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = false)
    {
        if (_steps.Model is ForeignTokenModel foreign) return DecodeForeign(foreign, ids, skipSpecialTokens);
        var tokens = new List<string>(ids.Count);
        foreach (int id in ids)
            if (!_addedById.TryGetValue(id, out AddedToken? added)) { if (_steps.Model.TokenOf(id) is { } token) tokens.Add(token); }
            else
            {
                // Trap: the library asks whether the spelling that the decoder sees is a special one. A special token that normalisation changes is not skipped.
                string spelt = _decodedAs[id];
                if (!(skipSpecialTokens && _addedByContent.TryGetValue(spelt, out AddedToken? same) && same.Special)) tokens.Add(spelt);
            }
        return _steps.Decoder is { } decoder ? string.Concat(decoder.Apply(tokens)) : string.Join(' ', tokens);
    }

    /// <summary>Stretches between special tokens by the other library, special tokens as they are spelt.</summary>
    private string DecodeForeign(ForeignTokenModel foreign, IReadOnlyList<int> ids, bool skipSpecialTokens)
    {
        var (text, stretch) = (new StringBuilder(), new List<int>());
        foreach (int id in ids)
        {
            if (!_addedById.TryGetValue(id, out AddedToken? added)) { stretch.Add(id); continue; }
            if (skipSpecialTokens && added.Special) continue;
            Flush();
            text.Append(added.Content);
        }
        Flush();
        return text.ToString();

        void Flush()
        {
            if (stretch.Count > 0) text.Append(foreign.Decode(stretch));
            stretch.Clear();
        }
    }

    /// <summary>Kind, size and file.</summary>
    public override string ToString() => $"{Kind}, {VocabularySize:N0} tokens, {Name}";

    /// <summary>What is searched for an added token in normalised text. Trap: for nothing at all, the library cuts between all bytes.</summary>
    private string Searched(AddedToken token) => Normalize(token.Content) is { Length: > 0 } spelling ? spelling
        : throw new WarmException(Name, $"nothing is left of the added token '{token.Content}' when it is normalised", "it is searched in normalised text, so something of it has to stay", "Save the tokenizer again with \"normalized\": false for that token.");

    /// <summary>The normalizer alone, for tests and for the contents of added tokens.</summary>
    internal string Normalize(string text) => _steps.Normalizer is { } normalizer ? normalizer.Apply(AlignedText.Original(text, 0, false)).ToString() : text;

    /// <summary>Normalizer and pre-tokenizer alone, without added tokens, for tests.</summary>
    internal PieceList Pieces(string text)
    {
        var pieces = new PieceList(AlignedText.Original(Normalize(text), 0, true));
        _steps.PreTokenizer?.Cut(pieces);
        return pieces;
    }

    private void EncodeIds(string text, string? pair, bool addSpecialTokens, List<int> ids, WordCache words)
    {
        PostProcessor post = _steps.PostProcessor;
        foreach (TemplatePart part in pair is null ? post.Single : post.Pair)
        {
            if (part.Sequence < 0) { if (addSpecialTokens) ids.Add(part.Id); }
            else if ((part.Sequence == 0 ? text : pair) is { } sequence) Run(Sound(sequence), ids, words);
        }
    }

    /// <summary>Raw text, cut at added tokens that are searched raw; each stretch normalised, cut at the others; the rest to pieces and tokens.</summary>
    private void Run<TSink>(string text, TSink sink, WordCache words) where TSink : class
    {
        bool aligned = sink is EncodedTokens || _steps.NeedsPlaces;
        if (_raw.IsEmpty) Stretch(text, 0);
        else
            foreach ((int start, int end, AddedToken? token) in _raw.Cut(text))
                if (token is null) Stretch(text.AsSpan(start, end - start), start);
                else Added(token, AlignedText.Original(text.AsSpan(start, end - start), start, aligned), 0, end - start);

        void Stretch(ReadOnlySpan<char> raw, int start)
        {
            if (raw.Length == 0) return;
            AlignedText stretch = AlignedText.Original(raw, start, aligned);
            if (_steps.Normalizer is { } normalizer) stretch = normalizer.Apply(stretch);
            if (_normalized.IsEmpty) { Plain(stretch); return; }
            List<(int Start, int End, AddedToken? Token)> parts = _normalized.Cut(stretch.Units);
            if (parts is [{ Token: null }]) { Plain(stretch); return; }
            foreach ((int from, int to, AddedToken? token) in parts)
                if (token is null) Plain(stretch.Slice(from, to));
                else Added(token, stretch, from, to);
        }

        void Added(AddedToken token, AlignedText stretch, int from, int to)
        {
            if (sink is EncodedTokens full) full.Add(token.Id, stretch.Units[from..to].ToString(), stretch.Span(from, to));
            else ((List<int>)(object)sink).Add(token.Id);
        }

        void Plain(AlignedText stretch)
        {
            var pieces = new PieceList(stretch);
            _steps.PreTokenizer?.Cut(pieces);
            foreach ((int start, int end) in pieces.Cuts)
            {
                ReadOnlySpan<char> piece = pieces.Text.Units[start..end];
                ReadOnlySpan<ModelToken> tokens = words.Tokens(piece, _steps.Model);
                if (sink is EncodedTokens full)
                    foreach (ModelToken token in tokens) full.Add(token.Id, _steps.Model.Spell(token, piece), pieces.Text.Span(start + token.Start, start + token.End));
                else
                {
                    var ids = (List<int>)(object)sink;
                    foreach (ModelToken token in tokens) ids.Add(token.Id);
                }
            }
        }
    }

    /// <summary>The text with every half surrogate pair replaced by U+FFFD, as UTF-8 would.</summary>
    private static string Sound(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0) return text;
        char[]? mended = null;
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) { i++; continue; }
            (mended ??= text.ToCharArray())[i] = '\uFFFD';
        }
        return mended is null ? text : new string(mended);
    }

    /// <summary>Tokens with their spellings and spans.</summary>
    private sealed class EncodedTokens
    {
        public List<int> Ids { get; } = [];
        public List<string> Tokens { get; } = [];
        public List<(int Start, int End)> Spans { get; } = [];

        public void Add(int id, string token, (int Start, int End) span)
        {
            Ids.Add(id);
            Tokens.Add(token);
            Spans.Add(span);
        }
    }
}
