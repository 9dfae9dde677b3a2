using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm render</c>: conversations to texts by a model's chat template.</summary>
internal static class RenderCommand
{
    public static WarmCommand Create()
    {
        var command = new WarmCommand("render", "Make one text of each conversation with the model's chat template.", "warm render runs/warm --from conversations.jsonl --json");
        var model = new Argument<string>("model") { Description = "A folder with a chat template.", HelpName = "DIR" };
        var prompt = new Option<bool>("--add-generation-prompt") { Description = "Write the beginning of the assistant's next turn." };
        var open = new Option<bool>("--continue-final-message") { Description = "Leave the last message open, to be gone on with." };
        var name = new Option<string?>("--name") { Description = "Which of several templates.", HelpName = "NAME" };
        var now = new Option<string?>("--now") { Description = "The clock that templates read, as 2026-03-05T14:07:09; default the machine's.", HelpName = "TIME" };
        command.Add(model);
        var lines = new LinesInput.Options(command, "Lines with \"messages\" and maybe \"tools\", \"documents\" and other variables of the template");
        command.Add(prompt);
        command.Add(open);
        command.Add(name);
        command.Add(now);
        return command.Runs((parsed, report, cancellation) =>
        {
            string folder = parsed.GetValue(model)!;
            ChatTemplate template = ChatTemplate.Open(folder) ?? throw new WarmException(folder, "has no chat template", "chat_template.jinja, or \"chat_template\" in tokenizer_config.json");
            DateTimeOffset? clock = parsed.GetValue(now) is { } time ? Clock(time) : null;
            var options = new TemplateOptions
            {
                AddGenerationPrompt = parsed.GetValue(prompt),
                ContinueFinalMessage = parsed.GetValue(open),
                Name = parsed.GetValue(name),
                Now = clock is { } fixedTime ? () => fixedTime : null,
            };
            using LinesInput input = LinesInput.Open(parsed, lines);
            foreach (Answered<string> answer in input.Lines(line => Render(template, line, options), cancellation))
            {
                if (answer.Error is { } error) report.Error(error);
                else if (report.IsJson) report.Line(Document(answer.Value!, answer.Line!.Id));
                else report.Line(answer.Value!);
            }
            return Task.FromResult(input.Errors > 0 ? 1 : 0);
        });
    }

    private static string Render(ChatTemplate template, InputLine line, TemplateOptions options)
    {
        JsonArray messages = line.List("messages");
        Message[] turns = [.. messages.Select((m, i) => new Message(m as JsonObject ?? throw new WarmException(line.Where, $"\"messages\"[{i}] is not an object", "{\"role\":..,\"content\":..}")))];
        var variables = new JsonObject(line.Json.Where(p => p.Key is not ("id" or "messages" or "tools" or "documents")).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
        try
        {
            return template.Render(turns, options with { Tools = line.Json["tools"], Documents = line.Json["documents"], Variables = variables });
        }
        catch (WarmException error)
        {
            throw new WarmException($"{line.Where}: {error.Where}", error.Found, error.Expected, error.Fix, error);
        }
    }

    private static DateTimeOffset Clock(string time) =>
        DateTime.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime clock) ? new DateTimeOffset(clock, TimeSpan.Zero)
        : throw new WarmException("--now", $"\"{time}\" is not a time", "2026-03-05T14:07:09");

    private static JsonObject Document(string text, JsonNode? id)
    {
        var document = new JsonObject();
        if (id is not null) document["id"] = id;
        document["text"] = text;
        return document;
    }
}
