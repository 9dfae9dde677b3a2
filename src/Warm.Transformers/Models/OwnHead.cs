namespace Warm.Transformers;

/// <summary>
/// Heads that are no class of transformers, on any decoder, as their projects save them:
/// <list type="bullet">
/// <item>TRL, and GRM with one layer: <c>v_head.summary</c> W, b. GRM with two: <c>v_head.summary.0</c>, relu, <c>.2</c>. Last attended token</item>
/// <item>OpenAssistant: <c>out_proj</c> W, b; last attended token or mean (config.json's <c>pooling</c>)</item>
/// <item>UltraRM: <c>regression_head</c> W. OpenRLHF: <c>{value_head_prefix}</c> W, and (reward - mean) / std of config.json beside it. Last attended token</item>
/// <item>Beaver: <c>score_head</c> W, b, and (reward - mean) / sqrt(var) of the tensors <c>normalizer.*</c> beside it. Last attended token</item>
/// <item>INF-ORM: <c>score.0</c>, relu, <c>score.2</c>. Starling: <c>v_head</c> W. Before the first pad</item>
/// </list>
/// </summary>
internal static class OwnHead
{
    /// <summary>The head that the layout tells of.</summary>
    public static RewardHead Of(ModelWeights weights, Engine engine, ConfigKeys config, ModelConfig json, HeadLayout layout, int hidden, RewardPosition? readAt)
    {
        if (layout.Project == "OpenAssistant" && (config.Text("pooling") ?? "last") is not ("last" or "mean") and var pooling) throw config.Refusal("pooling", $"is \"{pooling}\"", "last or mean");
        string path = layout.Output[..^".weight".Length];
        if (weights.Shape(layout.Output) is not { Rank: 2 } shape || shape[0] is < 1 or > int.MaxValue) throw new WarmException(weights.Name, $"'{layout.Output}' is {weights.Shape(layout.Output)}", "[labels, width]");
        int labels = (int)shape[0];
        foreach (string key in (string[])["num_labels", "score_dim"])
            if (config.Has(key) && config.Size(key) != labels) throw config.Refusal(key, $"is {config.Size(key)}", $"as many as '{layout.Output}' has rows ({labels})");

        // A head of two layers is N.0, relu, N.2.
        string? first = path.EndsWith(".2", StringComparison.Ordinal) ? $"{path[..^2]}.0" : null;
        bool bias = layout.Project switch
        {
            "Beaver" => config.Flag("score_bias", true),
            "TRL" or "GRM" or "INF-ORM" or "OpenAssistant" => true,
            _ => layout.Tensors.Contains($"{path}.bias"),
        };
        HeadLayer[] layers = first is null ? [new(path, labels, bias)] : [new(first, Width($"{first}.weight"), bias, Activation.Relu, ActivationPath: $"{path[..^2]}.1"), new(path, labels, bias)];
        string[] ours = [.. layers.SelectMany(l => (string[])[$"{l.Path}.weight", $"{l.Path}.bias"])], unknown = [.. layout.Tensors.Concat(weights.Below(path.Split('.')[0])).Distinct().Where(t => !ours.Contains(t))];
        if (unknown.Length > 0) throw new WarmException(weights.Name, $"the head has tensors that are not built: {string.Join(", ", unknown)}", $"{layout.Project}'s head: {string.Join(", ", ours)}");
        config.Ignore("vhead_layer_type", "vhead_num_neurons", "vhead_num_layers", "value_head_prefix", "score_type", "score_dim", "score_bias", "pooling", "num_labels");
        return RewardHead.Of(weights, engine, json, hidden, readAt ?? layout.Position, Normaliser(weights, config, layout, labels), layers);

        int Width(string name) => weights.Shape(name) is { Rank: 2 } inner && inner[0] is >= 1 and <= int.MaxValue ? (int)inner[0] : throw new WarmException(weights.Name, $"'{name}' is {weights.Shape(name)?.ToString() ?? "missing"}", "[width, hidden]");
    }

    /// <summary>The mean and deviation of the rewards that the folder carries, or null.</summary>
    private static RewardNormaliser? Normaliser(ModelWeights weights, ConfigKeys config, HeadLayout layout, int labels)
    {
        if (layout.Project == "OpenRLHF")
        {
            bool asked = config.Flag("normalize_reward", false);
            config.Ignore("mean", "std");
            return asked && config.Has("mean") && config.Has("std") ? new(Enumerable.Repeat(config.AnyNumber("mean"), labels).ToArray(), Enumerable.Repeat(config.Number("std"), labels).ToArray()) : null;
        }
        if (layout.Project != "Beaver") return null;
        string type = config.Text("normalizer_type") ?? "RunningMeanStd";
        bool normalises = config.Flag("do_normalize", true);
        config.Ignore("momentum");
        double[]? mean = weights.Values("normalizer.mean", labels), variance = weights.Values("normalizer.var", labels);
        weights.Ignore("normalizer.count");
        if (!normalises || mean is null && variance is null) return null;
        if (type is not ("RunningMeanStd" or "ExponentialMovingAverage")) throw config.Refusal("normalizer_type", $"is \"{type}\"", "RunningMeanStd or ExponentialMovingAverage");
        if (mean is null || variance is null) throw new WarmException(weights.Name, $"'normalizer.{(mean is null ? "mean" : "var")}' is missing", "both normalizer.mean and normalizer.var");
        if (variance.Any(v => !(v > 0)) || mean.Any(m => !double.IsFinite(m))) throw new WarmException(weights.Name, "'normalizer.var' or 'normalizer.mean' makes no finite reward", "variances above 0 and finite means");
        return new(mean, [.. variance.Select(Math.Sqrt)]);
    }
}
