using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>What runs the scripts of a sweep.</summary>
public enum SweepTarget
{
    /// <summary>A shell script a run, and one that runs all of them one after another.</summary>
    Shell,
    /// <summary>A batch script a run, and one that submits all of them.</summary>
    Slurm,
    /// <summary>A Job a run.</summary>
    Kubernetes,
}

/// <summary>A run as it was written out.</summary>
/// <param name="Run">As planned.</param>
/// <param name="Script">The script or manifest of the run.</param>
/// <param name="Command">The command that trains it, quoted for a shell.</param>
public sealed record EmittedRun(TrainingRun Run, string Script, string Command);

/// <summary>
/// A sweep written out for a trainer that is there already: TRL. Each run has a file with all its arguments, which one Python script reads, and a command that names the two; no dial is ever part of a command.
/// </summary>
/// <remarks>
/// Not <c>trl reward</c>, whose own script replaces model_init_kwargs: dropout would be lost on its way. Paths are as the plan has them, so scripts are started in the folder from which these are right.
/// </remarks>
public static class SweepScripts
{
    /// <summary>Writes the scripts; the folder appears whole or not at all.</summary>
    /// <param name="plan">What is trained.</param>
    /// <param name="target">What runs the scripts.</param>
    /// <param name="folder">Where; it must not exist.</param>
    /// <param name="image">The container image of <see cref="SweepTarget.Kubernetes"/>, with TRL in it; required there.</param>
    /// <param name="claim">The PersistentVolumeClaim with the plan's folder, mounted as the working directory; null for none.</param>
    /// <returns>One for each run, in the plan's order.</returns>
    public static IReadOnlyList<EmittedRun> Write(HyperparameterSweep plan, SweepTarget target, string folder, string? image = null, string? claim = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!TrainingRun.IsOneLine(folder)) throw new WarmException(JsonText.Quote(folder), "is no place for scripts", "a path of one line");
        if (target == SweepTarget.Kubernetes && string.IsNullOrEmpty(image)) throw new WarmException("--image", "is missing", "the container image that has TRL", "Kubernetes runs images: name one, with --image.");
        using OutputFolder place = OutputFolder.Begin(folder, overwrite: false, [], 0);
        place.Write(TrainingScript.FileName, TrainingScript.Text, sync: false);
        var emitted = new List<EmittedRun>();
        foreach (TrainingRun run in plan.Runs)
        {
            place.Write($"{run.Name}.json", $"{Arguments(plan, run).ToJsonString(Recipe.Json)}\n", sync: false);
            string script = run.Name + target switch { SweepTarget.Shell => ".sh", SweepTarget.Slurm => ".sbatch", _ => ".yaml" };
            string command = $"python3 {Quote(Path.Combine(folder, TrainingScript.FileName))} {Quote(Path.Combine(folder, $"{run.Name}.json"))}";
            place.Write(script, target switch { SweepTarget.Shell => Shell(run), SweepTarget.Slurm => Slurm(run, folder), _ => Kubernetes(run, folder, image!, claim) }, sync: false);
            emitted.Add(new(run, Path.Combine(folder, script), command));
        }
        if (target == SweepTarget.Shell) place.Write("all.sh", All(plan), sync: false);
        if (target == SweepTarget.Slurm) place.Write("submit.sh", $"#!/bin/sh\n# Submits every run of the sweep, in the folder from which the plan's paths are right.\nset -eu\n{string.Concat(plan.Runs.Select(run => $"sbatch {Quote(Path.Combine(folder, $"{run.Name}.sbatch"))}\n"))}", sync: false);
        place.Commit();
        return emitted;
    }

    /// <summary>What the Python script reads: the run, where it goes, and every argument of RewardConfig.</summary>
    internal static JsonObject Arguments(HyperparameterSweep plan, TrainingRun run)
    {
        var arguments = (JsonObject)plan.Trainer.DeepClone();
        foreach ((string name, JsonNode? value) in run.Dials) arguments[name] = value?.DeepClone();
        JsonNode? dropout = arguments[TrainerDials.Dropout];
        if (arguments.Remove(TrainerDials.Dropout)) arguments["disable_dropout"] = dropout is null || double.Parse(dropout.ToJsonString(), CultureInfo.InvariantCulture) == 0; // Trap: TRL's default is true, which makes every dropout 0.
        arguments["run_name"] = run.Name;
        JsonObject whole = run.ToJson();
        if (dropout is not null) whole[TrainerDials.Dropout] = dropout.DeepClone(); // also where all runs have it in common
        return new()
        {
            ["run"] = whole,
            ["out"] = Path.Combine(plan.Out, run.Name),
            ["train"] = plan.Train,
            ["evaluate"] = plan.Evaluate,
            ["dtype"] = plan.DType,
            ["arguments"] = arguments,
        };
    }

    /// <summary>A path as a shell takes it: in single quotes, in which nothing but a single quote means anything; never an option.</summary>
    internal static string Quote(string word) => word.StartsWith('-') ? Quote($"./{word}") : word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or '+' or ',' or ':' or '=' or '@') ? word : $"'{word.Replace("'", "'\\''")}'";

    private static string Shell(TrainingRun run) => $"""
        #!/bin/sh
        # {run}
        # WARM_LAUNCH: what starts Python, such as "accelerate launch"; python3 by default.
        set -eu
        here=$(dirname -- "$0")
        exec $WARM_LAUNCH_OR_PYTHON "$here/{TrainingScript.FileName}" "$here/{run.Name}.json"

        """.Replace("$WARM_LAUNCH_OR_PYTHON", "${WARM_LAUNCH:-python3}").ReplaceLineEndings("\n");

    private static string All(HyperparameterSweep plan) => $$"""
        #!/bin/sh
        # Trains every run of the sweep, one after another, in the folder from which the plan's paths are right. A run that fails does not stop the others.
        here=$(dirname -- "$0")
        failed=""
        for run in {{string.Join(' ', plan.Runs.Select(run => run.Name))}}; do
            sh "$here/$run.sh" || failed="$failed $run"
        done
        [ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }

        """.ReplaceLineEndings("\n");

    private static string Slurm(TrainingRun run, string folder) => $$"""
        #!/bin/sh
        #SBATCH --job-name={{run.Name}}
        #SBATCH --output={{run.Name}}-%j.log
        #SBATCH --gres=gpu:1
        # {{run}}
        set -eu
        cd -- "${SLURM_SUBMIT_DIR:-.}"
        exec ${WARM_LAUNCH:-python3} {{Quote(Path.Combine(folder, TrainingScript.FileName))}} {{Quote(Path.Combine(folder, $"{run.Name}.json"))}}

        """.ReplaceLineEndings("\n");

    /// <summary>A Job; every text stands as JSON, which YAML takes as it is.</summary>
    private static string Kubernetes(TrainingRun run, string folder, string image, string? claim)
    {
        string name = new([.. run.Name.ToLowerInvariant().Select(c => c is '_' or '.' ? '-' : c)]);
        var container = new JsonObject
        {
            ["name"] = "train",
            ["image"] = image,
            ["command"] = new JsonArray("python3", Path.Combine(folder, TrainingScript.FileName), Path.Combine(folder, $"{run.Name}.json")),
            ["resources"] = new JsonObject { ["limits"] = new JsonObject { ["nvidia.com/gpu"] = 1 } },
        };
        var pod = new JsonObject { ["restartPolicy"] = "Never", ["containers"] = new JsonArray(container) };
        if (claim is not null)
        {
            container["workingDir"] = "/sweep";
            container["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "sweep", ["mountPath"] = "/sweep" });
            pod["volumes"] = new JsonArray(new JsonObject { ["name"] = "sweep", ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = claim } });
        }
        var job = new JsonObject
        {
            ["apiVersion"] = "batch/v1",
            ["kind"] = "Job",
            ["metadata"] = new JsonObject { ["name"] = name.TrimEnd('-') },
            ["spec"] = new JsonObject { ["backoffLimit"] = 0, ["template"] = new JsonObject { ["spec"] = pod } },
        };
        return $"# {run}\n# JSON is YAML: kubectl apply -f takes it.\n{job.ToJsonString(Recipe.Json)}\n";
    }
}
