using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>How a file of pairs is read.</summary>
public sealed record PreferenceFileOptions
{
    /// <summary>Other names for the fields (<c>prompt=question,chosen=answers.good</c>); null (default) for none.</summary>
    public ColumnNames? Columns { get; init; }

    /// <summary>Told the place of each row that prefers neither side (see <c>choice</c> of <see cref="PreferenceFile"/>); it is no pair and is passed over. Null (default) for nobody.</summary>
    public Action<string>? Tied { get; init; }

    /// <summary>Told of each broken line, and reading goes on with the next. Null (default): a broken line ends the reading with its error.</summary>
    public Action<WarmException>? Broken { get; init; }
}

/// <summary>
/// Pairs as they lie in files: JSON lines (<c>.jsonl</c>), a JSON list (<c>.json</c>), CSV (<c>.csv</c>, <c>.tsv</c>), each of them also with <c>.gz</c>, and Parquet (<c>.parquet</c>). A line or row needs <c>chosen</c> and <c>rejected</c>, as texts, as lists of messages, or as token ids (<c>chosen_ids</c>, <c>chosen_input_ids</c>);
/// <c>prompt</c>, <c>margin</c>, <c>subset</c> and <c>id</c> may stand beside them, and every further field is kept for grouping. Blank lines are passed over.
/// <para>
/// An explicit prompt goes before each side: a text before a text, messages before messages, a text as a user turn before messages that begin with the assistant. Messages that already begin
/// with the prompt keep it once.
/// </para>
/// <para>
/// Where a data set keeps two responses and a judgement, the fields are <c>a</c>, <c>b</c> and <c>choice</c>, named by columns: <c>a=summaries.0.text,b=summaries.1.text,choice=choice</c>. The choice
/// names a side as its column does (0 or 1 here; <c>a1</c> for a column of that name; 2 for <c>response2</c>); what says that neither is better (0 or -1 where no side is called so, tie, equal, both,
/// neither, null) makes no pair.
/// </para>
/// <para>
/// Without a prompt it is found where both sides begin with it: messages that both share; of texts in the form of hh-rlhf (<c>\n\nHuman: ..\n\nAssistant: ..</c>) the common beginning up to and with
/// its last <c>\n\nAssistant:</c>, so that prompt and response end to end are the dialogue as it stands. Other texts without a prompt are bare texts: no rule could tell a shared prompt
/// from two answers that happen to begin alike.
/// </para>
/// </summary>
public static class PreferenceFile
{
    private const string Turn = "\n\nAssistant:";

    /// <summary>
    /// The pairs of a file, one line or row in memory at a time (of Parquet one page of each column); every enumeration reads the file anew. Refused with file and line: what is not UTF-8, not JSON, or
    /// lacks a side.
    /// </summary>
    public static IEnumerable<Preference> Read(string path, PreferenceFileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        using RowReader reader = RowReader.Open(path);
        while (true)
        {
            Preference? pair = null;
            try
            {
                if (!reader.TryRead(out FileLine line)) yield break;
                if (!line.IsBlank)
                {
                    JsonObject json = line.Json();
                    options.Columns?.Apply(json);
                    pair = Parse(json, line.Where, options.Columns);
                    if (pair is null) options.Tied?.Invoke(line.Where);
                }
            }
            catch (WarmException error) when (options.Broken is { } broken)
            {
                broken(error);
            }
            if (pair is not null) yield return pair;
        }
    }

    /// <summary>The pair of one line; null where it prefers neither side.</summary>
    internal static Preference? Parse(JsonObject line, string where, ColumnNames? columns = null)
    {
        if (Choice.IsMeant(line, columns) && !Choice.Apply(line, where, columns)) return null;
        if (line["tools"] is JsonArray { Count: > 0 })
            throw new WarmException(where, "the pair has \"tools\"", "pairs of texts or messages", "Tools belong to the template; they are not passed on to it yet, and without them the reward would be another.");
        JsonNode chosen = Side(line, "chosen", where), rejected = Side(line, "rejected", where);
        JsonNode? prompt = line["prompt"];
        string? id = line["id"] switch
        {
            null => null,
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            { } other => other.ToJsonString(),
        };
        Preference pair = chosen switch
        {
            JsonArray good when rejected is JsonArray bad && IsIds(good) && IsIds(bad) => new() { Chosen = Ids(good, "chosen", where, id), Rejected = Ids(bad, "rejected", where, id), Prompt = prompt is null ? null : PromptText(prompt, where) },
            JsonArray good when rejected is JsonArray bad => Conversations(prompt, Messages(good, "chosen", where), Messages(bad, "rejected", where), where, id),
            JsonValue when rejected is JsonValue => Texts(prompt, Text(chosen, "chosen", where), Text(rejected, "rejected", where), where, id),
            _ => throw new WarmException(where, $"\"chosen\" is {FileLine.Kind(chosen)}, \"rejected\" is {FileLine.Kind(rejected)}", "two texts or two lists of messages"),
        };
        return pair with
        {
            Chosen = pair.Chosen with { Source = where },
            Rejected = pair.Rejected with { Source = where },
            Id = id,
            Subset = line["subset"] is { } subset ? Text(subset, "subset", where) : null,
            Margin = line["margin"] is { } margin ? Number(margin, "margin", where) : null,
            Source = where,
            Fields = line,
        };
    }

