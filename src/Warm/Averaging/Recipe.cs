using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Where an average comes from: what <c>warm.json</c> holds. Members with name, weight and the SHA-256 of each weight file, method, number types, Warm's version, the text form and the
/// read position that the model is meant for, what was allowed, and every difference that was found; in a saved folder also the SHA-256 of every file that was written. No times, and of paths
/// only the end that tells the members apart: the same inputs give the same bytes on any machine.
/// </summary>
public static class Recipe
{
    /// <summary>Indented, no needless escapes.</summary>
    internal static JsonSerializerOptions Json => CheckpointWriter.Json;

    /// <summary>The file's name beside the weights.</summary>
    public const string FileName = ModelFolder.RecipeFile;

    /// <summary>The recipe of an average that was not saved: without hashes, and without what only values tell.</summary>
    public static JsonObject Of(WeightAverage average) => Of(average, new Dictionary<string, string>(), average.Compatibility);

    internal static JsonObject Of(WeightAverage average, IReadOnlyDictionary<string, string> hashes, Compatibility compatibility)
    {
        RecordedNames names = RecordedNames.Of(average);
        var recipe = new JsonObject
        {
            ["warm"] = typeof(Recipe).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            ["method"] = average.Method,
            ["members"] = new JsonArray([.. average.Members.Select((member, i) => WithRun(Of(member, average.Coefficients[i] / average.Divisor, hashes, names), member, average.Options))]),
            ["accumulate"] = average.Options.Accumulate.Name().ToLowerInvariant(),
            ["dtype"] = average.Options.DType?.Name().ToLowerInvariant() ?? "keep",
        };
        if (average.Options.Method is { } method)
        {
            if (method.Origin is { } origin) recipe["base"] = Of(origin, hashes, names);
            if (method.Masks.Count > 0) recipe["masks"] = new JsonArray([.. method.Masks.Select(mask => Of(mask, hashes, names))]);
            recipe["dials"] = method.Dials();
        }
        if (average.Options.Weights is { } weights)
        {
            recipe["weights"] = new JsonArray([.. weights.Select(w => JsonValue.Create(w))]);
            recipe["normalise"] = average.Options.Normalise;
        }
        if (average.Options.Head is { } head) recipe["head"] = names[average.Members[head]];
        if (average.Options.Import is { } import) recipe["import"] = import.DeepClone();
        if (average.Options.MatchScale is { } scale) recipe["matchScale"] = WithoutFolders(scale.DeepClone());
        if (average.Options.Selection is { } selection) recipe["selection"] = WithoutFolders(selection.DeepClone());
        var dtypes = new JsonObject();
        foreach (IGrouping<DType, string> group in average.Names.GroupBy(n => average.Info(n).DType).OrderBy(g => g.Key)) dtypes[group.Key.Name()] = group.Count();
        recipe["dtypes"] = dtypes;
        if (average.Folder is { Config: not null } folder)
        {
            recipe["textForm"] = TextFormOf(folder).Name;
            recipe["readPosition"] = RecordedText(folder, "readPosition") ?? HeadLayout.Of(folder.Config, average.Names)?.Position.ToString();
        }
        recipe["allowed"] = new JsonArray([.. average.Options.Allow.Select(rule => JsonValue.Create(rule))]);
        recipe["verdict"] = compatibility.Verdict.ToString().ToLowerInvariant();
        recipe["differences"] = new JsonArray([.. compatibility.Differences.Select(d => Of(d with { Where = names.In(d.Where), Found = names.In(d.Found), Expected = d.Expected is null ? null : names.In(d.Expected) }))]);
        return recipe;
    }

    /// <summary>A difference as JSON: rule, where, found, expected, severity.</summary>
    public static JsonObject Of(Difference difference) => new()
    {
        ["rule"] = difference.Rule,
        ["where"] = difference.Where,
        ["found"] = difference.Found,
        ["expected"] = difference.Expected,
        ["severity"] = difference.Severity.ToString().ToLowerInvariant(),
    };

