using System.Text.Json.Nodes;

namespace Warm;

/// <summary>One turn of a conversation as chat templates see it: a JSON object with at least a role.</summary>
public sealed class Message
{
    /// <summary>A turn of plain text.</summary>
    public Message(string role, string content) => Json = new JsonObject { ["role"] = role, ["content"] = content };

    /// <summary>A turn with whatever fields it carries (tool calls, parts, names), as read from a file.</summary>
    public Message(JsonObject json) => Json = json;

    /// <summary>The whole object. Keys keep their order; a template sees all of them.</summary>
    public JsonObject Json { get; }

    /// <summary>user, assistant, system ...; empty where missing.</summary>
    public string Role => Json["role"] is JsonValue v && v.TryGetValue(out string? role) ? role : "";

    /// <summary>The text, or null where the content is missing or made of parts.</summary>
    public string? Content => Json["content"] is JsonValue v && v.TryGetValue(out string? content) ? content : null;

    /// <summary><c>user: How do I ...</c></summary>
    public override string ToString() => $"{Role}: {Content ?? Json["content"]?.ToJsonString()}";
}
