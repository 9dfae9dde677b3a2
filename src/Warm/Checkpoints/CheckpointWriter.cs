using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Writes weights as a complete Hugging Face folder. Everything is written into a folder beside the place and renamed at the end, so that the folder is there whole or not at all.
/// </summary>
internal static class CheckpointWriter
{
    /// <summary>Indented, no needless escapes.</summary>
    internal static JsonSerializerOptions Json { get; } = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static SaveResult Write(Weights weights, string folder, SaveOptions options, IProgress<SaveProgress>? progress, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        if (folder.Length == 0 || folder.Contains('\0')) throw new WarmException(JsonText.Quote(folder), "is no place for a folder");
        if (options.ShardBytes is <= 0) throw new WarmException("shard size", $"is {options.ShardBytes:N0} bytes", "at least 1");
        WeightsPass pass = weights.Pass(new PassOptions { Threads = options.Threads, Hash = options.Hash });
        using var place = OutputFolder.Begin(folder, options.Overwrite, pass.Sources, weights.Bytes);
        try
        {
            return Fill(place, weights, pass, folder, options, progress, started, cancellation);
        }
        catch (WarmException error) when (error.Where.StartsWith(place.Temporary, StringComparison.Ordinal)) // nobody knows the folder by that name
        {
            throw new WarmException($"{folder}{error.Where[place.Temporary.Length..]}", error.Found, error.Expected, error.Fix, error);
        }
    }

    private static SaveResult Fill(OutputFolder place, Weights weights, WeightsPass pass, string folder, SaveOptions options, IProgress<SaveProgress>? progress, long started, CancellationToken cancellation)
    {
        List<List<TensorInfo>> shards = Shards(weights, options.ShardBytes);
        string[] names = shards.Count == 1 ? ["model.safetensors"] : [.. shards.Select((_, i) => $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors")];
        long total = weights.Bytes;
        var writers = new List<SafetensorsWriter>();
        try
        {
            var of = new Dictionary<string, SafetensorsWriter>();
            for (int i = 0; i < shards.Count; i++)
            {
                writers.Add(SafetensorsWriter.Create(place.File(names[i]), shards[i], sync: options.Sync));
                foreach (TensorInfo tensor in shards[i]) of.Add(tensor.Name, writers[i]);
            }
            pass.Run((tensor, start, bits) => of[tensor.Name].Write(tensor.Name, start * tensor.DType.Bits() / 8, bits),
                progress is null ? null : new Share(progress, total), cancellation);
            foreach (SafetensorsWriter writer in writers) writer.Commit();
        }
        finally
        {
            foreach (SafetensorsWriter writer in writers) writer.Dispose();
        }
        if (shards.Count > 1) place.Write("model.safetensors.index.json", Index(shards, names, total), options.Sync);

        if (weights.Folder is { } source)
        {
            if (source.Config is { } config) place.Write("config.json", Config(weights, config, pass), options.Sync);
            foreach ((string name, string path) in source.CompanionNames) place.Copy(path, name, options.Sync);
        }
        JsonObject? recipe = pass.Recipe();
        foreach ((string name, string content) in pass.ExtraFiles(recipe)) place.Write(name, content, options.Sync);
        cancellation.ThrowIfCancellationRequested();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        IReadOnlyList<string> remarks = recipe is null ? pass.Remarks : [.. pass.Remarks, .. Complete(place, recipe, names, options, cancellation)];
        cancellation.ThrowIfCancellationRequested();
        place.Commit();
        return new()
        {
            Folder = folder,
            Files = place.Files,
            Tensors = weights.Names.Count,
            Bytes = total,
            Seconds = seconds,
            SecondsCompleting = Stopwatch.GetElapsedTime(started).TotalSeconds - seconds,
            Recipe = recipe,
            Remarks = remarks,
        };
    }

    /// <summary>
    /// The recipe: written once for whoever reads the folder to complete it, and once more with what that adds and the hash of every other file. The weights, which nobody changes any more, are hashed
    /// meanwhile.
    /// </summary>
    private static IReadOnlyList<string> Complete(OutputFolder place, JsonObject recipe, string[] weights, SaveOptions options, CancellationToken cancellation)
    {
        IReadOnlyList<string> remarks = [];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<IReadOnlyList<string>> hashing = Task.Run(() => options.Hash ? ContentHash.OfFiles([.. weights.Select(place.File)], options.Threads, stop.Token) : [], CancellationToken.None);
        try
        {
            if (options.Complete is { } complete)
            {
                place.Write(ModelFolder.RecipeFile, Text(recipe), sync: false);
                remarks = complete(place.Temporary, recipe, cancellation);
            }
        }
        catch
        {
            stop.Cancel();
            try { hashing.GetAwaiter().GetResult(); } // so that nobody reads what is now removed
            catch (Exception error) when (error is OperationCanceledException or WarmException) { } // the first error says more
            throw;
        }
        IReadOnlyList<string> ofWeights = hashing.GetAwaiter().GetResult();
        if (options.Hash)
        {
            string[] others = [.. place.Files.Except(weights).Where(name => name != ModelFolder.RecipeFile)];
            IEnumerable<(string Name, string Hash)> all = weights.Zip(ofWeights).Concat(others.Zip(ContentHash.OfFiles([.. others.Select(place.File)], options.Threads, cancellation)));
            recipe["files"] = new JsonObject(all.OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => KeyValuePair.Create(f.Name.Replace('\\', '/'), (JsonNode?)f.Hash)));
        }
        place.Write(ModelFolder.RecipeFile, Text(recipe), options.Sync);
        return remarks;
    }

    /// <summary>Tensors by name, cut where a file would grow beyond the size.</summary>
    private static List<List<TensorInfo>> Shards(Weights weights, long? most)
    {
        List<List<TensorInfo>> shards = [[]];
        long size = 0;
        foreach (TensorInfo tensor in weights.Names.Order(NaturalOrder.Instance).Select(weights.Info))
        {
            if (shards[^1].Count > 0 && size + tensor.Bytes > most)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += tensor.Bytes;
        }
        return shards;
    }

    private static string Index(List<List<TensorInfo>> shards, string[] names, long total)
    {
        var map = new JsonObject();
        foreach ((string tensor, string file) in shards.SelectMany((shard, i) => shard.Select(t => (t.Name, names[i]))).OrderBy(t => t.Name, CodePointOrder.Instance)) map[tensor] = file;
        return Text(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map });
    }

