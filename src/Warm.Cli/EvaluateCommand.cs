using System.CommandLine;
using System.Globalization;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm evaluate DIR.. --on PAIRS</c>: how often models prefer what people preferred, and whether averaging them helped, with error bars.</summary>
internal static class EvaluateCommand
{
    private static readonly Argument<string[]> Models = new("DIR..") { Description = "Models: folders, DIR+ADAPTERDIR, or avg:DIR,DIR,...", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> On = new("--on") { Description = "Pairs (.jsonl, .jsonl.gz, - for standard input); several, named if you like: --on ood=ood.jsonl", HelpName = "[NAME=]PAIRS" };
    private static readonly Option<string?> Rewards = new("--rewards") { Description = "Instead of models: rewards that any scorer made, lines of {\"chosen\":1.2,\"rejected\":0.3} or {\"chosen\":{\"rm-1\":1.2,..},..}", HelpName = "FILE" };
    private static readonly Option<bool> Ensemble = new("--ensemble") { Description = "Also ensembles of the models' rewards (mean, worst case, mean - lambda x variance) and the average of their weights." };
    private static readonly Option<double> Lambda = new("--lambda") { Description = "Of the ensemble mean - lambda x variance; default 0.5.", HelpName = "L", DefaultValueFactory = _ => 0.5 };
    private static readonly Option<string> Divisor = new("--divisor") { Description = "What squares are divided by for that variance: n (default) or n-1.", HelpName = "N", DefaultValueFactory = _ => "n" };
    private static readonly Option<string?> Subsets = new("--subsets") { Description = "Also the average of the weights of every k members: all, or at most so many drawn of each size. Each is a load and a pass.", HelpName = "all/N" };
    private static readonly Option<string[]> Runs = new("--run") { Description = "Baseline: the moving average of one run's checkpoints; a run's folder, or its checkpoints in order of time, apart by commas. Several runs: their average too.", HelpName = "RUN" };
    private static readonly Option<string> Moving = new("--moving") { Description = "How a run's checkpoints become one: swa (default, their running mean) or ema:DECAY.", HelpName = "METHOD", DefaultValueFactory = _ => "swa" };
    private static readonly Option<string?> Select = new("--select") { Description = "Pairs by which the best member is chosen; no prompt may be in --on as well.", HelpName = "PAIRS" };
    private static readonly Option<string?> Groups = new("--groups") { Description = "The field whose worst group is named; default: what is resampled, or subset.", HelpName = "FIELD" };
    private static readonly Option<bool> KeepGoing = new("--keep-going") { Description = "Pass over broken lines, naming them; exit code 1 at the end." };
    private static readonly Option<string?> Cache = new("--cache") { Description = "A file of scores by content hash: what it holds is not scored again, what it lacks is added; a model that has nothing left to score is not loaded.", HelpName = "FILE" };
    private static readonly Option<string?> Allow = new("--allow") { Description = "Rules that are not refused: shared-prompts; of the average: config, ancestry ..", HelpName = "RULE,.." };
    private static readonly Option<string?> Page = new("--report") { Description = "Write one self-contained page with charts.", HelpName = "FILE.html" };

    static EvaluateCommand() => Divisor.AcceptOnlyFromAmong("n", "n-1");

    public static WarmCommand Create()
    {
        var command = new WarmCommand("evaluate", "Measure models on pairs that people judged, with error bars: did averaging help?", "warm evaluate family/warm family/rm-1 --on family/heldout.jsonl.gz --resample topic")
            { Models, On, Rewards, Ensemble, Lambda, Divisor, Subsets, Runs, Moving, Select };
        var pairs = new PairArguments(command);
        foreach (Option option in (Option[])[Groups, KeepGoing, Allow, Cache, Page]) command.Add(option);
        var pictures = new PictureArguments(command, "Write the chart of accuracies.", Page);
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            AccuracyOptions options = pairs.Accuracy(parsed, scoring.Options(parsed)) with { Groups = parsed.GetValue(Groups) };
            ColumnNames? names = pairs.Columns(parsed);
            var broken = new Broken(report, parsed.GetValue(KeepGoing));
            string[] folders = parsed.GetValue(Models) ?? [], sets = parsed.GetValue(On) ?? [];
            pictures.Demand(parsed);
            Evaluation evaluation;
            if (parsed.GetValue(Rewards) is { } rewards)
            {
                if (folders.Length > 0 || sets.Length > 0) throw new WarmException("--rewards", $"stands beside {(folders.Length > 0 ? folders[0] : "--on")}", "a file of rewards, or models and --on");
                if (parsed.GetValue(Select) is not null) throw new WarmException("--select", "stands beside --rewards", "models to choose from");
                evaluation = Given(rewards, options, names, broken, new() { Ensembles = parsed.GetValue(Ensemble) ? Rules(parsed) : [] }, cancellation);
            }
            else
            {
                if (folders.Length == 0) throw new WarmException("--rewards", "is missing, and so is DIR", "models to measure, or a file of rewards");
                if (sets.Length == 0) throw new WarmException("--on", "is missing", "the pairs to measure on");
                evaluation = await Measured(folders, sets, options, names, broken, scoring, parsed, report, cancellation);
            }
            pictures.Write(parsed, Page, () => EvaluationReport.Html(evaluation));
            pictures.Write(parsed, () => EvaluationCharts.Accuracy(evaluation).ToSvg());
            if (report.IsJson) report.Line(EvaluationDocument.Of(evaluation));
            else Print(evaluation, report);
            return broken.Lines > 0 ? 1 : 0;
        });
    }

    private static async Task<Evaluation> Measured(string[] folders, string[] on, AccuracyOptions accuracy, ColumnNames? names, Broken broken, ScoringArguments scoring, ParseResult parsed, Report report, CancellationToken cancellation)
    {
        EarlyCompilation.Start(typeof(PairTexts), typeof(PairwiseAccuracy), typeof(PairSet), typeof(PairScorer), typeof(PairedComparison), typeof(ScoreCache), typeof(Estimate), typeof(Units), typeof(Jackknife), typeof(StudentT),
            typeof(McNemar), typeof(Holm), typeof(SetEvaluation), typeof(EvaluationDocument), typeof(EvaluationJson), typeof(Preference), typeof(PreferenceFile));
        AverageOptions averaging = scoring.Averaging(parsed, parsed.GetValue(Allow));
        int subsets = parsed.GetValue(Subsets) switch
        {
            null => 0,
            "all" => int.MaxValue,
            { } number => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int most) && most > 0 ? most : throw new WarmException("--subsets", $"is {number}", "all, or a number of at least 1"),
        };
        EvaluatedRun[] runs = [.. (parsed.GetValue(Runs) ?? []).Select(run => run.Split(',')).Select(parts => new EvaluatedRun(parts.Length > 1 ? $"{parts[0]} to {parts[^1]}" : parts[0],
            [.. Start.Find(parts, averaging.Allow, path => ModelArgument.Open(path, scoring.Base(parsed))).Select(checkpoint => checkpoint.Weights)]))];
        bool together = parsed.GetValue(Ensemble);
        ScoreCache? cache = parsed.GetValue(Cache) is { } kept ? ScoreCache.Open(kept) : null;
        (string? Name, string Path)[] files = [.. on.Select(Named)];
        PairSet[] sets = [.. files.Select(file => PairSet.Of(PairArguments.Some(Pairs(file.Path, names, broken, cancellation), file.Path), accuracy, file.Name ?? (files.Length > 1 ? file.Path : null)))];
        var options = new EvaluationOptions
        {
            Average = together || subsets > 0 || runs.Length > 0,
            Ensembles = together ? Rules(parsed) : [],
            Subsets = subsets,
            Runs = runs,
            MovingAverage = parsed.GetValue(Moving)! switch
            {
                "swa" => null,
                { } ema when ema.StartsWith("ema:", StringComparison.Ordinal) && double.TryParse(ema.AsSpan(4), NumberStyles.Float, CultureInfo.InvariantCulture, out double decay) => new MovingAverage(decay),
                { } other => throw new WarmException("--moving", $"is {other}", "swa or ema:DECAY"),
            },
            Averaging = averaging,
            Selection = parsed.GetValue(Select) is { } by ? SelectionPairs.Read(by, new() { Columns = names }) : null,
            AllowSharedPrompts = averaging.Allow.Contains("shared-prompts"),
            Cache = cache,
            Progress = report.Progress,
        };
        EvaluatedModel[] models = [.. folders.Select(folder => new EvaluatedModel(ModelArgument.Shown(folder), scoring.Open(parsed, folder)))];
        ModelLoader loader = scoring.Loader(parsed, report);
        Evaluation evaluation = await Evaluation.MeasureAsync(models, cache is null ? loader.Load : loader.LoadLater, sets, options, cancellation);
        if (cache?.Scored > 0) cache.Save(parsed.GetValue(Cache)!);
        return evaluation;
    }

    private static EnsembleRule[] Rules(ParseResult parsed) => [EnsembleRule.Mean, EnsembleRule.Worst, EnsembleRule.LessVariance(parsed.GetValue(Lambda), parsed.GetValue(Divisor) == "n-1")];

    /// <summary>NAME=PAIRS, or PAIRS alone; a file whose name holds = is meant as it stands.</summary>
    private static (string? Name, string Path) Named(string set) =>
        set.IndexOf('=') is > 0 and var at && !File.Exists(set) ? (set[..at], set[(at + 1)..]) : (null, set);

    private static IEnumerable<Preference> Pairs(string path, ColumnNames? columns, Broken broken, CancellationToken cancellation)
    {
        if (path != "-")
        {
            int neither = 0;
            foreach (Preference pair in PreferenceFile.Read(path, new() { Columns = columns, Broken = broken.KeepGoing ? broken.Tell : null, Tied = _ => neither++ })) yield return pair;
            if (neither > 0) broken.PassedOver(neither, path);
            yield break;
        }
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        foreach (Answered<Preference?> line in input.Lines(line => PreferenceFile.Parse(line.Json, line.Where, columns), cancellation))
            if (line.Error is { } error) broken.Tell(error);
            else if (line.Value is { } pair) yield return pair;
    }

    private static Evaluation Given(string path, AccuracyOptions accuracy, ColumnNames? columns, Broken broken, EvaluationOptions options, CancellationToken cancellation)
    {
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        var file = new RewardFile(input.Name, accuracy.Resample);
        foreach (Answered<bool> line in input.Lines(line => { file.Add(line.Json, line.Where); return true; }, cancellation))
            if (line.Error is { } error) broken.Tell(error);
        return Evaluation.Of(file, accuracy, options);
    }

    /// <summary>Counts the lines that were passed over.</summary>
    private sealed class Broken(Report report, bool keepGoing)
    {
        public int Lines { get; private set; }
        public bool KeepGoing => keepGoing;

        public void Tell(WarmException error)
        {
            Lines++;
            report.Remark(error.Message);
        }

        /// <summary>Says how many rows were no pairs.</summary>
        public void PassedOver(int neither, string path) => report.Remark(FormattableString.Invariant($"{path}: {neither:N0} rows prefer neither side and are no pairs"));
    }

    private static void Print(Evaluation evaluation, Report report)
    {
        foreach (SetEvaluation set in evaluation.Sets)
        {
            if (set != evaluation.Sets[0]) report.Line();
            report.Line(FormattableString.Invariant($"{(set.Name is null ? "" : $"{set.Name}: ")}{set.Members[0].Accuracy.N:N0} pair{(set.Members[0].Accuracy.N == 1 ? "" : "s")}, {set.Members[0].Units}; ties count {(evaluation.Ties == TieRule.Half ? "half" : $"as {evaluation.Ties.ToString().ToLowerInvariant()}")}"));
            report.Table(["model", "accuracy", "±", "95 %", "loss", "brier", "ece", "margin", "longer", "shorter", "length r", "reward sd", "ties"], [.. set.All.Select(Row), .. Baselines(set)]);
            if (set.Subsets.Count > 0)
            {
                report.Line();
                report.Table(["members", "subsets", "average of weights", "95 %", "lowest", "highest", "ensemble", "95 %"], set.Subsets.Select(size => (string[])[$"{size.K}", FormattableString.Invariant($"{size.Subsets} of {size.OutOf:N0}"),
                    $"{size.Average.Value:F4}", Report.Interval(size.Average), $"{size.Lowest:F4}", $"{size.Highest:F4}", $"{size.Ensemble.Value:F4}", Report.Interval(size.Ensemble)]));
            }
            foreach (MemberPair pair in set.Pairs) report.Line(pair.ToString());
            foreach (PairedComparison pair in set.Helped) report.Line(pair.ToString());
            foreach (PairwiseAccuracy model in set.All.Where(model => model.WorstGroup is not null))
                report.Line(FormattableString.Invariant($"worst {model.WorstGroup!.Field} of {model.WorstGroup.Groups} for {Short(model.Name ?? "")}: {model.WorstGroup.Name}, {model.WorstGroup.Accuracy:F3} (n = {model.WorstGroup.N:N0})"));
            foreach (string remark in set.Remarks) report.Remark(remark);
            // What all models say of the same texts is said once.
            foreach (IGrouping<string, string> said in set.All.SelectMany(model => model.Remarks.Select(remark => (Remark: remark, Name: model.Name ?? "rewards"))).GroupBy(one => one.Remark, one => one.Name))
                report.Remark($"{(set.Name is null ? "" : $"{set.Name}: ")}{(said.Count() > 3 ? $"{said.Count()} models" : string.Join(", ", said))}: {said.Key}");
        }
        if (evaluation.TextForms.Values.Select(form => form.ToString()).Distinct().ToArray() is { Length: > 0 } forms) report.Remark($"text form {string.Join(", ", forms)}");
        foreach (string remark in evaluation.Remarks) report.Remark(remark);

        static string[] Row(PairwiseAccuracy m) => [Short(m.Name ?? ""), $"{m.Accuracy.Value:F3}", Report.Error(m.Accuracy), Report.Interval(m.Accuracy), $"{m.Loss:F3}", $"{m.Brier:F3}", $"{m.Ece:F3}", $"{m.Margins.Mean:F3}",
            m.WhereLongerWins is { } longer ? $"{longer.Value:F3}" : "", m.WhereShorterWins is { } shorter ? $"{shorter.Value:F3}" : "", m.LengthCorrelation is { } r ? $"{r:F2}" : "", m.Rewards is { } rewards ? $"{rewards.Std:F3}" : "", $"{m.Ties}"];

        static IEnumerable<string[]> Baselines(SetEvaluation set)
        {
            if (set.Longer is { } longer) yield return Line(longer.Name!, longer.Accuracy);
            if (set.MeanOfMembers is { } mean && (set.Average is not null || set.Ensembles.Count > 0 || set.Best is not null)) yield return Line("mean of the members", mean);
            if (set.Best is { } best) yield return Line($"best member on the selection pairs: {Short(best.Name!)}", best.Accuracy);
        }

        static string[] Line(string name, Estimate accuracy) => [name, $"{accuracy.Value:F3}", Report.Error(accuracy), Report.Interval(accuracy), .. Enumerable.Repeat("", 9)];

        // avg:runs/rm-1,runs/rm-2,runs/rm-3 is too wide for a table: avg:runs/rm-1,..runs/rm-3 (3)
        static string Short(string name) => name.Length > 40 && name.Split(',') is { Length: > 2 } parts ? $"{parts[0]},..,{parts[^1]} ({parts.Length})" : name;
    }
}
