using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Warm;

/// <summary>
/// A merge recipe of mergekit (YAML), read as far as it means a method that is here: models, weights, dials, conditions by tensor name, gradients over the layers, and slices that cut all models
/// alike. Everything else is refused with its line, and what differs in detail is a remark.
/// </summary>
/// <remarks>
/// The format: mergekit's own documentation (Goddard et al., arXiv:2403.13257). Trap: a recipe means mergekit's arithmetic; here sums are double and rounded once, config and tokenizer are always the first
/// member's, and random methods have our random numbers.
/// </remarks>
public sealed partial class MergekitRecipe
{
    private static readonly string[] Known = ["merge_method", "models", "slices", "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source", "tokenizer", "chat_template", "modules"];

    /// <summary>mergekit's parameters: an unknown one is refused, one that the method does not use is a remark.</summary>
    private static readonly string[] KnownParameters =
        ["weight", "density", "normalize", "lambda", "t", "gamma", "epsilon", "rescale", "rescale_norm", "int8_mask", "filter_wise", "select_topk", "max_iter", "tol", "nuslerp_flatten", "nuslerp_row_wise"];

    private readonly string _file, _method;
    private readonly YamlNode _root;
    private readonly Dictionary<string, MergekitSetting> _shared;
    private readonly List<Slice> _slices;
    private readonly List<string> _remarks = [];
    private readonly Dictionary<string, double[]> _weights = [];

    private MergekitRecipe(string file, YamlNode root)
    {
        (_file, _root) = (file, root);
        Keys(root, Known, "a recipe");
        _method = Text(root, "merge_method", root) ?? throw new WarmException(root.Where, "merge_method is missing", "the name of a method");
        if (root["modules"] is { } modules) throw NotBuilt(modules, "modules: models of several parts");
        if (root["models"] is null == root["slices"] is null) throw new WarmException(root.Where, root["models"] is null ? "neither models nor slices are there" : "models and slices are both there", "one of the two");
        Base = Text(root, "base_model", root);
        if (root["tokenizer"] is { } tokenizer) throw NotBuilt(tokenizer, "tokenizer: vocabularies are never joined or cut");
        if (Text(root, "tokenizer_source", root) is "union" or "union:") throw NotBuilt(root["tokenizer_source"]!, "tokenizer_source union: vocabularies are never joined");
        if (Text(root, "chat_template", root) is { } template && template != "auto") throw NotBuilt(root["chat_template"]!, "chat_template: the template is the first member's");
        if (_method is "dare_linear" or "dare_ties") _remarks.Add($"{Path.GetFileName(file)}: what {_method} drops is our random choice (seed 0), not mergekit's");
        DType = Type(root["out_dtype"] ?? root["dtype"]);
        _shared = Parameters(root["parameters"]);
        _slices = root["models"] is { } models ? [WholeModels(models)] : Slices(root["slices"]!);
        Models = [.. _slices[0].Sources.Select(s => s.Model).Where(m => m != Base || !TakesDeltas)];
        if (Base is not null && !TakesDeltas && !Models.Contains(Base))
            Models = _method is "linear" ? throw new WarmException(root["base_model"]!.Where, $"base_model {Base} is none of the models, and linear would need a weight for it", "one of the models") : [Base, .. Models];
        if (_method is "slerp" or "nearswap")
            // The base is where the way begins.
            Models = Base is null ? throw new WarmException(root.Where, "base_model is missing", "the model that is t = 0") : [.. Models.OrderBy(m => m != Base)];
        if (Models.Count == 0) throw new WarmException(root.Where, "there is no model beside the base", "at least one");
        if (Base is not null && (TakesDeltas || Models[0] != Base)) _remarks.Add($"{Path.GetFileName(file)}: config and tokenizer are the first member's ({Models[0]}), not the base's");
        if (Text(root, "tokenizer_source", root) is { Length: > 0 } source) _remarks.Add($"{Path.GetFileName(file)}: tokenizer_source {source}: the tokenizer is the first member's");
    }

    /// <summary>The members as the recipe names them, in its order; the base is among them only where the method averages it (slerp, linear).</summary>
    public IReadOnlyList<string> Models { get; }

    /// <summary>The base model as the recipe names it, or null.</summary>
    public string? Base { get; }

    /// <summary>The type to write, or null to keep.</summary>
    public DType? DType { get; }

    /// <summary>What a reader should know: keys without effect, what is done in another way.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>Reads a recipe file.</summary>
    /// <exception cref="WarmException">It is no YAML, holds an unknown key, or asks for what is not built: with the line.</exception>
    public static MergekitRecipe Read(string path) => new(path, YamlText.Read(path));

