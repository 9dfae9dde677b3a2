using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary><c>warm curve --rewards FILE</c>: what choosing the best of n brings, for every n.</summary>
internal static class CurveCommand
{
    public static WarmCommand Create()
    {
        var rewards = new Option<string>("--rewards") { Description = "A prompt a line: {\"proxy\":[..],\"gold\":[..]?}, the rewards of its drafts.", HelpName = "FILE", Required = true };
        var most = new Option<int?>("--max-n") { Description = "Last n; default: the most drafts that a prompt has, at most 1,000.", HelpName = "N" };
        var columns = new Option<string?>("--columns") { Description = "Other names of fields: proxy=rm,gold=judge", HelpName = "FIELD=NAME,.." };
        var keepGoing = new Option<bool>("--keep-going") { Description = "Pass over broken lines, naming them; exit code 1 at the end." };
        return new WarmCommand("curve", "Best-of-n curves from rewards that are there already, exact over all choices.", "warm curve --rewards drafts-with-rewards.jsonl --max-n 64") { rewards, most, columns, keepGoing }
            .Runs((parsed, report, cancellation) => Task.FromResult(Run(parsed.GetRequiredValue(rewards), parsed.GetValue(most), parsed.GetValue(columns), parsed.GetValue(keepGoing), report, cancellation)));
    }

    private static int Run(string path, int? most, string? columns, bool keepGoing, Report report, CancellationToken cancellation)
    {
        using LinesInput input = LinesInput.Open(path, columns is null ? null : ColumnNames.Parse(columns), keepGoing);
        var prompts = new List<DraftRewards>();
        foreach (Answered<DraftRewards> line in input.Lines(Read, cancellation))
            if (line.Error is { } error) report.Remark(error.Message);
            else prompts.Add(line.Value!);
        BestOfNCurve curve = BestOfNCurve.Of(prompts, most);
        if (report.IsJson) report.Line(JsonSerializer.SerializeToNode(curve, Report.JsonOptions));
        else
        {
            report.Line(curve.ToString());
            report.Table(["n", "kl (at most)", "proxy", "gold", "win rate"], curve.Points.Where((_, i) => i == curve.Points.Count - 1 || (i + 1 & i) == 0)
                .Select(p => (string[])[$"{p.N}", $"{p.Kl:F3}", Value(p.Proxy), p.Gold is { } gold ? Value(gold) : "", Value(p.WinRate)]));
        }
        return input.Errors > 0 ? 1 : 0;

        static string Value(Estimate e) => double.IsNaN(e.Error) ? $"{e.Value:F3}" : $"{e.Value:F3} ± {e.Error:F3}";
    }

    private static DraftRewards Read(InputLine line)
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
