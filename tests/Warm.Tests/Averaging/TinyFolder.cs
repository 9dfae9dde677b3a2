using System.Text.Json.Nodes;

namespace Warm.Tests.Averaging;

/// <summary>Tiny Llama-shaped model folders, made on the spot: siblings are one random start with small steps away from it.</summary>
internal static class TinyFolder
{
    public const string Config = """
        {
          "architectures": ["LlamaForSequenceClassification"],
          "dtype": "float32",
          "hidden_act": "silu",
          "hidden_size": 16,
          "id2label": {"0": "LABEL_0"},
          "label2id": {"LABEL_0": 0},
          "model_type": "llama",
          "num_attention_heads": 4,
          "pad_token_id": 0,
          "rms_norm_eps": 1e-05,
          "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
          "vocab_size": 32
        }
        """;

    public static readonly (string Name, long[] Shape)[] Shapes =
    [
        ("model.embed_tokens.weight", [32, 16]), ("model.layers.0.self_attn.q_proj.weight", [16, 16]), ("model.layers.0.mlp.up_proj.weight", [20, 16]),
        ("model.layers.0.mlp.down_proj.weight", [16, 20]), ("model.norm.weight", [16]), ("score.weight", [1, 16]),
    ];

    /// <summary>The values of a sibling.</summary>
    public static Dictionary<string, double[]> Values(int sibling, int start = 1, double step = 0.05)
    {
        var values = new Dictionary<string, double[]>();
        foreach ((string name, long[] shape) in Shapes)
        {
            Random common = new(start * 1000 + name.Sum(letter => letter)), own = new(sibling * 77 + name.Length);
            long count = shape.Aggregate(1L, (a, b) => a * b);
            values[name] = [.. Enumerable.Range(0, (int)count).Select(_ => name.Contains("norm") ? 1 + 0.1 * common.NextDouble() + step * own.NextDouble() : common.NextDouble() * 2 - 1 + step * (own.NextDouble() - 0.5))];
        }
        return values;
    }

    /// <summary>Writes a folder; <paramref name="more"/> are tensors beside the usual ones.</summary>
    public static string Write(string path, Dictionary<string, double[]> values, DType dtype = DType.F32, string? config = null, Action<Dictionary<string, (TensorInfo, byte[])>>? more = null)
    {
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "config.json"), config ?? Config);
        File.WriteAllText(Path.Combine(path, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"[PAD]":0,"a":1,"b":2},"unk_token":"a"},"added_tokens":[]}""");
        File.WriteAllText(Path.Combine(path, "tokenizer_config.json"), """{"pad_token":"[PAD]"}""");
        File.WriteAllText(Path.Combine(path, "vocab.txt"), "[PAD]\na\nb\n");
        File.WriteAllText(Path.Combine(path, "optimizer.pt"), "not a companion");
        var tensors = new Dictionary<string, (TensorInfo, byte[])>();
        foreach ((string name, long[] shape) in Shapes)
        {
            if (!values.TryGetValue(name, out double[]? v)) continue;
            var info = new TensorInfo(name, dtype, new Shape(shape));
            var bits = new byte[info.Bytes];
            FloatBits.Narrow(dtype, v, bits);
            tensors[name] = (info, bits);
        }
        more?.Invoke(tensors);
        using var writer = SafetensorsWriter.Create(Path.Combine(path, "model.safetensors"), tensors.Values.Select(t => t.Item1), overwrite: true, sync: false);
        foreach ((string name, (_, byte[] bits)) in tensors) writer.Write(name, 0, bits);
        writer.Commit();
        return path;
    }

    /// <summary>Siblings 0, 1, .. opened.</summary>
    public static Weights[] Siblings(TemporaryFolder folder, int count, DType dtype = DType.F32) =>
        [.. Enumerable.Range(0, count).Select(i => Checkpoint.Open(Write(folder[$"rm-{i}"], Values(i), dtype)))];

    /// <summary>A config with a key changed; null removes it.</summary>
    public static string With(string key, JsonNode? value)
    {
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        if (value is null) json.Remove(key);
        else json[key] = value;
        return json.ToJsonString();
    }

    /// <summary>All bits of a tensor as saved.</summary>
    public static byte[] Bits(Weights weights, string name)
    {
        var bits = new byte[weights.Info(name).Bytes];
        weights.ReadRaw(name, 0, bits);
        return bits;
    }
}
