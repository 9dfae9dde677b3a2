using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Warm;

/// <summary>A value of a YAML document with its place: a text, a list, or a map with its keys in order.</summary>
/// <param name="Where">File and line, for messages.</param>
/// <param name="Text">The scalar's text, or null. YAML's null (<c>~</c>, nothing) is the empty plain text.</param>
/// <param name="Items">The list's items, or null.</param>
/// <param name="Keys">The map's entries, or null.</param>
internal sealed record YamlNode(string Where, string? Text, IReadOnlyList<YamlNode>? Items, IReadOnlyList<(YamlNode Key, YamlNode Value)>? Keys)
{
    /// <summary>What it is, for messages.</summary>
    public string Kind => Text is not null ? JsonText.Quote(Text) : Items is not null ? "a list" : "a map";

    /// <summary>The value of a key, or null.</summary>
    public YamlNode? this[string key] => Keys?.FirstOrDefault(k => k.Key.Text == key).Value;

    /// <summary>The text of a key; null where it is missing or empty, and refused where it is no text.</summary>
    public string? TextOf(string key) => this[key] switch
    {
        null or { Text: "" } => null,
        { Text: { } text } => text,
        var other => throw new WarmException(other.Where, $"{key} is {other.Kind}", "a text"),
    };

    /// <summary>Refuses what is no map, and keys that nobody knows.</summary>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="known">The keys.</param>
    public void DemandKeys(string what, IReadOnlyList<string> known)
    {
        if (Keys is null) throw new WarmException(Where, $"{what} is {Kind}", "a map");
        foreach ((YamlNode key, _) in Keys)
            if (!known.Contains(key.Text)) throw new WarmException(key.Where, $"{JsonText.Quote(key.Text!)} is no key of {what}", string.Join(", ", known));
    }
}

/// <summary>
/// Reads YAML as plain data: scalars, lists and maps with their lines, nothing made of tags. Input is hostile: a document is at most 1 MB, 32 levels and 100,000 values, a key stands once, and
/// aliases, by which a few bytes can mean gigabytes, are refused.
/// </summary>
internal static class YamlText
{
    private const int LongestFile = 1 << 20, Deepest = 32, MostNodes = 100_000;

    /// <summary>The one document of a file.</summary>
    public static YamlNode Read(string path)
    {
        string text;
        try
        {
            text = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetString(InputFile.ReadAll(path, LongestFile));
        }
        catch (System.Text.DecoderFallbackException error)
        {
            throw new WarmException(path, "is not UTF-8", "YAML in UTF-8", inner: error);
        }
        var parser = new Parser(new StringReader(text.TrimStart('\uFEFF')));
        int nodes = 0;
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _)) throw new WarmException(path, "is empty", "a YAML document");
            parser.Consume<DocumentStart>();
            YamlNode root = Node(0);
            parser.Consume<DocumentEnd>();
            if (!parser.Accept<StreamEnd>(out _)) throw new WarmException(Where(parser.Current!), "begins a second document", "one document");
            return root;
        }
        catch (YamlException error)
        {
            throw new WarmException(FormattableString.Invariant($"{path}, line {error.Start.Line}"), $"is not YAML: {error.Message.ReplaceLineEndings(" ").TrimEnd('.')}", inner: error);
        }

        string Where(ParsingEvent at) => FormattableString.Invariant($"{path}, line {at.Start.Line}");

        YamlNode Node(int depth)
        {
            ParsingEvent at = parser.Current!;
            if (depth > Deepest) throw new WarmException(Where(at), $"is nested deeper than {Deepest} levels");
            if (++nodes > MostNodes) throw new WarmException(Where(at), $"there are more than {MostNodes:N0} values");
            if (parser.TryConsume<Scalar>(out Scalar? scalar)) return new(Where(at), scalar!.IsKey || scalar.Style != ScalarStyle.Plain || scalar.Value is not ("~" or "null") ? scalar.Value : "", null, null);
            if (parser.TryConsume<SequenceStart>(out _))
            {
                var items = new List<YamlNode>();
                while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Node(depth + 1));
                return new(Where(at), null, items, null);
            }
            if (parser.TryConsume<MappingStart>(out _))
            {
                var keys = new List<(YamlNode, YamlNode)>();
                var seen = new HashSet<string>();
                while (!parser.TryConsume<MappingEnd>(out _))
                {
                    YamlNode key = Node(depth + 1);
                    if (key.Text is null) throw new WarmException(key.Where, $"a key is {key.Kind}", "a word");
                    if (!seen.Add(key.Text)) throw new WarmException(key.Where, $"{JsonText.Quote(key.Text)} stands twice", "each key once");
                    keys.Add((key, Node(depth + 1)));
                }
                return new(Where(at), null, null, keys);
            }
            throw new WarmException(Where(at), at is AnchorAlias ? "holds an alias (*name)" : "is not plain data", "values written out");
        }
    }
}
