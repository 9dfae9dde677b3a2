using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A model's config.json as it stands, or one object inside it; typed access to its keys with errors that name file and key. A key whose value is null counts as absent,
/// as in the Python libraries. A byte order mark is stepped over; of two equal keys the last counts; Python's NaN and Infinity are read, and refused only where such a key is asked for.
/// </summary>
public sealed class ModelConfig
{
    private readonly string _prefix;

    private ModelConfig(string path, string prefix, JsonElement json, IReadOnlyList<string> remarks)
    {
        Path = path;
        _prefix = prefix;
        Json = json;
        Remarks = remarks;
    }

    /// <summary>The file it was read from.</summary>
    public string Path { get; }

    /// <summary>The whole document, an object.</summary>
    public JsonElement Json { get; }

    /// <summary>What a reader should know: a key that stands twice. Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Reads a config.json. What is not a JSON object is refused with its place.</summary>
    public static ModelConfig Read(string path)
    {
        var remarks = new List<string>();
        JsonElement json = JsonText.Read(path, remark => remarks.Add($"{remark}; the last one counts"), namedNumbers: true);
        if (json.ValueKind != JsonValueKind.Object) throw new WarmException(path, $"is {JsonText.Kind(json)}", "a JSON object");
        return new(path, "", json, remarks);
    }

