using System.Text.RegularExpressions;

namespace Warm;

/// <summary>Which file of a folder holds its weights, and a sentence of its own for each folder and file that holds none that Warm reads.</summary>
internal static partial class WeightFiles
{
    private const string Single = "model.safetensors", Index = "model.safetensors.index.json", TorchSingle = "pytorch_model.bin", TorchIndex = "pytorch_model.bin.index.json";

    /// <summary>Whether there is anything of that name, a broken link or a folder included: those are errors to name, not files to overlook.</summary>
    public static bool Exists(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>Whether a file stands for all weights of the folder it lies in: an index, or model.safetensors or pytorch_model.bin (or a variant, model.fp16.safetensors) beside a config.json.</summary>
    public static bool IsWholeModel(string path)
    {
        string name = Path.GetFileName(path);
        bool whole = (name.StartsWith("model.", StringComparison.Ordinal) && name.EndsWith(".safetensors", StringComparison.Ordinal)) || (name.StartsWith("pytorch_model.", StringComparison.Ordinal) && name.EndsWith(".bin", StringComparison.Ordinal));
        return IsIndex(name) || (whole && Exists(Path.Combine(Path.GetDirectoryName(path) ?? "", "config.json")));
    }

    /// <summary>The weight file or index of a folder: safetensors before torch's.</summary>
    public static string Choose(string folder, out List<string> remarks)
    {
        remarks = [];
        string In(string name) => Path.Combine(folder, name);
        string? safe = OneOf(folder, Single, Index);
        string? torch = safe is null ? OneOf(folder, TorchSingle, TorchIndex) : Array.Find([TorchSingle, TorchIndex], name => Exists(In(name)));
        if ((safe ?? torch) is not { } chosen) throw NoWeights(folder);
        if (Exists(In("adapter_config.json")))
            throw new WarmException(folder, "holds a model and an adapter (adapter_config.json) side by side", "one of them, for it is not sure whether the adapter is meant to be used",
                "Move one of the two to a folder of its own.");
        if (safe is not null && torch is not null) remarks.Add($"{folder} holds {safe} and {torch}: {safe} is taken");
        return In(chosen);
    }

    /// <summary>The first weight file or index of a whole model that a folder holds, or null.</summary>
    public static string? Weights(string folder) => Array.Find([Single, Index, TorchSingle, TorchIndex], name => Exists(Path.Combine(folder, name)));

    private static string? OneOf(string folder, string single, string index)
    {
        bool hasSingle = Exists(Path.Combine(folder, single)), hasIndex = Exists(Path.Combine(folder, index));
        if (hasSingle && hasIndex)
            throw new WarmException(folder, $"holds both {single} and {index}", "one of them, for libraries differ in which they take", $"Name one: {Path.Combine(folder, single)} or {Path.Combine(folder, index)}.");
        return hasSingle ? single : hasIndex ? index : null;
    }

    /// <summary>What the files that an index names end in, told by the index's own name.</summary>
    public static string ShardExtension(string index) => Path.GetFileName(index).Contains(".bin.index.", StringComparison.Ordinal) ? ".bin" : ".safetensors";

    /// <summary>Whether a file is an index of shards by its name; a variant's is called <c>model.safetensors.index.fp16.json</c>.</summary>
    private static bool IsIndex(string name) => IndexName().IsMatch(name);

    [GeneratedRegex(@"\.index(\.[\w-]+)?\.json$")]
    private static partial Regex IndexName();

    /// <summary>Why a single file is not read, told by its name, or null.</summary>
    public static WarmException? Refusal(string path)
    {
        string name = Path.GetFileName(path), stem = Path.GetFileNameWithoutExtension(name);
        string? other = Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".bin" or ".pt" or ".pth" when stem is "training_args" or "optimizer" or "scheduler" or "scaler" || stem.StartsWith("rng_state", StringComparison.Ordinal) || stem.StartsWith("random_states", StringComparison.Ordinal)
                => "is a trainer's state, not weights, and is never opened",
            ".gguf" => "is a GGUF file, which Warm does not read",
            ".h5" or ".msgpack" => "holds TensorFlow or Flax weights, which Warm does not read",
            ".incomplete" or ".part" or ".crdownload" or ".aria2" => "is an unfinished download",
            ".json" when !IsIndex(name) => "is a JSON file, not weights",
            _ => null,
        };
        return other is null ? null : new(path, other, "a .safetensors or .bin file or a folder that holds one");
    }

