using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// Reads a <c>tokenizer.json</c> into the steps of a pipeline. Strict: a component, option or spelling that is not built is refused by name with its place in
/// the file, and so is what the tokenizers library refuses. Old spellings that the library still reads are read.
/// </summary>
internal sealed class TokenizerJson
{
    /// <summary>Files larger than this are refused: the largest published ones are a tenth of it.</summary>
    public const long SizeLimit = 512L << 20;
    private const int NestingLimit = 32;
    private static readonly string[] s_known = ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"];

    private TokenizerJson(JsonPlace root)
    {
        foreach ((string name, JsonPlace value) in root.Fields())
            if (!s_known.Contains(name)) throw value.Refuse("is not a part of a tokenizer that is known", $"known are {string.Join(", ", s_known)}");
        if (root.Find("version") is { } version && version.Text != "1.0") throw version.Refuse($"is {version.Text}", "version 1.0 is read");
        CheckTruncation(root.Find("truncation"));
        CheckPadding(root.Find("padding"));
        Normalizer = root.Find("normalizer") is { } normalizer ? NormalizerReader.Read(normalizer) : null;
        PreTokenizer = root.Find("pre_tokenizer") is { } pre ? PreTokenizerReader.Read(pre) : null;
        Decoder = root.Find("decoder") is { } decoder ? DecoderReader.Read(decoder) : null;
        NeedsPlaces = root.Find("pre_tokenizer") is { } p && UsesFirst(p);
        bool bytes = root.Find("decoder") is { } d && d.Value.GetRawText().Contains("ByteLevel", StringComparison.Ordinal);
        Model = ModelReader.Read(root.Find("model") ?? throw root.Refuse("'model' is missing"), bytes);
        Added = root.Find("added_tokens") is { } added ? ReadAdded(added, Model) : [];
        PostProcessor = root.Find("post_processor") is { } post ? PostProcessorReader.Read(post) : new PostProcessor();
    }

    /// <summary>The steps around a tokenizer of another library.</summary>
    public TokenizerJson(ForeignTokenModel model, IReadOnlyList<AddedToken> added, PostProcessor post) => (Model, Added, PostProcessor) = (model, added, post);

    public Normalizer? Normalizer { get; }
    public PreTokenizer? PreTokenizer { get; }
    public TokenModel Model { get; }
    public IReadOnlyList<AddedToken> Added { get; }
    public PostProcessor PostProcessor { get; }
    public Decoder? Decoder { get; }

    /// <summary>Whether a step asks where in the original text a piece begins (Metaspace's "first").</summary>
    public bool NeedsPlaces { get; }

    /// <summary>Reads a file.</summary>
    public static TokenizerJson Open(string file)
    {
        long size = new FileInfo(file).Length;
        if (size > SizeLimit) throw new WarmException(file, $"has {size:N0} bytes", $"a tokenizer.json has at most {SizeLimit:N0}");
        return Parse(File.ReadAllBytes(file), file);
    }

