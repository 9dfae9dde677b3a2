using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>Where a model's folder keeps its templates and special tokens, and which of them win.</summary>
internal static class ChatTemplateFolder
{
    private static readonly string[] TokenNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    public static ChatTemplate? Open(string folder)
    {
        if (!Directory.Exists(folder)) throw new WarmException(folder, "is not a folder", "a model's folder");
        string configFile = Path.Combine(folder, "tokenizer_config.json"), mapFile = Path.Combine(folder, "special_tokens_map.json");
        JsonObject config = Read(configFile), map = Read(mapFile);
        Dictionary<string, string> tokens = SpecialTokens(config, map);
        if (Files(folder) is { Count: > 0 } files)
            return new ChatTemplate(files.Count == 1 ? files.Values.First().Where : folder, files, named: files.Count > 1 || !files.ContainsKey("default"), tokens);
        foreach ((string file, JsonObject json) in new[] { (configFile, config), (mapFile, map) })
            if (json["chat_template"] is { } template)
                return Inside(file, template, tokens);
        return null;
    }

    /// <summary>The files that hold a template each. Trap: where there is one of them, those in tokenizer_config.json are lost; and default.jinja beats chat_template.jinja.</summary>
    private static Dictionary<string, (string Where, string Source)> Files(string folder)
    {
        var files = new Dictionary<string, (string Where, string Source)>();
        string main = Path.Combine(folder, "chat_template.jinja"), more = Path.Combine(folder, "additional_chat_templates");
        if (File.Exists(main)) files["default"] = (main, Text(main));
        if (Directory.Exists(more))
            foreach (string file in Directory.GetFiles(more, "*.jinja").Order(StringComparer.Ordinal)) files[Path.GetFileNameWithoutExtension(file)] = (file, Text(file));
        return files;
    }

    /// <summary>A template inside a JSON file: one text, a list of named ones, or an object of them.</summary>
    private static ChatTemplate Inside(string file, JsonNode template, Dictionary<string, string> tokens)
    {
        var sources = new Dictionary<string, (string, string)>();
        if (template is JsonValue value && value.GetValueKind() == JsonValueKind.String)
            return new ChatTemplate(file, new Dictionary<string, (string, string)> { ["default"] = (file, Source(value)) }, named: false, tokens);
        IEnumerable<(JsonNode? Name, JsonNode? Source)> entries = template switch
        {
            JsonArray list => list.Select(e => e is JsonObject entry ? (entry["name"], entry["template"]) : (null, null)),
            JsonObject named => named.Select(e => ((JsonNode?)JsonValue.Create(e.Key), e.Value)),
            _ => [(null, null)],
        };
        foreach ((JsonNode? name, JsonNode? source) in entries)
        {
            if (name?.GetValueKind() != JsonValueKind.String || source?.GetValueKind() != JsonValueKind.String)
                throw new WarmException(file, $"\"chat_template\" is {Short(template)}", "a text, or a list of {\"name\", \"template\"}");
            sources[name.GetValue<string>()] = (file, Source(source));
        }
        return new ChatTemplate(file, sources, named: true, tokens);
    }

    private static string Source(JsonNode node) => ((JinjaString)JinjaJsonData.Of(node)).Value;
    private static string Short(JsonNode node) => node.ToJsonString() is var text && text.Length > 60 ? text[..60] + "..." : text;

    /// <summary>
    /// Special tokens by name: a text, or an object with "content". tokenizer_config.json first; special_tokens_map.json fills what it lacks.
    /// Besides the seven well-known names, every other name that ends in _token counts.
    /// </summary>
    private static Dictionary<string, string> SpecialTokens(JsonObject config, JsonObject map)
    {
        var tokens = new Dictionary<string, string>();
        foreach (JsonObject from in new[] { config, map })
        {
            foreach ((string name, JsonNode? value) in from)
            {
                if (!name.EndsWith("_token", StringComparison.Ordinal) || tokens.ContainsKey(name) || !TokenNames.Contains(name) && from == map && config.Count > 0 && config.ContainsKey(name)) continue;
                JsonNode? content = value is JsonObject added ? added["content"] : value;
                if (content?.GetValueKind() == JsonValueKind.String) tokens[name] = Source(content);
            }
        }
        return tokens;
    }

    private static JsonObject Read(string file)
    {
        if (!File.Exists(file)) return [];
        try
        {
            return JsonNode.Parse(Text(file), documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = true }) as JsonObject ?? throw new WarmException(file, "is not a JSON object");
        }
        catch (JsonException error)
        {
            throw new WarmException($"{file}, line {error.LineNumber + 1}", "is not JSON", fix: "Download the file again.", inner: error);
        }
    }

    /// <summary>UTF-8 and nothing else; newlines become \n, a byte order mark stays, as the Python side reads them.</summary>
    private static string Text(string file)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(file)).Replace("\r\n", "\n").Replace('\r', '\n');
        }
        catch (DecoderFallbackException error)
        {
            throw new WarmException(file, $"is not UTF-8 (byte {error.Index})", "UTF-8 text", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WarmException(file, error.Message.TrimEnd('.'), inner: error);
        }
    }
}
