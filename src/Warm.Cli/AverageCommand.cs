using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm average DIR DIR.. --out DIR</c>: writes the average of models as a complete folder.</summary>
internal static class AverageCommand
{
    private static readonly Argument<string[]> Members = new("DIR") { Description = ModelArgument.Description + " One alone is a conversion.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string> Out = new("--out") { Description = "The folder that is written. It appears whole or not at all.", HelpName = "DIR" };
    private static readonly Option<string> DTypeOption = new("--dtype") { Description = "keep (default: the widest of the members, tensor by tensor), f64, f32, bf16 or f16.", HelpName = "TYPE" };
    private static readonly Option<string> Accumulate = new("--accumulate") { Description = "The type of the sums: f64 (default) or f32.", HelpName = "TYPE" };
    private static readonly Option<string> ShardSize = new("--shard-size") { Description = "Most bytes of one file: 5GB, 500MB .. (default: one file).", HelpName = "SIZE" };
    private static readonly Option<string> Allow = new("--allow") { Description = "Rules that are not refused: config,ancestry,..", HelpName = "RULE,.." };
    private static readonly Option<bool> NoHash = new("--no-hash") { Description = "Leave the members' SHA-256 out of the recipe." };
    private static readonly Option<bool> NoSync = new("--no-sync") { Description = "Do not wait until the bytes are on the disk." };
    private static readonly Option<bool> Overwrite = new("--overwrite") { Description = "Replace a model folder of that name." };
    private static readonly Option<bool> NoFixture = new("--no-fixture") { Description = "Do not score and record the few texts that warm verify asks again." };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Read headers, configs and tokenizers, say what would be written, and write nothing." };
    private static readonly Option<int> Threads = new("--threads") { Description = "Number of threads (default: all cores).", HelpName = "N" };

    private static readonly Option<string> Choose = new("--choose") { Description = "Average only members chosen by --select: top:K, greedy or greedy-strict.", HelpName = "RULE" };
    private static readonly Option<string> Select = new("--select") { Description = "Pairs by which --choose chooses.", HelpName = "PAIRS" };

    private static readonly Option<string> Plan = SweepCommand.PlanOfMembers();

    private static readonly Option<string> Head = new("--head") { Description = "The reward head: average (default), first, or the member whose head is taken, by its path or folder name.", HelpName = "WHOSE" };
    private static readonly Option<string> MatchScale = new("--match-scale") { Description = "Weight members so that their rewards spread alike on these pairs.", HelpName = "PAIRS" };
    private static readonly Option<string> Statistics = new("--statistics") { Description = "Measure mean and std of the average's rewards on these pairs and write them into config.json, as OpenRLHF reads them.", HelpName = "PAIRS" };

    private static readonly Option<string> Import = new("--import") { Description = "A recipe of mergekit (YAML) that names models, method and dials, instead of DIR and --method.", HelpName = "FILE" };

    public static WarmCommand Create()
    {
        var command = new WarmCommand("average", "Average the weights of models that were fine-tuned from one base.", "warm average runs/rm-1 runs/rm-2 runs/rm-3 --out runs/warm")
        {
            Members, Out, DTypeOption, Accumulate, ShardSize, Allow, NoHash, NoSync, NoFixture, Overwrite, DryRun, Threads, Choose, Select, Plan, Head, MatchScale, Statistics, Import,
        };
        foreach (Option dial in MethodArguments.Options) command.Add(dial);
        return command.Runs((parsed, report, cancellation) => Task.Run(() => Run(parsed, report, cancellation), CancellationToken.None));
    }

    private static int Run(ParseResult parsed, Report report, CancellationToken cancellation)
    {
        EarlyCompilation.Start(typeof(CheckpointWriter), typeof(OutputFolder), typeof(SafetensorsWriter), typeof(AtomicFile), typeof(WeightsPass), typeof(AveragePass), typeof(FileHash), typeof(RegisterAverage),
            typeof(WeightedSum), typeof(FloatBits), typeof(WeightDistance), typeof(TensorDistance), typeof(ValueRules), typeof(ModelCard), typeof(Recipe), typeof(RecordedNames));
        bool dry = parsed.GetValue(DryRun);
        if (parsed.GetValue(Out) is not { Length: > 0 } folder) folder = dry ? "" : throw new WarmException("--out", "is missing", "the folder that is written");
        AverageOptions options = Options(parsed) with { Runs = SweepCommand.RunsOf(parsed.GetValue(Plan)) };
        // A place that is taken is refused before anything is read.
        if (!dry) OutputFolder.Demand(folder, parsed.GetValue(Overwrite));
        if (!dry && parsed.GetValue(Threads) < 0) throw new WarmException("--threads", "is negative", "0 for all cores, or a number");
        string[] named = parsed.GetValue(Members) ?? [];
        if (parsed.GetValue(Import) is { } file)
        {
            MethodArguments.RefuseBeside(parsed, Import, [Choose, Select, MatchScale]);
            if (named.Length > 0) throw new WarmException("--import", $"stands beside {named[0]}", "the recipe's models, or DIR DIR ..");
            MergekitRecipe recipe = MergekitRecipe.Read(file);
            foreach (string remark in recipe.Remarks) report.Remark(remark);
            return Write(parsed, report, folder, recipe.Average(model => ModelArgument.Open(model), options with { Head = HeadOf(parsed.GetValue(Head), recipe.Models) }), cancellation);
        }
        if (named.Length == 0) throw new WarmException("--import", "is missing, and so is DIR", "the members: DIR DIR .., or --import FILE");
        Weights[] members = [.. named.Select(member => ModelArgument.Open(member, MethodArguments.BaseOf(parsed)))];
        options = options with { Head = HeadOf(parsed.GetValue(Head), [.. members.Select(m => m.Name)]) };
        options = MatchedScale(parsed, members, options, cancellation);
        return Write(parsed, report, folder, Chosen(parsed, members, options, cancellation) ?? WeightAverage.Of(members, options), cancellation);
    }

    private static int Write(ParseResult parsed, Report report, string folder, WeightAverage average, CancellationToken cancellation)
    {
        if (parsed.GetValue(DryRun))
        {
            Print(report, average, folder, average.Names.Count, average.Bytes, null, Recipe.Of(average), average.Remarks);
            return 0;
        }
        SelectionPairs? statistics = parsed.GetValue(Statistics) is { } on ? SelectionPairs.Read(on) : null;
        SaveResult result = average.Save(folder, new SaveOptions
        {
            ShardBytes = Size(parsed.GetValue(ShardSize)),
            Hash = !parsed.GetValue(NoHash),
            Sync = !parsed.GetValue(NoSync),
            Overwrite = parsed.GetValue(Overwrite),
            Threads = parsed.GetValue(Threads),
            Complete = (place, recipe, stop) =>
            [
                .. statistics is null ? [] : RewardNormalisation.Complete(place, recipe, statistics, Engine(parsed), stop),
                .. parsed.GetValue(NoFixture) ? [] : ParityFixture.Complete(place, recipe, stop),
            ],
        }, new Shown(report), cancellation);
        Print(report, average, folder, result.Tensors, result.Bytes, result.Seconds, result.Recipe, result.Remarks, result.SecondsCompleting);
        return 0;
    }

    private static void Print(Report report, WeightAverage average, string folder, int tensors, long bytes, double? seconds, JsonObject? recipe, IReadOnlyList<string> remarks, double? completing = null)
    {
        foreach (string remark in remarks) report.Remark(remark);
        if (!report.IsJson)
        {
            report.Table(["member", "weight"], average.Members.Select((m, i) => (IReadOnlyList<string>)[m.Name, (average.Coefficients[i] / average.Divisor).ToString("0.####", CultureInfo.InvariantCulture)]));
            string size = string.Create(CultureInfo.InvariantCulture, $"{tensors:N0} tensors, {bytes / 1e6:N1} MB");
            report.Line(seconds is { } s ? string.Create(CultureInfo.InvariantCulture, $"{folder}: {average.Method} average, {size} in {s:F2} s") : $"would write {size}: {average.Method} average");
            return;
        }
        report.Line(new JsonObject
        {
            ["out"] = folder,
            ["method"] = average.Method,
            ["members"] = new JsonArray([.. ((recipe?["members"] as JsonArray) ?? []).Select((m, i) => new JsonObject { ["path"] = average.Members[i].Name, ["sha256"] = m!["sha256"]?.DeepClone(), ["weight"] = m["weight"]!.DeepClone() })]),
            ["tensors"] = tensors,
            ["bytes"] = bytes,
            ["seconds"] = seconds,
            ["secondsCompleting"] = completing,
            ["bytesPerSecond"] = bytes / seconds,
            ["bytesRead"] = average.Members.Sum(m => m.Bytes),
            ["recipe"] = recipe?.DeepClone(),
            ["remarks"] = new JsonArray([.. remarks.Select(r => JsonValue.Create(r))]),
        });
    }

    /// <summary>The average of those that <c>--choose</c> takes, or null where nothing is chosen.</summary>
    private static WeightAverage? Chosen(ParseResult parsed, Weights[] members, AverageOptions options, CancellationToken cancellation)
    {
        (string? choose, string? select) = (parsed.GetValue(Choose), parsed.GetValue(Select));
        if (choose is null && select is null) return null;
        if (choose is null || select is null) throw new WarmException(choose is null ? "--select" : "--choose", "stands alone", "--choose RULE and --select PAIRS together");
        if (options.Weights is not null) throw new WarmException("--weights", "stand beside --choose", "one of the two", "What is chosen is averaged uniformly.");
        if (options.Method is { } method) throw new WarmException("--choose", $"stands beside --method {method.Name}", "one of the two", "What is chosen is averaged uniformly.");
        CpuEngine engine = Engine(parsed);
        return Soup.ChooseAsync(members, weights => RewardModel.Load(weights, engine), SelectionPairs.Read(select), SoupRule.Parse(choose), new() { Averaging = options }, cancellation).GetAwaiter().GetResult().Average();
    }

    private static CpuEngine Engine(ParseResult parsed) => ScoringArguments.EngineOf(parsed.GetValue(Threads) is > 0 and var threads ? threads : null);

    /// <summary>Whose head <c>--head</c> means: a member's number, or null for the average.</summary>
    private static int? HeadOf(string? whose, IReadOnlyList<string> members)
    {
        if (whose is null or "average") return null;
        if (whose == "first") return 0;
        string Last(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        int[] found = [.. Enumerable.Range(0, members.Count).Where(i => members[i] == whose || Last(members[i]) == Last(whose) && (Last(whose) == whose || Path.GetFullPath(members[i]) == Path.GetFullPath(whose)))];
        return found is [var one] ? one
            : throw new WarmException("--head", $"{whose} is {(found.Length == 0 ? "no member" : $"{found.Length} members")}", $"average, first, or one of {string.Join(", ", members)}");
    }

    /// <summary>The options with the weights that make the members' rewards spread alike.</summary>
    private static AverageOptions MatchedScale(ParseResult parsed, Weights[] members, AverageOptions options, CancellationToken cancellation)
    {
        if (parsed.GetValue(MatchScale) is not { } pairs) return options;
        if (options.Method is { } method) throw new WarmException("--match-scale", $"stands beside --method {method.Name}", "a uniform or weighted average");
        if (parsed.GetValue(Choose) is not null) throw new WarmException("--match-scale", "stands beside --choose", "one of the two");
        CpuEngine engine = Engine(parsed);
        HeadScale scale = HeadScale.MeasureAsync(members, weights => RewardModel.Load(weights, engine), SelectionPairs.Read(pairs), null, cancellation).GetAwaiter().GetResult();
        return options with { Weights = scale.Weights(options.Weights), MatchScale = scale.ToJson() };
    }

    private static AverageOptions Options(ParseResult parsed) => MethodArguments.Read(parsed, (parsed.GetValue(Members) ?? []).Any(ModelArgument.NeedsBase)) with
    {
        DType = ModelArgument.ParseDType(parsed.GetValue(DTypeOption)),
        Accumulate = parsed.GetValue(Accumulate) switch { null or "f64" => DType.F64, "f32" => DType.F32, var other => throw new WarmException("--accumulate", $"is {other}", "f64 or f32") },
        Allow = parsed.GetValue(Allow)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
    };

    /// <summary>5GB, 500MB, 2GiB, or plain bytes.</summary>
    private static long? Size(string? text)
    {
        if (text is null) return null;
        (string Unit, double Bytes)[] units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1L << 40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1), ("", 1)];
        (string unit, double bytes) = units.First(u => text.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase));
        return double.TryParse(text[..^unit.Length].Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number * bytes is >= 1 and < long.MaxValue
            ? (long)(number * bytes) : throw new WarmException("--shard-size", $"is {text}", "a size like 5GB or 500MB");
    }

    private sealed class Shown(Report report) : IProgress<SaveProgress>
    {
        private int _percent = -1;

        public void Report(SaveProgress value)
        {
            var percent = (int)(value.Share * 100);
            if (Interlocked.Exchange(ref _percent, percent) != percent) report.Progress("averaging", value.Share);
        }
    }
}
