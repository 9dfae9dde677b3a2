namespace Warm;

/// <summary>
/// Something to score: a bare text, a conversation, a prompt with one response, or token ids. Made by the static methods; exactly one of the four is there.
/// </summary>
public sealed record Candidate
{
    private Candidate() { }

    /// <summary>Carried through to the result unchanged.</summary>
    public string? Id { get; init; }

    /// <summary>Where the candidate comes from (<c>drafts.jsonl, line 17</c>), for messages.</summary>
    public string? Source { get; init; }

    /// <summary>A bare text: tokenised as it stands, with special tokens.</summary>
    public string? Text { get; private init; }

    /// <summary>A conversation for the chat template.</summary>
    public IReadOnlyList<Message>? Messages { get; private init; }

    /// <summary>The prompt before <see cref="Response"/>.</summary>
    public string? Prompt { get; private init; }

    /// <summary>The response to <see cref="Prompt"/>.</summary>
    public string? Response { get; private init; }

    /// <summary>Token ids, taken as they are.</summary>
    public IReadOnlyList<int>? Ids { get; private init; }

    /// <summary>Token types beside <see cref="Ids"/>, or null for all 0.</summary>
    public IReadOnlyList<int>? TypeIds { get; private init; }

    /// <summary>A bare text.</summary>
    public static Candidate OfText(string text, string? id = null) => new() { Text = text, Id = id };

    /// <summary>A conversation.</summary>
    public static Candidate OfMessages(IReadOnlyList<Message> messages, string? id = null) => new() { Messages = messages, Id = id };

    /// <summary>A response to a prompt.</summary>
    public static Candidate OfResponse(string prompt, string response, string? id = null) => new() { Prompt = prompt, Response = response, Id = id };

    /// <summary>Token ids.</summary>
    public static Candidate OfIds(IReadOnlyList<int> ids, IReadOnlyList<int>? typeIds = null, string? id = null) => new() { Ids = ids, TypeIds = typeIds, Id = id };

    /// <summary>The beginning of what is scored.</summary>
    public override string ToString()
    {
        string text = Text ?? Response ?? (Messages is { Count: > 0 } m ? m[^1].ToString() : Ids is { } ids ? $"{ids.Count} ids" : "");
        return text.Length > 60 ? $"{text[..57]}..." : text;
    }
}
