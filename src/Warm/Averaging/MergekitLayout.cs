using System.Text.RegularExpressions;

namespace Warm;

/// <summary>
/// Which models a mergekit recipe reads and with which parameters at which layer: whole models, slices that cut all models alike (then only the dials differ between them), or the one module of a
/// model that has one. Stacked layers and models of several modules are refused with their line.
/// </summary>
internal sealed partial class MergekitLayout
{
    private readonly string _file;
    private readonly YamlNode _node;
    private readonly List<Slice> _slices;
    private readonly IReadOnlyDictionary<string, MergekitSetting>[] _shared;

    private MergekitLayout(string file, YamlNode node, string? @base, MergekitParameters parameters, IReadOnlyDictionary<string, MergekitSetting>[] shared)
    {
        (_file, _node, _shared) = (file, node, shared);
        if (node["models"] is null == node["slices"] is null)
            throw new WarmException(node.Where, node["models"] is null ? "neither models nor slices are there" : "models and slices are both there", "one of the two");
        _slices = node["models"] is { } models ? [WholeModels(models, parameters)] : Slices(node["slices"]!, @base, parameters);
    }

    /// <summary>The models in order, the base among them where it is named.</summary>
    public IEnumerable<string> Models => _slices[0].Sources.Select(s => s.Model);

    /// <summary>Reads <c>models</c>, <c>slices</c> or <c>modules</c>.</summary>
    public static MergekitLayout Read(string file, YamlNode root, string? @base, MergekitParameters parameters)
    {
        IReadOnlyDictionary<string, MergekitSetting> shared = parameters.Read(root["parameters"]);
        if (root["modules"] is not { } modules) return new(file, root, @base, parameters, [shared]);
        if (root["models"] is not null || root["slices"] is not null) throw new WarmException(modules.Where, "modules stand beside models or slices", "one of the three");
        if (modules.Keys is not [(_, var only)]) throw NotBuilt(modules, "modules: models of several parts");
        only.DemandKeys("a module", ["models", "slices", "parameters"]);
        return new(file, only, @base, parameters, [parameters.Read(only["parameters"]), shared]);
    }

    /// <summary>Number of layers that tensor names tell.</summary>
    public static int Layers(IEnumerable<string> names) => 1 + (names.Max(LayerOf) ?? -1);

    /// <summary>Where a tensor stands: its slice, and how far through it, from 0 to 1.</summary>
    /// <remarks>Trap: outside the layers mergekit (since 0.1.1) takes the beginning of every gradient, also for what follows the layers: the norm, the head.</remarks>
    /// <param name="name">The tensor.</param>
    /// <param name="layers">Number of layers of the models.</param>
    public MergekitPlace Of(string name, int layers)
    {
        if (LayerOf(name) is not { } layer) return new(Embedding().IsMatch(name) ? _slices[0] : _slices[^1], 0, _shared);
        Slice slice = _slices.FirstOrDefault(s => s.From <= layer && layer < (s.To ?? layers)) ?? throw new WarmException(_file, $"no slice holds layer {layer} ('{name}')", $"slices that hold all {layers} layers");
        int length = (slice.To ?? layers) - slice.From;
        if (_slices[^1].To is { } end && end != layers) throw NotBuilt(_node["slices"]!, $"slices of {end} layers, of models with {layers}");
        return new(slice, length > 1 ? (double)(layer - slice.From) / (length - 1) : 1, _shared);
    }

    /// <summary>A model as recipes name it: a folder, <c>folder+adapter</c>, or the map that mergekit writes, <c>{model: {path: ..}, lora: {path: ..}}</c>.</summary>
    public static string ModelOf(YamlNode node)
    {
        if (node.Text is { Length: > 0 } text) return text;
        node.DemandKeys("a model", ["model", "lora", "override_architecture"]);
        if (node["override_architecture"] is { Text: not "" } other) throw NotBuilt(other, "override_architecture");
        return string.Join('+', new[] { node["model"], node["lora"] }.Where(part => part is { Text: not "" }).Select(part => PathOf(part!))) is { Length: > 0 } path ? path : throw new WarmException(node.Where, "has no model", "a folder");

        static string PathOf(YamlNode part)
        {
            if (part.Text is not null) return part.Text;
            part.DemandKeys("a model's place", ["path", "revision"]);
            if (part.TextOf("revision") is { } revision) throw NotBuilt(part["revision"]!, $"revision {revision}: give the folder of that snapshot");
            return part.TextOf("path") ?? throw new WarmException(part.Where, "has no path", "path: a folder");
        }
    }

    /// <summary>The refusal of what a recipe may say and no average has.</summary>
    public static WarmException NotBuilt(YamlNode at, string what) => new(at.Where, $"{what}: not built here", "models, weights and dials that one average has");

