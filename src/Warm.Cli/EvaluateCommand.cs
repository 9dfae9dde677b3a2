using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary><c>warm evaluate DIR.. --on PAIRS</c>: how often models prefer what people preferred, with error bars, calibration and paired comparisons.</summary>
internal static class EvaluateCommand
{
    private sealed record Measured(string? On, IReadOnlyList<PairwiseAccuracy> Models);

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
        return command.Runs(async (parsed, report, cancellation) =>
        {
            var options = new AccuracyOptions { Ties = parsed.GetValue(ties), Resample = parsed.GetValue(resample)! };
            ColumnNames? names = parsed.GetValue(columns) is { } text ? ColumnNames.Parse(text) : null;
            var broken = new Broken(report, parsed.GetValue(keepGoing));
            var measured = new List<Measured>();
            if (parsed.GetValue(rewards) is { } file)
            {
                if (parsed.GetValue(models) is { Length: > 0 } || parsed.GetValue(on) is { Length: > 0 }) return Wrong("--rewards stands instead of models and --on.");
                measured.Add(new(null, Given(file, options, names, broken, cancellation)));
            }
            else
            {
                return Wrong("give at least one model.");
            }
            Print(measured, options, report);
            return broken.Lines > 0 ? 1 : 0;
        });
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

        public void Tell(WarmException error)
        {
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

    private static void Print(List<Measured> sets, AccuracyOptions options, Report report)
    {
        if (report.IsJson)
        {
            report.Line(new JsonObject
            {
                ["ties"] = options.Ties.ToString().ToLowerInvariant(),
                ["models"] = new JsonArray([.. sets.SelectMany(set => set.Models.Select(model => Node(model, set.On)))]),
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
            foreach (PairedComparison pair in Paired(set.Models)) report.Line(pair.ToString());
            foreach (PairwiseAccuracy model in set.Models) foreach (string remark in model.Remarks) report.Remark($"{model.Name}: {remark}");
        }

        static IReadOnlyList<string> Row(PairwiseAccuracy m) => [m.Name ?? "", $"{m.Accuracy.Value:F3}", $"{m.Accuracy.Error:F3}", Interval(m.Accuracy), $"{m.Loss:F3}", $"{m.Brier:F3}", $"{m.Ece:F3}", $"{m.Margins.Mean:F3}",
            m.LengthCorrelation is { } r ? $"{r:F2}" : "", $"{m.Ties}"];

        static string Interval(Estimate e) => $"{e.Low:F3} to {e.High:F3}";
    }

    private static JsonNode Node<T>(T value, string? on)
    {
        JsonObject node = JsonSerializer.SerializeToNode(value, Report.JsonOptions)!.AsObject();
        if (on is not null) node.Insert(node.ContainsKey("b") ? 2 : 1, "on", on);
        return node;
    }
}
