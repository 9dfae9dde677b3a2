using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A plan of training runs that differ a little, so that their average has something to average: starts x learning rate x dropout x data order x seed. A plan is a JSON file to read and to change by hand; scripts are
/// written from it (<see cref="SweepScripts"/>), and finished runs are found by it (<see cref="Collect"/>).
/// </summary>
public sealed record HyperparameterSweep
{
    private static readonly string[] Keys = ["out", "train", "evaluate", "dtype", "trainer", "design", "runs"];

    /// <summary>The folder that the trained members are written to, one folder each.</summary>
    public required string Out { get; init; }

    /// <summary>Preference pairs to train on.</summary>
    public required string Train { get; init; }

    /// <summary>Pairs that the trainer evaluates on the way, or null.</summary>
    public string? Evaluate { get; init; }

    /// <summary>The type in which weights are trained: <c>float32</c> (default) or <c>bfloat16</c>. A rate of 1e-5 is lost in the rounding of bfloat16 weights; TRL's <c>bf16</c> is about the arithmetic.</summary>
    public string DType { get; init; } = "float32";

    /// <summary>What all runs have in common, by TRL's names.</summary>
    public JsonObject Trainer { get; init; } = [];

    /// <summary>How the runs were chosen, in words; null where a person wrote them.</summary>
    public string? Design { get; init; }

    /// <summary>The runs in order.</summary>
    public required IReadOnlyList<TrainingRun> Runs { get; init; }

