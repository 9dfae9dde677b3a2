namespace Warm;

/// <summary>Reads the parameters of a mergekit recipe, wherever they stand in it: an unknown one is refused, one that the method does not use is a remark.</summary>
/// <param name="method">mergekit's name of the method.</param>
/// <param name="remarks">Takes the remarks.</param>
internal sealed class MergekitParameters(string method, List<string> remarks)
{
    private static readonly string[] Known =
        ["weight", "density", "normalize", "lambda", "t", "gamma", "epsilon", "rescale", "rescale_norm", "int8_mask", "filter_wise", "select_topk", "max_iter", "tol", "nuslerp_flatten", "nuslerp_row_wise", "scale"];

    private readonly bool _sparse = method is "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties" or "della" or "della_linear";

    /// <summary>The settings by name; none where there is no such key.</summary>
    public IReadOnlyDictionary<string, MergekitSetting> Read(YamlNode? node)
    {
        if (node is null || node.Text is "") return new Dictionary<string, MergekitSetting>();
        node.DemandKeys("the parameters", Known);
        if (node["rescale_norm"] is { Text: not "l1" } norm) throw MergekitLayout.NotBuilt(norm, $"rescale_norm {norm.Kind}");
        foreach ((YamlNode key, _) in node.Keys!)
            if (!Uses(key.Text!)) remarks.Add($"{key.Where}: {key.Text} has no effect on {method}");
        return node.Keys!.Where(k => k.Key.Text != "rescale_norm").ToDictionary(k => k.Key.Text!, k => new MergekitSetting(k.Value, k.Key.Text!));
    }

    private bool Uses(string parameter) => parameter switch
    {
        "int8_mask" or "rescale_norm" => true, // where mergekit keeps its masks; the only norm it has
        "weight" => _sparse || method is "linear" or "nuslerp" or "task_arithmetic",
        "normalize" => _sparse || method is "linear" or "task_arithmetic",
        "lambda" => _sparse || method is "task_arithmetic",
        "density" or "rescale" => _sparse,
        "gamma" => method is "breadcrumbs" or "breadcrumbs_ties",
        "epsilon" => method is "della" or "della_linear",
        "t" => method is "slerp" or "nearswap",
        "scale" => method == "passthrough",
        "filter_wise" => method == "model_stock",
        "select_topk" => method == "sce",
        "max_iter" or "tol" => method == "karcher",
        "nuslerp_flatten" or "nuslerp_row_wise" => method == "nuslerp",
        _ => false,
    };
}
