using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Warm.Transformers.Tests;

/// <summary>Weights that are made on the spot: any names and shapes, under any config. Values come from the names, or from other weights.</summary>
internal sealed class MadeWeights : Weights
{
    private readonly Dictionary<string, TensorInfo> _tensors;
    private readonly Func<string, float[]> _values;
    private readonly ConcurrentDictionary<string, float[]> _made = []; // a pass reads on several threads

    /// <summary>Weights with random values: around <paramref name="norm"/> for norms' weights, else around 0.</summary>
    public MadeWeights(IEnumerable<TensorInfo> tensors, string configPath, double norm = 1)
    {
        _tensors = tensors.ToDictionary(t => t.Name, t => t with { DType = DType.F32 });
        Folder = new ModelFolder(Path.GetDirectoryName(configPath)!, ModelConfig.Read(configPath));
        _values = name =>
        {
            var random = new Random(name.Sum(c => c)); // by name, so that changing one tensor leaves the others
            bool isNorm = (name.Contains("norm", StringComparison.OrdinalIgnoreCase) || name.Contains(".ln_", StringComparison.Ordinal)) && name.EndsWith("weight", StringComparison.Ordinal);
            Shape shape = _tensors[name].Shape;
            double deviation = shape.Rank <= 1 ? 0.2 : Math.Min(0.25, 1.4 / Math.Sqrt(shape[shape.Rank - 1])); // states stay of one size, however wide
            return [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)((isNorm ? norm : 0) + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
        };
    }

    /// <summary>Other weights with tensors changed: dropped, renamed, added or of another shape (then zeros).</summary>
    public MadeWeights(Weights origin, string? configPath, Action<Dictionary<string, TensorInfo>> change)
    {
        _tensors = origin.Names.ToDictionary(name => name, origin.Info);
        change(_tensors);
        Folder = configPath is null ? origin.Folder! : new ModelFolder(Path.GetDirectoryName(configPath)!, ModelConfig.Read(configPath));
        _values = name =>
        {
            float[] values = new float[_tensors[name].Count];
            if (origin.Contains(_tensors[name].Name) && origin.Info(_tensors[name].Name).Shape == _tensors[name].Shape) origin.Read(_tensors[name].Name, 0, values.AsSpan());
            return values;
        };
    }

    public override string Name => "made";

    public override IReadOnlyList<string> Names => [.. _tensors.Keys];

    public override ModelFolder Folder { get; }

    public override TensorInfo Info(string name) => _tensors[name] with { Name = name };

    public override bool Contains(string name) => _tensors.ContainsKey(name);

    public override void ReadRaw(string name, long start, Span<byte> destination) =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(Values(name).AsSpan()).Slice((int)start * 4, destination.Length).CopyTo(destination);

    public override void Read(string name, long start, Span<float> destination) => Values(name).AsSpan((int)start, destination.Length).CopyTo(destination);

    public override void Read(string name, long start, Span<double> destination)
    {
        float[] values = Values(name);
        for (int i = 0; i < destination.Length; i++) destination[i] = values[start + i];
    }

    private float[] Values(string name) => _made.GetOrAdd(name, _values);

    /// <summary>Writes a changed config.json into a folder and gives its path.</summary>
    public static string Config(string folder, string origin, Action<JsonObject> change)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(origin))!.AsObject();
        change(config);
        string path = Path.Combine(Directory.CreateDirectory(folder).FullName, "config.json");
        File.WriteAllText(path, config.ToJsonString());
        return path;
    }
}
