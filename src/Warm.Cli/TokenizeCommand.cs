using System.CommandLine;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm tokenize</c>: texts to ids, tokens and places.</summary>
internal static class TokenizeCommand
{
    public static WarmCommand Create()
    {
        var command = new WarmCommand("tokenize", "Turn texts (or pairs of texts) into the ids that a model sees.", "warm tokenize runs/warm --from texts.jsonl --json");
        var model = new Argument<string>("model") { Description = "A folder with a tokenizer.json, or the file.", HelpName = "DIR" };
        var plain = new Option<bool>("--no-special-tokens") { Description = "Leave out the special tokens that the tokenizer puts around a text." };
        var pair = new Option<bool>("--pair") { Description = "Every line has to have a \"pair\"." };
        command.Add(model);
        var lines = new LinesInput.Options(command, "Lines with \"text\" and, for a pair, \"pair\"");
        command.Add(plain);
        command.Add(pair);
        return command.Runs((parsed, report, cancellation) =>
        {
            Tokenizer tokenizer = Tokenizer.Open(parsed.GetValue(model)!);
            using LinesInput input = LinesInput.Open(parsed, lines);
            bool specials = !parsed.GetValue(plain), pairs = parsed.GetValue(pair);
            foreach (Answered<TokenizedText> answer in input.Lines(line => tokenizer.Encode(line.Text("text"), pairs ? line.Text("pair") : line.TextOrNull("pair"), specials), cancellation))
            {
                if (answer.Error is { } error) report.Error(error);
                else if (report.IsJson) report.Line(Document(answer.Value!, answer.Line!.Id));
                else report.Line(string.Join(' ', answer.Value!.Ids.Zip(answer.Value.Tokens, (id, token) => $"{token}:{id}")));
            }
            return Task.FromResult(input.Errors > 0 ? 1 : 0);
        });
    }

    private static JsonObject Document(TokenizedText text, JsonNode? id)
    {
        var document = new JsonObject();
        if (id is not null) document["id"] = id;
        document["ids"] = new JsonArray([.. text.Ids.Select(x => (JsonNode)x)]);
        document["tokens"] = new JsonArray([.. text.Tokens.Select(x => (JsonNode)x)]);
        document["offsets"] = new JsonArray([.. text.Offsets.Select(x => new JsonArray(x.Start, x.End))]);
        document["typeIds"] = new JsonArray([.. text.TypeIds.Select(x => (JsonNode)x)]);
        document["specialMask"] = new JsonArray([.. text.SpecialMask.Select(x => (JsonNode)(x ? 1 : 0))]);
        return document;
    }
}