    /// <summary>The average that the recipe means.</summary>
    /// <param name="open">Opens a model by the recipe's name for it.</param>
    /// <param name="options">Types, allowed rules, head; its weights and method are not used. A type here goes before the recipe's.</param>
    public WeightAverage Average(Func<string, Weights> open, AverageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(open);
        Weights[] members = [.. Models.Select(model => open(Place(model)))];
        Weights? origin = TakesDeltas ? open(Place(Base ?? throw new WarmException(_root.Where, "base_model is missing", $"the base that {_method} takes differences from"))) : null;
        var methods = new Dictionary<string, AverageMethod>();
        IReadOnlyCollection<string> names = new Member(members[0]).Names;
        int layers = Layers(names);
        foreach (string name in names) methods[name] = Method(name, Place(name, layers), origin, members.Length);
        AverageMethod[] distinct = [.. methods.Values.Distinct()];
        options = (options ?? AverageOptions.Default) with { DType = options?.DType ?? DType, Import = new JsonObject { ["format"] = "mergekit", ["file"] = Path.GetFileName(_file), ["sha256"] = ContentHash.OfFile(_file) } };
        return WeightAverage.Of(members, distinct is [WeightedMean mean] ? options with { Weights = mean.Weights, Normalise = mean.Normalise } : options with { Method = distinct is [var one] ? one : new ByTensor(methods) });
    }

    /// <summary><c>ties of 3 models on runs/base</c></summary>
    public override string ToString() => $"{_method} of {Models.Count} models{(Base is null ? "" : $" on {Base}")}";

    private bool TakesDeltas => _method is "task_arithmetic" or "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties" or "della" or "della_linear" or "model_stock" or "sce" || (_method == "nuslerp" && Base is not null);

    /// <summary>The method of one tensor.</summary>
    private AverageMethod Method(string tensor, (Slice Slice, double T) place, Weights? origin, int members)
    {
        double? Dial(string name, string? model = null) =>
            (model is null ? null : place.Slice.Sources.FirstOrDefault(s => s.Model == model)?.Parameters.GetValueOrDefault(name)?.At(tensor, place.T))
            ?? place.Slice.Parameters.GetValueOrDefault(name)?.At(tensor, place.T) ?? _shared.GetValueOrDefault(name)?.At(tensor, place.T);
        bool Flag(string name, bool otherwise) => Dial(name) is { } value ? value != 0 : otherwise;
        double[] Weights() => [.. Models.Select(model => Dial("weight", model) ?? throw new WarmException(_file, $"model {model} has no weight for '{tensor}'", $"a weight: {_method} needs one a model"))];
        double Density(string name, double otherwise)
        {
            double[] all = [.. Models.Select(model => Dial(name, model) ?? otherwise).Distinct()];
            return all is [var one] ? one : throw new WarmException(_file, $"{name} differs between the models ({string.Join(", ", all)})", "one for all models", "Other densities for each model are not built.");
        }
        double Needed(string name) => Dial(name) ?? throw new WarmException(_file, $"{name} is missing for '{tensor}'", $"a value: {_method} needs one");
        double lambda = Dial("lambda") ?? 1;

        switch (_method)
        {
            case "linear":
                return new WeightedMean(Shared(Weights())) { Normalise = Flag("normalize", true) };
            case "passthrough" when Models.Count == 1:
                return new WeightedMean(Shared([1]));
            case "slerp":
                return new Slerp(Needed("t"));
            case "nearswap":
                return new NearSwap(Needed("t"));
            case "nuslerp":
                if (Flag("nuslerp_row_wise", false)) throw NotBuilt(_root, "nuslerp_row_wise");
                double[] two = Weights();
                if (two.Length != 2) throw new WarmException(_file, $"nuslerp has {two.Length} models", "two, and perhaps a base");
                return new NuSlerp(Math.Abs(two.Sum()) < 1e-6 ? 0.5 : two[1] / two.Sum()) { Base = origin, Scope = Flag("nuslerp_flatten", true) ? MethodScope.Tensor : MethodScope.Vector };
            case "task_arithmetic":
                return new TaskArithmetic(origin!) { Weights = Shared(Weights()), Lambda = lambda, Normalise = Flag("normalize", false) };
            case "ties":
                if (Flag("rescale", false)) throw NotBuilt(_root, "rescale beside ties");
                return new Ties(origin!) { Weights = Shared(Weights()), Density = Density("density", 1), Lambda = lambda, Normalise = Flag("normalize", true) };
            case "dare_linear" or "dare_ties":
                double density = Density("density", 1);
                if (density < 1 && !Flag("rescale", true)) throw NotBuilt(_root, "rescale false beside dare");
                return new Dare(origin!) { Weights = Shared(Weights()), Density = density, Lambda = lambda, Signs = _method == "dare_ties", RescaleToL1 = true, Normalise = Flag("normalize", false) };
            case "breadcrumbs" or "breadcrumbs_ties":
                if (lambda != 1) throw NotBuilt(_root, "lambda beside breadcrumbs");
                if (Flag("rescale", false)) throw NotBuilt(_root, "rescale beside breadcrumbs");
                return new Breadcrumbs(origin!) { Weights = Shared(Weights()), Density = Density("density", 1), Gamma = Density("gamma", 0.01), Signs = _method == "breadcrumbs_ties", Normalise = Flag("normalize", false) };
            case "model_stock":
                return new ModelStock(origin!) { Rows = Flag("filter_wise", false) };
            case "sce":
                return new Sce(origin!) { TopK = Dial("select_topk") ?? 1 };
            case "karcher":
                return new Karcher { MaxIterations = (int)Math.Clamp(Dial("max_iter") ?? 10, 0, int.MaxValue), Tolerance = Dial("tol") ?? 1e-5 };
            default:
                throw new WarmException(_root["merge_method"]!.Where, $"merge_method {_method} is not one that is built here",
                    "linear, slerp, nuslerp, task_arithmetic, ties, dare_linear, dare_ties, breadcrumbs, breadcrumbs_ties, model_stock, sce, karcher, nearswap, or passthrough of one model",
                    _method is "della" or "della_linear" ? "mergekit rescales DELLA to a norm; ours divides by the chance, as the paper does: warm average --method della." : null);
        }
    }

