using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>A tiny language model of tests/Golden/generation: config and shapes from there, values from the tensors' names as make.py computes them, and what transformers makes of it.</summary>
internal sealed class GoldenLanguageModel
{
    private static readonly Lazy<JsonElement> Cases = new(() => JsonText.Read(Repository.Golden("generation", "language-models.json")).GetProperty("cases"));
    private readonly JsonElement _json;

    public GoldenLanguageModel(string name) => _json = Cases.Value.GetProperty(name);

    public static TheoryData<string> Names => [.. Cases.Value.EnumerateObject().Select(c => c.Name)];

    public bool Tied => _json.GetProperty("tied").GetBoolean();

    public int[][] Texts => [.. _json.GetProperty("texts").EnumerateArray().Select(Ints)];

    public double[][] LogProbabilities => [.. _json.GetProperty("log_probabilities").EnumerateArray().Select(row => row.EnumerateArray().Select(v => v.GetDouble()).ToArray())];

    public int[][] Greedy => [.. _json.GetProperty("greedy").EnumerateArray().Select(Ints)];

    /// <summary>Writes the model's folder. Without a tokenizer: texts are ids.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="seed">0 for the golden values; another number moves each by a little.</param>
    /// <param name="tensors">Changes to what is written.</param>
    public string Write(string folder, int seed = 0, Action<Dictionary<string, Shape>>? tensors = null)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), _json.GetProperty("config").GetRawText());
        Dictionary<string, Shape> shapes = _json.GetProperty("shapes").EnumerateObject().ToDictionary(s => s.Name, s => new Shape([.. s.Value.EnumerateArray().Select(d => d.GetInt64())]));
        tensors?.Invoke(shapes);
        using SafetensorsWriter writer = SafetensorsWriter.Create(Path.Combine(folder, "model.safetensors"), shapes.Select(s => new TensorInfo(s.Key, DType.F32, s.Value)), SafetensorsWriter.FormatPt);
        foreach ((string name, Shape shape) in shapes) writer.Write(name, 0, MemoryMarshal.AsBytes(Values(name, shape, seed).AsSpan()));
        writer.Commit();
        return folder;
    }

    private static float[] Values(string name, Shape shape, int seed)
    {
        ulong hash = 14695981039346656037;
        foreach (byte b in Encoding.UTF8.GetBytes(name)) hash = (hash ^ b) * 1099511628211;
        double offset = shape.Rank == 1 && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0;
        return [.. Enumerable.Range(0, (int)shape.Count).Select(k => (float)(offset + At(hash, k) * 0.3 + (seed == 0 ? 0 : At(hash + (ulong)seed, k) * 0.05)))];

        static double At(ulong stream, int index)
        {
            ulong x = stream + (ulong)(index + 1) * 0x9E3779B97F4A7C15;
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return 2 * (((x ^ (x >> 31)) >> 11) / (double)(1L << 53)) - 1;
        }
    }

    private static int[] Ints(JsonElement row) => [.. row.EnumerateArray().Select(v => v.GetInt32())];
}
