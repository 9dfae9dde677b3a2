using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Warm;

/// <summary>
/// JSON as RFC 8259 has it, no comments, no trailing commas, read with places: whatever is wrong becomes a <see cref="WarmException"/> that names file, line and
/// column. Never deeper than <see cref="Depth"/>; strings are checked, so that <c>GetString</c> cannot fail later.
/// </summary>
internal static class JsonText
{
    /// <summary>Deepest nesting that is read; the limit of the Rust and stricter than that of the Python libraries.</summary>
    public const int Depth = 128;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = Depth };

    /// <summary>Reads a file of at most 1 GB. A byte order mark is stepped over. Of two equal keys the last counts, as in Python.</summary>
    /// <param name="path">The file.</param>
    /// <param name="duplicates">Told each key that stands twice in one object, with its place; null for no such check.</param>
    /// <param name="namedNumbers">Whether Python's NaN, Infinity and -Infinity are read, as strings of that text.</param>
    public static JsonElement Read(string path, Action<string>? duplicates = null, bool namedNumbers = false)
    {
        byte[] bytes = InputFile.ReadAll(path, 1L << 30);
        return Parse(bytes, path, duplicates, namedNumbers);
    }

    /// <summary>Reads a document in UTF-8; see <see cref="Read"/>.</summary>
    public static JsonElement Parse(ReadOnlyMemory<byte> utf8, string file, Action<string>? duplicates = null, bool namedNumbers = false)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
        if (utf8.Span.Trim(" \t\r\n"u8).IsEmpty) throw new WarmException(file, "is empty", "a JSON document");
        CheckUtf8(utf8.Span, file);
        if (namedNumbers) utf8 = QuoteNamedNumbers(utf8);
        Check(utf8.Span, file, duplicates);
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = Depth });
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw Refusal(error, utf8.Span, 0, file);
        }
    }

    /// <summary>One pass over the tokens: grammar, depth, strings, and keys that stand twice.</summary>
    private static void Check(ReadOnlySpan<byte> utf8, string file, Action<string>? duplicates)
    {
        var reader = new Utf8JsonReader(utf8, Strict);
        var open = new Stack<HashSet<string>>();
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && (reader.ValueIsEscaped || (duplicates is not null && reader.TokenType == JsonTokenType.PropertyName)))
                {
                    string text = Text(ref reader, utf8, file);
                    if (reader.TokenType == JsonTokenType.PropertyName && duplicates is not null && !open.Peek().Add(text))
                        duplicates($"{Place(file, utf8, reader.TokenStartIndex)}: the key {Quote(text)} stands twice");
                }
                if (duplicates is null) continue;
                if (reader.TokenType == JsonTokenType.StartObject) open.Push([]);
                if (reader.TokenType == JsonTokenType.EndObject) open.Pop();
            }
        }
        catch (JsonException error)
        {
            throw Refusal(error, utf8, reader.BytesConsumed, file);
        }
    }

    /// <summary>The string or key the reader stands on. An escaped lone surrogate, which no text can hold, is refused.</summary>
    public static string Text(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, string file)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new WarmException(Place(file, utf8, reader.TokenStartIndex), "a string holds an escape that is half a surrogate pair", inner: error);
        }
    }

    /// <summary>Refuses bytes that are not UTF-8, naming the first wrong one.</summary>
    public static void CheckUtf8(ReadOnlySpan<byte> utf8, string file)
    {
        if (Utf8.IsValid(utf8)) return;
        int good = 0;
        while (good < utf8.Length && Rune.DecodeFromUtf8(utf8[good..], out _, out int length) == System.Buffers.OperationStatus.Done) good += length;
        throw new WarmException(Place(file, utf8, good), $"byte 0x{utf8[good]:X2} is not UTF-8", "JSON text in UTF-8");
    }

    /// <summary><c>config.json, line 3, column 14</c>: the place of a byte; columns count bytes from 1.</summary>
    public static string Place(string file, ReadOnlySpan<byte> utf8, long at)
    {
        ReadOnlySpan<byte> before = utf8[..(int)Math.Clamp(at, 0, utf8.Length)];
        return $"{file}, line {before.Count((byte)'\n') + 1}, column {before.Length - before.LastIndexOf((byte)'\n')}";
    }

    /// <summary>A parser's complaint as place and sentence.</summary>
    public static WarmException Refusal(JsonException error, ReadOnlySpan<byte> utf8, long consumed, string file)
    {
        long at = error is { LineNumber: { } line, BytePositionInLine: { } column } ? Offset(utf8, line, column) : consumed;
        string why = error.Message;
        foreach (string tail in (string[])[" LineNumber:", " Path:", " Change the reader options"])
            if (why.IndexOf(tail, StringComparison.Ordinal) is > 0 and var cut) why = why[..cut];
        return new(Place(file, utf8, at), $"is not JSON: {why.Trim().TrimEnd('.')}", inner: error);
    }

    /// <summary>What a value is, in words for a message: <c>a list</c>, <c>a string</c> ...</summary>
    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    /// <summary>The value as it stands, cut at 60 characters.</summary>
    public static string Show(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length > 60 ? $"{text[..57]}..." : text;
    }

    /// <summary>The text in quotes, cut at 60 characters, control characters escaped: safe to show on a terminal.</summary>
    public static string Quote(string text)
    {
        var shown = new StringBuilder("\"");
        foreach (char c in text.Length > 60 ? $"{text[..57]}..." : text) shown.Append(char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString());
        return shown.Append('"').ToString();
    }

    private static long Offset(ReadOnlySpan<byte> utf8, long line, long column)
    {
        int at = 0;
        for (; line > 0 && utf8[at..].IndexOf((byte)'\n') is >= 0 and var next; line--) at += next + 1;
        return at + column;
    }

    /// <summary>Puts NaN, Infinity and -Infinity outside strings into quotes; other bytes stay as they are.</summary>
    private static ReadOnlyMemory<byte> QuoteNamedNumbers(ReadOnlyMemory<byte> utf8)
    {
        ReadOnlySpan<byte> text = utf8.Span;
        if (text.IndexOf("NaN"u8) < 0 && text.IndexOf("Infinity"u8) < 0) return utf8;
        var result = new MemoryStream(text.Length + 16);
        bool inString = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '"') inString = !inString;
            else if (inString && text[i] == '\\' && i + 1 < text.Length) result.WriteByte(text[i++]);
            else if (!inString && text[i] is (byte)'N' or (byte)'I' or (byte)'-' && NamedNumber(text[i..]) is > 0 and var length)
            {
                result.WriteByte((byte)'"');
                result.Write(text.Slice(i, length));
                result.WriteByte((byte)'"');
                i += length - 1;
                continue;
            }
            result.WriteByte(text[i]);
        }
        return result.ToArray();
    }

    private static int NamedNumber(ReadOnlySpan<byte> text) =>
        text.StartsWith("NaN"u8) ? 3 : text.StartsWith("Infinity"u8) ? 8 : text.StartsWith("-Infinity"u8) ? 9 : 0;
}
