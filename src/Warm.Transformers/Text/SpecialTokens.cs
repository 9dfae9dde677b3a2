using System.Text.Json;

namespace Warm.Transformers;

/// <summary>The tokens that a tokenizer's files give a role. A role that no file names is null.</summary>
/// <remarks>
/// From tokenizer_config.json, special_tokens_map.json (which wins, but is not read where tokenizer_config.json has added_tokens_decoder) and, for roles that
/// neither names, the ids of config.json: the rules of transformers 5.
/// </remarks>
public sealed record SpecialTokens
{
    /// <summary>Begins a text.</summary>
    public string? Bos { get; init; }

    /// <summary>Ends a text.</summary>
    public string? Eos { get; init; }

    /// <summary>Fills up a batch.</summary>
    public string? Pad { get; init; }

    /// <summary>Stands for what the vocabulary cannot spell.</summary>
    public string? Unk { get; init; }

    /// <summary>Stands first for an encoder.</summary>
    public string? Cls { get; init; }

    /// <summary>Ends each text for an encoder.</summary>
    public string? Sep { get; init; }

    /// <summary>Hides a word for an encoder.</summary>
    public string? Mask { get; init; }

    /// <summary>The roles that are filled, under their names in tokenizer_config.json.</summary>
    public IReadOnlyDictionary<string, string> Named => new (string Role, string? Token)[]
    {
        ("bos_token", Bos), ("eos_token", Eos), ("pad_token", Pad), ("unk_token", Unk), ("cls_token", Cls), ("sep_token", Sep), ("mask_token", Mask),
    }.Where(entry => entry.Token is not null).ToDictionary(entry => entry.Role, entry => entry.Token!);

    /// <summary>Role and token, comma separated.</summary>
    public override string ToString() => string.Join(", ", Named.Select(entry => $"{entry.Key} {entry.Value}"));

    internal static SpecialTokens Read(string? folder, Func<int, string?> tokenOf)
    {
        if (folder is null) return new SpecialTokens();
        using JsonDocument? config = Load(folder, "tokenizer_config.json"), map = Load(folder, "special_tokens_map.json"), model = Load(folder, "config.json");
        bool usesMap = config is null || !config.RootElement.TryGetProperty("added_tokens_decoder", out _);
        return new SpecialTokens
        {
            Bos = Token("bos_token"), Eos = Token("eos_token"), Pad = Token("pad_token"), Unk = Token("unk_token"),
            Cls = Token("cls_token"), Sep = Token("sep_token"), Mask = Token("mask_token"),
        };

        string? Token(string role) => (usesMap ? Named(map, role) : null) ?? Named(config, role) ?? FromId(role);

        string? FromId(string role) =>
            model?.RootElement.TryGetProperty(role + "_id", out JsonElement id) == true && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) ? tokenOf(number) : null;

        static string? Named(JsonDocument? document, string role)
        {
            if (document?.RootElement.TryGetProperty(role, out JsonElement token) != true) return null;
            if (token.ValueKind == JsonValueKind.Object && !token.TryGetProperty("content", out token)) return null;
            return token.ValueKind == JsonValueKind.String && token.GetString() is { Length: > 0 } text ? text : null;
        }
    }

    private static JsonDocument? Load(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        if (!File.Exists(file)) return null;
        if (new FileInfo(file).Length > TokenizerJson.SizeLimit) throw new WarmException(file, "is too large");
        try
        {
            JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new WarmException(file, "is not a JSON object");
        }
        catch (JsonException error) { throw new WarmException($"{file}, line {error.LineNumber + 1}", "is not JSON", inner: error); }
    }
}
