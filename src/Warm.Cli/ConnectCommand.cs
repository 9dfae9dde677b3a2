using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm connect DIR DIR --on PAIRS</c>: accuracy and loss along the straight line between two models, and whether the paper's inequality holds.</summary>
internal static class ConnectCommand
{
    public static WarmCommand Create()
    {
        var first = new Argument<string>("DIR") { Description = ModelArgument.Description };
        var second = new Argument<string>("DIR2") { Description = "The model at the other end.", HelpName = "DIR" };
        var on = new Option<string>("--on") { Description = "Pairs (.jsonl, .jsonl.gz).", HelpName = "PAIRS", Required = true };
        var steps = new Option<int>("--steps") { Description = "Points on the line, both ends included; default 11.", HelpName = "N", DefaultValueFactory = _ => 11 };
        var ties = new Option<TieRule>("--ties") { Description = "What a pair of equal rewards counts: half (default), correct, wrong.", DefaultValueFactory = _ => TieRule.Half };
        ties.AcceptOnlyFromAmong("half", "correct", "wrong");
        var resample = new Option<string>("--resample") { Description = "Whose sampling the error is about: prompt (default), pair, or a field of the pairs.", HelpName = "UNIT", DefaultValueFactory = _ => "prompt" };
        var columns = new Option<string?>("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: config,ancestry,..", HelpName = "RULE,.." };
        var command = new WarmCommand("connect", "Follow the line between two models: accuracy, loss, barrier.", "warm connect family/rm-1 family/rm-2 --on family/heldout.jsonl.gz --resample topic")
            { first, second, on, steps, ties, resample, columns, allow };
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            var options = new AccuracyOptions { Ties = parsed.GetValue(ties), Resample = parsed.GetValue(resample)!, Scoring = scoring.Options(parsed) };
            var reading = new PreferenceFileOptions { Columns = parsed.GetValue(columns) is { } names ? ColumnNames.Parse(names) : null };
            using Weights a = ModelArgument.Open(parsed.GetRequiredValue(first), scoring.Base(parsed)), b = ModelArgument.Open(parsed.GetRequiredValue(second), scoring.Base(parsed));
            CpuEngine engine = scoring.Engine(parsed);
            string? form = null;
            IRewardModel Load(Weights weights)
            {
                RewardModel model = RewardModel.Load(weights, engine, scoring.Loading(parsed));
                form = model.TextForm.ToString();
                return model;
            }
            Connectivity path = await Connectivity.MeasureAsync(a, b, Load, PreferenceFile.Read(parsed.GetRequiredValue(on), reading), parsed.GetValue(steps), options, scoring.Averaging(parsed, parsed.GetValue(allow)), cancellation);
            string[] remarks = [.. path.Measured.SelectMany(point => point.Remarks).Distinct()];
            if (report.IsJson)
            {
                JsonObject document = JsonSerializer.SerializeToNode(path, Report.JsonOptions)!.AsObject();
                document["ties"] = options.Ties.ToString().ToLowerInvariant();
                document["textForm"] = form;
                document["remarks"] = new JsonArray([.. remarks.Select(remark => JsonValue.Create(remark))]);
                report.Line(document);
                return 0;
            }
            report.Table(["lambda", "accuracy", "±", "straight", "gain", "95 %", "loss", "holds"], path.Path.Select(p => (string[])[$"{p.Lambda:F2}", $"{p.Accuracy.Value:F4}", $"{p.Accuracy.Error:F4}", $"{p.Straight:F4}",
                $"{p.Gain.Value:+0.0000;-0.0000;0.0000}", $"{p.Gain.Low:F4} to {p.Gain.High:F4}", $"{p.Loss:F4}", p.Holds ? "yes" : "no"]));
            report.Line(path.ToString());
            report.Remark($"text form {form}");
            foreach (string remark in remarks) report.Remark(remark);
            return 0;
        });
    }
}
