using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A merge recipe of mergekit (YAML), read as far as it means a method that is here: models, weights, dials, conditions by tensor name, gradients over the layers, and slices that cut all models
/// alike. Everything else is refused with its line, and what differs in detail is a remark.
/// </summary>
/// <remarks>
/// The format: mergekit's own documentation (Goddard et al., arXiv:2403.13257). Trap: a recipe means mergekit's arithmetic; here sums are double and rounded once, config and tokenizer are always the first
/// member's, and random methods have our random numbers.
/// </remarks>
public sealed class MergekitRecipe
{
    private static readonly string[] Known = ["merge_method", "models", "slices", "modules", "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source", "tokenizer", "chat_template"];

    private readonly string _file, _method;
    private readonly YamlNode _root;
    private readonly MergekitLayout _layout;
    private readonly List<string> _remarks = [];
    private readonly Dictionary<string, double[]> _weights = [];

    private MergekitRecipe(string file, YamlNode root)
    {
        (_file, _root) = (file, root);
        root.DemandKeys("a recipe", Known);
        _method = root.TextOf("merge_method") ?? throw new WarmException(root.Where, "merge_method is missing", "the name of a method");
        Base = root["base_model"] is { Text: not "" } model ? MergekitLayout.ModelOf(model) : null;
        if (root.TextOf("chat_template") is { } template && template != "auto") throw MergekitLayout.NotBuilt(root["chat_template"]!, "chat_template: the template is the first member's");
        if (_method is "dare_linear" or "dare_ties" or "della" or "della_linear") _remarks.Add($"{Path.GetFileName(file)}: what {_method} drops is our random choice (seed 0), not mergekit's");
        DType = Type(root["out_dtype"] ?? root["dtype"]);
        _layout = MergekitLayout.Read(file, root, Base, new MergekitParameters(_method, _remarks));
        Models = [.. _layout.Models.Where(m => m != Base || !TakesDeltas)];
        if (Base is not null && !TakesDeltas && !Models.Contains(Base))
            Models = _method is "linear" ? throw new WarmException(root["base_model"]!.Where, $"base_model {Base} is none of the models, and linear would need a weight for it", "one of the models") : [Base, .. Models];
        if (_method is "slerp" or "nearswap")
            // The base is where the way begins.
            Models = Base is null ? throw new WarmException(root.Where, "base_model is missing", "the model that is t = 0") : [.. Models.OrderBy(m => m != Base)];
        if (Models.Count == 0) throw new WarmException(root.Where, "there is no model beside the base", "at least one");
        if (Base is not null && (TakesDeltas || Models[0] != Base)) _remarks.Add($"{Path.GetFileName(file)}: config and tokenizer are the first member's ({Models[0]}), not the base's");
        ReadTokenizer();
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
        int layers = MergekitLayout.Layers(names);
        foreach (string name in names) methods[name] = Method(name, _layout.Of(name, layers), origin);
        AverageMethod[] distinct = [.. methods.Values.Distinct()];
        options = (options ?? AverageOptions.Default) with { DType = options?.DType ?? DType, Import = new JsonObject { ["format"] = "mergekit", ["file"] = Path.GetFileName(_file), ["sha256"] = ContentHash.OfFile(_file) } };
        return WeightAverage.Of(members, distinct is [WeightedMean mean] ? options with { Weights = mean.Weights, Normalise = mean.Normalise } : options with { Method = distinct is [var one] ? one : new ByTensor(methods) });
    }

    /// <summary><c>ties of 3 models on runs/base</c></summary>
    public override string ToString() => $"{_method} of {Models.Count} models{(Base is null ? "" : $" on {Base}")}";

    private bool TakesDeltas => _method is "task_arithmetic" or "ties" or "dare_linear" or "dare_ties" or "breadcrumbs" or "breadcrumbs_ties" or "della" or "della_linear" or "model_stock" or "sce" || (_method == "nuslerp" && Base is not null);

    /// <summary>What it says of vocabularies: none is ever joined, cut or padded.</summary>
    private void ReadTokenizer()
    {
        (YamlNode? node, string? source) = (_root["tokenizer_source"], _root.TextOf("tokenizer_source"));
        if (_root["tokenizer"] is { Text: not "" } tokenizer)
        {
            tokenizer.DemandKeys("the tokenizer", ["source", "tokens", "pad_to_multiple_of"]);
            foreach (string key in (string[])["tokens", "pad_to_multiple_of"])
                if (tokenizer[key] is { Text: not "" } change) throw MergekitLayout.NotBuilt(change, $"tokenizer {key}: vocabularies are never joined, changed or padded");
            (node, source) = (tokenizer, tokenizer.TextOf("source"));
        }
        if (source is "union") throw MergekitLayout.NotBuilt(node!, "tokenizer_source union: vocabularies are never joined");
        if (source is { Length: > 0 }) _remarks.Add($"{Path.GetFileName(_file)}: tokenizer_source {source}: the tokenizer is the first member's");
    }