    /// <summary>Reads the file's bytes; <paramref name="file"/> is for messages.</summary>
    public static TokenizerJson Parse(ReadOnlyMemory<byte> json, string file)
    {
        if (json.Span.StartsWith("version https://git-lfs"u8)) throw new WarmException(file, "is a git-LFS pointer, not the file", null, "Fetch it with: git lfs pull");
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
            var root = new JsonPlace(document.RootElement, file, "");
            if (root.Kind != JsonValueKind.Object) throw root.Refuse("is not a JSON object");
            return new TokenizerJson(root);
        }
        catch (JsonException error)
        {
            throw new WarmException($"{file}, line {error.LineNumber + 1}", "is not JSON" + (error.BytePositionInLine is { } at ? $" (byte {at})" : ""), "a tokenizer.json as the tokenizers library writes it", inner: error);
        }
    }

    /// <summary>A pattern: {"String": ..} or {"Regex": ..}.</summary>
    public static TextPattern Pattern(JsonPlace pattern)
    {
        if (pattern.Kind != JsonValueKind.Object) throw pattern.Refuse("is not a pattern", "{\"String\": ..} or {\"Regex\": ..} is needed");
        if (pattern.Find("String") is { } literal) return literal.Text.Length > 0 ? new LiteralPattern(literal.Text) : new RegexPattern(""); // nothing stands between all characters
        if (pattern.Find("Regex") is not { } regex) throw pattern.Refuse("is not a pattern", "{\"String\": ..} or {\"Regex\": ..} is needed");
        try { return new RegexPattern(regex.Text); }
        catch (FormatException error) { throw regex.Refuse($"the regex {regex.Text} {error.Message}"); }
    }

    /// <summary>The name of a component; <paramref name="depth"/> counts nested sequences.</summary>
    public static string TypeOf(JsonPlace component, int depth = 0) =>
        depth > NestingLimit ? throw component.Refuse("is nested too deeply", $"at most {NestingLimit} sequences lie in one another") : component["type"].Text;

    private static bool UsesFirst(JsonPlace pre) =>
        TypeOf(pre) == "Sequence" ? pre["pretokenizers"].Items().Any(UsesFirst) : TypeOf(pre) == "Metaspace" && PreTokenizerReader.PrefixOf(pre) == MetaspacePrefix.First;

    /// <summary>
    /// Trap: the ids written in the file are not what the library obeys. A token outside the model's vocabulary is numbered on from the vocabulary's size in
    /// file order. A file where the two differ is refused, because its ids mean something else to every other reader.
    /// </summary>
    private static List<AddedToken> ReadAdded(JsonPlace list, TokenModel model)
    {
        var tokens = new List<AddedToken>();
        var places = new Dictionary<string, int>();
        int highest = -1;
        foreach (JsonPlace entry in list.Items())
        {
            int written = entry["id"].Natural;
            string content = entry["content"].Text;
            var token = new AddedToken(content, written, entry["special"].Flag, entry["single_word"].Flag, entry["lstrip"].Flag, entry["rstrip"].Flag, entry["normalized"].Flag);
            if (content.Length == 0) continue;
            bool again = places.TryGetValue(content, out int place);
            int size = model.Size, id = again ? tokens[place].Id : model.Vocabulary.Find(content);
            if (id < 0) id = highest >= size || (size == 0 && highest >= 0) ? highest + 1 : size;
            if (id != written && !again)
                throw entry.Refuse($"'{content}' has the id {written} in the file but gets {id}", model.Vocabulary.Find(content) >= 0 ? "the model's vocabulary holds it under that id" : "added tokens are numbered on from the vocabulary's size, in file order",
                    "Save the tokenizer again with the tokenizers library.");
            highest = Math.Max(highest, id);
            if (again) tokens[place] = token with { Id = id, Special = token.Special || tokens[place].Special };
            else
            {
                places[content] = tokens.Count;
                tokens.Add(token with { Id = id });
            }
        }
        return tokens;
    }

    // A plain call neither truncates nor pads (Warm's options do), but what the library would refuse is refused.
    private static void CheckTruncation(JsonPlace? truncation)
    {
        if (truncation is not { } block) return;
        _ = block["max_length"].Natural;
        int stride = block["stride"].Natural;
        string strategy = block["strategy"].Text;
        if (strategy is not ("LongestFirst" or "OnlyFirst" or "OnlySecond")) throw block["strategy"].Refuse($"is {strategy}", "LongestFirst, OnlyFirst or OnlySecond");
        if (block.Find("direction") is { } direction && direction.Text is not ("Left" or "Right")) throw direction.Refuse($"is {direction.Text}", "Left or Right");
        _ = stride;
    }

    private static void CheckPadding(JsonPlace? padding)
    {
        if (padding is not { } block) return;
        JsonPlace strategy = block["strategy"];
        if (strategy.Kind == JsonValueKind.String ? strategy.Text != "BatchLongest" : strategy["Fixed"].Natural < 0) throw strategy.Refuse("is not a padding strategy", "BatchLongest or {\"Fixed\": N}");
        if (block["direction"].Text is not ("Left" or "Right")) throw block["direction"].Refuse($"is {block["direction"].Text}", "Left or Right");
        _ = (block["pad_id"].Natural, block["pad_type_id"].Natural, block["pad_token"].Text);
    }
}
