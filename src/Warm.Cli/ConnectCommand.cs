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
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: config,ancestry,..", HelpName = "RULE,.." };
        var command = new WarmCommand("connect", "Follow the lines between models: accuracy, loss, barrier.", "warm connect family/rm-1 family/rm-2 --on family/heldout.jsonl.gz --resample topic")
            { members, on, steps, simplex, allow };
        var pairing = new PairArguments(command);
        var picture = new PictureArguments(command);
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            picture.Demand(parsed);
            string file = parsed.GetRequiredValue(on);
            PairSet pairs = PairSet.Of(PairArguments.Some(PreferenceFile.Read(file, pairing.Reading(parsed)), file), pairing.Accuracy(parsed, scoring.Options(parsed)));
            string[] named = parsed.GetRequiredValue(members);
            Weights[] models = [.. named.Select(member => ModelArgument.Open(member, scoring.Base(parsed)))];
            ModelLoader loader = scoring.Loader(parsed, report);
            ConnectivitySurvey survey = await ConnectivitySurvey.MeasureAsync(models, loader.Load, pairs, [.. named.Select(ModelArgument.Shown)], parsed.GetValue(steps), parsed.GetValue(simplex), 0, scoring.Averaging(parsed, parsed.GetValue(allow)), cancellation);
            picture.Write(parsed, () => survey.Chart(Path.GetFileName(file)).ToSvg());
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
                document["ties"] = pairs.Options.Ties.ToString().ToLowerInvariant();
                document["textForm"] = $"{loader.Form}";
                document["remarks"] = new JsonArray([.. remarks.Select(remark => JsonValue.Create(remark))]);
                report.Line(document);
                return 0;
            }
            foreach (MemberLine line in survey.Lines)
            {
                if (survey.Lines.Count > 1) report.Line($"{survey.Members[line.A].Name} to {survey.Members[line.B].Name}");
                report.Table(["lambda", "accuracy", "±", "straight", "gain", "95 %", "loss", "holds"], line.Line.Path.Select(p => (string[])[$"{p.Lambda:F2}", $"{p.Accuracy.Value:F4}", Report.Error(p.Accuracy, "F4"), $"{p.Straight:F4}",
                    $"{p.Gain.Value:+0.0000;-0.0000;0.0000}", Report.Interval(p.Gain, "F4"), $"{p.Loss:F4}", p.Holds ? "yes" : "no"]));
                report.Line(line.Line.ToString());
            }
            if (survey.Simplex.Count > 0)
                report.Table(["weights", "accuracy", "straight", "gain", "95 %", "loss", "holds"], survey.Simplex.Select(p => (string[])[string.Join(" ", p.Weights.Select(w => $"{w:F2}")), $"{p.Accuracy.Value:F4}", $"{p.Straight:F4}",
                    $"{p.Gain.Value:+0.0000;-0.0000;0.0000}", Report.Interval(p.Gain, "F4"), $"{p.Loss:F4}", p.Holds ? "yes" : "no"]));
            if (survey.Lines.Count > 1 || survey.Simplex.Count > 0) report.Line(survey.ToString());
            report.Remark($"text form {loader.Form}");
            foreach (string remark in remarks) report.Remark(remark);
            return 0;
        });
    }

    private static JsonObject Node<T>(T value) => JsonSerializer.SerializeToNode(value, Report.JsonOptions)!.AsObject();
}