    /// <summary>A list of messages: objects with a role.</summary>
    internal static Message[] Messages(JsonNode node, string field, string where)
    {
        if (node is not JsonArray list) throw new WarmException(where, $"\"{field}\" is {FileLine.Kind(node)}", "a list of messages");
        if (list.Count == 0) throw new WarmException(where, $"\"{field}\" is an empty list", "at least one message");
        return [.. list.Select((entry, i) => entry is not JsonObject message ? throw new WarmException(where, $"\"{field}\"[{i}] is {FileLine.Kind(entry)}", "a message, {\"role\":..,\"content\":..}")
            : message["role"] is JsonValue role && role.GetValueKind() == JsonValueKind.String ? new Message(message)
            : throw new WarmException(where, $"\"{field}\"[{i}] has no \"role\"", "a message, {\"role\":..,\"content\":..}"))];
    }

    /// <summary>Where the prompt of two dialogues in the form of hh-rlhf ends: after the last "\n\nAssistant:" of their common beginning; -1 where there is none.</summary>
    internal static int CommonPrompt(string chosen, string rejected)
    {
        int common = chosen.AsSpan().CommonPrefixLength(rejected);
        int at = chosen.AsSpan(0, common).LastIndexOf(Turn);
        return at < 0 ? -1 : at + Turn.Length;
    }

    private static Preference Texts(JsonNode? prompt, string chosen, string rejected, string where, string? id)
    {
        if (prompt is JsonArray)
        {
            Message[] turns = Messages(prompt, "prompt", where);
            return Preference.OfMessages(turns, [new Message("assistant", chosen)], [new Message("assistant", rejected)], id);
        }
        if (prompt is not null) return Preference.Of(Text(prompt, "prompt", where), chosen, rejected, id);
        int cut = CommonPrompt(chosen, rejected);
        return cut < 0 ? Preference.Of(null, chosen, rejected, id) : Preference.Of(chosen[..cut], chosen[cut..], rejected[cut..], id);
    }

    private static Preference Conversations(JsonNode? prompt, Message[] chosen, Message[] rejected, string where, string? id)
    {
        if (prompt is JsonArray)
        {
            Message[] turns = Messages(prompt, "prompt", where);
            return Preference.OfMessages(turns, After(turns, chosen), After(turns, rejected), id);
        }
        int shared = 0;
        while (shared < Math.Min(chosen.Length, rejected.Length) - 1 && Same(chosen[shared], rejected[shared])) shared++;
        Message[] common = chosen[..shared];
        string? text = prompt is null ? null : Text(prompt, "prompt", where);
        if (shared == 0 && text is not null && chosen[0].Role == "assistant" && rejected[0].Role == "assistant") common = [new Message("user", text)];
        Preference pair = Preference.OfMessages(common, chosen[shared..], rejected[shared..], id);
        return text is null ? pair : pair with { Prompt = text };
    }

    /// <summary>What follows the prompt, where a side repeats it.</summary>
    private static Message[] After(Message[] prompt, Message[] side) =>
        side.Length > prompt.Length && prompt.Zip(side).All(pair => Same(pair.First, pair.Second)) ? side[prompt.Length..] : side;

    private static bool Same(Message a, Message b) => JsonNode.DeepEquals(a.Json, b.Json);

    private static JsonNode Side(JsonObject line, string side, string where) =>
        line[side] ?? line[$"{side}_ids"] ?? line[$"{side}_input_ids"] ?? line[$"input_ids_{side}"]
        ?? throw new WarmException(where, $"\"{side}\" is {(line.ContainsKey(side) ? "null" : "missing")}", "a line needs \"chosen\", \"rejected\" and, unless both sides begin with it, \"prompt\"",
            line.Count == 0 ? null : $"The line has {string.Join(", ", line.Take(32).Select(p => $"\"{p.Key}\""))}; columns {side}=NAME gives another name.");

    private static bool IsIds(JsonArray list) => list.Count > 0 && list[0] is JsonValue first && first.GetValueKind() == JsonValueKind.Number;

    private static Candidate Ids(JsonArray list, string field, string where, string? id) =>
        Candidate.OfIds([.. list.Select((node, i) => node is JsonValue value && value.TryGetValue(out int token) ? token : throw new WarmException(where, $"the ids of \"{field}\" hold {node?.ToJsonString() ?? "null"} at {i}", "whole numbers"))], null, id);

    private static string Text(JsonNode node, string field, string where) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : throw new WarmException(where, $"\"{field}\" is {FileLine.Kind(node)}", field is "chosen" or "rejected" or "prompt" ? "a text or a list of messages" : "a text");

    private static double Number(JsonNode node, string field, string where) =>
        node is JsonValue value && (value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number)
            || value.TryGetValue(out string? text) && double.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out number)) && double.IsFinite(number) ? number // CSV has texts only
        : throw new WarmException(where, $"\"{field}\" is {node.ToJsonString()}", "a number");

    private static string PromptText(JsonNode prompt, string where) => prompt is JsonArray ? string.Join('\n', (object[])Messages(prompt, "prompt", where)) : Text(prompt, "prompt", where);
}
