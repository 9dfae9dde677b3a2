using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>
/// What transformers 5 (5.23) makes of a tokenizer.json: classes with a constructor of their own take words and merges from the file and build the rest themselves, and special tokens that
/// only tokenizer_config.json names are added. Warm follows the file, as transformers 4, vLLM and TEI do; this says where the two part, so that a remark can. No id depends on it.
/// </summary>
internal static class TokenizerClass
{
    private const string Words = "\u2581"; // sentencepiece's mark for a space

    /// <summary>The class that registered model types have; null for those that read the file as it stands.</summary>
    private static string? Registered(string? modelType) => modelType switch
    {
        "bert" or "distilbert" or "electra" => "Bert",
        "camembert" => "Camembert",
        "deberta-v2" => "DebertaV2",
        "gemma" or "gemma2" or "gemma3" or "gemma3_text" => "Gemma",
        "gpt2" or "gptj" or "opt" or "phi" or "codegen" or "starcoder2" => "GPT2",
        "gpt_neox" or "olmo" or "olmoe" => "GPTNeoX",
        "mpnet" => "MPNet",
        "qwen2" or "qwen3" => "Qwen2",
        "roberta" => "Roberta",
        "t5" => "T5",
        "xlm-roberta" => "XLMRoberta",
        _ => null,
    };

    /// <summary>The class that builds its own pipeline for a folder, without "Tokenizer"; null where the file is read as it stands (or by a class that is not known here).</summary>
    private static string? Of(string? modelType, string? named, bool byteLevel)
    {
        string? registered = Registered(modelType);
        if (named is null) return registered;
        string plain = named.EndsWith("Fast", StringComparison.Ordinal) ? named[..^4] : named;
        string name = plain switch
        {
            "BertTokenizer" or "DistilBertTokenizer" or "ElectraTokenizer" => "Bert",
            "CodeGenTokenizer" => "GPT2",
            _ => plain.EndsWith("Tokenizer", StringComparison.Ordinal) ? plain[..^"Tokenizer".Length] : plain,
        };
        if (modelType == "qwen2") return registered; // its published class names are not believed
        // Registered as readers of the file: a class of another name does not change that. Trap: with model_type llama, which is not registered, the named class counts.
        if (modelType is "mistral" or "mixtral" or "phi3" or "modernbert" or "olmo2" or "smollm3") return null;
        if (name == "Llama" && byteLevel) return null;
        return Pipelines.ContainsKey(name) ? name : null;
    }