    /// <summary>What a folder without weights is instead.</summary>
    private static WarmException NoWeights(string folder)
    {
        string[] names = [.. new DirectoryInfo(folder).EnumerateFileSystemInfos().Select(e => e.Name).Take(10_000).Order(NaturalOrder.Instance)];
        const string Expected = $"{Single}, {TorchSingle} or an index of either";
        bool Has(Func<string, bool> test) => Array.Exists(names, name => test(name));
        string In(params string[] parts) => Path.Combine([folder, .. parts]);
        string[] Those(Func<string, bool> test) => [.. names.Where(test)];

        if (names.Length == 0) return new(folder, "is an empty folder", Expected);
        if (Has(n => n == "adapter_config.json"))
            return new(folder, $"is an adapter (adapter_config.json), not a whole model{(LowRankAdapter.BaseNameOf(folder) is { } name ? $"; it was trained on {JsonText.Quote(name)}" : "")}", Expected, "Give it together with its base, as BASE+ADAPTER or with --base: Warm downloads none.");
        if (Those(n => n.StartsWith("checkpoint-", StringComparison.Ordinal)) is { Length: > 0 } checkpoints)
            return new(folder, $"is a training run without weights of its own, with {string.Join(", ", checkpoints.Take(12))}", Expected, $"Name one of them: {Path.Combine(folder, checkpoints[^1])}.");
        if (Has(n => n.StartsWith("global_step", StringComparison.Ordinal)) || Has(n => n == "zero_to_fp32.py"))
            return DeepSpeed(folder, Those(n => n.StartsWith("global_step", StringComparison.Ordinal)), Expected);
        if (Has(n => n.StartsWith("pytorch_model_fsdp", StringComparison.Ordinal) || n.EndsWith(".distcp", StringComparison.Ordinal)))
            return new(folder, "is a sharded training state (FSDP, .distcp)", Expected, "Join it: accelerate merge-weights, then save the result with save_pretrained.");
        if (Has(n => n == "snapshots") && Has(n => n is "blobs" or "refs"))
            return Snapshots(folder, Expected);
        if (Has(n => n.StartsWith("consolidated.", StringComparison.Ordinal)))
            return new(folder, "has the original LLaMA layout (consolidated.*, params.json), not a Hugging Face folder", Expected, "Convert it with transformers' convert_llama_weights_to_hf.py.");
        if (Has(n => n.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))) return new(folder, "holds a GGUF file, which Warm does not read", Expected);
        if (Those(n => Path.GetExtension(n) is ".incomplete" or ".part" or ".crdownload" or ".aria2") is { Length: > 0 } partial)
            return new(folder, $"holds an unfinished download ({partial[0]})", Expected, "Finish the download.");
        if (Those(n => n.EndsWith(".safetensors", StringComparison.Ordinal) || (n.StartsWith("pytorch_model", StringComparison.Ordinal) && n.EndsWith(".bin", StringComparison.Ordinal))) is { Length: > 0 } others)
            return new(folder, $"has no {Single}, but {string.Join(", ", others.Take(8))}", Expected, $"Name one: {Path.Combine(folder, Array.Find(names, IsIndex) ?? others[0])}.");
        string downloads = In(".cache", "huggingface", "download");
        if (Directory.Exists(downloads) && Directory.EnumerateFiles(downloads, "*.incomplete").FirstOrDefault() is { } unfinished)
            return new(folder, $"holds an unfinished download ({Path.GetRelativePath(folder, unfinished)})", Expected, "Finish the download.");
        if (Those(n => Weights(Path.Combine(folder, n)) is not null) is { Length: > 0 } inside)
            return new(folder, $"holds no weights of its own, but folders with some: {string.Join(", ", inside.Take(12))}{(inside.Length > 12 ? $" and {inside.Length - 12} more" : "")}", Expected, $"Name one of them: {Path.Combine(folder, inside[^1])}.");
        return new(folder, $"holds no weights: there {(names.Length == 1 ? "is" : "are")} {string.Join(", ", names.Take(8))}{(names.Length > 8 ? $" and {names.Length - 8} more" : "")}",
            $"config.json with {Expected}");
    }

    /// <summary>A DeepSpeed folder: without sharded parameters (ZeRO 1 and 2) the model's own weights lie whole in one file of the step that the file <c>latest</c> names.</summary>
    private static WarmException DeepSpeed(string folder, string[] steps, string expected)
    {
        string latest = Path.Combine(folder, "latest"), step = File.Exists(latest) && new FileInfo(latest).Length < 256 ? File.ReadAllText(latest).Trim() : "";
        if (!steps.Contains(step)) step = steps.LastOrDefault() ?? "global_step*";
        string states = Path.Combine(folder, step, "mp_rank_00_model_states.pt");
        return new(folder, $"is a DeepSpeed checkpoint: its weights lie in {step}/*_model_states.pt", expected,
            $"Run the zero_to_fp32.py that lies in the folder, then save the result with save_pretrained.{(File.Exists(states) ? $" Its bare tensors, if they were not sharded: {states}." : "")}");
    }

    /// <summary>The root of a model in the hub's cache: the revision that <c>main</c> stands for, else one that is there.</summary>
    private static WarmException Snapshots(string folder, string expected)
    {
        string main = Path.Combine(folder, "refs", "main"), name = File.Exists(main) && new FileInfo(main).Length < 256 ? File.ReadAllText(main).Trim() : "";
        string[] there = [.. Directory.EnumerateDirectories(Path.Combine(folder, "snapshots")).Select(path => Path.GetFileName(path)).Order(NaturalOrder.Instance)];
        string? chosen = there.Contains(name) ? name : there.LastOrDefault();
        return new(folder, $"is a model in the hub's cache, with {(there.Length == 0 ? "no snapshot" : $"snapshots/{string.Join(", snapshots/", there.Take(8))}")}", expected,
            chosen is null ? "Finish the download." : $"Name one of them: {Path.Combine(folder, "snapshots", chosen)}.");
    }
}
