using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>One line of a text file, or one row of a table: valid UTF-8 without its end, or a row's fields; and where it stands.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Number">Counted from 1, blank lines included.</param>
/// <param name="Utf8">The line, without <c>\n</c> or <c>\r\n</c>; empty where there is a <paramref name="Row"/>.</param>
/// <param name="Row">The fields of a row, or null.</param>
/// <param name="Unit">line, row or entry.</param>
internal readonly record struct FileLine(string File, int Number, byte[] Utf8, JsonObject? Row = null, string Unit = "line")
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary><c>heldout.jsonl, line 17</c></summary>
    public string Where => FormattableString.Invariant($"{File}, {Unit} {Number}");

    /// <summary>The line as text.</summary>
    public string Text => Encoding.UTF8.GetString(Utf8);

    /// <summary>Whether there is nothing but spaces.</summary>
    public bool IsBlank => Row is null && Utf8.AsSpan().IndexOfAnyExcept(" \t\r"u8) < 0;

    /// <summary>The JSON object of the line. Refused: anything else, a key given twice, half a surrogate pair, nesting deeper than 64.</summary>
    public JsonObject Json()
    {
        if (Row is not null) return Row;
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(Utf8, documentOptions: Strict);
            // Trap: a lone \ud800 parses and throws only when somebody reads it.
            if (Utf8.AsSpan().IndexOf("\\ud"u8) >= 0 || Utf8.AsSpan().IndexOf("\\uD"u8) >= 0) Touch(node);
        }
        catch (JsonException error)
        {
            if (error.BytePositionInLine is { } at && at < Utf8.Length && Utf8.AsSpan((int)at) is var rest && (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8)))
                throw new WarmException(Where, FormattableString.Invariant($"holds {(rest[0] == 'N' ? "NaN" : "Infinity")} at byte {at}, which is no number of JSON"), "finite numbers", "Python writes such; look at what made it, or leave the line out.", error);
            string reason = error.Message.Split(" Path: ")[0].Split(" LineNumber: ")[0].TrimEnd('.');
            throw new WarmException(Where, $"is not JSON at byte {error.BytePositionInLine} ({reason})", "one JSON object a line", inner: error);
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            throw new WarmException(Where, "holds half a surrogate pair (\\ud800 to \\udfff alone), which is no character", "whole characters", inner: error);
        }
        return node as JsonObject ?? throw new WarmException(Where, $"is {Kind(node)}", "one JSON object a line");
    }

    /// <summary>a text, a number, a list, an object, true, false, null: for messages.</summary>
    public static string Kind(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static void Touch(JsonNode? node)
    {
        if (node is JsonObject inner) foreach ((_, JsonNode? value) in inner) Touch(value);
        else if (node is JsonArray list) foreach (JsonNode? value in list) Touch(value);
        else if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String) value.GetValue<string>();
    }
}
