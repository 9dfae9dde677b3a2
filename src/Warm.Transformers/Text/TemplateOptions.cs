using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>How a conversation is rendered. The defaults add nothing.</summary>
public sealed record TemplateOptions
{
    /// <summary>The defaults.</summary>
    public static TemplateOptions Default { get; } = new();

    /// <summary>Whether the beginning of an assistant's turn is written at the end (default false).</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Whether the last message stays open, so that a model can go on with it (default false). Not together with <see cref="AddGenerationPrompt"/>.</summary>
    public bool ContinueFinalMessage { get; init; }

    /// <summary>The field of the last message that stays open; default <c>content</c>.</summary>
    public string ContinueField { get; init; } = "content";

    /// <summary>Tools as a list of JSON schemas; null (default) for none. An empty list is not none: it picks the template named tool_use too.</summary>
    public JsonNode? Tools { get; init; }

    /// <summary>Documents as a list of objects with title and text; null (default) for none.</summary>
    public JsonNode? Documents { get; init; }

    /// <summary>Other variables of the template. They win over special tokens of the same name; <c>messages</c>, <c>tools</c>, <c>documents</c> and <c>add_generation_prompt</c> are refused.</summary>
    public JsonObject? Variables { get; init; }

    /// <summary>The clock that <c>strftime_now</c> reads; null (default) for the machine's.</summary>
    public Func<DateTimeOffset>? Now { get; init; }

    /// <summary>Which of several templates; null (default) takes tool_use where tools are given and there is one, else default.</summary>
    public string? Name { get; init; }
}
