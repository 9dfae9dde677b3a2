using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm connect DIR DIR.. --on PAIRS</c>: accuracy and loss along the straight lines between models, and whether the paper's inequality holds.</summary>
internal static class ConnectCommand
{
    public static WarmCommand Create()
    {
        var members = new Argument<string[]>("DIR") { Description = $"Two or more: the line between every two is followed. {ModelArgument.Description}", Arity = new ArgumentArity(2, 1000) };
        var on = new Option<string>("--on") { Description = "Pairs (.jsonl, .jsonl.gz).", HelpName = "PAIRS", Required = true };
        var steps = new Option<int>("--steps") { Description = "Points on each line, both ends included; default 11.", HelpName = "N", DefaultValueFactory = _ => 11 };
        var simplex = new Option<int>("--simplex") { Description = "Also so many weighted averages of all models, drawn evenly.", HelpName = "N" };
        var ties = new Option<TieRule>("--ties") { Description = "What a pair of equal rewards counts: half (default), correct, wrong.", DefaultValueFactory = _ => TieRule.Half };
        ties.AcceptOnlyFromAmong("half", "correct", "wrong");
        var resample = new Option<string>("--resample") { Description = "Whose sampling the error is about: prompt (default), text, pair, or a field of the pairs.", HelpName = "UNIT", DefaultValueFactory = _ => "prompt" };
        var columns = new Option<string?>("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: config,ancestry,..", HelpName = "RULE,.." };
        var picture = new Option<string?>("--svg") { Description = "Write the chart.", HelpName = "FILE" };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace the file that --svg names." };
        var command = new WarmCommand("connect", "Follow the lines between models: accuracy, loss, barrier.", "warm connect family/rm-1 family/rm-2 --on family/heldout.jsonl.gz --resample topic")
            { members, on, steps, simplex, ties, resample, columns, allow, picture, overwrite };
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            if (parsed.GetValue(picture) is { } place && Path.Exists(place) && !parsed.GetValue(overwrite)) throw new WarmException(place, "exists already", "a place that is free", "Choose another, or say --overwrite.");
            var options = new AccuracyOptions { Ties = parsed.GetValue(ties), Resample = parsed.GetValue(resample)!, Scoring = scoring.Options(parsed) };
            var reading = new PreferenceFileOptions { Columns = parsed.GetValue(columns) is { } names ? ColumnNames.Parse(names) : null };
            string file = parsed.GetRequiredValue(on);
            PairSet pairs = PairSet.Of(PreferenceFile.Read(file, reading), options);
            string[] named = parsed.GetRequiredValue(members);
            Weights[] models = [.. named.Select(member => ModelArgument.Open(member, scoring.Base(parsed)))];
            CpuEngine engine = scoring.Engine(parsed);
            string? form = null;
            RewardModel Load(Weights weights)
            {
                RewardModel model = RewardModel.Load(weights, engine, scoring.Loading(parsed));
                form = model.TextForm.ToString();
                return model;
            }
            ConnectivitySurvey survey = await ConnectivitySurvey.MeasureAsync(models, Load, pairs, [.. named.Select(name => name.Length > 1 ? name.TrimEnd('/', '\\') : name)], parsed.GetValue(steps), parsed.GetValue(simplex), 0, scoring.Averaging(parsed, parsed.GetValue(allow)), cancellation);
            if (parsed.GetValue(picture) is { } svg) AtomicFile.Write(svg, Encoding.UTF8.GetBytes(survey.Chart(Path.GetFileName(file)).ToSvg()), parsed.GetValue(overwrite));
            string[] remarks = [.. survey.Members.Concat(survey.Lines.SelectMany(line => line.Line.Measured)).SelectMany(point => point.Remarks).Distinct()];
            if (report.IsJson)
            {
                // Two models: the line is the document, as it always was; more: a list of lines.
                JsonObject document = survey.Lines.Count == 1 ? Node(survey.Lines[0].Line) : Node(survey);
                if (survey.Lines.Count > 1)
                    document["lines"] = new JsonArray([.. survey.Lines.Select(line =>
                    {
                        JsonObject node = Node(line.Line);
                        node.Insert(0, "a", survey.Members[line.A].Name);
                        node.Insert(1, "b", survey.Members[line.B].Name);
                        return node;
                    })]);
                else if (survey.Simplex.Count > 0) document["simplex"] = Node(survey)["simplex"]!.DeepClone();
                document["ties"] = options.Ties.ToString().ToLowerInvariant();
                document["textForm"] = form;
                document["remarks"] = new JsonArray([.. remarks.Select(remark => JsonValue.Create(remark))]);
                report.Line(document);
                return 0;
            }
            foreach (MemberLine line in survey.Lines)
            {
                if (survey.Lines.Count > 1) report.Line($"{survey.Members[line.A].Name} to {survey.Members[line.B].Name}");
                report.Table(["lambda", "accuracy", "±", "straight", "gain", "95 %", "loss", "holds"], line.Line.Path.Select(p => (string[])[$"{p.Lambda:F2}", $"{p.Accuracy.Value:F4}", $"{p.Accuracy.Error:F4}", $"{p.Straight:F4}",
                    $"{p.Gain.Value:+0.0000;-0.0000;0.0000}", $"{p.Gain.Low:F4} to {p.Gain.High:F4}", $"{p.Loss:F4}", p.Holds ? "yes" : "no"]));
                report.Line(line.Line.ToString());
            }
            if (survey.Simplex.Count > 0)
                report.Table(["weights", "accuracy", "straight", "gain", "95 %", "loss", "holds"], survey.Simplex.Select(p => (string[])[string.Join(" ", p.Weights.Select(w => $"{w:F2}")), $"{p.Accuracy.Value:F4}", $"{p.Straight:F4}",
                    $"{p.Gain.Value:+0.0000;-0.0000;0.0000}", $"{p.Gain.Low:F4} to {p.Gain.High:F4}", $"{p.Loss:F4}", p.Holds ? "yes" : "no"]));
            if (survey.Lines.Count > 1 || survey.Simplex.Count > 0) report.Line(survey.ToString());
            report.Remark($"text form {form}");
            foreach (string remark in remarks) report.Remark(remark);
            return 0;
        });
    }

    private static JsonObject Node<T>(T value) => JsonSerializer.SerializeToNode(value, Report.JsonOptions)!.AsObject();
}
