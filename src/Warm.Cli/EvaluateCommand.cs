using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm evaluate DIR.. --on PAIRS</c>: how often models prefer what people preferred, with error bars, calibration and paired comparisons.</summary>
internal static class EvaluateCommand
{
    /// <summary>The models' results on one set of pairs, which has a name where there are several.</summary>
    private sealed record Measured(string? On, List<PairwiseAccuracy> Models)
    {
        /// <summary>The average of all models' weights; null where it was not asked for or they do not fit together.</summary>
        public PairwiseAccuracy? Average { get; set; }

        /// <summary>Ensembles of all models' rewards by rule, the mean first; empty where none was asked for.</summary>
        public List<PairwiseAccuracy> Ensembles { get; } = [];

        /// <summary>What is compared in pairs.</summary>
        public IReadOnlyList<PairwiseAccuracy> Compared => [.. Models, .. Average is null ? [] : new[] { Average }, .. Ensembles.Take(1)];
    }

    /// <summary>The members' shares on the selection pairs; the best is the first of the highest.</summary>
    private sealed record Chosen(SelectionPairs Pairs, List<double> Accuracies)
    {
        public int Best => TopByAccuracy.Of(Accuracies).Order[0];
    }

    private static readonly EnsembleRule[] Rules = [EnsembleRule.Mean, EnsembleRule.Worst, EnsembleRule.LessVariance()];

