using System.Text.Json;
using System.Text.RegularExpressions;

namespace Warm;

/// <summary>
/// A PEFT adapter's adapter_config.json: rank and scale of every module, and which kinds of tensors the adapter has. What changes the function and is not built is refused by name;
/// how the factors were once initialised and how training went is nobody's concern.
/// </summary>
internal sealed class AdapterConfig
{
    /// <summary>The file's name.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>More patterns than any model has modules; each is tried on each module.</summary>
    private const int MostPatterns = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Keys that say nothing of the function: initialisation, training, bookkeeping, and those that are read here.</summary>
    private static readonly HashSet<string> Known =
    [
        "peft_type", "base_model_name_or_path", "r", "lora_alpha", "use_rslora", "use_dora", "lora_bias", "bias", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "modules_to_save", "target_modules", "exclude_modules",
        "layers_to_transform", "layers_pattern", "init_lora_weights", "task_type", "inference_mode", "lora_dropout", "auto_mapping", "revision", "peft_version", "runtime_config", "megatron_config", "megatron_core",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size", "ensure_weight_tying", "ephemeral_gpu_offload", "velora_config",
    ];

    /// <summary>Keys that change the function: whatever they say but null, false or nothing is refused.</summary>
    private static readonly (string Key, string What)[] NotBuilt =
    [
        ("layer_replication", "repeats layers of the base"), ("target_parameters", "adapts parameters that are no layer's weight"), ("trainable_token_indices", "replaces single rows of the embedding"),
        ("alora_invocation_tokens", "works only after an invocation in the text"), ("use_qalora", "pools the inputs of quantised layers"), ("use_bdlora", "uses block-diagonal factors"), ("arrow_config", "routes between adapters"),
        ("kasa_config", "scales singular values"), ("monteclora_config", "draws factors at random"),
    ];

    private readonly ModelConfig _json;
    private readonly (string Key, Regex Module, int Value)[] _ranks;
    private readonly (string Key, Regex Module, double Value)[] _alphas;
    private readonly int _rank;
    private readonly double _alpha;
    private readonly bool _stabilised;

    private AdapterConfig(ModelConfig json, List<string> remarks)
    {
        _json = json;
        string type = json.String("peft_type");
        if (type != "LORA") throw json.Refuse($"\"peft_type\" is {JsonText.Quote(type)}", "\"LORA\"", "Merge the adapter with PEFT: merge_and_unload, then save_pretrained.");
        foreach ((string key, string what) in NotBuilt)
            if (json.Find(key) is { } value && !SaysNothing(value)) throw json.Refuse($"\"{key}\" is {JsonText.Show(value)}, which {what}", "an adapter without it", "Merge the adapter with PEFT: merge_and_unload, then save_pretrained.");
        RefuseChangedBase(json);
        foreach (string key in json.Keys.Where(key => !Known.Contains(key) && NotBuilt.All(n => n.Key != key)))
        {
            if (json.Find(key) is not { } value || SaysNothing(value)) continue;
            if (key.StartsWith("use_", StringComparison.Ordinal)) throw json.Refuse($"\"{key}\" is {JsonText.Show(value)}, which Warm does not know", "an adapter without it", "Merge the adapter with PEFT: merge_and_unload, then save_pretrained.");
            remarks.Add($"{json.Path}: \"{key}\" is {JsonText.Show(value)}, which Warm does not know: passed over");
        }
        _rank = json.Int("r", min: 1);
        _alpha = json.Double("lora_alpha");
        _stabilised = json.Bool("use_rslora", false);
        _ranks = [.. Patterns("rank_pattern", (section, key) => section.Int(key, min: 1))];
        _alphas = [.. Patterns("alpha_pattern", (section, key) => section.Double(key))];
        HasMagnitudes = json.Bool("use_dora", false);
        HasFactorBias = json.Bool("lora_bias", false);
        if (HasMagnitudes && HasFactorBias) throw json.Refuse("\"use_dora\" and \"lora_bias\" are both true", "one of the two, as PEFT has it");
        FanInFanOut = json.Bool("fan_in_fan_out", false);
        string bias = json.String("bias", "none");
        if (bias is not ("none" or "all" or "lora_only")) throw json.Refuse($"\"bias\" is {JsonText.Quote(bias)}", "\"none\", \"all\" or \"lora_only\"");
        ModulesToSave = [.. json.Strings("modules_to_save").Where(module => module.Length > 0).Distinct()];
        Targets = json.Find("target_modules") is { ValueKind: JsonValueKind.Array } ? [.. json.Strings("target_modules").Distinct()] : [];
        Task = json.Has("task_type") ? json.String("task_type") : null;
        BaseName = json.Has("base_model_name_or_path") ? json.String("base_model_name_or_path") : null;
    }

    /// <summary>The file.</summary>
    public string Path => _json.Path;

