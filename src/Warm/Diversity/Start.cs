using System.Globalization;

namespace Warm;

/// <summary>A model that members may be fine-tuned from: a checkpoint of a fine-tuning run, a snapshot of pre-training, a model fine-tuned on another task.</summary>
/// <param name="Weights">The model, with or without a reward head.</param>
/// <param name="Step">The step of its run, where the folder's name or trainer_state.json tells it.</param>
public sealed record Start(Weights Weights, long? Step)
{
    /// <summary>The last part of the folder's name: <c>checkpoint-40</c>.</summary>
    public string Name => Path.GetFileName(Weights.Name.TrimEnd('/', '\\')) is { Length: > 0 } last ? last : Weights.Name;

    /// <summary>
    /// The starts that arguments name, in order: a model folder is one; the folder of a run is its checkpoints by step (<c>checkpoint-40</c>, <c>-80</c> ...; without such names, its model folders that differ in a number only).
    /// </summary>
    /// <param name="paths">At least one.</param>
    /// <param name="allow">Rules that are not refused: <c>run</c>, checkpoints whose records tell of different runs.</param>
    /// <param name="open">Opens a model; null (default) for <see cref="Checkpoint.Open(string)"/>.</param>
    /// <exception cref="WarmException">A folder holds no models, models of several kinds, or checkpoints that are not of one run.</exception>
    public static IReadOnlyList<Start> Find(IReadOnlyList<string> paths, IReadOnlyCollection<string>? allow = null, Func<string, Weights>? open = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        open ??= path => Checkpoint.Open(path);
        var found = new List<Start>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path) && !IsModel(path) && Checkpoints(path) is { Length: > 0 } checkpoints)
            {
                if (allow?.Contains("run") != true) OneRun(checkpoints);
                found.AddRange(checkpoints.Select(folder => new Start(open(folder), StepOf(folder))));
            }
            else found.Add(new(open(path), StepOf(path)));
        }
        return found;
    }

    /// <summary><c>checkpoint-40, step 40</c></summary>
    public override string ToString() => Step is { } step ? FormattableString.Invariant($"{Name}, step {step}") : Name;

    /// <summary>Folders called checkpoint-N, each of which must be a model, or where there are none the models whose names end in a number.</summary>
    private static string[] Checkpoints(string run)
    {
        string[] numbered = [.. Directory.EnumerateDirectories(run).Where(folder => Number(folder) is not null).Order(NaturalOrder.Instance)];
        string Stem(string folder) => Path.GetFileName(folder).TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
        string[] named = [.. numbered.Where(folder => Stem(folder) == "checkpoint-")];
        if (named.Length > 0) return named; // one that was not saved whole is named when it is opened, never passed over
        string[] models = [.. numbered.Where(IsModel)];
        string[] stems = [.. models.Select(Stem).Distinct()];
        return stems.Length <= 1 ? models
            : throw new WarmException(run, $"holds models of several kinds: {string.Join(", ", stems.Take(8).Select(stem => $"{stem}N"))}", "the checkpoints of one run", "Name the folders that are meant, one by one.");
    }

    /// <summary>Whether a folder holds a model, or an adapter, whose base whoever opens it must know.</summary>
    private static bool IsModel(string folder) => (File.Exists(Path.Combine(folder, "config.json")) || LowRankAdapter.IsAdapter(folder)) && Directory.EnumerateFiles(folder).Any(f => Path.GetExtension(f) is ".safetensors" or ".bin");

    private static long? StepOf(string folder) => TrainerState.Of(folder)?.Step ?? Number(folder);

    private static long? Number(string folder)
    {
        string name = Path.GetFileName(folder.TrimEnd('/', '\\'));
        int digits = name.Length;
        while (digits > 0 && char.IsAsciiDigit(name[digits - 1])) digits--;
        return digits > 0 && name[digits - 1] is '-' or '_' && long.TryParse(name.AsSpan(digits), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
    }

    /// <summary>One run's checkpoints logged the same loss at the same step, and lie in folders that are called after their step.</summary>
    private static void OneRun(IReadOnlyList<string> checkpoints)
    {
        const string Fix = "Give the folders of one run, or where you know better, allow it by name: --allow run.";
        var logged = new Dictionary<long, (string Loss, string Folder)>();
        foreach (string folder in checkpoints)
        {
            if (TrainerState.Of(folder) is not { } state) continue;
            if (state.Step is { } recorded && recorded != Number(folder))
                throw new WarmException(state.File, FormattableString.Invariant($"\"global_step\" is {recorded}"), FormattableString.Invariant($"{Number(folder)}, as the folder is called"), Fix);
            foreach ((long step, string loss) in state.Losses)
                if (!logged.TryAdd(step, (loss, folder)) && logged[step].Loss != loss)
                    throw new WarmException(state.File, FormattableString.Invariant($"logged the loss {loss} at step {step}"), $"{logged[step].Loss}, as {Path.GetFileName(logged[step].Folder)} did: these are not checkpoints of one run", Fix);
        }
    }
}