    /// <summary>One list for equal weights, so that tensors of equal dials have equal records.</summary>
    private double[] Shared(double[] weights) => CollectionsMarshal.GetValueRefOrAddDefault(_weights, string.Join(' ', weights), out _) ??= weights;

    /// <summary>A model's folder: as it is named from here, or from where the recipe lies.</summary>
    private string Place(string model)
    {
        string beside = Path.GetDirectoryName(Path.GetFullPath(_file))!;
        return string.Join('+', model.Split('+').Select(part => Path.Exists(part) || !Path.Exists(Path.Combine(beside, part)) ? part : Path.Combine(beside, part)));
    }

    /// <summary>The slice of a tensor and how far through it the tensor lies: layers from 0 to 1, embeddings 0, what comes after the layers 1.</summary>
    private (Slice, double) Place(string name, int count)
    {
        if (LayerOf(name) is { } layer)
        {
            Slice slice = _slices.FirstOrDefault(s => s.From <= layer && layer < (s.To ?? count)) ?? throw new WarmException(_file, $"no slice holds layer {layer} ('{name}')", $"slices that hold all {count} layers");
            int length = (slice.To ?? count) - slice.From;
            if (_slices[^1].To is { } end && end != count) throw NotBuilt(_root["slices"]!, $"slices of {end} layers, of models with {count}");
            return (slice, length > 1 ? (double)(layer - slice.From) / (length - 1) : 1);
        }
        return Embedding().IsMatch(name) ? (_slices[0], 0) : (_slices[^1], 1);
    }

    private static int Layers(IEnumerable<string> names) => 1 + (names.Max(LayerOf) ?? -1);

