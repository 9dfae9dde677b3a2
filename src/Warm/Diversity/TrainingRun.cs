using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>One member's training: where it starts, and what its dials are. Planned by a <see cref="HyperparameterSweep"/>, written beside the weights by the script that trains it, kept in the recipe of every average it is in.</summary>
public sealed record TrainingRun
{
    /// <summary>The file that the training script leaves beside the weights: <c>warm-run.json</c>.</summary>
    public const string FileName = "warm-run.json";

    private static readonly string[] Order = ["learning_rate", "dropout", "data_seed", "seed"];

    /// <summary>Its name, which is also its folder's: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, at most 60.</summary>
    public required string Name { get; init; }

    /// <summary>The folder of the model that it starts from.</summary>
    public required string Start { get; init; }

    /// <summary>What it turns, by TRL's names and <c>dropout</c>: number, text or flag.</summary>
    public required JsonObject Dials { get; init; }

    /// <summary>The run as a plan and <see cref="FileName"/> hold it: name, start, then the dials.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["name"] = Name, ["start"] = Start };
        foreach ((string name, JsonNode? value) in Dials) json[name] = value?.DeepClone();
        return json;
    }

    /// <summary>The run that trained some weights, as its folder's <see cref="FileName"/> tells; null where there is no such file.</summary>
    /// <exception cref="WarmException">The file is there and is no such record.</exception>
    public static TrainingRun? Of(Weights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return Recipe.TrainedIn(weights) is { } folder && Path.Combine(folder, FileName) is var file && File.Exists(file) ? Read(file) : null;
    }

    /// <summary>Reads a record.</summary>
    /// <param name="path">A <see cref="FileName"/>.</param>
    public static TrainingRun Read(string path) => Parse(JsonText.Read(path, namedNumbers: true), path);

    /// <summary>A run in a plan or a record; an unknown dial is refused.</summary>
    internal static TrainingRun Parse(JsonElement json, string where)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new WarmException(where, $"is {JsonText.Kind(json)}", "a run: an object with name, start and dials");
        string name = Text("name"), start = Text("start");
        if (!IsName(name)) throw new WarmException(where, $"\"name\" is {JsonText.Quote(name)}", "letters, digits, -, _ and ., at most 60, beginning with a letter or digit", "The name becomes a folder, a job and a part of a command.");
        string at = $"{where}, run {name}";
        if (start.Length == 0 || !IsOneLine(start)) throw new WarmException(at, $"\"start\" is {JsonText.Quote(start)}", "the folder of a model");
        var dials = new JsonObject();
        foreach (JsonProperty dial in json.EnumerateObject())
        {
            if (dial.Name is "name" or "start") continue;
            TrainerDials.Check(dial.Name, dial.Value, at);
            if (dials.ContainsKey(dial.Name)) throw new WarmException(at, $"the dial \"{dial.Name}\" stands twice", "once");
            dials[dial.Name] = CheckpointWriter.Copy(dial.Value);
        }
        return new() { Name = name, Start = start, Dials = dials };

        string Text(string key) => json.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new WarmException(where, $"\"{key}\" is {(json.TryGetProperty(key, out value) ? JsonText.Kind(value) : "missing")}", "a text");
    }

    internal static bool IsName(string name) => name.Length is > 0 and <= 60 && char.IsAsciiLetterOrDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>Whether a text stays on its line wherever it is written: no control character, and none of Unicode's own line ends, which YAML knows.</summary>
    internal static bool IsOneLine(string text) => !text.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029');

    /// <summary>In which dials another run differs, in words; null where in none. Numbers are equal by value: 1e-5 is 0.00001.</summary>
    internal string? DifferenceFrom(TrainingRun planned)
    {
        string[] names = [.. Dials.Select(d => d.Key).Union(planned.Dials.Select(d => d.Key)).Where(name => !Same(Dials[name], planned.Dials[name]))];
        if (Path.GetFileName(Path.TrimEndingDirectorySeparator(Start)) != Path.GetFileName(Path.TrimEndingDirectorySeparator(planned.Start))) names = ["start", .. names];
        return names.Length == 0 ? null : string.Join(", ", names.Select(name => name == "start" ? $"start {Start} (planned {planned.Start})" : $"{name} {Shown(Dials[name])} (planned {Shown(planned.Dials[name])})"));
    }

    /// <summary><c>rm-3: starts/checkpoint-160, learning_rate 4e-05, dropout 0.1, data_seed 3, seed 3</c></summary>
    public override string ToString() => $"{Name}: {Start}{string.Concat(Dials.OrderBy(d => Array.IndexOf(Order, d.Key) is var i && i < 0 ? Order.Length : i).Select(d => $", {d.Key} {Shown(d.Value)}"))}";

    internal static string Shown(JsonNode? value) => value?.ToJsonString() ?? "none";

    private static bool Same(JsonNode? a, JsonNode? b) =>
        a is JsonValue && b is JsonValue && a.GetValueKind() == JsonValueKind.Number && b.GetValueKind() == JsonValueKind.Number
            ? double.Parse(a.ToJsonString(), CultureInfo.InvariantCulture).Equals(double.Parse(b.ToJsonString(), CultureInfo.InvariantCulture)) : JsonNode.DeepEquals(a, b);
}
