using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm curve DIR.. --prompts FILE</c>: what choosing the best of n brings, for every n.</summary>
internal static class CurveCommand
{
    private static readonly Argument<string[]> Models = new("DIR..") { Description = "Models that choose: folders, DIR+ADAPTERDIR, or avg:DIR,DIR,...; a curve each.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Prompts = new("--prompts") { Description = "A prompt a line with its drafts: {\"prompt\":..,\"responses\":[..]}.", HelpName = "FILE" };
    private static readonly Option<string?> Gold = new("--gold") { Description = "Who judges: a model, or the field of the prompts' lines that holds a reward for each draft.", HelpName = "FIELD/DIR" };
    private static readonly Option<string?> Rewards = new("--rewards") { Description = "Instead of models: a prompt a line, {\"proxy\":[..],\"gold\":[..]?}, the rewards of its drafts.", HelpName = "FILE" };
    private static readonly Option<int?> Most = new("--max-n") { Description = "Last n; default: the most drafts that a prompt has, at most 1,000.", HelpName = "N" };
    private static readonly Option<string?> Columns = new("--columns") { Description = "Other names of fields: proxy=rm,gold=judge,prompt=question", HelpName = "FIELD=NAME,.." };
    private static readonly Option<bool> KeepGoing = new("--keep-going") { Description = "Pass over broken lines, naming them; exit code 1 at the end." };

    public static WarmCommand Create()
    {
        var command = new WarmCommand("curve", "Best-of-n curves, exact over all choices: proxy against gold, against a random draft.", "warm curve family/warm --prompts drafts.jsonl --gold judge --max-n 64")
            { Models, Prompts, Gold, Rewards, Most, Columns, KeepGoing };
        var picture = new PictureArguments(command, "Write the chart (of several models the first one's).");
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            string[] folders = parsed.GetValue(Models) ?? [];
            string? prompts = parsed.GetValue(Prompts), rewards = parsed.GetValue(Rewards);
            if (rewards is not null && (folders.Length > 0 || prompts is not null || parsed.GetValue(Gold) is not null))
                throw new WarmException("--rewards", $"stands beside {(folders.Length > 0 ? folders[0] : prompts is not null ? "--prompts" : "--gold")}", "a file of rewards, or models, --prompts and --gold");
            if (rewards is null && folders.Length == 0) throw new WarmException("--rewards", "is missing, and so is DIR", "models that choose, or a file of rewards");
            if (rewards is null && prompts is null) throw new WarmException("--prompts", "is missing", "the drafts to choose from");
            picture.Demand(parsed);
            using LinesInput input = LinesInput.Open(rewards ?? prompts!, parsed.GetValue(Columns) is { } columns ? ColumnNames.Parse(columns) : null, parsed.GetValue(KeepGoing));
            (string? Name, BestOfNCurve Curve)[] curves = rewards is not null ? [(null, BestOfNCurve.Of(Read(input, Given, report, cancellation), parsed.GetValue(Most)))]
                : await Measured(folders, input, scoring, parsed, report, cancellation);
            picture.Write(parsed, () => curves[0].Curve.Chart(Path.GetFileName(input.Name), curves[0].Name).ToSvg());
            Print(curves, report);
            return input.Errors > 0 ? 1 : 0;
        });
    }

    private static async Task<(string?, BestOfNCurve)[]> Measured(string[] folders, LinesInput input, ScoringArguments scoring, ParseResult parsed, Report report, CancellationToken cancellation)
    {
        string? gold = parsed.GetValue(Gold);
        bool byModel = gold is not null && (Path.Exists(gold) || gold.StartsWith("avg:", StringComparison.Ordinal) || gold.Contains(Path.DirectorySeparatorChar));
        IReadOnlyList<PromptDrafts> prompts = Read(input, line => Drafts(line, byModel ? null : gold), report, cancellation);
        ScoringOptions options = scoring.Options(parsed);
        ModelLoader loader = scoring.Loader(parsed, report);
        if (byModel)
        {
            using RewardModel judge = Load(gold!);
            prompts = await PromptDrafts.JudgeAsync(judge, prompts, options, cancellation);
        }
        var curves = new List<(string?, BestOfNCurve)>();
        foreach (string folder in folders)
        {
            using RewardModel model = Load(folder);
            curves.Add((folder, await BestOfNCurve.MeasureAsync(model, prompts, parsed.GetValue(Most), options, cancellation)));
        }
        return [.. curves];

        RewardModel Load(string folder)
        {
            RewardModel model = loader.Load(scoring.Open(parsed, folder));
            report.Remark($"{folder}: text form {model.TextForm}");
            return model;
        }
    }

    private static void Print((string? Name, BestOfNCurve Curve)[] curves, Report report)
    {
        if (report.IsJson)
        {
            JsonObject[] documents = [.. curves.Select(one =>
            {
                JsonObject document = JsonSerializer.SerializeToNode(one.Curve, Report.JsonOptions)!.AsObject();
                if (one.Name is not null) document.Insert(0, "name", one.Name);
                return document;
            })];
            report.Line(documents.Length == 1 ? documents[0] : new JsonObject { ["curves"] = new JsonArray([.. documents]) });
            return;
        }
        foreach ((string? name, BestOfNCurve curve) in curves)
        {
            report.Line($"{(name is null ? "" : $"{name}: ")}{curve}");
            report.Table(["n", "kl (at most)", "proxy", "gold", "win rate"], curve.Points.Where((_, i) => i == curve.Points.Count - 1 || (i + 1 & i) == 0)
                .Select(p => (string[])[$"{p.N}", $"{p.Kl:F3}", Value(p.Proxy), p.Gold is { } gold ? Value(gold) : "", Value(p.WinRate)]));
            if (curve.Fit is not null) report.Line($"with d the root of the KL upper bound, gold above a random draft fits {curve.Fit}");
            foreach (string remark in curve.Remarks) report.Remark($"{(name is null ? "" : $"{name}: ")}{remark}");
        }

        static string Value(Estimate e) => double.IsNaN(e.Error) ? $"{e.Value:F3}" : $"{e.Value:F3} ± {e.Error:F3}";
    }

    private static List<T> Read<T>(LinesInput input, Func<InputLine, T> read, Report report, CancellationToken cancellation)
    {
        var lines = new List<T>();
        foreach (Answered<T> line in input.Lines(read, cancellation))
            if (line.Error is { } error) report.Remark(error.Message);
            else lines.Add(line.Value!);
        return lines.Count > 0 ? lines : throw new WarmException(input.Name, "there are no prompts", "at least one prompt with its drafts or their rewards");
    }

    private static PromptDrafts Drafts(InputLine line, string? gold)
    {
        Candidate[] drafts = line.Drafts();
        double[]? judged = gold is null ? null : Numbers(line, gold);
        if (judged is not null && judged.Length != drafts.Length) throw new WarmException(line.Where, $"\"responses\" has {drafts.Length} drafts, \"{gold}\" {judged.Length} rewards", "as many of both");
        return new(drafts, judged);
    }

    private static DraftRewards Given(InputLine line)
    {
        double[] proxy = Numbers(line, "proxy");
        double[]? gold = line.Has("gold") ? Numbers(line, "gold") : null;
        if (proxy.Length == 0) throw new WarmException(line.Where, "\"proxy\" is an empty list", "the rewards of at least one draft");
        if (gold is not null && gold.Length != proxy.Length) throw new WarmException(line.Where, $"\"proxy\" has {proxy.Length} rewards, \"gold\" {gold.Length}", "as many of both");
        return new(proxy, gold);
    }

    private static double[] Numbers(InputLine line, string field) =>
        [.. line.List(field).Select((node, i) => node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && double.IsFinite(number) ? number
            : throw new WarmException(line.Where, $"\"{field}\"[{i}] is {node?.ToJsonString() ?? "null"}", "a finite number"))];
}
