using System.CommandLine;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm decode</c>: ids back to text.</summary>
internal static class DecodeCommand
{
    public static WarmCommand Create()
    {
        var command = new WarmCommand("decode", "Turn ids back into text.", "warm decode runs/warm --from ids.jsonl --skip-special --json");
        var model = new Argument<string>("model") { Description = "A folder with a tokenizer.json, or the file.", HelpName = "DIR" };
        var skip = new Option<bool>("--skip-special") { Description = "Leave out special tokens." };
        command.Add(model);
        var lines = new LinesInput.Options(command, "Lines with \"ids\"");
        command.Add(skip);
        return command.Runs((parsed, report, cancellation) =>
        {
            Tokenizer tokenizer = Tokenizer.Open(parsed.GetValue(model)!);
            using LinesInput input = LinesInput.Open(parsed, lines);
            bool skips = parsed.GetValue(skip);
            foreach (Answered<string> answer in input.Lines(line => tokenizer.Decode(line.Integers("ids"), skips), cancellation))
            {
                if (answer.Error is { } error) report.Error(error);
                else if (!report.IsJson) report.Line(answer.Value!);
                else if (answer.Line!.Id is { } id) report.Line(new JsonObject { ["id"] = id, ["text"] = answer.Value });
                else report.Line(new JsonObject { ["text"] = answer.Value });
            }
            return Task.FromResult(input.Errors > 0 ? 1 : 0);
        });
    }
}
