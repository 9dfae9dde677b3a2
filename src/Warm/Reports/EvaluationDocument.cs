using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Warm;

/// <summary>An <see cref="Evaluation"/> as one JSON document, as <c>warm evaluate --json</c> prints it.</summary>
public static class EvaluationDocument
{
    /// <summary>
    /// <c>ties, models[], paired[], helped[], baselines[], selection?, ensemble?, average?, subsets[]?, movingAverages[]?, remarks[]</c>. Entries say <c>on</c> which set they are where there are several
    /// or it has a name; <c>ensemble</c> and <c>average</c> are an object for one set and a list for several.
    /// </summary>
    public static JsonObject Of(Evaluation evaluation)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        IReadOnlyList<SetEvaluation> sets = evaluation.Sets;
        var document = new JsonObject
        {
            ["ties"] = evaluation.Ties.ToString().ToLowerInvariant(),
            ["models"] = List(sets, set => set.Members.Select(model => Model(model, set, evaluation))),
            ["paired"] = List(sets, Paired),
            ["helped"] = List(sets, set => set.Helped.Select(pair => Node(pair, set, EvaluationJson.Default.PairedComparison))),
            ["baselines"] = List(sets, Baselines),
        };
        if (evaluation is { Selection: { } ranking, SelectedBy: { } by })
            document["selection"] = new JsonObject
            {
                ["pairs"] = by.Name, ["n"] = by.Count, ["best"] = sets[0].Members[ranking.Order[0]].Name,
                ["members"] = new JsonArray([.. ranking.Accuracies.Select((accuracy, m) => new JsonObject { ["name"] = sets[0].Members[m].Name, ["accuracy"] = accuracy })]),
            };
        if (sets[0].Ensembles.Count > 0) document["ensemble"] = OneOrMany(sets.Select(Ensemble));
        if (sets[0].Average is not null) document["average"] = OneOrMany(sets.Select(set => Model(set.Average!, set, evaluation)));
        if (sets[0].Subsets.Count > 0) document["subsets"] = List(sets, set => set.Subsets.Select(size => Node(size, set, EvaluationJson.Default.SubsetAccuracy)));
        if (sets[0].Pairs.Count > 0) document["memberPairs"] = List(sets, set => set.Pairs.Select(pair => Node(pair, set, EvaluationJson.Default.MemberPair)));
        if (sets[0].MovingAverages.Count > 0) document["movingAverages"] = List(sets, set => set.MovingAverages.Select(model => Model(model, set, evaluation)));
        document["remarks"] = new JsonArray([.. evaluation.Remarks.Select(remark => JsonValue.Create(remark)), .. sets.SelectMany(set => set.Remarks.Select(remark => JsonValue.Create(set.Name is null ? remark : $"{set.Name}: {remark}")))]);
        return document;
    }

    private static JsonNode Model(PairwiseAccuracy model, SetEvaluation set, Evaluation evaluation)
    {
        JsonObject node = Node(model, set, EvaluationJson.Default.PairwiseAccuracy);
        if (model.Name is { } name && evaluation.TextForms.TryGetValue(name, out TextForm? form)) node["textForm"] = form.ToString();
        return node;
    }

    /// <summary>Each comparison with McNemar's exact p corrected for how many there are.</summary>
    private static IEnumerable<JsonNode> Paired(SetEvaluation set)
    {
        IReadOnlyList<double> corrected = Holm.Adjust([.. set.Paired.Select(pair => pair.McNemar!.Exact)]);
        return set.Paired.Select((pair, i) =>
        {
            JsonObject node = Node(pair, set, EvaluationJson.Default.PairedComparison);
            node["mcnemar"]!["holm"] = corrected[i];
            return (JsonNode)node;
        });
    }

    /// <summary>What any result must be read against.</summary>
    private static IEnumerable<JsonNode> Baselines(SetEvaluation set)
    {
        if (set.Longer is { } longer) yield return Baseline(longer.Name!, longer.Accuracy);
        if (set.MeanOfMembers is { } mean) yield return Baseline("mean of the members", mean);
        if (set.Best is { } best) yield return Baseline("best member on the selection pairs", best.Accuracy, best.Name);

        JsonObject Baseline(string name, Estimate accuracy, string? chosen = null)
        {
            var node = new JsonObject { ["name"] = name };
            if (set.Name is not null) node["on"] = set.Name;
            node["accuracy"] = JsonSerializer.SerializeToNode(accuracy, EvaluationJson.Default.Estimate);
            if (chosen is not null) node["chosen"] = chosen;
            return node;
        }
    }

    /// <summary>The first rule, and the others in it.</summary>
    private static JsonNode Ensemble(SetEvaluation set)
    {
        JsonObject[] rules = [.. set.Ensembles.Select(one =>
        {
            JsonObject node = Node(one.Measured, set, EvaluationJson.Default.PairwiseAccuracy);
            node["rule"] = one.Rule.ToString();
            return node;
        })];
        rules[0]["others"] = new JsonArray([.. rules.Skip(1)]);
        return rules[0];
    }

    private static JsonArray List(IReadOnlyList<SetEvaluation> sets, Func<SetEvaluation, IEnumerable<JsonNode>> of) => new([.. sets.SelectMany(of)]);

    private static JsonNode OneOrMany(IEnumerable<JsonNode> nodes) => nodes.ToArray() is [var one] ? one : new JsonArray([.. nodes]);

    private static JsonObject Node<T>(T value, SetEvaluation set, JsonTypeInfo<T> type)
    {
        JsonObject node = JsonSerializer.SerializeToNode(value, type)!.AsObject();
        if (set.Name is not null) node.Insert(node.ContainsKey("b") ? 2 : node.ContainsKey("name") ? 1 : 0, "on", set.Name);
        return node;
    }
}
