using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary><c>warm sweep PLAN.json</c>: plans members that differ a little, writes them out for a trainer, and finds them again when they are trained.</summary>
internal static class SweepCommand
{
    private static readonly Argument<string> Plan = new("PLAN.json") { Description = "The plan: a JSON file to read and to change by hand." };
    private static readonly Option<bool> New = new("--new") { Description = "Make the plan, from --start and --train." };
    private static readonly Option<string[]> Starts = new("--start") { Description = "With --new: models to start from, or the folder that warm baklava --write made.", HelpName = "DIR..", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string?> Train = new("--train") { Description = "With --new: the pairs to train on.", HelpName = "PAIRS" };
    private static readonly Option<string> Members = new("--members") { Description = "With --new: where trained members will be (default runs).", HelpName = "DIR", DefaultValueFactory = _ => "runs" };
    private static readonly Option<SweepDesign> Design = new("--design") { Description = "With --new: random (default), grid, or order (members differ in the order of the data alone, the cheapest).", DefaultValueFactory = _ => SweepDesign.Random };
    private static readonly Option<int> Runs = new("--runs") { Description = "With --new: number of runs of a random or order design (default 10).", HelpName = "N", DefaultValueFactory = _ => 10 };
    private static readonly Option<int> Repeats = new("--repeats") { Description = "With --new: data orders of each combination of a grid (default 1).", HelpName = "N", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Rates = new("--learning-rate") { Description = "With --new: learning rates (default 1e-5,4e-5,1e-4; order: 4e-5).", HelpName = "R,.." };
    private static readonly Option<string?> Dropouts = new("--dropout") { Description = "With --new: dropout rates (default 0.05,0.1; order: 0.05).", HelpName = "R,.." };
    private static readonly Option<long> Seed = new("--seed") { Description = "With --new: seed of the draw (default 0).", HelpName = "N" };
    private static readonly Option<string?> Emit = new("--emit") { Description = "Write a TRL script for each run: shell, slurm or kubernetes.", HelpName = "TARGET" };
    private static readonly Option<string?> To = new("--to") { Description = "With --emit: the folder of the scripts (default: the plan's name without .json).", HelpName = "DIR" };
    private static readonly Option<string?> Image = new("--image") { Description = "With --emit kubernetes: the container image that has TRL.", HelpName = "NAME" };
    private static readonly Option<string?> Claim = new("--claim") { Description = "With --emit kubernetes: the volume claim that holds the plan's folder.", HelpName = "NAME" };
    private static readonly Option<string?> Collect = new("--collect") { Description = "Find the trained members below a folder; exit code 1 while some are missing or failed.", HelpName = "DIR" };
    private static readonly Option<bool> Run = new("--run") { Description = "Train the runs here (not in this version)." };

    /// <summary>The option of commands that average: the plan that the members were trained by.</summary>
    public static Option<string> PlanOfMembers() => new("--plan") { Description = "The sweep that trained the members: their starts and dials go into the recipe and the card.", HelpName = "PLAN.json" };

    /// <summary>What <see cref="AverageOptions.Runs"/> is with that option.</summary>
    public static Func<Weights, JsonObject?>? RunsOf(string? plan) => plan is null ? null : HyperparameterSweep.Read(plan).Record;

    public static WarmCommand Create()
    {
        Design.AcceptOnlyFromAmong("random", "grid", "order");
        var command = new WarmCommand("sweep", "Plan members that differ a little, write them out for a trainer, find them when they are trained.", "warm sweep plan.json --new --start starts --train train.jsonl && warm sweep plan.json --emit shell")
            { Plan, New, Starts, Train, Members, Design, Runs, Repeats, Rates, Dropouts, Seed, Emit, To, Image, Claim, Collect, Run };
        return command.Runs((parsed, report, cancellation) => Task.FromResult(Do(parsed, report)));
    }

    private static int Do(ParseResult parsed, Report report)
    {
        string path = parsed.GetRequiredValue(Plan);
        if (parsed.GetValue(Run)) throw new WarmException("--run", "is not in this version: Warm does not train yet", "--emit shell, slurm or kubernetes", "Write the runs out and train them with TRL; --collect finds them again.");
        HyperparameterSweep plan;
        if (parsed.GetValue(New))
        {
            plan = Planned(parsed);
            plan.Write(path);
        }
        else
        {
            Option? stray = ((Option[])[Starts, Train, Members, Design, Runs, Repeats, Rates, Dropouts, Seed]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });
            if (stray is not null) throw new WarmException(stray.Name, "is given without --new", "a new plan", "An existing plan is changed by hand.");
            plan = HyperparameterSweep.Read(path);
        }
        IReadOnlyList<EmittedRun> emitted = parsed.GetValue(Emit) is { } target ? SweepScripts.Write(plan, Target(target), parsed.GetValue(To) ?? Folder(path), parsed.GetValue(Image), parsed.GetValue(Claim)) : [];
        IReadOnlyList<CollectedRun> collected = parsed.GetValue(Collect) is { } folder ? plan.Collect(folder) : [];
        IReadOnlyList<string> remarks = plan.Remarks();
        if (report.IsJson) report.Line(Document(path, plan, emitted, collected, remarks));
        else Print(report, path, plan, emitted, collected);
        foreach (string remark in report.IsJson ? [] : remarks) report.Remark(remark);
        return collected.All(run => run.State == RunState.Finished) ? 0 : 1;
    }

    private static HyperparameterSweep Planned(ParseResult parsed)
    {
        string[] starts = parsed.GetValue(Starts) ?? [];
        if (starts.Length == 0) throw new WarmException("--start", "is missing", "at least one model to start from", "warm baklava chooses and writes them.");
        return HyperparameterSweep.Plan(new()
        {
            Starts = [.. starts.SelectMany(start => Directory.Exists(start) ? Start.Find([start]).Select(one => one.Weights.Name) : [start])],
            Train = parsed.GetValue(Train) ?? throw new WarmException("--train", "is missing", "the pairs to train on"),
            Out = parsed.GetValue(Members)!,
            Design = parsed.GetValue(Design),
            Runs = parsed.GetValue(Runs),
            Repeats = parsed.GetValue(Repeats),
            LearningRates = Numbers(parsed, Rates),
            Dropouts = Numbers(parsed, Dropouts),
            Seed = parsed.GetValue(Seed),
        });
    }

    private static void Print(Report report, string path, HyperparameterSweep plan, IReadOnlyList<EmittedRun> emitted, IReadOnlyList<CollectedRun> collected)
    {
        if (collected.Count > 0)
        {
            report.Table(["run", "", "where", ""], collected.Select(run => (IReadOnlyList<string>)[run.Run.Name, $"{run.State}".ToLowerInvariant(), run.Folder ?? "", run.Why ?? run.Remark ?? ""]));
            string[] finished = [.. collected.Where(run => run.State == RunState.Finished).Select(run => run.Folder!)];
            report.Line(FormattableString.Invariant($"{finished.Length} of {collected.Count} finished"));
            if (finished.Length > 1) report.Line($"warm average {string.Join(' ', finished.Select(SweepScripts.Quote))} --plan {SweepScripts.Quote(path)} --choose greedy --select PAIRS --out DIR");
            return;
        }
        string[] dials = [.. plan.Runs.SelectMany(run => run.Dials.Select(d => d.Key)).Distinct()];
        report.Table(["run", "start", .. dials], plan.Runs.Select(run => (IReadOnlyList<string>)[run.Name, run.Start, .. dials.Select(dial => run.Dials.ContainsKey(dial) ? TrainingRun.Shown(run.Dials[dial]) : "")]));
        report.Line($"{path}: {plan}{(plan.Design is null ? "" : $"; {plan.Design}")}");
        if (emitted.Count > 0) report.Line($"{Path.GetDirectoryName(emitted[0].Script)}: a script for each run, {emitted[0].Script} and so on; by itself a run is: {emitted[0].Command}");
    }

    private static JsonObject Document(string path, HyperparameterSweep plan, IReadOnlyList<EmittedRun> emitted, IReadOnlyList<CollectedRun> collected, IReadOnlyList<string> remarks)
    {
        var document = new JsonObject
        {
            ["plan"] = path,
            ["out"] = plan.Out,
            ["train"] = plan.Train,
            ["design"] = plan.Design,
            ["trainer"] = plan.Trainer.DeepClone(),
            ["runs"] = new JsonArray([.. plan.Runs.Select((run, i) =>
            {
                JsonObject entry = run.ToJson();
                if (emitted.Count > 0) (entry["script"], entry["command"]) = (emitted[i].Script, emitted[i].Command);
                if (collected.Count > 0) (entry["state"], entry["folder"], entry["why"], entry["remark"]) = ($"{collected[i].State}".ToLowerInvariant(), collected[i].Folder, collected[i].Why, collected[i].Remark);
                return entry;
            })]),
        };
        if (collected.Count > 0) document["members"] = new JsonArray([.. collected.Where(run => run.State == RunState.Finished).Select(run => JsonValue.Create(run.Folder!))]);
        document["remarks"] = new JsonArray([.. remarks.Select(remark => JsonValue.Create(remark))]);
        return document;
    }

    private static string Folder(string path) => path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? path[..^5] : $"{path}-scripts";

    private static SweepTarget Target(string name) => name switch
    {
        "shell" => SweepTarget.Shell,
        "slurm" => SweepTarget.Slurm,
        "kubernetes" => SweepTarget.Kubernetes,
        _ => throw new WarmException("--emit", $"is \"{name}\"", "shell, slurm or kubernetes"),
    };

    private static double[]? Numbers(ParseResult parsed, Option<string?> option) => parsed.GetValue(option)?.Split(',', StringSplitOptions.TrimEntries)
        .Select(text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : throw new WarmException(option.Name, $"is \"{parsed.GetValue(option)}\"", "numbers apart by commas")).ToArray();
}