    /// <summary>What a class builds: pipeline parts to put into the file's JSON.</summary>
    private static readonly Dictionary<string, Action<JsonObject, JsonObject>> Pipelines = new()
    {
        ["Llama"] = (json, config) => Build(json, null, Metaspace(!Flag(config, "add_prefix_space", true) ? "never" : Flag(config, "legacy", false) ? "always" : "first", split: false), model: Bpe(null, fuse: true, bytes: true)),
        ["GPT2"] = (json, config) => Build(json, null, ByteLevel(Flag(config, "add_prefix_space", false)), model: Bpe(null)),
        ["Roberta"] = (json, config) => Build(json, null, ByteLevel(Flag(config, "add_prefix_space", false)), model: Bpe(null)),
        ["GPTNeoX"] = (json, config) => Build(json, Parse("""{"type":"NFC"}"""), ByteLevel(Flag(config, "add_prefix_space", false)), model: Bpe(null), post: Template([], ["$A:0"], ["$A:0", "$B:1"])),
        ["Qwen2"] = (json, config) => Build(json, Parse("""{"type":"NFC"}"""), Sequence(
            Parse("""{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false}"""),
            ByteLevel(Flag(config, "add_prefix_space", false), regex: false)), model: Bpe(null)),
        ["Gemma"] = (json, config) => Build(json, Parse($$"""{"type":"Replace","pattern":{"String":" "},"content":"{{Words}}"}"""),
            Parse("""{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}"""), model: Bpe(Text(config, "unk_token") ?? "<unk>", fuse: true, bytes: true)),
        ["Bert"] = (json, config) => Build(json, BertNormalizer(config), Parse("""{"type":"BertPreTokenizer"}"""), model: WordPiece(Text(config, "unk_token") ?? "[UNK]")),
        ["MPNet"] = (json, config) => Build(json, BertNormalizer(config), Parse("""{"type":"BertPreTokenizer"}"""), model: WordPiece(Text(config, "unk_token") ?? "[UNK]")),
        ["XLMRoberta"] = (json, config) => Build(json, Charsmap(json), Split(Flag(config, "add_prefix_space", true)), model: new JsonObject { ["unk_id"] = 3, ["byte_fallback"] = false }, post: Ends(config)),
        ["Camembert"] = (json, config) => Build(json, Charsmap(json), Split(Flag(config, "add_prefix_space", true)), model: new JsonObject { ["byte_fallback"] = false }, post: Ends(config)),
        ["T5"] = (json, config) => Build(json, Charsmap(json), Split(true), model: new JsonObject { ["unk_id"] = 2, ["byte_fallback"] = false },
            post: Template([Text(config, "eos_token") ?? "</s>"], ["$A:0", Text(config, "eos_token") ?? "</s>"], ["$A:0", Text(config, "eos_token") ?? "</s>", "$B:0", Text(config, "eos_token") ?? "</s>"])),
        ["DebertaV2"] = (json, config) => Build(json,
            Sequence([.. Flag(config, "do_lower_case", false) ? [Parse("""{"type":"Lowercase"}""")] : Array.Empty<JsonNode>(),
                Parse("""{"type":"Replace","pattern":{"Regex":"\\s{2,}|[\\n\\r\\t]"},"content":" "}"""), Parse("""{"type":"NFC"}"""), Parse("""{"type":"Strip","strip_left":false,"strip_right":true}""")], "normalizers"),
            Sequence([.. Flag(config, "split_by_punct", false) ? [Parse("""{"type":"Punctuation","behavior":"Isolated"}""")] : Array.Empty<JsonNode>(),
                Metaspace(Flag(config, "add_prefix_space", true) ? "always" : "first", split: true)]), model: new JsonObject { ["byte_fallback"] = false }),
    };

