using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm evaluate DIR.. --on PAIRS</c>: how often models prefer what people preferred, with error bars, calibration and paired comparisons.</summary>
internal static class EvaluateCommand
{
    /// <summary>The models' results on one set of pairs, which has a name where there are several.</summary>
    private sealed record Measured(string? On, List<PairwiseAccuracy> Models);

    public static WarmCommand Create()
    {
        var models = new Argument<string[]>("DIR..") { Description = "Models: folders, DIR+ADAPTERDIR, or avg:DIR,DIR,...", Arity = ArgumentArity.ZeroOrMore };
        var on = new Option<string[]>("--on") { Description = "Pairs (.jsonl, .jsonl.gz, - for standard input); several, named if you like: --on ood=ood.jsonl", HelpName = "[NAME=]PAIRS" };
        var rewards = new Option<string?>("--rewards") { Description = "Instead of models: rewards that any scorer made, lines of {\"chosen\":1.2,\"rejected\":0.3} or {\"chosen\":{\"rm-1\":1.2,..},..}", HelpName = "FILE" };
        var ties = new Option<TieRule>("--ties") { Description = "What a pair of equal rewards counts: half (default), correct (the paper's >=), wrong (reward-bench v1's >).", DefaultValueFactory = _ => TieRule.Half };
        ties.AcceptOnlyFromAmong("half", "correct", "wrong");
        var resample = new Option<string>("--resample") { Description = "Whose sampling the error is about: prompt (default), pair, or a field of the pairs.", HelpName = "UNIT", DefaultValueFactory = _ => "prompt" };
        var columns = new Option<string?>("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };
        var keepGoing = new Option<bool>("--keep-going") { Description = "Pass over broken lines, naming them; exit code 1 at the end." };
        var command = new WarmCommand("evaluate", "Measure models on pairs that people judged, with error bars.", "warm evaluate family/warm family/rm-1 --on family/heldout.jsonl.gz --resample topic")
            { models, on, rewards, ties, resample, columns, keepGoing };
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            var options = new AccuracyOptions { Ties = parsed.GetValue(ties), Resample = parsed.GetValue(resample)! };
            ColumnNames? names = parsed.GetValue(columns) is { } text ? ColumnNames.Parse(text) : null;
            var broken = new Broken(report, parsed.GetValue(keepGoing));
            string[] folders = parsed.GetValue(models) ?? [], sets = parsed.GetValue(on) ?? [];
            if (parsed.GetValue(rewards) is { } file)
            {
                if (folders.Length > 0 || sets.Length > 0) return Wrong("--rewards stands instead of models and --on.");
                Print([new(null, [.. Given(file, options, names, broken, cancellation)])], [], options, report);
                return broken.Lines > 0 ? 1 : 0;
            }
            if (folders.Length == 0) return Wrong("no model is named.");
            if (sets.Length == 0) return Wrong("--on is missing: the pairs to measure on.");
            options = options with { Scoring = scoring.Options(parsed) };
            (string? Name, string Path)[] pairs = [.. sets.Select(Named)];
            var held = pairs.Where(set => set.Path == "-").ToDictionary(set => set.Path, set => Pairs(set.Path, names, broken, cancellation).ToList());
            List<Measured> measured = [.. pairs.Select(set => new Measured(set.Name ?? (pairs.Length > 1 ? set.Path : null), []))];
            var forms = new Dictionary<string, string>();
            foreach (string folder in folders)
            {
                using Weights weights = scoring.Open(parsed, folder);
                using RewardModel model = RewardModel.Load(weights, scoring.Engine(parsed), scoring.Loading(parsed));
                string name = folder.Length > 1 ? folder.TrimEnd('/', '\\') : folder;
                foreach (string remark in model.Remarks) report.Remark($"{name}: {remark}");
                forms[name] = model.TextForm.ToString();
                for (int i = 0; i < pairs.Length; i++)
                {
                    IEnumerable<Preference> read = held.TryGetValue(pairs[i].Path, out List<Preference>? list) ? list : Pairs(pairs[i].Path, names, broken, cancellation);
                    measured[i].Models.Add(await PairwiseAccuracy.MeasureAsync(model, read, options, name, null, cancellation));
                }
                broken.AllTold = true;
            }
            Print(measured, forms, options, report);
            return broken.Lines > 0 ? 1 : 0;
        });
    }

    /// <summary>NAME=PAIRS, or PAIRS alone; a file whose name holds = is meant as it stands.</summary>
    private static (string? Name, string Path) Named(string set) =>
        set.IndexOf('=') is > 0 and var at && !File.Exists(set) ? (set[..at], set[(at + 1)..]) : (null, set);

    private static IEnumerable<Preference> Pairs(string path, ColumnNames? columns, Broken broken, CancellationToken cancellation)
    {
        if (path != "-")
        {
            foreach (Preference pair in PreferenceFile.Read(path, new() { Columns = columns, Broken = broken.KeepGoing ? broken.Tell : null })) yield return pair;
            yield break;
        }
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        foreach (Answered<Preference> line in input.Lines(line => PreferenceFile.Parse(line.Json, line.Where), cancellation))
            if (line.Error is { } error) broken.Tell(error);
            else yield return line.Value!;
    }

    private static int Wrong(string what)
    {
        Console.Error.WriteLine($"warm evaluate: {what}");
        Console.Error.WriteLine("See warm evaluate --help.");
        return 2;
    }

    /// <summary>Counts the lines that were passed over.</summary>
    private sealed class Broken(Report report, bool keepGoing)
    {
        public int Lines { get; private set; }
        public bool KeepGoing => keepGoing;

        /// <summary>Every model reads the pairs anew; the first has told of all that is broken.</summary>
        public bool AllTold { get; set; }

        public void Tell(WarmException error)
        {
            if (AllTold) return;
            Lines++;
            report.Remark(error.Message);
        }
    }

    private static IReadOnlyList<PairwiseAccuracy> Given(string path, AccuracyOptions options, ColumnNames? columns, Broken broken, CancellationToken cancellation)
    {
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        var file = new RewardFile(input.Name, options.Resample);
        foreach (Answered<bool> line in input.Lines(line => { file.Add(line.Json, line.Where); return true; }, cancellation))
            if (line.Error is { } error) broken.Tell(error);
        return file.Measure(options);
    }

    private static IEnumerable<PairedComparison> Paired(IReadOnlyList<PairwiseAccuracy> models) =>
        models.SelectMany((a, i) => models.Skip(i + 1).Select(b => PairedComparison.Of(a, b)));

    private static void Print(List<Measured> sets, Dictionary<string, string> forms, AccuracyOptions options, Report report)
    {
        if (report.IsJson)
        {
            report.Line(new JsonObject
            {
                ["ties"] = options.Ties.ToString().ToLowerInvariant(),
                ["models"] = new JsonArray([.. sets.SelectMany(set => set.Models.Select(model => Node(model, set.On, forms.GetValueOrDefault(model.Name!))))]),
                ["paired"] = new JsonArray([.. sets.SelectMany(set => Paired(set.Models).Select(pair => Node(pair, set.On)))]),
                ["baselines"] = new JsonArray([.. sets.Where(set => set.Models[0].LongerWins is not null)
                    .Select(set => Node(new { name = "the longer text wins", accuracy = set.Models[0].LongerWins }, set.On))]),
            });
            return;
        }
        foreach (Measured set in sets)
        {
            Estimate first = set.Models[0].Accuracy;
            if (set != sets[0]) report.Line();
            report.Line(FormattableString.Invariant($"{(set.On is null ? "" : $"{set.On}: ")}{first.N:N0} pairs, {set.Models[0].Units}; ties count {(options.Ties == TieRule.Half ? "half" : $"as {options.Ties.ToString().ToLowerInvariant()}")}"));
            report.Table(["model", "accuracy", "±", "95 %", "loss", "brier", "ece", "margin", "length r", "ties"],
                [.. set.Models.Select(Row), .. set.Models[0].LongerWins is { } longer ? new[] { (string[])["the longer text wins", $"{longer.Value:F3}", $"{longer.Error:F3}", Interval(longer), "", "", "", "", "", ""] } : []]);
            if (set.Models.Select(m => forms.GetValueOrDefault(m.Name!)).OfType<string>().Distinct().ToArray() is { Length: > 0 } read) report.Remark($"text form {string.Join(", ", read)}");
            foreach (PairedComparison pair in Paired(set.Models)) report.Line(pair.ToString());
            foreach (PairwiseAccuracy model in set.Models) foreach (string remark in model.Remarks) report.Remark($"{model.Name}: {remark}");
        }

        static IReadOnlyList<string> Row(PairwiseAccuracy m) => [Short(m.Name ?? ""), $"{m.Accuracy.Value:F3}", $"{m.Accuracy.Error:F3}", Interval(m.Accuracy), $"{m.Loss:F3}", $"{m.Brier:F3}", $"{m.Ece:F3}", $"{m.Margins.Mean:F3}",
            m.LengthCorrelation is { } r ? $"{r:F2}" : "", $"{m.Ties}"];

        // avg:runs/rm-1,runs/rm-2,runs/rm-3 is too wide for a table: avg:runs/rm-1,..runs/rm-3 (3)
        static string Short(string name) => name.Length > 40 && name.Split(',') is { Length: > 2 } parts ? $"{parts[0]},..,{parts[^1]} ({parts.Length})" : name;

        static string Interval(Estimate e) => $"{e.Low:F3} to {e.High:F3}";
    }

    private static JsonNode Node<T>(T value, string? on, string? textForm = null)
    {
        JsonObject node = JsonSerializer.SerializeToNode(value, Report.JsonOptions)!.AsObject();
        if (textForm is not null) node["textForm"] = textForm;
        if (on is not null) node.Insert(node.ContainsKey("b") ? 2 : 1, "on", on);
        return node;
    }
}
