using System.Text;
using System.Text.Json;

namespace Warm;

/// <summary>
/// The words, special tokens and chat template of a folder, for comparing only: whether two models read the same text as the same ids. Never tokenizes. Read from
/// <c>tokenizer.json</c>, else from <c>vocab.json</c> or <c>vocab.txt</c>; <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c>, <c>added_tokens.json</c> and the template's file beside it.
/// </summary>
/// <remarks>Memory: the words. A <c>tokenizer.model</c> or <c>spiece.model</c> alone is compared by its bytes only.</remarks>
public sealed class Vocabulary
{
    private static readonly string[] SpecialKeys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private Vocabulary(string kind, string file, Dictionary<string, int> words, Dictionary<string, string> special, string? template, string pipelineHash)
    {
        Kind = kind;
        File = file;
        Words = words;
        Special = special;
        Template = template;
        PipelineHash = pipelineHash;
    }

    /// <summary>The model in tokenizer.json: <c>BPE</c>, <c>WordPiece</c>, <c>Unigram</c>, <c>WordLevel</c>; <c>vocab.json</c>, <c>vocab.txt</c> or <c>sentencepiece</c> for older files.</summary>
    public string Kind { get; }

    /// <summary>The file that the words come from.</summary>
    public string File { get; }

    /// <summary>Every word and added token with its id. Empty for a bare SentencePiece file.</summary>
    public IReadOnlyDictionary<string, int> Words { get; }

    /// <summary>Special tokens by their role: <c>eos_token</c> to <c>&lt;/s&gt;</c>. Roles without a token are absent.</summary>
    public IReadOnlyDictionary<string, string> Special { get; }

    /// <summary>The chat template's text; the default one where there are several. Null where there is none.</summary>
    public string? Template { get; }

    /// <summary>SHA-256 of <see cref="Template"/>, or null.</summary>
    public string? TemplateHash => Template is null ? null : ContentHash.Of(Encoding.UTF8.GetBytes(Template));

    /// <summary>SHA-256 of everything in the file but words, added tokens, truncation and padding: normaliser, splitting, merges, post-processing. Equal hashes and words make equal ids.</summary>
    public string PipelineHash { get; }

    /// <summary>The id of the special token in a role, or null.</summary>
    public int? IdOf(string role) => Special.TryGetValue(role, out string? token) && Words.TryGetValue(token, out int id) ? id : null;

    /// <summary>The vocabulary of a folder, or null where it has no tokenizer. The template is there even without one: see <see cref="TemplateOf"/>.</summary>
    public static Vocabulary? Of(ModelFolder folder)
    {
        JsonElement? config = folder.Has("tokenizer_config.json") ? ReadObject(folder.File("tokenizer_config.json")) : null;
        Dictionary<string, string> special = SpecialOf(folder, config);
        string? template = TemplateOf(folder);
        if (folder.Has("tokenizer.json")) return OfTokenizerJson(folder.File("tokenizer.json"), special, template);
        if (folder.Has("vocab.json")) return OfWords("vocab.json", folder, ReadIds(folder.File("vocab.json")), special, template, folder.Has("merges.txt") ? "merges.txt" : null);
        if (folder.Has("vocab.txt"))
        {
            var words = new Dictionary<string, int>();
            int line = 0;
            foreach (string word in System.IO.File.ReadLines(folder.File("vocab.txt"))) words[word] = line++;
            return OfWords("vocab.txt", folder, words, special, template, null);
        }
        string? pieces = Array.Find(["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"], folder.Has);
        return pieces is null ? null : new("sentencepiece", folder.File(pieces), [], special, template, ContentHash.OfFile(folder.File(pieces)));
    }

    /// <summary>
    /// The chat template of a folder: <c>chat_template.jinja</c>, else <c>chat_template.json</c>, else the key <c>chat_template</c> of tokenizer_config.json (of a list, the one named default). Null where there is none.
    /// </summary>
    public static string? TemplateOf(ModelFolder folder)
    {
        if (folder.Has("chat_template.jinja"))
        {
            string path = folder.File("chat_template.jinja");
            byte[] bytes = InputFile.ReadAll(path, 1 << 26);
            JsonText.CheckUtf8(bytes, path);
            return Encoding.UTF8.GetString(bytes);
        }
        foreach (string file in (string[])["chat_template.json", "tokenizer_config.json"])
        {
            if (!folder.Has(file) || !ReadObject(folder.File(file)).TryGetProperty("chat_template", out JsonElement value)) continue;
            if (value.ValueKind == JsonValueKind.String) return value.GetString();
            if (value.ValueKind != JsonValueKind.Array) continue;
            JsonElement[] named = [.. value.EnumerateArray().Where(t => Text(t, "template") is not null)];
            JsonElement chosen = named.FirstOrDefault(t => Text(t, "name") == "default", named.Length == 1 ? named[0] : default);
            if (chosen.ValueKind == JsonValueKind.Object) return Text(chosen, "template");
        }
        return null;
    }