    /// <summary>The special tokens that a class has where nothing names them.</summary>
    private static IEnumerable<(string Role, string Token)> Defaults(string? name) => name switch
    {
        "Llama" => [("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>")],
        "GPT2" => [("unk_token", "<|endoftext|>"), ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>")],
        "GPTNeoX" => [("unk_token", "<|endoftext|>"), ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("pad_token", "<|padding|>")],
        "Qwen2" => [("unk_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>")],
        "Gemma" => [("unk_token", "<unk>"), ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("pad_token", "<pad>"), ("mask_token", "<mask>")],
        "Bert" => [("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"), ("mask_token", "[MASK]")],
        "DebertaV2" => [("bos_token", "[CLS]"), ("eos_token", "[SEP]"), ("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"), ("mask_token", "[MASK]")],
        "MPNet" => [("bos_token", "<s>"), ("eos_token", "</s>"), ("sep_token", "</s>"), ("cls_token", "<s>"), ("unk_token", "[UNK]"), ("pad_token", "<pad>"), ("mask_token", "<mask>")],
        "Roberta" or "XLMRoberta" or "Camembert" => [("bos_token", "<s>"), ("eos_token", "</s>"), ("sep_token", "</s>"), ("cls_token", "<s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>"), ("mask_token", "<mask>")],
        "T5" => [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
        _ => [],
    };

    /// <summary>The kind of model that a class is for.</summary>
    private static string KindOf(string name) => name switch
    {
        "Bert" or "MPNet" => "WordPiece",
        "XLMRoberta" or "Camembert" or "T5" or "DebertaV2" => "Unigram",
        _ => "BPE",
    };

    private static readonly string[] Roles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>What transformers 5 would read a folder with, where that differs from the file: the class, the parts that differ, and the tokenizer; null where the two agree.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">Its tokenizer.json.</param>
    /// <param name="misfit">A class that is for another kind of model than the file's, and that kind; null where there is none.</param>
    public static (string Class, string Parts, Tokenizer Tokenizer)? Other(string folder, string file, out string? misfit)
    {
        misfit = null;
        JsonObject config = Read(folder, "tokenizer_config.json") ?? [];
        if (!config.ContainsKey("added_tokens_decoder") && Read(folder, "special_tokens_map.json") is { } map)
            foreach ((string role, JsonNode? token) in map) config[role] = token?.DeepClone();
        JsonObject? model = Read(folder, "config.json");
        if (Read(folder, Path.GetFileName(file)) is not { } json || json["model"] is not JsonObject) return null;
        string? name = Of(Text(model, "model_type"), Text(config, "tokenizer_class") ?? Text(model, "tokenizer_class"), (json["pre_tokenizer"]?.ToJsonString() + json["decoder"]?.ToJsonString()).Contains("ByteLevel", StringComparison.Ordinal));

        if (name is not null && Text(json["model"], "type") is { } kind && kind != KindOf(name)) (misfit, name) = ($"{name}Tokenizer, a class for {KindOf(name)} models where this is {kind}", null);
        string[] parts = ["normalizer", "pre_tokenizer", "post_processor", "model"];
        string[] before = [.. parts.Select(part => Canonical(json, part))];
        if (name is not null) Pipelines[name](json, config);
        List<string> changed = [.. parts.Where((part, i) => Canonical(json, part) != before[i])];
        if (AddTokens(json, config, Read(folder, "added_tokens.json"), name)) changed.Add("added tokens");
        bool passSpecial = Flag(config, "split_special_tokens", false);
        if (passSpecial) changed.Add("handling of special tokens in a text (split_special_tokens)");
        if (changed.Count == 0) return null;
        NumberTemplate(json);
        try
        {
            return ($"{name ?? "PreTrained"}Tokenizer", string.Join(", ", changed), Tokenizer.Parse(json.ToJsonString(), file, passSpecial));
        }
        catch (WarmException)
        {
            return null; // transformers would not read it either
        }
    }
    /// <summary>Tokens that tokenizer_config.json and its companions name and that the file has not: they are numbered on from its last id.</summary>
    private static bool AddTokens(JsonObject json, JsonObject config, JsonObject? addedJson, string? name)
    {
        if (json["added_tokens"] is not JsonArray list) json["added_tokens"] = list = [];
        var there = new HashSet<string>(list.OfType<JsonObject>().Select(token => Text(token, "content") ?? ""));
        var words = new Lazy<Dictionary<string, int>>(() => WordsOf(json["model"]!["vocab"])); // mostly not needed, and large
        var listed = new HashSet<string>(); // by added_tokens_decoder
        var named = new HashSet<string>();  // by anything
        bool any = false;

        if (config["added_tokens_decoder"] is JsonObject decoder)
            foreach ((string _, JsonNode? token) in decoder.OrderBy(entry => int.TryParse(entry.Key, out int id) ? id : int.MaxValue))
            {
                Add(token, special: false, listing: true);
                if (Text(token, "content") is { } content) listed.Add(content);
            }
        if (addedJson is not null && config["added_tokens_decoder"] is null)
            foreach ((string content, JsonNode? _) in addedJson.OrderBy(entry => entry.Value is JsonValue id && id.TryGetValue(out int number) ? number : int.MaxValue)) Add(content, special: false, normalized: true);
        foreach (string role in Roles)
        {
            bool mask = role == "mask_token" && (name == "MPNet" || name == "Camembert" && config[role] is null);
            JsonNode? token = config[role] ?? Defaults(name).FirstOrDefault(d => d.Role == role).Token;
            string? content = token is JsonValue plain && plain.TryGetValue(out string? text) ? text : Text(token, "content");
            if (token is not null && !(content is not null && listed.Contains(content))) Add(token, special: true, lstrip: mask); // what is listed has its flags
        }
        if ((config["extra_special_tokens"] ?? config["additional_special_tokens"]) is { } more) // Trap: the newer name hides the older one
            foreach (JsonNode? token in more is JsonArray several ? several : more is JsonObject byName ? byName.Select(entry => entry.Value) : []) Add(token, special: true);
        // Trap: a class of its own then knows no others of the file's, and numbers those behind them anew.
        if (name is not null && config["added_tokens_decoder"] is JsonObject && list.RemoveAll(token => !named.Contains(Text(token, "content") ?? "")) > 0)
        {
            any = true;
            int next = words.Value.Count;
            foreach (JsonObject token in list.OfType<JsonObject>()) token["id"] = words.Value.TryGetValue(Text(token, "content") ?? "", out int id) ? id : next++;
        }
        return any;

        void Add(JsonNode? token, bool special, bool lstrip = false, bool normalized = false, bool listing = false)
        {
            string? content = token is JsonObject flags ? Text(flags, "content") : token is JsonValue value && value.TryGetValue(out string? text) ? text : null;
            if (string.IsNullOrEmpty(content)) return;
            named.Add(content);
            bool Is(string key, bool otherwise) => name != "Qwen2" && token is JsonObject json && json[key] is JsonValue flag && flag.TryGetValue(out bool set) ? set : otherwise; // Trap: Qwen2's class adds its tokens once more, plainly
            JsonObject? old = there.Add(content) ? null : list.OfType<JsonObject>().First(entry => Text(entry, "content") == content);
            if (old is not null && (config["added_tokens_decoder"] is null || name is null && !listing)) return; // where tokenizer_config.json lists its tokens, their flags win
            var entry = new JsonObject
            {
                ["id"] = old is not null ? old["id"]?.DeepClone() : words.Value.TryGetValue(content, out int id) ? id : Math.Max(words.Value.Count, list.OfType<JsonObject>().Select(token => (int)token["id"]! + 1).DefaultIfEmpty(0).Max()), ["content"] = content, ["single_word"] = Is("single_word", false), ["lstrip"] = Is("lstrip", lstrip), ["rstrip"] = Is("rstrip", false),
                ["normalized"] = Is("normalized", normalized), ["special"] = special || Is("special", false),
            };
            if (old is null) list.Add((JsonNode)entry);
            else if (JsonNode.DeepEquals(old, entry)) return;
            else list[list.IndexOf(old)] = entry;
            any = true;
        }
    }

    private static Dictionary<string, int> WordsOf(JsonNode? vocabulary)
    {
        var words = new Dictionary<string, int>();
        if (vocabulary is JsonObject byWord) foreach ((string word, JsonNode? id) in byWord) words[word] = (int)id!;
        else if (vocabulary is JsonArray pairs) for (int i = 0; i < pairs.Count; i++) words.TryAdd((string)pairs[i]![0]!, i);
        return words;
    }

    private static void Build(JsonObject json, JsonNode? normalizer, JsonNode pre, JsonObject model, JsonNode? post = null)
    {
        (json["normalizer"], json["pre_tokenizer"]) = (normalizer, pre);
        if (post is not null) json["post_processor"] = post;
        foreach ((string key, JsonNode? value) in model) json["model"]![key] = value?.DeepClone();
    }

    private static JsonObject Bpe(string? unknown, bool fuse = false, bool bytes = false) => new() { ["unk_token"] = unknown, ["fuse_unk"] = fuse, ["byte_fallback"] = bytes, ["ignore_merges"] = false };

    private static JsonObject WordPiece(string unknown) => new() { ["unk_token"] = unknown, ["max_input_chars_per_word"] = 100, ["continuing_subword_prefix"] = "##" };

    private static JsonNode Metaspace(string prefix, bool split) => new JsonObject { ["type"] = "Metaspace", ["replacement"] = Words, ["prepend_scheme"] = prefix, ["split"] = split };

    private static JsonNode ByteLevel(bool prefix, bool regex = true) => new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = prefix, ["trim_offsets"] = true, ["use_regex"] = regex };

    private static JsonNode Split(bool prefix) => Sequence(Parse("""{"type":"WhitespaceSplit"}"""), Metaspace(prefix ? "always" : "never", split: true));

    private static JsonNode Sequence(params JsonNode[] parts) => Sequence(parts, "pretokenizers");

    private static JsonNode Sequence(JsonNode[] parts, string key) => new JsonObject { ["type"] = "Sequence", [key] = new JsonArray(parts) };

    private static JsonNode BertNormalizer(JsonObject config) => new JsonObject
    {
        ["type"] = "BertNormalizer", ["clean_text"] = true, ["handle_chinese_chars"] = Flag(config, "tokenize_chinese_chars", true),
        ["strip_accents"] = config["strip_accents"] is JsonValue accents && accents.TryGetValue(out bool strip) ? strip : null, ["lowercase"] = Flag(config, "do_lower_case", true),
    };

    /// <summary>The file's precompiled map alone, wherever it stands among the normalizers.</summary>
    private static JsonNode? Charsmap(JsonObject json) =>
        (json["normalizer"] is JsonObject { } one ? one["normalizers"] as JsonArray ?? [one.DeepClone()] : []).OfType<JsonObject>().FirstOrDefault(n => Text(n, "type") == "Precompiled")?.DeepClone();

    private static JsonNode Ends(JsonObject config)
    {
        string bos = Text(config, "bos_token") ?? "<s>", eos = Text(config, "eos_token") ?? "</s>";
        return Template([bos, eos], [bos, "$A:0", eos], [bos, "$A:0", eos, eos, "$B:0", eos]);
    }

    /// <summary>A post-processor of <c>$A:type</c>, <c>$B:type</c> and special tokens, whose ids <see cref="NumberTemplate"/> finds.</summary>
    private static JsonNode Template(string[] tokens, string[] single, string[] pair)
    {
        static JsonNode Part(string part) => part[0] == '$'
            ? new JsonObject { ["Sequence"] = new JsonObject { ["id"] = part[1..2], ["type_id"] = part[3] - '0' } }
            : new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = part, ["type_id"] = 0 } };
        var special = new JsonObject();
        foreach (string token in tokens.Distinct()) special[token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(-1), ["tokens"] = new JsonArray(token) };
        return new JsonObject { ["type"] = "TemplateProcessing", ["single"] = new JsonArray([.. single.Select(Part)]), ["pair"] = new JsonArray([.. pair.Select(Part)]), ["special_tokens"] = special };
    }

    /// <summary>Gives a template's special tokens the ids that the file, with what was added, has for them.</summary>
    private static void NumberTemplate(JsonObject json)
    {
        if (json["post_processor"] is not JsonObject post || post["special_tokens"] is not JsonObject tokens) return;
        foreach ((string content, JsonNode? token) in tokens)
            if (token!["ids"] is JsonArray { Count: 1 } ids && (int)ids[0]! < 0)
                ids[0] = json["added_tokens"]!.AsArray().OfType<JsonObject>().FirstOrDefault(added => Text(added, "content") == content)?["id"]?.DeepClone();
    }

    /// <summary>A part without what changes no id, so that two spellings of one thing are equal.</summary>
    private static string Canonical(JsonObject json, string part)
    {
        if (part == "model")
            return string.Join(' ', ((string[])["unk_token", "unk_id", "fuse_unk", "byte_fallback", "ignore_merges", "max_input_chars_per_word", "continuing_subword_prefix"]).Select(key =>
                json["model"]![key] is { } value && value.ToJsonString() is not ("false" or "\"\"") ? $"{key}={value.ToJsonString()}" : ""));
        return Plain(json[part]);

        static string Plain(JsonNode? node)
        {
            if (node is not JsonObject step) return node?.ToJsonString() ?? "";
            if ((step["normalizers"] ?? step["pretokenizers"] ?? step["processors"]) is JsonArray steps) return string.Join(" then ", steps.Select(Plain).Where(s => s.Length > 0));
            var fields = step.Where(field => field.Key is not ("trim_offsets" or "str_rep")).ToDictionary(field => field.Key, field => field.Value?.ToJsonString());
            string? type = Text(step, "type");
            if (type == "ByteLevel") fields.TryAdd("use_regex", "true");
            if (type == "Metaspace")
            {
                fields.TryAdd("prepend_scheme", fields.GetValueOrDefault("add_prefix_space") == "false" ? "\"never\"" : "\"always\"");
                fields.TryAdd("split", "true");
                fields.Remove("add_prefix_space");
            }
            if (type == "TemplateProcessing") fields.Remove("special_tokens");
            return string.Join(',', fields.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}:{field.Value}"));
        }
    }

    private static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    private static string? Text(JsonNode? node, string key) => node is not JsonObject json ? null : json[key] is JsonValue value && value.TryGetValue(out string? text) ? text
        : json[key] is JsonObject token && token["content"] is JsonValue content && content.TryGetValue(out string? inner) ? inner : null;

    private static bool Flag(JsonObject json, string key, bool otherwise) => json[key] is JsonValue value && value.TryGetValue(out bool flag) ? flag : otherwise;

    private static JsonObject? Read(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        if (!File.Exists(file) || new FileInfo(file).Length > TokenizerJson.SizeLimit) return null;
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file)) as JsonObject;
        }
        catch (System.Text.Json.JsonException)
        {
            return null; // said by whoever needs it
        }
    }
}