    /// <summary>The base that the adapter says it was trained on: a path or a name on a hub; null where it says none.</summary>
    public string? BaseName { get; }

    /// <summary>SEQ_CLS, CAUSAL_LM ..; null where it does not say.</summary>
    public string? Task { get; }

    /// <summary>DoRA: every adapted matrix has a vector of lengths.</summary>
    public bool HasMagnitudes { get; }

    /// <summary>Whether the second factor has a bias.</summary>
    public bool HasFactorBias { get; }

    /// <summary>Whether some layers store their weights as [in, out]. Layers tell it better by their shapes.</summary>
    public bool FanInFanOut { get; }

    /// <summary>Ends of names of modules that were trained whole: the head, often. Names that the base lacks are usual.</summary>
    public IReadOnlyList<string> ModulesToSave { get; }

    /// <summary>Ends of names of modules that have factors; empty where a pattern or a word says which: the factors themselves decide.</summary>
    public IReadOnlyList<string> Targets { get; }

    /// <summary>Whether other keys thin the targets out, so that a target without factors is no loss.</summary>
    public bool ThinsTargets => _json.Has("exclude_modules") || _json.Has("layers_to_transform") || _json.Has("layers_pattern");

    /// <summary>Reads the adapter_config.json of a folder.</summary>
    public static AdapterConfig Read(string folder, List<string> remarks)
    {
        var json = ModelConfig.Read(System.IO.Path.Combine(folder, FileName));
        remarks.AddRange(json.Remarks);
        return new(json, remarks);
    }

    /// <summary>Rank of a module's factors: the value of the first key of rank_pattern that matches its name, else r.</summary>
    public int RankOf(string module) => First(_ranks, module) is { } found ? found.Value : _rank;

    /// <summary>What a module's product is multiplied by: alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv:2312.03732).</summary>
    public double ScaleOf(string module)
    {
        double alpha = First(_alphas, module) is { } found ? found.Value : _alpha, rank = RankOf(module);
        return alpha / (_stabilised ? Math.Sqrt(rank) : rank);
    }

    /// <summary>PEFT's rule: a key matches a name that equals it or ends in a point and it; keys are regular expressions, tried in the file's order.</summary>
    private (string Key, Regex Module, T Value)? First<T>((string Key, Regex Module, T Value)[] patterns, string module)
    {
        foreach ((string Key, Regex Module, T Value) pattern in patterns)
            try
            {
                if (pattern.Module.IsMatch(module)) return pattern;
            }
            catch (RegexMatchTimeoutException)
            {
                throw _json.Refuse($"the pattern {JsonText.Quote(pattern.Key)} does not come to an end on {JsonText.Quote(module)}", "a pattern that is quick to match");
            }
        return null;
    }

    private IEnumerable<(string, Regex, T)> Patterns<T>(string key, Func<ModelConfig, string, T> read)
    {
        if (_json.Section(key) is not { } section) yield break;
        if (section.Json.GetPropertyCount() is > MostPatterns and var count) throw _json.Refuse($"\"{key}\" has {count:N0} keys", $"at most {MostPatterns:N0}");
        foreach (string name in section.Keys)
        {
            if (!section.Has(name)) throw _json.Refuse($"\"{key}.{name}\" is null", "a number is needed");
            yield return (name, Pattern(key, name), read(section, name));
        }
    }

    private Regex Pattern(string key, string pattern)
    {
        string whole = $@"\A(?:(.*\.)?({pattern})$)";
        try
        {
            try
            {
                return new(whole, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Patience);
            }
            catch (NotSupportedException) // looks ahead or back: matched step by step, with a limit
            {
                return new(whole, RegexOptions.CultureInvariant, Patience);
            }
        }
        catch (ArgumentException error)
        {
            throw new WarmException(Path, $"\"{key}\" has the key {JsonText.Quote(pattern)}, which is no regular expression", "a module's name, its end, or a pattern", inner: error);
        }
    }

    /// <summary>Some initialisations take something out of the base's own weights; such an adapter fits the changed base only, which nobody has.</summary>
    private static void RefuseChangedBase(ModelConfig json)
    {
        if (json.Find("init_lora_weights") is not { } start || start.ValueKind is JsonValueKind.True or JsonValueKind.False) return;
        string name = json.String("init_lora_weights");
        if (name.ToLowerInvariant() is "gaussian" or "eva" or "orthogonal") return;
        throw json.Refuse($"\"init_lora_weights\" is {JsonText.Quote(name)}: the base was changed before training", "true, false, gaussian, eva or orthogonal",
            "Save the adapter with PEFT's path_initial_model_for_weight_conversion, which makes a plain one of it.");
    }

    private static bool SaysNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.False or JsonValueKind.Null => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString()!.Length == 0,
        _ => false,
    };
}