    /// <summary><c>BPE, 2,048 words, 5 special tokens, a chat template</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Kind}, {Words.Count:N0} words, {Special.Count} special tokens, {(Template is null ? "no" : "a")} chat template");

    private static Vocabulary OfTokenizerJson(string path, Dictionary<string, string> special, string? template)
    {
        JsonElement json = ReadObject(path);
        if (!json.TryGetProperty("model", out JsonElement model) || model.ValueKind != JsonValueKind.Object) throw new WarmException(path, "has no \"model\"", "a tokenizer.json of the tokenizers library");
        var words = new Dictionary<string, int>();
        if (model.TryGetProperty("vocab", out JsonElement vocabulary))
        {
            int index = 0;
            if (vocabulary.ValueKind == JsonValueKind.Object)
                foreach (JsonProperty word in vocabulary.EnumerateObject()) words[word.Name] = Id(path, word.Name, word.Value);
            else if (vocabulary.ValueKind == JsonValueKind.Array) // Unigram: [[word, log probability], ..]
                foreach (JsonElement pair in vocabulary.EnumerateArray())
                {
                    if (pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() > 0 && pair[0].ValueKind == JsonValueKind.String) words[pair[0].GetString()!] = index;
                    index++;
                }
        }
        if (json.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array)
            foreach (JsonElement token in added.EnumerateArray())
                if (Text(token, "content") is { } content && token.TryGetProperty("id", out JsonElement id)) words[content] = Id(path, content, id);
        string kind = Text(model, "type") ?? (model.TryGetProperty("merges", out _) ? "BPE" : vocabulary.ValueKind == JsonValueKind.Array ? "Unigram" : "WordPiece");
        return new(kind, path, words, special, template, PipelineOf(json, model));
    }

    private static Vocabulary OfWords(string kind, ModelFolder folder, Dictionary<string, int> words, Dictionary<string, string> special, string? template, string? merges)
    {
        if (folder.Has("added_tokens.json"))
            foreach ((string word, int id) in ReadIds(folder.File("added_tokens.json"))) words[word] = id;
        return new(kind, folder.File(kind), words, special, template, merges is null ? "" : ContentHash.OfFile(folder.File(merges)));
    }

    /// <summary>A hash that does not change with white space or the order of keys.</summary>
    private static string PipelineOf(JsonElement json, JsonElement model)
    {
        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (string part in (string[])["normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens"])
                if (json.TryGetProperty(part, out JsonElement value)) WriteSorted(writer, value);
                else writer.WriteNullValue();
            foreach (JsonProperty setting in model.EnumerateObject().Where(p => p.Name != "vocab" || p.Value.ValueKind == JsonValueKind.Array).OrderBy(p => p.Name, StringComparer.Ordinal))
            {
                writer.WriteStringValue(setting.Name);
                WriteSorted(writer, setting.Value);
            }
            writer.WriteEndArray();
        }
        return ContentHash.Of(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    private static void WriteSorted(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty property in value.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(property.Name);
                    WriteSorted(writer, property.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) WriteSorted(writer, item);
                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    /// <summary>tokenizer_config.json wins over special_tokens_map.json; a token is a text or an object with its content.</summary>
    private static Dictionary<string, string> SpecialOf(ModelFolder folder, JsonElement? config)
    {
        var special = new Dictionary<string, string>();
        JsonElement? map = folder.Has("special_tokens_map.json") ? ReadObject(folder.File("special_tokens_map.json")) : null;
        foreach (string role in SpecialKeys)
            foreach (JsonElement? source in (JsonElement?[])[config, map])
                if (source is { } json && json.TryGetProperty(role, out JsonElement token) && (token.ValueKind == JsonValueKind.String ? token.GetString() : Text(token, "content")) is { } text)
                {
                    special[role] = text;
                    break;
                }
        return special;
    }

    private static Dictionary<string, int> ReadIds(string path)
    {
        JsonElement json = ReadObject(path);
        var words = new Dictionary<string, int>(json.GetPropertyCount());
        foreach (JsonProperty word in json.EnumerateObject()) words[word.Name] = Id(path, word.Name, word.Value);
        return words;
    }

    private static int Id(string path, string word, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id >= 0 ? id : throw new WarmException(path, $"the id of {JsonText.Quote(word)} is {JsonText.Show(value)}", "a whole number from 0 on");

    private static JsonElement ReadObject(string path)
    {
        JsonElement json = JsonText.Read(path, namedNumbers: true);
        return json.ValueKind == JsonValueKind.Object ? json : throw new WarmException(path, $"is {JsonText.Kind(json)}", "a JSON object");
    }

    private static string? Text(JsonElement json, string key) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
