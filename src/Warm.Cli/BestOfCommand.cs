using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm best-of DIR</c>: the draft that a model prefers, for one prompt or for a prompt a line.</summary>
internal static class BestOfCommand
{
    private const int PromptsAtOnce = 64;

    /// <summary>A prompt with its drafts, read as the model reads them.</summary>
    private sealed record Prompted(IReadOnlyList<string> Drafts, EncodedText[] Texts);

    public static WarmCommand Create()
    {
        var command = new WarmCommand("best-of", "Choose the best of N drafts.", "warm best-of family/warm --prompt \"Ban plastic water bottles?\" --from drafts.txt");
        var prompt = new Option<string?>("--prompt") { Description = "What the drafts answer.", HelpName = "TEXT" };
        var top = new Option<int?>("--top") { Description = "How many of the ranking are shown; all by default.", HelpName = "K" };
        command.Add(prompt);
        command.Add(top);
        var input = new LinesInput.Options(command, "With --prompt its drafts, a draft a line (.txt) or lines of {\"text\"}; without it lines of {\"prompt\",\"responses\":[..]} or {\"messages\",\"responses\":[..]}");
        var scoring = new ScoringArguments(command);
        return command.Runs((parsed, report, cancellation) => Run(parsed, report, parsed.GetValue(prompt), parsed.GetValue(top), input, scoring, cancellation));
    }

    private static async Task<int> Run(ParseResult parsed, Report report, string? prompt, int? top, LinesInput.Options inputOptions, ScoringArguments arguments, CancellationToken cancellation)
    {
        if (top < 1) throw new WarmException("--top", $"is {top}", "at least 1");
        ScoringOptions options = arguments.Options(parsed);
        using LinesInput input = LinesInput.Open(parsed, inputOptions);
        using Weights weights = arguments.Open(parsed);
        using RewardModel model = RewardModel.Load(weights, arguments.Engine(parsed), arguments.Loading(parsed));
        foreach (string remark in model.Remarks) report.Remark(remark);
        string form = (options.TextForm ?? model.TextForm).ToString();
        report.Remark($"text form {form}, reward read at {model.ReadPosition}");
        if (prompt is not null)
        {
            List<string> drafts = Drafts(input, report, cancellation);
            if (drafts.Count == 0) throw new WarmException(input.Name, "holds no draft", "a draft a line");
            EncodedText[] texts = [.. drafts.Select((draft, i) => model.Read(Candidate.OfResponse(prompt, draft) with { Source = $"{input.Name}, draft {i}" }, options))];
            IReadOnlyList<Score> scores = await Task.Run(() => model.Score(texts, new string?[texts.Length], options, null, cancellation), cancellation);
            Print(BestOfN.Of(scores, drafts, input.Name), null, form, top, report);
            return input.Errors > 0 ? 1 : 0;
        }
        int refused = 0;
        foreach (IReadOnlyList<Answered<Prompted>> batch in input.Batches(line => Read(line, model, options), PromptsAtOnce, cancellation))
        {
            EncodedText[] texts = [.. batch.Where(line => line.Error is null).SelectMany(line => line.Value!.Texts)];
            IReadOnlyList<Score> scores = await Task.Run(() => model.Score(texts, new string?[texts.Length], options, null, cancellation), cancellation);
            int next = 0;
            foreach (Answered<Prompted> line in batch)
            {
                WarmException? error = line.Error;
                if (line.Value is { } prompted)
                {
                    Score[] mine = [.. scores.Skip(next).Take(prompted.Drafts.Count)];
                    next += mine.Length;
                    try
                    {
                        Print(BestOfN.Of(mine, prompted.Drafts, line.Line!.Where), line.Line.Id, form, top, report);
                    }
                    catch (WarmException refusal) when (parsed.GetValue(inputOptions.KeepGoing))
                    {
                        refused++;
                        error = refusal;
                    }
                }
                if (error is null) continue;
                if (report.IsJson) report.Line(Report.Document(error));
                else report.Line(error.Message);
            }
        }
        return input.Errors + refused > 0 ? 1 : 0;
    }

    /// <summary>A draft a line; blank ones of a text file are no drafts.</summary>
    private static List<string> Drafts(LinesInput input, Report report, CancellationToken cancellation)
    {
        var drafts = new List<string>();
        int blank = 0;
        foreach (Answered<string> line in input.Lines(line => line.Has("response") ? line.Text("response") : line.Text("text"), cancellation))
            if (line.Error is { } error) report.Remark(error.Message);
            else if (string.IsNullOrWhiteSpace(line.Value)) blank++;
            else drafts.Add(line.Value);
        if (blank > 0) report.Remark($"{input.Name}: {blank} blank draft{(blank == 1 ? " is" : "s are")} passed over");
        return drafts;
    }

    private static Prompted Read(InputLine line, RewardModel model, ScoringOptions options)
    {
        Candidate[] drafts = line.Drafts();
        return new([.. drafts.Select(draft => draft.Response ?? draft.Messages![^1].Content!)], [.. drafts.Select(draft => model.Read(draft, options))]);
    }

    private static void Print(BestOfN best, JsonNode? id, string form, int? top, Report report)
    {
        if (!report.IsJson)
        {
            report.Line($"{(id is null ? "" : $"{id}: ")}{best}");
            if (top is { } rows && best.Ranking.Count > 1)
                report.Table(["rank", "draft", "reward", "text"], best.Ranking.Take(rows).Select((d, rank) => (string[])[$"{rank + 1}", $"#{d.Index + 1}", FormattableString.Invariant($"{d.Reward:F3}"), Short(d.Text)]));
            foreach (string remark in best.Remarks) report.Remark(remark);
            return;
        }
        JsonObject document = JsonSerializer.SerializeToNode(best, Report.JsonOptions)!.AsObject();
        if (top is { } most && document["ranking"] is JsonArray ranking)
            while (ranking.Count > most) ranking.RemoveAt(ranking.Count - 1);
        if (id is not null) document.Insert(0, "id", id);
        document["textForm"] = form;
        report.Line(document);
    }

    private static string Short(string text) => text.ReplaceLineEndings(" ") is { Length: > 70 } line ? $"{line[..67]}..." : text.ReplaceLineEndings(" ");
}