    /// <summary>Plans runs.</summary>
    /// <exception cref="WarmException">There are no starts, or a number is out of range.</exception>
    public static HyperparameterSweep Plan(SweepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Starts.Count == 0) throw new WarmException("starts", "there are none", "at least one model to start from");
        if (options.Runs is < 1 or > 10_000) throw new WarmException("runs", FormattableString.Invariant($"is {options.Runs}"), "1 to 10,000");
        if (options.Repeats is < 1 or > 10_000) throw new WarmException("repeats", FormattableString.Invariant($"is {options.Repeats}"), "1 to 10,000");
        bool order = options.Design == SweepDesign.Order;
        IReadOnlyList<double> rates = options.LearningRates ?? (order ? [4e-5] : [1e-5, 4e-5, 1e-4]), dropouts = options.Dropouts ?? (order ? [0.05] : [0.05, 0.1]);
        if (rates.Count == 0 || dropouts.Count == 0) throw new WarmException(rates.Count == 0 ? "learning rates" : "dropouts", "there are none", "at least one");
        if (order && rates.Count * dropouts.Count > 1) throw new WarmException("design", $"is order, with {rates.Count} learning rates and {dropouts.Count} dropouts", "one of each: only the order of the data varies", "Choose one, or another design.");
        (double Rate, double Dropout)[] dials = [.. rates.SelectMany(rate => dropouts.Select(dropout => (rate, dropout)))];
        var taken = new List<(string Start, double Rate, double Dropout)>();
        if (options.Design == SweepDesign.Grid)
            for (int repeat = 0; repeat < options.Repeats; repeat++) taken.AddRange(options.Starts.SelectMany(start => dials.Select(d => (start, d.Rate, d.Dropout))));
        else
        {
            // Starts in turn; each has its own shuffled row of dials, which begins anew, shuffled again, when it is through.
            for (int i = 0; i < options.Runs; i++)
            {
                (int round, int start) = Math.DivRem(i, options.Starts.Count);
                (int again, int place) = Math.DivRem(round, dials.Length);
                (double rate, double dropout) = CountedRandom.Shuffled(dials, CountedRandom.Stream(options.Seed, options.Starts[start], again))[place];
                taken.Add((options.Starts[start], rate, dropout));
            }
        }
        if (taken.Count > 10_000) throw new WarmException("design", FormattableString.Invariant($"makes {taken.Count:N0} runs"), "at most 10,000");
        int width = taken.Count.ToString(CultureInfo.InvariantCulture).Length;
        var plan = new HyperparameterSweep
        {
            Out = options.Out,
            Train = options.Train,
            Trainer = new() { ["num_train_epochs"] = 1, ["per_device_train_batch_size"] = 8, ["max_length"] = 1024, ["logging_steps"] = 10, ["save_strategy"] = "no", ["report_to"] = "none" },
            Design = options.Design switch
            {
                SweepDesign.Grid => FormattableString.Invariant($"grid: {options.Starts.Count} starts x {rates.Count} learning rates x {dropouts.Count} dropouts x {options.Repeats} data orders"),
                SweepDesign.Order => "order: members differ in the order of the data alone" + (options.Starts.Count > 1 ? ", and in their start" : ""),
                _ => FormattableString.Invariant($"random: {taken.Count} of {options.Starts.Count} starts x {rates.Count} learning rates x {dropouts.Count} dropouts, each with its own data order, seed {options.Seed}"),
            },
            Runs = [.. taken.Select((run, i) => new TrainingRun
            {
                Name = $"rm-{(i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(width, '0')}",
                Start = run.Start,
                // The order of the data is data_seed's; seed is the rest, which is dropout's masks, for the head is shared.
                Dials = new() { ["learning_rate"] = run.Rate, ["dropout"] = run.Dropout, ["data_seed"] = i + 1, ["seed"] = order ? 1 : i + 1 },
            })],
        };
        return Parse(Encoding.UTF8.GetBytes(plan.ToJson()), "plan"); // what is planned is what can be read
    }

    /// <summary>Reads a plan. What is not known in it is refused, with its place.</summary>
    public static HyperparameterSweep Read(string path) => Parse(InputFile.ReadAll(path, 1L << 26), path);

    /// <summary>Writes the plan.</summary>
    /// <param name="path">Where.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced; default false.</param>
    public void Write(string path, bool overwrite = false) => AtomicFile.Write(path, Encoding.UTF8.GetBytes(ToJson()), overwrite);

    /// <summary>The plan as its file holds it: a line a run.</summary>
    public string ToJson()
    {
        var head = new JsonObject { ["out"] = Out, ["train"] = Train };
        if (Evaluate is not null) head["evaluate"] = Evaluate;
        head["dtype"] = DType;
        head["trainer"] = Trainer.DeepClone();
        if (Design is not null) head["design"] = Design;
        var line = new JsonSerializerOptions(Recipe.Json) { WriteIndented = false };
        string runs = string.Join(",\n", Runs.Select(run => $"    {run.ToJson().ToJsonString(line)}"));
        return $"{head.ToJsonString(Recipe.Json)[..^2]},\n  \"runs\": [\n{runs}\n  ]\n}}\n";
    }

    /// <summary>What is odd in the plan: a dial that does nothing, runs that are twins. Empty where nothing is.</summary>
    public IReadOnlyList<string> Remarks()
    {
        var remarks = new List<string>();
        foreach (IGrouping<string, TrainingRun> same in Runs.GroupBy(run => $"{run.Start} {string.Join(' ', run.Dials.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => $"{d.Key}={d.Value?.ToJsonString()}"))}").Where(g => g.Count() > 1))
            remarks.Add($"{string.Join(", ", same.Select(run => run.Name))} are alike in start, dials and seeds: they will be one member, counted {same.Count()} times");
        if (Runs.Any(run => run.Dials["dropout"] is JsonValue dropout && double.Parse(dropout.ToJsonString(), CultureInfo.InvariantCulture) > 0))
            remarks.Add("dropout acts where the start's config has such a number: on Llama and its relatives that is attention_dropout alone");
        return remarks;
    }

    /// <summary>The run whose folder some weights lie in: by their <see cref="TrainingRun.FileName"/>, else by the folder's name; null where the plan has none.</summary>
    public TrainingRun? RunOf(Weights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        string name = TrainingRun.Of(weights)?.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Recipe.TrainedIn(weights) ?? weights.Name));
        return Runs.FirstOrDefault(run => run.Name == name);
    }

    /// <summary>What the recipe of an average says of its members' training (<see cref="AverageOptions.Runs"/>): as this plan has it.</summary>
    /// <param name="weights">A member, in the folder of its run.</param>
    public JsonObject? Record(Weights weights) => RunOf(weights)?.ToJson();

    /// <summary>Finds the finished runs below a folder, and says what became of the others. Reads headers only.</summary>
    /// <param name="folder">Where the members were trained: each in a folder called after its run, or in any that holds its <see cref="TrainingRun.FileName"/>.</param>
    /// <returns>One for each planned run, in the plan's order.</returns>
    public IReadOnlyList<CollectedRun> Collect(string folder) => CollectedRun.Find(this, folder);

    /// <summary><c>10 runs from 3 starts into runs</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Runs.Count} run{(Runs.Count == 1 ? "" : "s")} from {Runs.Select(r => r.Start).Distinct().Count()} start{(Runs.Select(r => r.Start).Distinct().Count() == 1 ? "" : "s")} into {Out}");

    private static HyperparameterSweep Parse(byte[] utf8, string where)
    {
        JsonElement json = JsonText.Parse(utf8, where, twice => throw new WarmException(twice[..twice.LastIndexOf(": ", StringComparison.Ordinal)], twice[(twice.LastIndexOf(": ", StringComparison.Ordinal) + 2)..], "once"));
        if (json.ValueKind != JsonValueKind.Object) throw new WarmException(where, $"is {JsonText.Kind(json)}", "a plan: an object");
        foreach (JsonProperty property in json.EnumerateObject())
            if (!Keys.Contains(property.Name)) throw new WarmException(where, $"unknown key {JsonText.Quote(property.Name)}", string.Join(", ", Keys), "What all runs share stands in \"trainer\", what one run turns in its entry of \"runs\".");
        var trainer = new JsonObject();
        if (json.TryGetProperty("trainer", out JsonElement common))
        {
            if (common.ValueKind != JsonValueKind.Object) throw new WarmException(where, $"\"trainer\" is {JsonText.Kind(common)}", "an object");
            foreach (JsonProperty dial in common.EnumerateObject())
            {
                TrainerDials.Check(dial.Name, dial.Value, $"{where}, trainer");
                trainer[dial.Name] = CheckpointWriter.Copy(dial.Value);
            }
        }
        if (!json.TryGetProperty("runs", out JsonElement list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > 10_000) throw new WarmException(where, "\"runs\" is missing or empty", "a list of 1 to 10,000 runs");
        TrainingRun[] runs = [.. list.EnumerateArray().Select((run, i) => TrainingRun.Parse(run, list.GetArrayLength() == 1 ? where : FormattableString.Invariant($"{where}, run {i + 1}")))];
        if (runs.GroupBy(run => run.Name.ToLowerInvariant()).FirstOrDefault(g => g.Count() > 1) is { } twins) throw new WarmException(where, $"{twins.Count()} runs are called {twins.First().Name}", "a name of its own for each, whatever the case of its letters");
        string dtype = Text("dtype") ?? "float32";
        if (dtype is not ("float32" or "bfloat16")) throw new WarmException(where, $"\"dtype\" is {JsonText.Quote(dtype)}", "float32 or bfloat16");
        return new()
        {
            Out = Place("out"),
            Train = Place("train"),
            Evaluate = Text("evaluate"),
            DType = dtype,
            Trainer = trainer,
            Design = Text("design"),
            Runs = runs,
        };

        string Place(string key) => Text(key) is { Length: > 0 } text ? text : throw new WarmException(where, $"\"{key}\" is missing", key == "out" ? "the folder of the trained members" : "the pairs to train on");

        string? Text(string key)
        {
            if (!json.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
            if (value.ValueKind != JsonValueKind.String) throw new WarmException(where, $"\"{key}\" is {JsonText.Kind(value)}", "a text");
            string text = value.GetString()!;
            return !TrainingRun.IsOneLine(text) ? throw new WarmException(where, $"\"{key}\" is {JsonText.Quote(text)}", "a text of one line") : text;
        }
    }
}