    /// <summary>The method of one tensor.</summary>
    private AverageMethod Method(string tensor, MergekitPlace place, Weights? origin)
    {
        double? Dial(string name, string? model = null) => place.Dial(name, model, tensor);
        bool Flag(string name, bool otherwise) => Dial(name) is { } value ? value != 0 : otherwise;
        double[] Weights() => [.. Models.Select(model => Dial("weight", model) ?? throw new WarmException(_file, $"model {model} has no weight for '{tensor}'", $"a weight: {_method} needs one a model"))];
        PerMember Each(string name, double otherwise) => new([.. Models.Select(model => Dial(name, model) ?? otherwise)]);
        double Needed(string name) => Dial(name) ?? throw new WarmException(_file, $"{name} is missing for '{tensor}'", $"a value: {_method} needs one");
        double lambda = Dial("lambda") ?? 1;
        SparseMethod Sparse(SparseMethod method, bool rescale) => method with
        {
            Weights = Shared(Weights()),
            Density = Each("density", 1),
            Lambda = lambda,
            Normalise = Flag("normalize", method.Normalise),
            Rescale = Flag("rescale", rescale) ? Rescaling.L1 : Rescaling.None,
        };

        switch (_method)
        {
            case "linear":
                return new WeightedMean(Shared(Weights())) { Normalise = Flag("normalize", true) };
            case "passthrough" when Models.Count == 1:
                return Dial("scale", Models[0]) is { } scale ? new WeightedMean(Shared([scale])) { Normalise = false } : new WeightedMean(Shared([1]));
            case "slerp":
                return new Slerp(Needed("t"));
            case "nearswap":
                return new NearSwap(Needed("t"));
            case "nuslerp":
                double[] two = Weights();
                if (two.Length != 2) throw new WarmException(_file, $"nuslerp has {two.Length} models", "two, and perhaps a base");
                return new NuSlerp(Math.Abs(two.Sum()) < 1e-6 ? 0.5 : two[1] / two.Sum())
                {
                    Base = origin,
                    // Trap: what mergekit calls row-wise has an angle for each vector along the first axis, without it along the last.
                    Scope = Flag("nuslerp_flatten", true) ? MethodScope.Tensor : Flag("nuslerp_row_wise", false) ? MethodScope.Column : MethodScope.Vector,
                };
            case "task_arithmetic":
                return new TaskArithmetic(origin!) { Weights = Shared(Weights()), Lambda = lambda, Normalise = Flag("normalize", false) };
            case "ties":
                return Sparse(new Ties(origin!), rescale: false);
            case "dare_linear" or "dare_ties":
                return Sparse(new Dare(origin!) { Signs = _method == "dare_ties" }, rescale: true);
            case "breadcrumbs" or "breadcrumbs_ties":
                return Sparse(new Breadcrumbs(origin!) { Gamma = Each("gamma", 0.01), Signs = _method == "breadcrumbs_ties" }, rescale: false);
            case "della" or "della_linear":
                PerMember density = Each("density", 1), epsilon = Each("epsilon", 0.15);
                return Sparse(new Della(origin!)
                {
                    Epsilon = new([.. Models.Select((_, m) => density[m] >= 1 ? 0 : epsilon[m])]), // where all is kept there is nothing to draw
                    Signs = _method == "della",
                }, rescale: true);
            case "model_stock":
                return new ModelStock(origin!) { Rows = Flag("filter_wise", false) };
            case "sce":
                return new Sce(origin!) { TopK = Dial("select_topk") ?? 1 };
            case "karcher":
                return new Karcher { MaxIterations = (int)Math.Clamp(Dial("max_iter") ?? 10, 0, int.MaxValue), Tolerance = Dial("tol") ?? 1e-5 };
            default:
                throw new WarmException(_root["merge_method"]!.Where, $"merge_method {_method} is not one that is built here",
                    "linear, slerp, nuslerp, task_arithmetic, ties, dare_linear, dare_ties, breadcrumbs, breadcrumbs_ties, della, della_linear, model_stock, sce, karcher, nearswap, or passthrough of one model");
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

    private static DType? Type(YamlNode? node) => node?.Text switch
    {
        null or "" => null,
        "float32" or "float" => Warm.DType.F32,
        "bfloat16" => Warm.DType.BF16,
        "float16" or "half" => Warm.DType.F16,
        "float64" or "double" => Warm.DType.F64,
        _ => throw new WarmException(node.Where, $"is {node.Kind}", "float32, bfloat16, float16 or float64"),
    };
}
