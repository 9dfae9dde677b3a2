using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A judgement kept as two responses and which of them is better: <c>a</c>, <c>b</c>, <c>choice</c>. The choice is matched with what tells the two columns' names apart, so that 0 and 1 of
/// <c>summaries.0.text</c> and <c>summaries.1.text</c>, 1 and 2 of <c>response1</c> and <c>response2</c>, or <c>a1</c> and <c>a2</c> need no further word.
/// </summary>
internal static class Choice
{
    private static readonly string[] Neither = ["0", "-1", "tie", "equal", "both", "neither", "same", "none", ""];
    private static readonly char[] Joints = ['.', '_', '-', ' '];

    /// <summary>Whether the line is of this form. A judgement that is null is there if it is named.</summary>
    public static bool IsMeant(JsonObject line, ColumnNames? columns) =>
        (line.ContainsKey("choice") || columns?.Names("choice") == true) && line.ContainsKey("a") && line.ContainsKey("b") && !line.ContainsKey("chosen") && !line.ContainsKey("rejected");

    /// <summary>Puts the better response under <c>chosen</c> and the other under <c>rejected</c>; false where neither is better.</summary>
    public static bool Apply(JsonObject line, string where, ColumnNames? columns)
    {
        (string a, string b) = (columns?.Source("a") ?? "a", columns?.Source("b") ?? "b");
        HashSet<string> left = Names(a), right = Names(b);
        left.Add("a");
        right.Add("b");
        string[] common = [.. left.Intersect(right, StringComparer.OrdinalIgnoreCase)];
        left.ExceptWith(common);
        right.ExceptWith(common);

        JsonNode? choice = line["choice"];
        string said = choice is null ? "" : choice is JsonValue value && value.TryGetValue(out string? text) ? text.Trim() : choice.GetValueKind() == JsonValueKind.Number ? choice.ToJsonString() : throw Unknown();
        // The whole word first: "model_a" names b's side where b is called so, whatever its parts say.
        (bool isLeft, bool isRight) = (left.Contains(said), right.Contains(said));
        if (!isLeft && !isRight && !Neither.Contains(said, StringComparer.OrdinalIgnoreCase))
        {
            string[] parts = said.Split(Joints);
            (isLeft, isRight) = (parts.Any(left.Contains), parts.Any(right.Contains));
            if (isLeft == isRight) throw Unknown();
        }
        if (!isLeft && !isRight) return false;
        line["chosen"] = line[isLeft ? "a" : "b"]?.DeepClone();
        line["rejected"] = line[isLeft ? "b" : "a"]?.DeepClone();
        return true;

        WarmException Unknown() => new(where, $"\"choice\" is {choice!.ToJsonString()}", $"one of {string.Join(", ", left.Concat(right).Select(name => $"\"{name}\""))}, or tie");
    }

    /// <summary>A column's name, its parts, and the digits at its end.</summary>
    private static HashSet<string> Names(string column)
    {
        var names = new HashSet<string>(column.Split(Joints), StringComparer.OrdinalIgnoreCase) { column };
        string stem = column.TrimEnd("0123456789".ToCharArray());
        if (stem.Length < column.Length) names.Add(column[stem.Length..]);
        return names;
    }
}
