using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>A judgement between two responses to one prompt: what a reward model is trained on and measured by.</summary>
public sealed record Preference
{
    /// <summary>The response that was preferred, with its prompt.</summary>
    public required Candidate Chosen { get; init; }

    /// <summary>The other response, with its prompt.</summary>
    public required Candidate Rejected { get; init; }

    /// <summary>The prompt of both as text (of messages <c>role: content</c>, a line each), by which pairs are grouped; null where there is none.</summary>
    public string? Prompt { get; init; }

    /// <summary>The pair's own id, or null.</summary>
    public string? Id { get; init; }

    /// <summary>The part of a benchmark that the pair belongs to, or null.</summary>
    public string? Subset { get; init; }

    /// <summary>How much better the chosen side is, in the units of its data set (votes, ratings), or null.</summary>
    public double? Margin { get; init; }

    /// <summary>Where the pair comes from (<c>heldout.jsonl, line 17</c>), for messages.</summary>
    public string? Source { get; init; }

    /// <summary>Every field of the line as it stands (topic, annotator ...), for grouping. Empty where the pair was made by a program.</summary>
    public JsonObject Fields { get; init; } = [];

    /// <summary>Number of messages at the beginning that are the prompt, where the sides are conversations.</summary>
    internal int PromptMessages { get; init; }

    /// <summary>Characters (Unicode code points) of the chosen response without its prompt; of token ids their number.</summary>
    public int ChosenLength => Length(Chosen);

    /// <summary>Characters (Unicode code points) of the rejected response without its prompt; of token ids their number.</summary>
    public int RejectedLength => Length(Rejected);

    /// <summary>A pair of texts; without a prompt each side is a bare text.</summary>
    public static Preference Of(string? prompt, string chosen, string rejected, string? id = null) => new()
    {
        Chosen = prompt is null ? Candidate.OfText(chosen, id) : Candidate.OfResponse(prompt, chosen, id),
        Rejected = prompt is null ? Candidate.OfText(rejected, id) : Candidate.OfResponse(prompt, rejected, id),
        Prompt = prompt,
        Id = id,
    };

    /// <summary>A pair of conversations that begin with the same prompt.</summary>
    public static Preference OfMessages(IReadOnlyList<Message> prompt, IReadOnlyList<Message> chosen, IReadOnlyList<Message> rejected, string? id = null) => new()
    {
        Chosen = Candidate.OfMessages([.. prompt, .. chosen], id),
        Rejected = Candidate.OfMessages([.. prompt, .. rejected], id),
        Prompt = prompt.Count == 0 ? null : string.Join('\n', prompt),
        PromptMessages = prompt.Count,
        Id = id,
    };

    /// <summary>
    /// The unit that the pair belongs to: its <c>prompt</c>, <c>subset</c>, <c>id</c>, or any field of its line (<c>topic</c>, <c>meta.annotator</c>). Null where the pair has no such thing.
    /// </summary>
    public string? Group(string field) => field switch
    {
        "prompt" => string.IsNullOrEmpty(Prompt) ? null : Prompt,
        "subset" when Subset is not null => Subset,
        "id" when Id is not null => Id,
        _ => ColumnNames.Find(Fields, field) switch
        {
            null => null,
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            { } node => node.ToJsonString(),
        },
    };

    /// <summary>The prompt and the two responses, each shortened.</summary>
    public override string ToString() => $"{(Prompt is null ? "" : $"{Short(Prompt)}: ")}{Chosen} > {Rejected}";

    private static string Short(string text) => text.Length > 40 ? $"{text[..37]}..." : text;

    private int Length(Candidate side) =>
        side.Ids is { } ids ? ids.Count
        : side.Messages is { } messages ? messages.Skip(PromptMessages).Sum(message => Characters(message.Json["content"]))
        : Characters(side.Response ?? side.Text ?? "");

    private static int Characters(JsonNode? content) => content switch
    {
        JsonValue value when value.TryGetValue(out string? text) => Characters(text),
        JsonArray parts => parts.Sum(part => Characters((part as JsonObject)?["text"])), // [{"type":"text","text":..}, ..]
        _ => 0,
    };

    private static int Characters(string text)
    {
        int count = text.Length;
        for (int i = 1; i < text.Length; i++) if (char.IsSurrogatePair(text[i - 1], text[i])) count--;
        return count;
    }
}
