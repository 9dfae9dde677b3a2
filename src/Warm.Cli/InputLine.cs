using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary>A line's fields and where it stands.</summary>
/// <param name="Where"><c>texts.jsonl, line 17</c></param>
/// <param name="Number">From 1.</param>
/// <param name="Json">The object, columns renamed; of a bare text <c>{"text":..}</c>.</param>
internal sealed record InputLine(string Where, int Number, JsonObject Json)
{
    /// <summary>The field <c>id</c> as it stands (text or number), to be given back with the result; null where there is none.</summary>
    public JsonNode? Id => Json["id"]?.DeepClone();

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string field) => Json[field] is not null;

    /// <summary>A text that must be there.</summary>
    public string Text(string field) => TextOrNull(field) ?? throw Missing(field, "a text");

    /// <summary>A text, or null where the field is missing or null.</summary>
    public string? TextOrNull(string field) =>
        Json[field] is not { } node ? null
        : node is JsonValue value && value.TryGetValue(out string? text) ? text
        : throw new WarmException(Where, $"\"{field}\" is {FileLine.Kind(node)}", "a text");

    /// <summary>Whole numbers of 32 bits that must be there.</summary>
    public int[] Integers(string field) =>
        [.. List(field).Select((node, i) => node is JsonValue value && value.TryGetValue(out int number) ? number
            : throw new WarmException(Where, $"\"{field}\"[{i}] is {node?.ToJsonString() ?? "null"}", "a whole number"))];

    /// <summary>Texts that must be there.</summary>
    public string[] Texts(string field) =>
        [.. List(field).Select((node, i) => node is JsonValue value && value.TryGetValue(out string? text) ? text
            : throw new WarmException(Where, $"\"{field}\"[{i}] is {FileLine.Kind(node)}", "a text"))];

    /// <summary>A conversation that must be there: objects with at least a role.</summary>
    public Message[] Messages(string field) => PreferenceFile.Messages(Json[field] ?? throw Missing(field, "a list of messages"), field, Where);

    /// <summary>A list that must be there.</summary>
    public JsonArray List(string field) => Json[field] switch
    {
        JsonArray list => list,
        null => throw Missing(field, "a list"),
        { } other => throw new WarmException(Where, $"\"{field}\" is {FileLine.Kind(other)}", "a list"),
    };

    /// <summary>What can be scored: <c>{"input_ids"[,"token_type_ids"]}</c>, <c>{"messages"}</c>, <c>{"prompt","response"}</c> or <c>{"text"}</c>; exactly one of these.</summary>
    public Candidate Candidate()
    {
        string? id = Json["id"] is JsonValue value ? value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString() : null;
        string[] forms = [.. new[] { "input_ids", "messages", "response", "text" }.Where(Has)];
        if (forms.Length != 1)
            throw new WarmException(Where, forms.Length == 0 ? Has("prompt") ? "\"response\" is missing" : "nothing to score is there" : $"has {string.Join(" and ", forms.Select(f => $"\"{f}\""))}",
                "{\"text\"}, {\"prompt\",\"response\"}, {\"messages\"} or {\"input_ids\"}", forms.Length == 0 ? "Other names are given by --columns text=NAME." : null);
        return forms[0] switch
        {
            "input_ids" => Warm.Candidate.OfIds(Integers("input_ids"), Has("token_type_ids") ? Integers("token_type_ids") : null, id),
            "messages" => Warm.Candidate.OfMessages(Messages("messages"), id),
            "response" => Warm.Candidate.OfResponse(Text("prompt"), Text("response"), id),
            _ => Warm.Candidate.OfText(Text("text"), id),
        } with { Source = Where };
    }

    /// <summary>The drafts of a prompt, at least one: <c>{"prompt","responses":[..]}</c> or <c>{"messages","responses":[..]}</c>.</summary>
    public Candidate[] Drafts()
    {
        string[] drafts = Texts("responses");
        if (drafts.Length == 0) throw new WarmException(Where, "\"responses\" is an empty list", "at least one draft");
        if (Has("prompt") && Has("messages")) throw new WarmException(Where, "has \"prompt\" and \"messages\"", "one of them");
        Message[]? messages = Has("messages") ? Messages("messages") : Json["prompt"] is JsonArray ? Messages("prompt") : null;
        string prompt = messages is null ? Text("prompt") : "";
        return [.. drafts.Select((draft, i) => (messages is null ? Warm.Candidate.OfResponse(prompt, draft) : Warm.Candidate.OfMessages([.. messages, new Message("assistant", draft)])) with { Source = FormattableString.Invariant($"{Where}, draft {i}") })];
    }

    /// <summary>The error of a field that is not there.</summary>
    public WarmException Missing(string field, string expected) => new(Where, $"\"{field}\" is missing", expected, Json.Count == 0 ? null : $"The line has {string.Join(", ", Json.Take(8).Select(p => $"\"{p.Key}\""))}; other names are given by --columns {field}=NAME.");
}
