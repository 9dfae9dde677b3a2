using System.Text.Json.Serialization;

namespace Warm;

/// <summary>How much a difference between members matters.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Severity>))]
public enum Severity
{
    /// <summary>Worth knowing; the members fit.</summary>
    Remark,
    /// <summary>The average is made, and its card says so.</summary>
    Doubtful,
    /// <summary>The average is most likely meaningless: made only where the rule is allowed by name.</summary>
    Refused,
    /// <summary>No average exists (other shapes, missing tensors). Nothing can allow it.</summary>
    Impossible,
}

/// <summary>What members are together: the worst of their differences.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>They belong together.</summary>
    Fits,
    /// <summary>They can be averaged; a reader of the result must be told something.</summary>
    Doubtful,
    /// <summary>They must not be averaged unless a rule is allowed by name.</summary>
    Refused,
    /// <summary>They cannot be averaged.</summary>
    Impossible,
}

/// <summary>One way in which members differ.</summary>
/// <param name="Rule">
/// The kind, as <c>--allow</c> takes it: architecture, config, tensors, shape, dtype, names, buffer, head, labels, read_position, vocabulary, special_tokens, tokenizer, template,
/// reward_statistics, ancestry, distance, values, duplicate, count, files, adapter.
/// </param>
/// <param name="Where">The member, and the file, key or tensor in it.</param>
/// <param name="Found">What is there.</param>
/// <param name="Expected">What the first member (or the base) has.</param>
/// <param name="Severity">How much it matters.</param>
public sealed record Difference(
    [property: JsonPropertyName("rule")] string Rule,
    [property: JsonPropertyName("where")] string Where,
    [property: JsonPropertyName("found")] string Found,
    [property: JsonPropertyName("expected")] string? Expected,
    [property: JsonPropertyName("severity")] Severity Severity)
{
    /// <summary>All rules; the last is about pairs that two files share.</summary>
    internal static IReadOnlyList<string> Rules { get; } =
    [
        "architecture", "config", "tensors", "shape", "dtype", "names", "buffer", "head", "labels", "read_position", "vocabulary", "special_tokens", "tokenizer", "template", "reward_statistics",
        "ancestry", "distance", "values", "duplicate", "count", "files", "adapter", "shared_prompts",
    ];

    /// <summary><c>config: runs/rm-2/config.json: rope_theta is 500000; runs/rm-1 has 10000</c></summary>
    public override string ToString() => $"{Rule}: {Where}: {Found}{(Expected is null ? "" : $"; {Expected}")}";
}
