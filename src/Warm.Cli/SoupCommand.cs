using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm soup DIR.. --select FILE --hold-out FILE</c>: chooses members on one file and reports what was chosen on another.</summary>
internal static class SoupCommand
{
    public static WarmCommand Create()
    {
        var members = new Argument<string[]>("DIR") { Description = ModelArgument.Description, Arity = ArgumentArity.OneOrMore };
        var select = new Option<string>("--select") { Description = "Pairs by which members are chosen.", HelpName = "PAIRS", Required = true };
        var holdOut = new Option<string>("--hold-out") { Description = "Other pairs, on which the choice is reported; no prompt may be in both.", HelpName = "PAIRS", Required = true };
        var rule = new Option<string>("--rule") { Description = "greedy (default: a member stays if the soup is no worse), greedy-strict (only if it is better), or top:K.", HelpName = "RULE", DefaultValueFactory = _ => "greedy" };
        var folder = new Option<string?>("--out") { Description = "Where the soup is written; it appears whole or not at all.", HelpName = "DIR" };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace a model folder of that name." };
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: shared-prompts, config, ancestry ..", HelpName = "RULE,.." };
        var plan = SweepCommand.PlanOfMembers();
        var orders = new Option<string>("--orders") { Description = "In how many orders a greedy soup is grown, the best taken: 1 (default, by accuracy), a number, or all (at most 8 members).", HelpName = "N/all", DefaultValueFactory = _ => "1" };
        var seed = new Option<long>("--seed") { Description = "Seed of the orders that are drawn (default 0).", HelpName = "N" };
        var command = new WarmCommand("soup", "Choose members on one set of pairs, report their average on another.", "warm soup family/rm-1 family/rm-2 family/rm-3 --select dev.jsonl --hold-out test.jsonl --rule greedy --out family/soup")
            { members, select, holdOut, rule, folder, overwrite, allow, plan, orders, seed };
        var pairing = new PairArguments(command);
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            string? place = parsed.GetValue(folder);
            if (place is not null) OutputFolder.Demand(place, parsed.GetValue(overwrite));
            SoupRule chosenRule = SoupRule.Parse(parsed.GetValue(rule)!);
            AverageOptions averaging = scoring.Averaging(parsed, parsed.GetValue(allow)) with { Runs = SweepCommand.RunsOf(parsed.GetValue(plan)) };
            PreferenceFileOptions reading = pairing.Reading(parsed);
            SelectionPairs chooseBy = SelectionPairs.Read(parsed.GetRequiredValue(select), reading);
            ReportPairs reportOn = ReportPairs.Read(parsed.GetRequiredValue(holdOut), chooseBy, averaging.Allow.Contains("shared-prompts"), reading);
            AccuracyOptions measuring = pairing.Accuracy(parsed, scoring.Options(parsed));
            Weights[] all = [.. parsed.GetRequiredValue(members).Select(member => ModelArgument.Open(member, scoring.Base(parsed)))];
            ModelLoader loader = scoring.Loader(parsed, report);
            Soup soup = await Soup.ChooseAsync(all, loader.Load, chooseBy, chosenRule, new() { Ties = measuring.Ties, Scoring = measuring.Scoring, Averaging = averaging, Orders = Orders(parsed.GetValue(orders)!), Seed = parsed.GetValue(seed) }, cancellation);
            List<PairwiseAccuracy> measured = [await soup.MeasureAsync(reportOn, loader.Load, measuring, cancellation), await Measure(all[soup.Ranking.Order[0]], "best member")];
            if (all.Length > 1) measured.Add(await Measure(WeightAverage.Of(all, averaging), "average of all"));
            IReadOnlyList<PairedComparison> paired = PairedComparison.Adjust([.. measured.Skip(1).Select(other => PairedComparison.Of(measured[0], other))]);
            SaveResult? saved = place is null ? null : soup.Average().Save(place, new SaveOptions { Overwrite = parsed.GetValue(overwrite), Complete = ParityFixture.Complete }, null, cancellation);
            string[] remarks = [.. reportOn.Remarks, .. measured[0].Remarks, .. saved?.Remarks ?? []];
            if (report.IsJson)
            {
                JsonObject choice = soup.ToJson();
                report.Line(new JsonObject
                {
                    ["rule"] = chosenRule.ToString(),
                    ["ties"] = measuring.Ties.ToString().ToLowerInvariant(),
                    ["members"] = choice["taken"]!.DeepClone(),
                    ["leftOut"] = choice["leftOut"]!.DeepClone(),
                    ["log"] = choice["log"]!.DeepClone(),
                    ["orders"] = choice["orders"]?.DeepClone(),
                    ["selection"] = new JsonObject { ["pairs"] = chooseBy.Name, ["n"] = chooseBy.Count, ["accuracy"] = soup.SelectionAccuracy },
                    ["holdOut"] = JsonSerializer.SerializeToNode(measured[0], Report.JsonOptions),
                    ["baselines"] = new JsonArray([.. measured.Skip(1).Select(m => new JsonObject { ["name"] = m.Name, ["accuracy"] = JsonSerializer.SerializeToNode(m.Accuracy, Report.JsonOptions) })]),
                    ["paired"] = JsonSerializer.SerializeToNode(paired, Report.JsonOptions),
                    ["textForm"] = $"{loader.Form}",
                    ["out"] = saved?.Folder,
                    ["remarks"] = new JsonArray([.. remarks.Select(remark => JsonValue.Create(remark))]),
                });
                return 0;
            }
            report.Table(["member", "alone, on the selection pairs", "", "why"], [.. soup.Members.Select(i => Row(i, "taken")), .. soup.Ranking.Order.Except(soup.Members).Select(i => Row(i, "left out"))]);
            if (soup.Orders is { } tried) report.Line(tried.ToString());
            report.Line(FormattableString.Invariant($"on {chooseBy.Name} the soup has {soup.SelectionAccuracy:F4}, which flatters it; on {reportOn.Name}:"));
            foreach (PairwiseAccuracy one in measured) report.Line(one.ToString());
            foreach (PairedComparison pair in paired) report.Line(pair.ToString());
            if (saved is not null) report.Line(saved.ToString());
            report.Remark($"text form {loader.Form}");
            foreach (string remark in remarks) report.Remark(remark);
            return 0;

            string[] Row(int member, string verdict) => [all[member].Name, $"{soup.Ranking.Accuracies[member]:F4}", verdict, soup.Why(member)];

            async Task<PairwiseAccuracy> Measure(Weights weights, string name)
            {
                RewardModel model = loader.Load(weights);
                using (model) return await reportOn.MeasureAsync(model, measuring, name, cancellation);
            }
        });
    }

    private static int Orders(string text) => text == "all" ? int.MaxValue
        : int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int count) && count >= 1 ? count : throw new WarmException("--orders", $"is \"{text}\"", "all, or a number of orders from 1");
}