    /// <summary>The layer that a tensor belongs to, or null for one that stands outside the layers.</summary>
    private static int? LayerOf(string name) => Layer().Match(name) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int layer) ? layer : null;

    private Slice WholeModels(YamlNode models)
    {
        if (models.Items is not { Count: > 0 } items) throw new WarmException(models.Where, $"models is {models.Kind}", "a list of models");
        return new(0, null, Once([.. items.Select(item => SourceOf(item, ["model", "parameters"]))], models), []);
    }

    /// <summary>Slices map where each cuts the same layers out of the same models, one after the other: then only the dials differ between them.</summary>
    private List<Slice> Slices(YamlNode node)
    {
        if (node.Items is not { Count: > 0 } items) throw new WarmException(node.Where, $"slices is {node.Kind}", "a list of slices");
        var slices = new List<Slice>();
        foreach (YamlNode item in items)
        {
            Keys(item, ["sources", "parameters", "base_model", "residual_weight"], "a slice");
            if (item["residual_weight"] is { } residual) throw NotBuilt(residual, "residual_weight");
            if (Text(item, "base_model", item) is { } own && own != Base) throw NotBuilt(item["base_model"]!, "a base_model of a slice's own");
            if (item["sources"]?.Items is not { Count: > 0 } sources) throw new WarmException(item.Where, "a slice has no sources", "a list of model and layer_range");
            Source[] read = Once([.. sources.Select(source => SourceOf(source, ["model", "layer_range", "parameters"]))], item);
            (int From, int To)[] ranges = [.. sources.Select(Range).Distinct()];
            bool follows = ranges is [var range] && range.From == (slices.Count == 0 ? 0 : slices[^1].To) && (slices.Count == 0 || slices[0].Sources.Select(s => s.Model).SequenceEqual(read.Select(s => s.Model)));
            if (!follows) throw NotBuilt(item, "slices that stack layers in another order, twice, or from other models");
            slices.Add(new(ranges[0].From, ranges[0].To, read, Parameters(item["parameters"])));
        }
        return slices;

        static (int, int) Range(YamlNode source) => source["layer_range"] is { Items: [{ Text: { } from }, { Text: { } to }] } && int.TryParse(from, out int a) && int.TryParse(to, out int b) && a >= 0 && b > a
            ? (a, b) : throw new WarmException((source["layer_range"] ?? source).Where, "layer_range is missing or malformed", "[first, one after the last]");
    }

    private static Source[] Once(Source[] sources, YamlNode at) =>
        sources.GroupBy(s => s.Model).FirstOrDefault(g => g.Count() > 1) is { } twice ? throw new WarmException(at.Where, $"model {twice.Key} stands twice", "each model once") : sources;

    private Source SourceOf(YamlNode node, string[] keys)
    {
        Keys(node, keys, "a model");
        return new(Text(node, "model", node) is { Length: > 0 } model ? model : throw new WarmException(node.Where, "has no model", "model: a folder"), Parameters(node["parameters"]));
    }

    private Dictionary<string, MergekitSetting> Parameters(YamlNode? node)
    {
        if (node is null || node.Text is "") return [];
        Keys(node, KnownParameters, "the parameters");
        if (node["rescale_norm"] is { } norm && norm.Text is not "l1") throw NotBuilt(norm, $"rescale_norm {norm.Kind}");
        foreach ((YamlNode key, _) in node.Keys!)
            if (!Uses(key.Text!) && key.Text is not ("int8_mask" or "rescale_norm")) _remarks.Add($"{key.Where}: {key.Text} has no effect on {_method}");
        return node.Keys!.Where(k => k.Key.Text != "rescale_norm").ToDictionary(k => k.Key.Text!, k => new MergekitSetting(k.Value, k.Key.Text!));
    }

    private bool Uses(string parameter) => parameter switch
    {
        "weight" => _method is "linear" or "nuslerp" or "task_arithmetic" or "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties",
        "density" or "rescale" => _method is "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties",
        "normalize" => _method is "linear" or "task_arithmetic" or "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties",
        "lambda" => _method is "task_arithmetic" or "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties",
        "gamma" => _method is "breadcrumbs" or "breadcrumbs_ties",
        "t" => _method is "slerp" or "nearswap",
        "filter_wise" => _method == "model_stock",
        "select_topk" => _method == "sce",
        "max_iter" or "tol" => _method == "karcher",
        "nuslerp_flatten" or "nuslerp_row_wise" => _method == "nuslerp",
        _ => false,
    };

    private static void Keys(YamlNode node, string[] known, string what)
    {
        if (node.Keys is null) throw new WarmException(node.Where, $"{what} is {node.Kind}", "a map");
        foreach ((YamlNode key, _) in node.Keys)
            if (!known.Contains(key.Text)) throw new WarmException(key.Where, $"{JsonText.Quote(key.Text!)} is no key of {what}", string.Join(", ", known));
    }

    private static string? Text(YamlNode node, string key, YamlNode at) => node[key] switch
    {
        null => null,
        { Text: "" } => null,
        { Text: { } text } => text,
        // mergekit also writes a model as {model: {path: ..}, lora: {..}}
        var other => throw new WarmException((other ?? at).Where, $"{key} is {other!.Kind}", "a text"),
    };

    private static DType? Type(YamlNode? node) => node?.Text switch
    {
        null or "" => null,
        "float32" or "float" => Warm.DType.F32,
        "bfloat16" => Warm.DType.BF16,
        "float16" or "half" => Warm.DType.F16,
        "float64" or "double" => Warm.DType.F64,
        _ => throw new WarmException(node.Where, $"is {node.Kind}", "float32, bfloat16, float16 or float64"),
    };

    private static WarmException NotBuilt(YamlNode at, string what) => new(at.Where, $"{what}: not built here", "models, weights and dials that one average has");

    [GeneratedRegex(@"(?:^|\.)(?:layers|layer|h|block|blocks)\.(\d+)\.")]
    private static partial Regex Layer();

    [GeneratedRegex(@"embed|(^|\.)w[tp]e\.|(^|\.)shared\.")]
    private static partial Regex Embedding();

    private sealed record Source(string Model, Dictionary<string, MergekitSetting> Parameters);

    /// <summary>A run of layers with dials of its own; the last layer is not in it, null for all.</summary>
    private sealed record Slice(int From, int? To, IReadOnlyList<Source> Sources, Dictionary<string, MergekitSetting> Parameters);
}
