using System.Text.Json;

namespace Warm.Transformers;

/// <summary>A value of a JSON file together with where it stands, so that whatever is wrong with it can be said with its place.</summary>
internal readonly record struct JsonPlace(JsonElement Value, string File, string Path)
{
    public JsonValueKind Kind => Value.ValueKind;
    public bool IsNull => Kind == JsonValueKind.Null;

    /// <summary>A field that must be there.</summary>
    public JsonPlace this[string name] => Find(name) ?? throw Refuse($"'{name}' is missing");

    /// <summary>A field, or null where it is missing or null.</summary>
    public JsonPlace? Find(string name) =>
        Kind != JsonValueKind.Object ? throw Refuse($"is {Said}", "an object is needed") :
        Value.TryGetProperty(name, out JsonElement field) && field.ValueKind != JsonValueKind.Null ? new JsonPlace(field, File, Path.Length == 0 ? name : $"{Path}.{name}") : null;

    /// <summary>Whether a field is there, null included.</summary>
    public bool Has(string name) => Kind == JsonValueKind.Object && Value.TryGetProperty(name, out _);

    public string Text
    {
        get
        {
            if (Kind != JsonValueKind.String) throw Refuse($"is {Said}", "a string is needed");
            try { return Value.GetString()!; }
            catch (InvalidOperationException) { throw Refuse("holds half a surrogate pair", "text in valid Unicode is needed"); }
        }
    }

    public bool Flag => Kind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Refuse($"is {Said}", "true or false is needed") };

    public int Number => Kind == JsonValueKind.Number && Value.TryGetInt32(out int number) ? number : throw Refuse($"is {Said}", "a whole number is needed");

    /// <summary>A number that cannot be negative: an id, a count.</summary>
    public int Natural => Number is >= 0 and int number ? number : throw Refuse($"is {Said}", "a whole number from 0 is needed");

    /// <summary>One character: its code point.</summary>
    public int Character
    {
        get
        {
            string text = Text;
            System.Text.Rune[] runes = [.. text.EnumerateRunes()];
            return runes.Length == 1 ? runes[0].Value : throw Refuse($"is '{text}'", "one character is needed");
        }
    }

    public IEnumerable<JsonPlace> Items()
    {
        if (Kind != JsonValueKind.Array) throw Refuse($"is {Said}", "a list is needed");
        int i = 0;
        foreach (JsonElement item in Value.EnumerateArray()) yield return new JsonPlace(item, File, $"{Path}[{i++}]");
    }

    public IEnumerable<(string Name, JsonPlace Value)> Fields()
    {
        if (Kind != JsonValueKind.Object) throw Refuse($"is {Said}", "an object is needed");
        foreach (JsonProperty field in Value.EnumerateObject())
        {
            string name;
            try { name = field.Name; }
            catch (InvalidOperationException) { throw Refuse("has a key with half a surrogate pair", "text in valid Unicode is needed"); }
            yield return (name, new JsonPlace(field.Value, File, Path.Length == 0 ? name : $"{Path}.{name}"));
        }
    }

    /// <summary>The refusal of this value.</summary>
    public WarmException Refuse(string found, string? expected = null, string? fix = null) => new(Path.Length == 0 ? File : $"{File}, {Path}", found, expected, fix);

    private string Said
    {
        get
        {
            string raw = Value.GetRawText();
            return raw.Length <= 40 ? raw : raw[..40] + "...";
        }
    }
}
