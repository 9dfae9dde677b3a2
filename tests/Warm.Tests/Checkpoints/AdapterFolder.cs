using System.Runtime.InteropServices;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>A small base and an adapter folder, made on the spot: values are random, shapes are those of a tiny Llama or GPT-2.</summary>
internal sealed class AdapterFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(7);

    public const string Llama = """{"model_type":"llama","architectures":["LlamaForSequenceClassification"],"num_labels":1}""";
    public const string Gpt2 = """{"model_type":"gpt2","architectures":["GPT2ForSequenceClassification"],"num_labels":1}""";

    public Dictionary<string, double[]> Base { get; } = [];
    public Dictionary<string, double[]> Factors { get; } = [];
    private readonly Dictionary<string, TensorInfo> _base = [], _factors = [];

    public string BasePath => _folder["base"];
    public string AdapterPath => _folder["adapter"];
    public string Path => _folder.Path;

    /// <summary>A base with q (square), down (not square), an embedding, a bias, a norm and a head.</summary>
    public static AdapterFolder Standard(DType baseType = DType.F32)
    {
        var made = new AdapterFolder();
        made.AddBase("model.embed_tokens.weight", baseType, 9, 6).AddBase("model.layers.0.q.weight", baseType, 6, 6).AddBase("model.layers.0.q.bias", baseType, 6)
            .AddBase("model.layers.1.q.weight", baseType, 6, 6).AddBase("model.layers.0.down.weight", baseType, 6, 10).AddBase("model.norm.weight", baseType, 6).AddBase("score.weight", baseType, 1, 6);
        return made;
    }

    public AdapterFolder AddBase(string name, DType type, params long[] shape) => Add(_base, Base, name, type, shape);

    public AdapterFolder Add(string name, DType type, params long[] shape) => Add(_factors, Factors, name, type, shape);

    public AdapterFolder Pair(string module, int rank, long inputs, long outputs, DType type = DType.F32) =>
        Add($"base_model.model.{module}.lora_A.weight", type, rank, inputs).Add($"base_model.model.{module}.lora_B.weight", type, outputs, rank);

    public AdapterFolder Remove(string name)
    {
        _factors.Remove(name);
        return this;
    }

    public AdapterFolder Write(string adapterConfig = """{"peft_type":"LORA","r":2,"lora_alpha":4}""", string config = Llama)
    {
        Write(BasePath, "model.safetensors", _base.Values, Base);
        File.WriteAllText(System.IO.Path.Combine(BasePath, "config.json"), config);
        Write(AdapterPath, "adapter_model.safetensors", _factors.Values, Factors);
        File.WriteAllText(System.IO.Path.Combine(AdapterPath, "adapter_config.json"), adapterConfig);
        return this;
    }

    /// <summary>The adapter on its base; both stay open for the test's short life.</summary>
    public LowRankAdapter Open() => LowRankAdapter.Open(Checkpoint.Open(BasePath), AdapterPath);

    public string Refusal() => Assert.Throws<WarmException>(Open).Message;

    public void Dispose() => _folder.Dispose();

    private AdapterFolder Add(Dictionary<string, TensorInfo> infos, Dictionary<string, double[]> values, string name, DType type, long[] shape)
    {
        var info = new TensorInfo(name, type, new(shape));
        double[] some = [.. Enumerable.Range(0, (int)info.Count).Select(_ => _random.NextDouble() * 2 - 1)];
        // What is stored is what counts.
        byte[] bits = new byte[info.Bytes];
        if (type.IsFloat())
        {
            FloatBits.Narrow(type, some, bits);
            FloatBits.Widen(type, bits, some);
        }
        (infos[name], values[name]) = (info, some);
        return this;
    }

    private static void Write(string folder, string file, IEnumerable<TensorInfo> infos, Dictionary<string, double[]> values)
    {
        Directory.CreateDirectory(folder);
        using SafetensorsWriter writer = SafetensorsWriter.Create(System.IO.Path.Combine(folder, file), infos, overwrite: true, sync: false);
        foreach (TensorInfo info in infos)
        {
            byte[] bits = new byte[info.Bytes];
            if (info.DType.IsFloat()) FloatBits.Narrow(info.DType, values[info.Name], bits);
            writer.Write(info.Name, 0, bits);
        }
        writer.Commit();
    }
}
