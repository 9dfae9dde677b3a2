using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Other names for the fields of a file: <c>prompt=question,chosen=answers.good</c>. A dot goes into an object or, with a number, into a list (<c>answers.0.text</c>);
/// a field that bears the whole name, dots included, comes first.
/// </summary>
public sealed class ColumnNames
{
    private readonly (string Field, string Source)[] _names;

    private ColumnNames((string, string)[] names) => _names = names;

    /// <summary>Reads <c>field=source,field=source</c>. Refused: a part without a name on both sides, a field named twice.</summary>
    public static ColumnNames Parse(string text)
    {
        var names = new List<(string Field, string Source)>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            int at = part.IndexOf('=');
            if (at <= 0 || at == part.Length - 1) throw new WarmException("columns", $"\"{part}\" has no name on both sides of =", "field=source, such as prompt=question,chosen=answers.good");
            (string field, string source) = (part[..at].Trim(), part[(at + 1)..].Trim());
            if (names.Any(n => n.Field == field)) throw new WarmException("columns", $"\"{field}\" is named twice", "every field once");
            names.Add((field, source));
        }
        return new ColumnNames([.. names]);
    }

    /// <summary>The name under which a file keeps a field.</summary>
    internal string Source(string field) => _names.FirstOrDefault(n => n.Field == field).Source ?? field;

    /// <summary>Whether the field is given another name, or its own.</summary>
    internal bool Names(string field) => _names.Any(n => n.Field == field);

    /// <summary>Puts what lies at each source under its field, beside what is there; where nothing lies there, the field is missing.</summary>
    internal void Apply(JsonObject line)
    {
        JsonNode?[] found = [.. _names.Select(name => Find(line, name.Source)?.DeepClone())];
        for (int i = 0; i < found.Length; i++)
        {
            line.Remove(_names[i].Field);
            if (found[i] is { } value) line.Add(_names[i].Field, value);
        }
    }

    /// <summary>What lies at a name, or null.</summary>
    internal static JsonNode? Find(JsonNode? node, string path)
    {
        if (node is JsonObject whole && whole.TryGetPropertyValue(path, out JsonNode? literal)) return literal;
        foreach (string step in path.Split('.'))
        {
            node = node switch
            {
                JsonObject inner => inner[step],
                JsonArray list when int.TryParse(step, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int i) && i < list.Count => list[i],
                _ => null,
            };
        }
        return node;
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => string.Join(',', _names.Select(n => $"{n.Field}={n.Source}"));
}