    private static Slice WholeModels(YamlNode models, MergekitParameters parameters)
    {
        if (models.Items is not { Count: > 0 } items) throw new WarmException(models.Where, $"models is {models.Kind}", "a list of models");
        return new(0, null, Sources(items, ["model", "parameters"], models, parameters), new Dictionary<string, MergekitSetting>());
    }

    private static List<Slice> Slices(YamlNode node, string? @base, MergekitParameters parameters)
    {
        if (node.Items is not { Count: > 0 } items) throw new WarmException(node.Where, $"slices is {node.Kind}", "a list of slices");
        var slices = new List<Slice>();
        foreach (YamlNode item in items)
        {
            item.DemandKeys("a slice", ["sources", "parameters", "base_model", "residual_weight"]);
            if (item["residual_weight"] is { } residual) throw NotBuilt(residual, "residual_weight");
            if (item["base_model"] is { Text: not "" } own && ModelOf(own) != @base) throw NotBuilt(own, "a base_model of a slice's own");
            if (item["sources"]?.Items is not { Count: > 0 } sources) throw new WarmException(item.Where, "a slice has no sources", "a list of model and layer_range");
            Source[] read = Sources(sources, ["model", "layer_range", "parameters"], item, parameters);
            (int From, int To)[] ranges = [.. sources.Select(Range).Distinct()];
            bool follows = ranges is [var range] && range.From == (slices.Count == 0 ? 0 : slices[^1].To) && (slices.Count == 0 || slices[0].Sources.Select(s => s.Model).SequenceEqual(read.Select(s => s.Model)));
            if (!follows) throw NotBuilt(item, "slices that stack layers in another order, twice, or from other models");
            slices.Add(new(ranges[0].From, ranges[0].To, read, parameters.Read(item["parameters"])));
        }
        return slices;

        static (int, int) Range(YamlNode source) => source["layer_range"] is { Items: [{ Text: { } from }, { Text: { } to }] } && int.TryParse(from, out int a) && int.TryParse(to, out int b) && a >= 0 && b > a
            ? (a, b) : throw new WarmException((source["layer_range"] ?? source).Where, "layer_range is missing or malformed", "[first, one after the last]");
    }

    private static Source[] Sources(IReadOnlyList<YamlNode> items, string[] keys, YamlNode at, MergekitParameters parameters)
    {
        var sources = new List<Source>();
        foreach (YamlNode item in items)
        {
            item.DemandKeys("a model", keys);
            string model = ModelOf(item["model"] is { Text: not "" } named ? named : throw new WarmException(item.Where, "has no model", "model: a folder"));
            if (sources.Any(s => s.Model == model)) throw new WarmException(at.Where, $"model {model} stands twice", "each model once");
            sources.Add(new(model, parameters.Read(item["parameters"])));
        }
        return [.. sources];
    }

    /// <summary>The layer that a tensor belongs to, or null for one that stands outside the layers.</summary>
    private static int? LayerOf(string name) => Layer().Match(name) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int layer) ? layer : null;

    [GeneratedRegex(@"(?:^|\.)(?:layers|layer|h|block|blocks)\.(\d+)\.")]
    private static partial Regex Layer();

    [GeneratedRegex(@"embed|(^|\.)w[tp]e\.|(^|\.)shared\.")]
    private static partial Regex Embedding();

    /// <summary>A model and its own parameters.</summary>
    internal sealed record Source(string Model, IReadOnlyDictionary<string, MergekitSetting> Parameters);

    /// <summary>A run of layers with dials of its own; the last layer is not in it, null for all.</summary>
    internal sealed record Slice(int From, int? To, IReadOnlyList<Source> Sources, IReadOnlyDictionary<string, MergekitSetting> Parameters);
}

/// <summary>Where a tensor stands in a recipe.</summary>
/// <param name="Slice">Its layers.</param>
/// <param name="T">How far through them it is, 0 to 1.</param>
/// <param name="Shared">The parameters of all layers, the narrower first.</param>
internal readonly record struct MergekitPlace(MergekitLayout.Slice Slice, double T, IReadOnlyDictionary<string, MergekitSetting>[] Shared)
{
    /// <summary>A parameter's value for a tensor: the model's own, else the slice's, else what is said for all; null where nothing is said.</summary>
    public double? Dial(string name, string? model, string tensor)
    {
        double t = T;
        return (model is null ? null : At(Slice.Sources.FirstOrDefault(s => s.Model == model)?.Parameters)) ?? At(Slice.Parameters) ?? Shared.Select(At).FirstOrDefault(value => value is not null);

        double? At(IReadOnlyDictionary<string, MergekitSetting>? parameters) => parameters?.GetValueOrDefault(name)?.At(tensor, t);
    }
}
