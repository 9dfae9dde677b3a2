using System.CommandLine;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm score DIR --from FILE</c>: the reward of each line.</summary>
internal static class ScoreCommand
{
    private const int LinesAtOnce = 512, LongText = 32_768;

    public static WarmCommand Create()
    {
        var command = new WarmCommand("score", "Give each text its reward: one result a line, in the order of the input.", "warm score family/warm --from texts.jsonl --json");
        var input = new LinesInput.Options(command, "Lines of {\"text\"}, {\"prompt\",\"response\"}, {\"messages\"} or {\"input_ids\"}");
        var scoring = new ScoringArguments(command);
        return command.Runs((parsed, report, cancellation) => Run(parsed, report, input, scoring, cancellation));
    }

    private static async Task<int> Run(ParseResult parsed, Report report, LinesInput.Options inputOptions, ScoringArguments arguments, CancellationToken cancellation)
    {
        ScoringOptions options = arguments.Options(parsed);
        using LinesInput input = LinesInput.Open(parsed, inputOptions);
        using Weights weights = arguments.Open(parsed);
        using RewardModel model = RewardModel.Load(weights, arguments.Engine(parsed), arguments.Loading(parsed));
        foreach (string remark in model.Remarks) report.Remark(remark);
        report.Remark($"text form {options.TextForm ?? model.TextForm}, reward read at {model.ReadPosition}");

        // A line that cannot be read as a text of this model is refused while reading, by LinesInput's own rule.
        foreach (IReadOnlyList<Answered<EncodedText>> batch in input.Batches(line => model.Read(line.Candidate(), options), LinesAtOnce, cancellation))
        {
            foreach (Answered<EncodedText> line in batch)
                if (line.Value is { Ids.Count: > LongText } text)
                    report.Remark(FormattableString.Invariant($"{line.Line!.Where}: {text.Ids.Count:N0} tokens; attention takes a time that grows with their square, so this may take long. Ctrl-C stops it, --max-length N --truncate left or right cuts it"));
            EncodedText[] texts = [.. batch.Where(line => line.Error is null).Select(line => line.Value!)];
            IReadOnlyList<Score> scores = await Task.Run(() => model.Score(texts, new string?[texts.Length], options, null, cancellation), cancellation);
            int next = 0;
            foreach (Answered<EncodedText> line in batch)
            {
                if (line.Error is { } error)
                {
                    if (report.IsJson) report.Line(Report.Document(error));
                    else report.Line(error.Message);
                }
                else if (report.IsJson) report.Line(Document(line.Line!, scores[next++]));
                else report.Line(scores[next++].ToString());
            }
        }
        return input.Errors > 0 ? 1 : 0;
    }

    private static JsonObject Document(InputLine line, Score score)
    {
        var document = new JsonObject();
        if (line.Id is { } id) document["id"] = id;
        document["reward"] = Number(score.Reward);
        if (score.Rewards is { } rewards) document["rewards"] = new JsonArray([.. rewards.Select(Number)]);
        if (score.Normalised is { } normalised) document["normalised"] = normalised;
        document["tokens"] = score.Tokens;
        document["readAt"] = score.ReadAt;
        document["truncated"] = score.Truncated;
        if (score.Remarks.Count > 0) document["remarks"] = new JsonArray([.. score.Remarks.Select(remark => JsonValue.Create(remark))]);
        return document;
    }

    /// <summary>A reward in its shortest exact form; what is no number has a name, for JSON has no such number.</summary>
    private static JsonValue Number(float reward) => float.IsFinite(reward) ? JsonValue.Create(reward) : JsonValue.Create(reward.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