    /// <summary>The same with some keys of another value; a null takes a key away.</summary>
    internal ModelConfig With(IReadOnlyDictionary<string, JsonNode?> changes)
    {
        var json = (JsonObject)CheckpointWriter.Copy(Json)!; // of two equal keys the last: JsonObject.Create would refuse them
        foreach ((string key, JsonNode? value) in changes)
            if (value is null) json.Remove(key);
            else json[key] = value;
        return new(Path, _prefix, JsonText.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), Path), Remarks);
    }

    /// <summary>The keys in the file's order, null ones included.</summary>
    public IEnumerable<string> Keys => Json.EnumerateObject().Select(p => p.Name).Distinct();

    /// <summary>Whether the key is there with a value other than null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>A whole number, written without point or exponent, within the bounds.</summary>
    /// <param name="key">The key.</param>
    /// <param name="otherwise">What an absent key means; null makes it required.</param>
    /// <param name="min">Smallest value that is accepted.</param>
    /// <param name="max">Largest value that is accepted.</param>
    public int Int(string key, int? otherwise = null, int min = int.MinValue, int max = int.MaxValue)
    {
        if (Find(key) is not { } value) return otherwise ?? throw Missing(key, "a whole number");
        if (value.ValueKind != JsonValueKind.Number || !IsWhole(value) || !value.TryGetInt32(out int number) || number < min || number > max)
            throw Wrong(key, value, $"a whole number{Bounds(min, max)}");
        return number;
    }

    /// <summary>A finite number.</summary>
    /// <param name="key">The key.</param>
    /// <param name="otherwise">What an absent key means; null makes it required.</param>
    /// <param name="above">The value must be greater than this; no bound by default.</param>
    public double Double(string key, double? otherwise = null, double above = double.NegativeInfinity)
    {
        if (Find(key) is not { } value) return otherwise ?? throw Missing(key, "a number");
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number) || !double.IsFinite(number) || !(number > above))
            throw Wrong(key, value, double.IsFinite(above) ? FormattableString.Invariant($"a number above {above}") : "a finite number");
        return number;
    }

    /// <summary>true or false; <paramref name="otherwise"/> null makes the key required.</summary>
    public bool Bool(string key, bool? otherwise = null)
    {
        if (Find(key) is not { } value) return otherwise ?? throw Missing(key, "true or false");
        return value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Wrong(key, value, "true or false") };
    }

    /// <summary>A text; <paramref name="otherwise"/> null makes the key required.</summary>
    public string String(string key, string? otherwise = null)
    {
        if (Find(key) is not { } value) return otherwise ?? throw Missing(key, "a text");
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a text");
    }

    /// <summary>A list of texts; empty where the key is absent.</summary>
    public IReadOnlyList<string> Strings(string key)
    {
        if (Find(key) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String)) throw Wrong(key, value, "a list of texts");
        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    /// <summary>A list of finite numbers; empty where the key is absent.</summary>
    public IReadOnlyList<double> Doubles(string key)
    {
        if (Find(key) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(key, value, "a list of numbers");
        return [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out double number) && double.IsFinite(number) ? number : throw Wrong(key, value, "a list of finite numbers"))];
    }

    /// <summary>An object inside this one (<c>rope_parameters</c>, <c>text_config</c>), or null where the key is absent.</summary>
    public ModelConfig? Section(string key)
    {
        if (Find(key) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Object) throw Wrong(key, value, "an object");
        return new(Path, $"{_prefix}{key}.", value, []);
    }

    /// <summary>The value of a key as it stands, or null where it is absent or null.</summary>
    public JsonElement? Find(string key) => Json.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The model class, <c>LlamaForSequenceClassification</c>; null where the config names none. More than one is refused.</summary>
    public string? Architecture
    {
        get
        {
            IReadOnlyList<string> names = Strings("architectures");
            return names.Count <= 1 ? names.FirstOrDefault()
                : throw Refuse($"\"{_prefix}architectures\" names {names.Count}: {string.Join(", ", names.Take(5))}", "exactly one");
        }
    }

    /// <summary>The family, <c>llama</c>; null where the config does not say.</summary>
    public string? ModelType => Has("model_type") ? String("model_type") : null;

    /// <summary>Number of outputs of a classifier, by transformers' rule: <c>num_labels</c> if written, else the size of <c>id2label</c>, else 2.</summary>
    public int NumLabels => Has("num_labels") ? Int("num_labels", min: 0) : Section("id2label")?.Json.EnumerateObject().Select(p => p.Name).Distinct().Count() ?? 2;

    /// <summary>Names of the outputs in order, where <c>id2label</c> gives one for each; else empty.</summary>
    public IReadOnlyList<string> Labels
    {
        get
        {
            if (Section("id2label") is not { } names || NumLabels is var count && count > 10_000) return [];
            return Enumerable.Range(0, count).All(i => names.Find($"{i}") is { ValueKind: JsonValueKind.String })
                ? [.. Enumerable.Range(0, count).Select(i => names.String($"{i}"))] : [];
        }
    }

    /// <summary>
    /// The part that describes the text model: <c>text_config</c> of a composite (image and text) config, else this config itself. Sizes and special ids are read from it.
    /// </summary>
    public ModelConfig Text => Section("text_config") ?? this;

    /// <summary>
    /// The padding token's id, which decides where a decoder's reward is read; null where there is none. May be -1, an older convention for none. Where the key does not stand in the file at all
    /// (a null stands), it is the family's own, as in transformers 5.23.
    /// </summary>
    public int? PadTokenId => Text.Has("pad_token_id") ? Text.Int("pad_token_id", min: -1) : Text.Json.TryGetProperty("pad_token_id", out _) ? null : ModelFamily.OfType(Text.ModelType ?? ModelType).Padding;

    /// <summary>The ids that end a text, of which <c>eos_token_id</c> gives one or a list; null where the config does not say. May hold -1, an older convention for none.</summary>
    public IReadOnlyList<int>? EndTokenIds
    {
        get
        {
            if (Text.Find("eos_token_id") is not { } eos) return null;
            JsonElement[] ids = eos.ValueKind == JsonValueKind.Array ? [.. eos.EnumerateArray()] : [eos];
            return [.. ids.Select(id => id.ValueKind == JsonValueKind.Number && IsWhole(id) && id.TryGetInt32(out int number) && number >= -1 ? number : throw Text.Wrong("eos_token_id", eos, "a token id, or a list of them,"))];
        }
    }

    /// <summary>An error at a key of this config: <c>config.json: "hidden_size" is 8.5; a whole number is needed.</c></summary>
    public WarmException Refuse(string found, string? expected = null, string? fix = null) => new(Path, found, expected, fix);

    /// <summary>The file.</summary>
    public override string ToString() => _prefix.Length == 0 ? Path : $"{Path}, {_prefix.TrimEnd('.')}";

    private WarmException Missing(string key, string expected) => Refuse($"\"{_prefix}{key}\" is missing", $"{expected} is needed");

    private WarmException Wrong(string key, JsonElement value, string expected) => Refuse($"\"{_prefix}{key}\" is {JsonText.Show(value)}", $"{expected} is needed");

    private static bool IsWhole(JsonElement value) => !value.GetRawText().AsSpan().ContainsAny(".eE");

    private static string Bounds(int min, int max) => (min, max) switch
    {
        (int.MinValue, int.MaxValue) => "",
        (_, int.MaxValue) => $" of at least {min}",
        (int.MinValue, _) => $" of at most {max}",
        _ => $" from {min} to {max}",
    };
}
