using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm baklava RUN --on PAIRS</c>: which checkpoints are fit to start members, and after training which member came from which.</summary>
internal static class BaklavaCommand
{
    public static WarmCommand Create()
    {
        var starts = new Argument<string[]>("RUN") { Description = "The folder of a fine-tuning run (its checkpoint-N in order), or the starts themselves; the last is what the others are held against.", Arity = ArgumentArity.OneOrMore };
        var on = new Option<string?>("--on") { Description = "Pairs by which heads are fitted and judged, each pair by heads that have not seen its prompt.", HelpName = "PAIRS" };
        var write = new Option<string?>("--write") { Description = "Write the chosen starts there as reward-model folders with one shared head, ready for a trainer.", HelpName = "DIR" };
        var members = new Option<string[]>("--members") { Description = "Trained members: tell which start each came from.", HelpName = "DIR..", AllowMultipleArgumentsPerToken = true };
        var ridge = new Option<double?>("--ridge") { Description = "Strength of the penalty on the head, ridge / 2 |w|^2 (default: the one of 0.001, 0.01, 0.1 and 1 with the least loss on held-out pairs).", HelpName = "R" };
        var folds = new Option<int>("--folds") { Description = "Number of parts in which prompts are held out (default 5).", HelpName = "K", DefaultValueFactory = _ => 5 };
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: run, tokenizer, template, ancestry ..", HelpName = "RULE,.." };
        var command = new WarmCommand("baklava", "Choose the checkpoints that reward models start from.", "warm baklava sft-run --on dev.jsonl --write starts") { starts, on, write, members, ridge, folds, allow };
        var pairing = new PairArguments(command);
        var picture = new PictureArguments(command, "Write the chart of the starts: accuracy by step.");
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            string? pairs = parsed.GetValue(on), place = parsed.GetValue(write);
            string[] trained = parsed.GetValue(members) ?? [];
            if (pairs is null && trained.Length == 0) throw new WarmException("--on", "is missing", "pairs to judge starts by, or --members to find starts of");
            if (pairs is null && place is not null) throw new WarmException("--write", "is given without --on", "pairs to fit the shared head to");
            if (pairs is null && picture.IsAsked(parsed)) throw new WarmException("--svg", "is given without --on", "pairs to judge starts by");
            if (place is not null) OutputFolder.Demand(place, overwrite: false);
            picture.Demand(parsed);
            IReadOnlyCollection<string> allowed = scoring.Averaging(parsed, parsed.GetValue(allow)).Allow;
            IReadOnlyList<Start> found = Start.Find(parsed.GetRequiredValue(starts), allowed, path => ModelArgument.Open(path, scoring.Base(parsed)));
            CpuEngine engine = scoring.Engine(parsed);
            Baklava? baklava = null;
            IReadOnlyList<string> written = [];
            if (pairs is not null)
            {
                StartProbe probe = LinearProbe.ForStarts(parsed.GetValue(ridge) is { } strength ? [strength] : null, engine, scoring.Loading(parsed), scoring.Options(parsed), scoring.Threads(parsed));
                var options = new BaklavaOptions { Folds = parsed.GetValue(folds), Allow = allowed, Accuracy = pairing.Accuracy(parsed), Threads = scoring.Threads(parsed) };
                baklava = await Baklava.MeasureAsync(found, probe, PreferenceFile.Read(pairs, pairing.Reading(parsed)), options, pairs, new Shown(report, found.Count), cancellation);
                picture.Write(parsed, () => baklava.Chart().ToSvg());
                if (place is not null) written = baklava.Write(place, null, cancellation);
            }
            IReadOnlyList<MemberOrigin> origins = trained.Length == 0 ? [] : MemberOrigin.Of([.. trained.Select(member => ModelArgument.Open(member, scoring.Base(parsed)))], [.. found.Select(start => start.Weights)], scoring.Threads(parsed), cancellation);
            if (report.IsJson)
            {
                var document = baklava is null ? new JsonObject { ["starts"] = new JsonArray([.. found.Select(s => new JsonObject { ["path"] = s.Weights.Name, ["step"] = s.Step })]) } : Document(baklava, written);
                if (origins.Count > 0) document["members"] = JsonSerializer.SerializeToNode(origins, Report.JsonOptions);
                report.Line(document);
                return 0;
            }
            if (baklava is not null) Print(report, baklava);
            foreach (string folder in written) report.Line($"{folder}: written with the shared head");
            foreach (MemberOrigin origin in origins) report.Line(origin.ToString());
            foreach (string remark in baklava?.Remarks ?? []) report.Remark(remark);
            return 0;
        });
    }

    private static void Print(Report report, Baklava baklava)
    {
        report.Table(["start", "step", "accuracy", "95 %", "shared head", "distance", "", "why"], baklava.Starts.Select(s => (IReadOnlyList<string>)[s.Path, $"{s.Step}", FormattableString.Invariant($"{s.Accuracy.Value:F3}"),
            Report.Interval(s.Accuracy), FormattableString.Invariant($"{s.Shared.Value:F3}"), FormattableString.Invariant($"{s.Distance:F3}"), s.Chosen ? "chosen" : "left out", s.Why]));
        report.Line($"in order of accuracy: {baklava.Order}");
        report.Line(FormattableString.Invariant($"heads ({baklava.HeadFit} for the shared one) probed on {baklava.Pairs:N0} pairs of {baklava.PairsName} in {baklava.Folds} folds, accuracies on pairs that they have not seen; the longer text wins {baklava.LongerWins}"));
    }

    private static JsonObject Document(Baklava baklava, IReadOnlyList<string> written) => new()
    {
        ["starts"] = JsonSerializer.SerializeToNode(baklava.Starts, Report.JsonOptions),
        ["distances"] = new JsonArray([.. Enumerable.Range(0, baklava.Starts.Count).Select(i => new JsonArray([.. Enumerable.Range(0, baklava.Starts.Count).Select(j => JsonValue.Create(baklava.Distance.Distance(i, j)))]))]),
        ["order"] = baklava.Order,
        ["reference"] = baklava.Reference.Path,
        ["pairs"] = baklava.PairsName,
        ["n"] = baklava.Pairs,
        ["folds"] = baklava.Folds,
        ["probe"] = baklava.HeadFit,
        ["longerWins"] = JsonSerializer.SerializeToNode(baklava.LongerWins, Report.JsonOptions),
        ["written"] = new JsonArray([.. written.Select(folder => JsonValue.Create(folder))]),
        ["remarks"] = new JsonArray([.. baklava.Remarks.Select(remark => JsonValue.Create(remark))]),
    };

    private sealed class Shown(Report report, int starts) : IProgress<int>
    {
        public void Report(int value) => report.Progress("probing starts", (double)value / starts);
    }
}
