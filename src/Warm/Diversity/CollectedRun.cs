using System.Text.Json.Serialization;

namespace Warm;

/// <summary>What became of a planned run.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunState>))]
public enum RunState
{
    /// <summary>A whole reward model lies there.</summary>
    [JsonStringEnumMemberName("finished")] Finished,
    /// <summary>It was begun, and what lies there is no whole reward model, or was trained with other dials than planned.</summary>
    [JsonStringEnumMemberName("failed")] Failed,
    /// <summary>Nothing of it is there.</summary>
    [JsonStringEnumMemberName("missing")] Missing,
}

/// <summary>A planned run and what was found of it.</summary>
/// <param name="Run">As planned.</param>
/// <param name="State">Finished, failed or missing.</param>
/// <param name="Folder">Where it lies; null where it is missing.</param>
/// <param name="Why">What is wrong, in words; null where it is finished.</param>
/// <param name="Remark">What a reader should know of a finished run, or null.</param>
public sealed record CollectedRun(TrainingRun Run, RunState State, string? Folder, string? Why, string? Remark = null)
{
    internal static IReadOnlyList<CollectedRun> Find(HyperparameterSweep plan, string folder)
    {
        if (!Directory.Exists(folder)) throw new WarmException(folder, "is not there", "the folder that the runs were trained into");
        var recorded = new Dictionary<string, (string Folder, TrainingRun Run)>(StringComparer.Ordinal);
        var broken = new Dictionary<string, string>(StringComparer.Ordinal); // folder -> what is wrong with its record
        foreach (string file in Directory.EnumerateFiles(folder, TrainingRun.FileName, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 }).Order(NaturalOrder.Instance))
        {
            string place = Path.GetDirectoryName(file)!;
            TrainingRun run;
            try { run = TrainingRun.Read(file); }
            catch (WarmException error)
            {
                broken.Add(place, error.Message);
                continue;
            }
            if (!recorded.TryAdd(run.Name, (place, run)))
                throw new WarmException(place, $"holds the run {run.Name}, as {recorded[run.Name].Folder} does", "each run once", "Remove one of the two, or collect from the folder of one sweep.");
        }
        return [.. plan.Runs.Select(run => recorded.TryGetValue(run.Name, out (string Folder, TrainingRun Run) found) ? Judge(run, found.Folder, found.Run)
            : Path.Combine(folder, run.Name) is var named && broken.TryGetValue(named, out string? why) ? new(run, RunState.Failed, named, $"its record cannot be read: {why}")
            : Directory.Exists(named) ? Judge(run, named, null)
            : new(run, RunState.Missing, null, $"there is no {run.Name} in {folder}"))];
    }

    private static CollectedRun Judge(TrainingRun planned, string folder, TrainingRun? recorded)
    {
        if (recorded?.DifferenceFrom(planned) is { } other) return new(planned, RunState.Failed, folder, $"was trained with other dials: {other}");
        (long Done, long Of)? steps = Steps(folder);
        string[] checkpoints = [.. Directory.EnumerateDirectories(folder, "checkpoint-*").Order(NaturalOrder.Instance)];
        try
        {
            if (LowRankAdapter.IsAdapter(folder))
            {
                Checkpoint.Open(Path.Combine(folder, "adapter_model.safetensors")).Dispose();
                return new(planned, RunState.Finished, folder, null, $"a PEFT adapter: average it as {planned.Start}+{folder}");
            }
            using Checkpoint weights = Checkpoint.Open(folder);
            if (HeadLayout.Of(weights) is null) return new(planned, RunState.Failed, folder, "has no reward head: it is no reward model");
            string? remark = steps is var (done, of) && done < of ? FormattableString.Invariant($"stopped by itself at step {done} of {of}") : recorded is null ? "matched by its name alone: nothing there tells its dials" : null;
            return new(planned, RunState.Finished, folder, null, remark);
        }
        catch (WarmException error)
        {
            if (checkpoints.Length == 0) return new(planned, RunState.Failed, folder, $"holds no whole model: {error.Found}");
            string at = Steps(checkpoints[^1]) is var (done, of) ? FormattableString.Invariant($"step {done} of {of}") : Path.GetFileName(checkpoints[^1]);
            return new(planned, RunState.Failed, folder, $"stopped half-way: the last that was saved is {at}");
        }
    }

    /// <summary>How far the trainer's record says that the run came; null where it does not say, a torn file included: such is what a run that failed leaves.</summary>
    private static (long Done, long Of)? Steps(string folder)
    {
        try
        {
            return TrainerState.Of(folder) is { Step: { } done, Steps: { } of } ? (done, of) : null;
        }
        catch (WarmException)
        {
            return null;
        }
    }

    /// <summary><c>rm-3: finished, runs/rm-3</c></summary>
    public override string ToString() => $"{Run.Name}: {State.ToString().ToLowerInvariant()}, {(State == RunState.Finished ? Folder : Why)}{(Remark is null ? "" : $" ({Remark})")}";
}