    public static WarmCommand Create()
    {
        var models = new Argument<string[]>("DIR..") { Description = "Models: folders, DIR+ADAPTERDIR, or avg:DIR,DIR,...", Arity = ArgumentArity.ZeroOrMore };
        var on = new Option<string[]>("--on") { Description = "Pairs (.jsonl, .jsonl.gz, - for standard input); several, named if you like: --on ood=ood.jsonl", HelpName = "[NAME=]PAIRS" };
        var rewards = new Option<string?>("--rewards") { Description = "Instead of models: rewards that any scorer made, lines of {\"chosen\":1.2,\"rejected\":0.3} or {\"chosen\":{\"rm-1\":1.2,..},..}", HelpName = "FILE" };
        var ties = new Option<TieRule>("--ties") { Description = "What a pair of equal rewards counts: half (default), correct (the paper's >=), wrong (reward-bench v1's >).", DefaultValueFactory = _ => TieRule.Half };
        ties.AcceptOnlyFromAmong("half", "correct", "wrong");
        var resample = new Option<string>("--resample") { Description = "Whose sampling the error is about: prompt (default), pair, or a field of the pairs.", HelpName = "UNIT", DefaultValueFactory = _ => "prompt" };
        var columns = new Option<string?>("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };
        var keepGoing = new Option<bool>("--keep-going") { Description = "Pass over broken lines, naming them; exit code 1 at the end." };
        var ensemble = new Option<bool>("--ensemble") { Description = "Also ensembles of the models' rewards (mean, worst, mean - 0.5 x variance) and the average of their weights." };
        var select = new Option<string?>("--select") { Description = "Pairs by which the best member is chosen; no prompt may be in --on as well.", HelpName = "PAIRS" };
        var cached = new Option<string?>("--cache") { Description = "A file of scores by content hash: what it holds is not scored again, what it lacks is added.", HelpName = "FILE" };
        var allow = new Option<string?>("--allow") { Description = "Rules that are not refused: shared-prompts; of the average: config, ancestry ..", HelpName = "RULE,.." };
        var command = new WarmCommand("evaluate", "Measure models on pairs that people judged, with error bars.", "warm evaluate family/warm family/rm-1 --on family/heldout.jsonl.gz --resample topic")
            { models, on, rewards, ensemble, select, ties, resample, columns, keepGoing, allow, cached };
        var scoring = new ScoringArguments(command, several: true);
        return command.Runs(async (parsed, report, cancellation) =>
        {
            var options = new AccuracyOptions { Ties = parsed.GetValue(ties), Resample = parsed.GetValue(resample)! };
            ColumnNames? names = parsed.GetValue(columns) is { } text ? ColumnNames.Parse(text) : null;
            var broken = new Broken(report, parsed.GetValue(keepGoing));
            string[] folders = parsed.GetValue(models) ?? [], sets = parsed.GetValue(on) ?? [];
            if (parsed.GetValue(rewards) is { } file)
            {
                if (folders.Length > 0 || sets.Length > 0) return Wrong("--rewards stands instead of models and --on.");
                if (parsed.GetValue(select) is not null) return Wrong("--select needs models.");
                Print([Given(file, options, names, broken, parsed.GetValue(ensemble), cancellation)], [], null, options, report);
                return broken.Lines > 0 ? 1 : 0;
            }
            if (folders.Length == 0) return Wrong("no model is named.");
            if (sets.Length == 0) return Wrong("--on is missing: the pairs to measure on.");
            options = options with { Scoring = scoring.Options(parsed) };
            AverageOptions averaging = scoring.Averaging(parsed, parsed.GetValue(allow));
            Chosen? chosen = parsed.GetValue(select) is { } by ? new(SelectionPairs.Read(by, new() { Columns = names }), []) : null;
            bool together = parsed.GetValue(ensemble);
            (string? Name, string Path)[] pairs = [.. sets.Select(Named)];
            var held = pairs.Where(set => set.Path == "-").ToDictionary(set => set.Path, set => Pairs(set.Path, names, broken, cancellation).ToList());
            List<Measured> measured = [.. pairs.Select(set => new Measured(set.Name ?? (pairs.Length > 1 ? set.Path : null), []))];
            Dictionary<string, ReportPairs> apart = chosen is null ? [] : pairs.DistinctBy(set => set.Path).ToDictionary(set => set.Path, set =>
                ReportPairs.Of(held.TryGetValue(set.Path, out List<Preference>? list) ? list : Pairs(set.Path, names, broken, cancellation), chosen.Pairs, averaging.Allow.Contains("shared-prompts"), set.Path));
            if (chosen is not null) broken.AllTold = true;
            foreach (string remark in apart.Values.SelectMany(set => set.Remarks)) report.Remark(remark);
            var forms = new Dictionary<string, string>();
            // An ensemble asks for rewards that its members have given already.
            ScoreCache? cache = parsed.GetValue(cached) is { } kept ? ScoreCache.Open(kept) : together ? new() : null;
            var scored = new List<IRewardModel>();
            foreach (string folder in folders)
            {
                using Weights weights = scoring.Open(parsed, folder);
                using RewardModel model = RewardModel.Load(weights, scoring.Engine(parsed), scoring.Loading(parsed));
                string name = folder.Length > 1 ? folder.TrimEnd('/', '\\') : folder;
                foreach (string remark in model.Remarks) report.Remark($"{name}: {remark}");
                forms[name] = model.TextForm.ToString();
                IRewardModel asked = cache?.Of(model) ?? model;
                scored.Add(asked);
                if (chosen is not null) chosen.Accuracies.Add(await chosen.Pairs.AccuracyAsync(asked, new() { Ties = options.Ties, Scoring = options.Scoring }, cancellation));
                for (int i = 0; i < pairs.Length; i++) measured[i].Models.Add(await Measure(i, asked, name));
                broken.AllTold = true;
            }
            if (together)
            {
                foreach (EnsembleRule rule in Rules)
                    for (int i = 0; i < pairs.Length; i++) measured[i].Ensembles.Add(await Measure(i, RewardEnsemble.Of(scored, rule), $"ensemble: {rule}"));
                if (folders.Length > 1 && Average() is { } average)
                    using (average) for (int i = 0; i < pairs.Length; i++) measured[i].Average = await Measure(i, cache?.Of(average) ?? average, $"average of {folders.Length}");
            }
            if (parsed.GetValue(cached) is { } keep && cache!.Scored > 0) cache.Save(keep);
            Print(measured, forms, chosen, options, report);
            return broken.Lines > 0 ? 1 : 0;

            Task<PairwiseAccuracy> Measure(int set, IRewardModel model, string name) =>
                apart.TryGetValue(pairs[set].Path, out ReportPairs? fixedPairs) ? fixedPairs.MeasureAsync(model, options, name, cancellation)
                : PairwiseAccuracy.MeasureAsync(model, held.TryGetValue(pairs[set].Path, out List<Preference>? list) ? list : Pairs(pairs[set].Path, names, broken, cancellation), options, name, null, cancellation);

            RewardModel? Average()
            {
                try
                {
                    return RewardModel.Load(WeightAverage.Of([.. folders.Select(folder => ModelArgument.Open(folder, scoring.Base(parsed)))], averaging), scoring.Engine(parsed), scoring.Loading(parsed));
                }
                catch (WarmException refusal)
                {
                    report.Remark($"no average: {refusal.Message}");
                    return null;
                }
            }
        });
    }

    /// <summary>NAME=PAIRS, or PAIRS alone; a file whose name holds = is meant as it stands.</summary>
    private static (string? Name, string Path) Named(string set) =>
        set.IndexOf('=') is > 0 and var at && !File.Exists(set) ? (set[..at], set[(at + 1)..]) : (null, set);

    private static IEnumerable<Preference> Pairs(string path, ColumnNames? columns, Broken broken, CancellationToken cancellation)
    {
        if (path != "-")
        {
            foreach (Preference pair in PreferenceFile.Read(path, new() { Columns = columns, Broken = broken.KeepGoing ? broken.Tell : null })) yield return pair;
            yield break;
        }
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        foreach (Answered<Preference> line in input.Lines(line => PreferenceFile.Parse(line.Json, line.Where), cancellation))
            if (line.Error is { } error) broken.Tell(error);
            else yield return line.Value!;
    }

    private static int Wrong(string what)
    {
        Console.Error.WriteLine($"warm evaluate: {what}");
        Console.Error.WriteLine("See warm evaluate --help.");
        return 2;
    }

    /// <summary>Counts the lines that were passed over.</summary>
    private sealed class Broken(Report report, bool keepGoing)
    {
        public int Lines { get; private set; }
        public bool KeepGoing => keepGoing;

        /// <summary>Every model reads the pairs anew; the first has told of all that is broken.</summary>
        public bool AllTold { get; set; }

        public void Tell(WarmException error)
        {
            if (AllTold) return;
            Lines++;
            report.Remark(error.Message);
        }
    }

    private static Measured Given(string path, AccuracyOptions options, ColumnNames? columns, Broken broken, bool ensemble, CancellationToken cancellation)
    {
        using LinesInput input = LinesInput.Open(path, columns, broken.KeepGoing);
        var file = new RewardFile(input.Name, options.Resample);
        foreach (Answered<bool> line in input.Lines(line => { file.Add(line.Json, line.Where); return true; }, cancellation))
            if (line.Error is { } error) broken.Tell(error);
        var measured = new Measured(null, [.. file.Measure(options)]);
        if (ensemble) measured.Ensembles.AddRange(Rules.Select(rule => file.Measure(rule, options, $"ensemble: {rule}")));
        return measured;
    }

    private static IEnumerable<PairedComparison> Paired(IReadOnlyList<PairwiseAccuracy> models) =>
        models.SelectMany((a, i) => models.Skip(i + 1).Select(b => PairedComparison.Of(a, b)));

    private static void Print(List<Measured> sets, Dictionary<string, string> forms, Chosen? chosen, AccuracyOptions options, Report report)
    {
        if (report.IsJson)
        {
            var document = new JsonObject
            {
                ["ties"] = options.Ties.ToString().ToLowerInvariant(),
                ["models"] = new JsonArray([.. sets.SelectMany(set => set.Models.Select(model => Node(model, set.On, forms.GetValueOrDefault(model.Name!))))]),
                ["paired"] = new JsonArray([.. sets.SelectMany(Compared)]),
                ["baselines"] = new JsonArray([.. sets.SelectMany(set => Baselines(set, chosen).Select(b => b.Chosen is null ? Node(new { name = b.Name, accuracy = b.Accuracy }, set.On) : Node(new { name = b.Name, accuracy = b.Accuracy, chosen = b.Chosen }, set.On)))]),
            };
            if (chosen is not null)
                document["selection"] = new JsonObject
                {
                    ["pairs"] = chosen.Pairs.Name, ["n"] = chosen.Pairs.Count, ["best"] = sets[0].Models[chosen.Best].Name,
                    ["members"] = new JsonArray([.. chosen.Accuracies.Select((accuracy, i) => new JsonObject { ["name"] = sets[0].Models[i].Name, ["accuracy"] = accuracy })]),
                };
            // One set of pairs: an object; several: a list of objects, each of which says on which.
            if (sets[0].Ensembles.Count > 0) document["ensemble"] = OneOrMany(sets.Select(set => Ensemble(set)));
            if (sets[0].Average is not null) document["average"] = OneOrMany(sets.Select(set => Node(set.Average!, set.On)));
            report.Line(document);
            return;
        }
        foreach (Measured set in sets)
        {
            Estimate first = set.Models[0].Accuracy;
            if (set != sets[0]) report.Line();
            report.Line(FormattableString.Invariant($"{(set.On is null ? "" : $"{set.On}: ")}{first.N:N0} pairs, {set.Models[0].Units}; ties count {(options.Ties == TieRule.Half ? "half" : $"as {options.Ties.ToString().ToLowerInvariant()}")}"));
            report.Table(["model", "accuracy", "±", "95 %", "loss", "brier", "ece", "margin", "length r", "ties"],
                [.. set.Models.Select(Row), .. set.Average is null ? [] : new[] { Row(set.Average) }, .. set.Ensembles.Select(Row),
                    .. Baselines(set, chosen).Select(b => (string[])[b.Chosen is null ? b.Name : $"{b.Name}: {Short(b.Chosen)}", $"{b.Accuracy.Value:F3}", $"{b.Accuracy.Error:F3}", Interval(b.Accuracy), "", "", "", "", "", ""])]);
            if (set.Models.Select(m => forms.GetValueOrDefault(m.Name!)).OfType<string>().Distinct().ToArray() is { Length: > 0 } read) report.Remark($"text form {string.Join(", ", read)}");
            // Beside an average or an ensemble the members are not compared with each other: the question is whether the whole helps.
            foreach (PairedComparison pair in Paired(set.Compared).Where(pair => set.Compared.Count == set.Models.Count || set.Models.All(m => m.Name != pair.A) || set.Models.All(m => m.Name != pair.B))) report.Line(pair.ToString());
            foreach (PairwiseAccuracy model in set.Models) foreach (string remark in model.Remarks) report.Remark($"{model.Name}: {remark}");
        }

        static IReadOnlyList<string> Row(PairwiseAccuracy m) => [Short(m.Name ?? ""), $"{m.Accuracy.Value:F3}", $"{m.Accuracy.Error:F3}", Interval(m.Accuracy), $"{m.Loss:F3}", $"{m.Brier:F3}", $"{m.Ece:F3}", $"{m.Margins.Mean:F3}",
            m.LengthCorrelation is { } r ? $"{r:F2}" : "", $"{m.Ties}"];

        // avg:runs/rm-1,runs/rm-2,runs/rm-3 is too wide for a table: avg:runs/rm-1,..runs/rm-3 (3)
        static string Short(string name) => name.Length > 40 && name.Split(',') is { Length: > 2 } parts ? $"{parts[0]},..,{parts[^1]} ({parts.Length})" : name;

        static string Interval(Estimate e) => $"{e.Low:F3} to {e.High:F3}";
    }

    /// <summary>What any result must be read against.</summary>
    private static IEnumerable<(string Name, Estimate Accuracy, string? Chosen)> Baselines(Measured set, Chosen? chosen)
    {
        if (set.Models[0].LongerWins is { } longer) yield return ("the longer text wins", longer, null);
        if (set.Models.Count > 1 && (chosen is not null || set.Ensembles.Count > 0)) yield return ("mean of the members", MeanOfModels.Accuracy(set.Models), null);
        if (chosen is not null) yield return ("best member on the selection pairs", set.Models[chosen.Best].Accuracy, set.Models[chosen.Best].Name);
    }

    /// <summary>The comparisons, each with McNemar's exact p corrected for how many are shown.</summary>
    private static IEnumerable<JsonNode> Compared(Measured set)
    {
        PairedComparison[] paired = [.. Paired(set.Compared)];
        IReadOnlyList<double> corrected = Holm.Adjust([.. paired.Select(pair => pair.McNemar!.Exact)]);
        return paired.Select((pair, i) =>
        {
            JsonNode node = Node(pair, set.On);
            node["mcnemar"]!["holm"] = corrected[i];
            return node;
        });
    }

    /// <summary>The mean of the rewards, what its members' scoring took together, and the other rules.</summary>
    private static JsonNode Ensemble(Measured set)
    {
        JsonNode[] rules = [.. set.Ensembles.Select((of, i) =>
        {
            JsonNode node = Node(of, set.On);
            node["rule"] = Rules[i].ToString();
            if (set.Models.All(m => m.Cost is not null))
                node["cost"] = Node(new ScoringCost(set.Models.Sum(m => m.Cost!.Texts), set.Models.Sum(m => m.Cost!.Tokens), set.Models.Sum(m => m.Cost!.Seconds)), null);
            return node;
        })];
        rules[0]["others"] = new JsonArray([.. rules.Skip(1)]);
        return rules[0];
    }

    private static JsonNode OneOrMany(IEnumerable<JsonNode> nodes) => nodes.ToArray() is [var one] ? one : new JsonArray([.. nodes]);

    private static JsonNode Node<T>(T value, string? on, string? textForm = null)
    {
        JsonObject node = JsonSerializer.SerializeToNode(value, Report.JsonOptions)!.AsObject();
        if (textForm is not null) node["textForm"] = textForm;
        if (on is not null) node.Insert(node.ContainsKey("b") ? 2 : 1, "on", on);
        return node;
    }
}
