using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// The keys of a config.json as an architecture asks for them, remembered, so that what nobody asked for can be told apart. A key that is missing or null takes its default.
/// </summary>
internal sealed class ConfigKeys
{
    private readonly ModelConfig _config;
    private readonly string _section;
    private readonly HashSet<string> _asked = [];
    private readonly Dictionary<string, ConfigKeys> _sections = [];

    /// <summary>The keys of a config, or of an object inside it that is called <paramref name="section"/>.</summary>
    public ConfigKeys(ModelConfig config, string section = "") => (_config, _section) = (config, section);

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Whether the key stands in the file, be it null.</summary>
    public bool Stands(string key) => Asked(key).Keys.Contains(key);

    /// <summary>Whether there are no keys at all.</summary>
    public bool IsEmpty => !_config.Keys.Any();

    /// <summary>Whether somebody asked for the key before.</summary>
    public bool WasAsked(string key) => _asked.Contains(key);

    /// <summary>A whole number of at least 1.</summary>
    public int Size(string key, int? fallback = null) => Asked(key).Int(key, fallback, min: 1);

    /// <summary>A size that transformers knows by two names. Trap: where both stand, the one that is common to all families counts, not the family's own.</summary>
    public int Size(string own, string common, int fallback)
    {
        int size = Size(own, fallback);
        return Size(common, size);
    }

    /// <summary>A whole number of any sign.</summary>
    public int Whole(string key, int fallback) => Asked(key).Int(key, fallback);

    /// <summary>A whole number of at least 0.</summary>
    public int Index(string key, int? fallback = null) => Asked(key).Int(key, fallback, min: 0);

    /// <summary>A finite number greater than 0.</summary>
    public double Number(string key, double? fallback = null) => Asked(key).Double(key, fallback, above: 0);

    /// <summary>A finite number of any sign.</summary>
    public double AnyNumber(string key) => Asked(key).Double(key);

    /// <summary>A list of finite numbers; empty where there is none.</summary>
    public IReadOnlyList<double> Numbers(string key) => Asked(key).Doubles(key);

    /// <summary>true or false.</summary>
    public bool Flag(string key, bool fallback) => Asked(key).Bool(key, fallback);

    /// <summary>A text, or null where there is none.</summary>
    public string? Text(string key) => Has(key) ? _config.String(key) : null;

    /// <summary>The keys of an object, or null where there is none.</summary>
    public ConfigKeys? Section(string key)
    {
        if (Asked(key).Section(key) is not { } section) return null;
        if (!_sections.TryGetValue(key, out ConfigKeys? keys)) _sections[key] = keys = new(section, $"{_section}{key}.");
        return keys;
    }

    /// <summary>The keys of the text model inside an image-text one; keys of images are known and change nothing in a text's reward.</summary>
    public ConfigKeys TextOfComposite()
    {
        Ignore("vision_config", "boi_token_index", "eoi_token_index", "image_token_index", "image_token_id", "mm_tokens_per_image");
        ConfigKeys text = Section("text_config") ?? throw Refusal("text_config", "is missing", "the sizes of the text model");
        text.Ignore(_asked.ToArray());
        text.RefuseOtherFunctions();
        return text;
    }

    /// <summary>The value as it stands, or null where it is missing or null.</summary>
    public JsonElement? Find(string key) => Asked(key).Find(key);

    /// <summary>Says that these keys are known and change nothing that is computed here.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys) _asked.Add(key);
    }

    /// <summary>Refuses a key that changes the function, unless it is missing, null, or has a value that leaves the function as it is built (false, if nothing else is said).</summary>
    public void Refuse(string key, string expected, Func<JsonElement, bool>? harmless = null)
    {
        if (Find(key) is { } value && !(harmless?.Invoke(value) ?? value.ValueKind == JsonValueKind.False)) throw Refusal(key, $"is {JsonText.Show(value)}", expected);
    }

    /// <summary>Refuses the keys that make another model of any architecture.</summary>
    public void RefuseOtherFunctions()
    {
        Refuse("quantization_config", "none: quantised weights are not read", _ => false);
        Refuse("auto_map", "none: code that comes with a model is never run", _ => false);
        Refuse("per_layer_config", "none: layers of several sizes are not built", _ => false);
    }

    /// <summary>The error about a key.</summary>
    public WarmException Refusal(string key, string found, string? expected, string? fix = null) => _config.Refuse($"\"{_section}{key}\" {found}", expected, fix);

    /// <summary>The keys, those of asked sections included, that nobody asked for and that are not null.</summary>
    public IEnumerable<string> Unknown =>
        _config.Keys.Where(key => !_asked.Contains(key) && _config.Has(key)).Select(key => _section + key).Concat(_sections.Values.SelectMany(s => s.Unknown));

    private ModelConfig Asked(string key)
    {
        _asked.Add(key);
        return _config;
    }
}