    /// <summary>The form in which the folder's model reads a prompt and a response: what its warm.json says, else its template if it has one, else a pair for encoders, else both end to end.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="encoder">Whether the model is an encoder, where the architecture is known; null to go by the config's name for it.</param>
    internal static TextForm TextFormOf(ModelFolder folder, bool? encoder = null) =>
        RecordedText(folder, "textForm") is { } recorded ? TextForm.Parse(recorded)
        : Vocabulary.TemplateOf(folder) is not null ? TextForm.Template
        : encoder ?? RewardPositions.IsEncoder(folder.Config) ? TextForm.Pair : TextForm.Concatenate;

    /// <summary>A text that the folder's warm.json has under that key, or null.</summary>
    internal static string? RecordedText(ModelFolder folder, string key) =>
        folder.Has(FileName) && JsonText.Read(folder.File(FileName), namedNumbers: true) is { ValueKind: JsonValueKind.Object } recipe
            && recipe.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>How a member was trained, where that is known: as the options tell, else as the file says that training left beside its weights.</summary>
    private static JsonObject WithRun(JsonObject entry, Weights member, AverageOptions options)
    {
        const string Beside = "warm-run.json";
        JsonObject? run = options.Runs?.Invoke(member)?.DeepClone().AsObject();
        if (run is null && TrainedIn(member) is { } place && Path.Combine(place, Beside) is var file && File.Exists(file))
            run = CheckpointWriter.Copy(JsonText.Read(file, namedNumbers: true)) as JsonObject ?? throw new WarmException(file, "is no object", "the run that trained the weights: name, start and dials", "Remove the file, or mend it.");
        if (run is null) return entry;
        if (run["start"] is JsonValue start && start.TryGetValue(out string? path)) run["start"] = RecordedNames.Of([path]).In(path);
        entry["run"] = run;
        return entry;
    }

    /// <summary>The folder that a training left: an adapter's own, not its base's; null for what was not trained as it is.</summary>
    internal static string? TrainedIn(Weights member) => (member as LowRankAdapter)?.AdapterFolder ?? (member is WeightAverage ? null : member.Folder?.Path);

    private static JsonObject Of(Weights member, double weight, IReadOnlyDictionary<string, string> hashes, RecordedNames names)
    {
        JsonObject entry = Of(member, hashes, names);
        entry.Insert(1, "weight", weight);
        return entry;
    }

    private static JsonObject Of(Weights member, IReadOnlyDictionary<string, string> hashes, RecordedNames names)
    {
        var entry = new JsonObject { ["path"] = names[member] };
        if (member is WeightAverage inner) entry["recipe"] = Of(inner, hashes, inner.Compatibility);
        if (member is LowRankAdapter adapter) entry["base"] = Of(adapter.Base, hashes, names);
        Checkpoint? own = member as Checkpoint ?? (member as LowRankAdapter)?.Factors; // an adapter's own file; its base's stand with the base
        if (own is not { } checkpoint || !checkpoint.Files.Any(hashes.ContainsKey)) return entry;
        var files = new JsonObject();
        foreach (string file in checkpoint.Files) files[Path.GetFileName(file)] = hashes[file];
        if (member is LowRankAdapter { ConfigPath: var config }) files[Path.GetFileName(config)] = ContentHash.OfFile(config); // it says by how much the factors count
        entry["sha256"] = files;
        return entry;
    }

    /// <summary>A choice among members with its file names, without the folders that they lie in.</summary>
    private static JsonNode WithoutFolders(JsonNode choice)
    {
        if (choice is JsonArray list)
            foreach (JsonNode? item in list)
                if (item is not null) WithoutFolders(item);
        if (choice is JsonObject entry)
            foreach ((string key, JsonNode? value) in entry.ToArray())
                if (value is JsonArray or JsonObject) WithoutFolders(value);
                else if (key is "path" or "try" or "pairs" && value is JsonValue text && text.TryGetValue(out string? path)) entry[key] = Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) is { Length: > 0 } name ? name : path;
        return choice;
    }
}