    /// <summary>The config as it stands, with the number type that was written, in the spelling it uses; nothing else is lost.</summary>
    private static string Config(Weights weights, ModelConfig config, WeightsPass pass)
    {
        var json = (JsonObject)Copy(config.Json)!;
        // A file of mixed types says the one that most values have, as save_pretrained does.
        string? dtype = weights.Names.Select(weights.Info).Where(t => t.DType.IsFloat()).GroupBy(t => t.DType).OrderByDescending(g => g.Sum(t => t.Count)).ThenByDescending(g => g.Key).FirstOrDefault()?.Key switch
        {
            DType.F64 => "float64",
            DType.F32 => "float32",
            DType.BF16 => "bfloat16",
            DType.F16 => "float16",
            _ => null,
        };
        if (dtype is not null)
        {
            SetType(json, dtype);
            if (!json.ContainsKey("dtype") && !json.ContainsKey("torch_dtype"))
                json[config.Find("transformers_version") is { ValueKind: JsonValueKind.String } version && version.GetString()!.StartsWith("5.", StringComparison.Ordinal) ? "dtype" : "torch_dtype"] = dtype;
        }
        pass.ChangeConfig(json);
        return Text(json);
    }

    private static void SetType(JsonObject json, string dtype)
    {
        foreach (string key in (string[])["dtype", "torch_dtype"])
            if (json.ContainsKey(key)) json[key] = json[key]?.GetValueKind() == JsonValueKind.String && json[key]!.GetValue<string>().StartsWith("torch.", StringComparison.Ordinal) ? $"torch.{dtype}" : dtype;
        foreach (JsonObject part in json.Where(p => p.Key.EndsWith("_config", StringComparison.Ordinal) && p.Key != "quantization_config").Select(p => p.Value).OfType<JsonObject>().ToArray()) SetType(part, dtype);
    }

    /// <summary>A copy to change; of two equal keys the last counts, numbers keep their spelling.</summary>
    internal static JsonNode? Copy(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.Object:
                var json = new JsonObject();
                foreach (JsonProperty property in element.EnumerateObject()) json[property.Name] = Copy(property.Value);
                return json;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Copy)]);
            default:
                return JsonValue.Create(element);
        }
    }

    private static string Text(JsonNode json) => $"{json.ToJsonString(Json)}\n";

    private sealed class Share(IProgress<SaveProgress> progress, long total) : IProgress<long>
    {
        public void Report(long value) => progress.Report(new(value, total));
    }
}
