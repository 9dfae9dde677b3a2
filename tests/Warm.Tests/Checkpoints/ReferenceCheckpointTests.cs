using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>Every safetensors file and folder of the reference: right to the bit, or refused as its line says.</summary>
public class ReferenceCheckpointTests
{
    private static JsonElement Load(string name) => JsonDocument.Parse(File.ReadAllBytes(Reference.Path("checkpoints", name))).RootElement;

    [ReferenceFact]
    public void Open_reads_every_valid_file_to_the_bit()
    {
        int cases = 0;
        foreach (JsonElement entry in Load("valid.json").GetProperty("files").EnumerateArray())
        {
            string file = entry.GetProperty("file").GetString()!;
            if (file.StartsWith("torch/", StringComparison.Ordinal) || file == "folders/bin_shards2") continue;
            string path = Reference.Path("checkpoints", file);
            if (entry.TryGetProperty("refuse", out _) || entry.TryGetProperty("ambiguous", out _))
            {
                Assert.Throws<WarmException>(() => Checkpoint.Open(path));
                cases++;
                continue;
            }
            using Checkpoint checkpoint = Checkpoint.Open(path);
            JsonElement tensors = entry.GetProperty("tensors");
            Assert.Equal(tensors.EnumerateObject().Select(t => t.Name).ToHashSet(), checkpoint.Names.ToHashSet());
            if (entry.TryGetProperty("safe_open_key_order", out JsonElement order)) Assert.Equal(order.EnumerateArray().Select(n => n.GetString()!), checkpoint.Names);
            if (entry.TryGetProperty("metadata", out JsonElement metadata))
                Assert.Equal(metadata.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!), checkpoint.Metadata.ToDictionary());
            foreach (JsonProperty tensor in tensors.EnumerateObject())
            {
                TensorInfo info = checkpoint.Info(tensor.Name);
                string where = $"{file} {tensor.Name}";
                Assert.Equal(tensor.Value.GetProperty("dtype").GetString(), info.DType.Name());
                Assert.Equal(tensor.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), info.Shape.Sizes.ToArray());
                byte[] bytes = new byte[info.Bytes];
                checkpoint.ReadRaw(tensor.Name, 0, bytes);
                Assert.True(tensor.Value.GetProperty("hex").GetString() == Convert.ToHexStringLower(bytes), where);
                using TensorView view = checkpoint.View(tensor.Name)!;
                Assert.Equal(bytes, view.Bytes(0, bytes.Length).ToArray());
                if (tensor.Value.TryGetProperty("values", out JsonElement values) && info.DType.IsFloat()) CompareValues(checkpoint, info, values, where);
            }
            cases++;
        }
        Reference.Count("valid safetensors files and folders", cases);
        Assert.True(cases >= 40, $"{cases}");
    }

    private static void CompareValues(Checkpoint checkpoint, TensorInfo info, JsonElement values, string where)
    {
        double[] expected = [.. Flat(values).Select(v => v.ValueKind == JsonValueKind.String ? v.GetString() switch { "NaN" => double.NaN, "Infinity" => double.PositiveInfinity, _ => double.NegativeInfinity } : v.GetDouble())];
        var doubles = new double[info.Count];
        var singles = new float[info.Count];
        checkpoint.Read(info.Name, 0, doubles);
        checkpoint.Read(info.Name, 0, singles);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i].Equals(doubles[i]) && double.IsNegative(expected[i]) == double.IsNegative(doubles[i]) || double.IsNaN(expected[i]) && double.IsNaN(doubles[i]), $"{where}[{i}]: {doubles[i]}, expected {expected[i]}");
            Assert.True(((float)expected[i]).Equals(singles[i]), $"{where}[{i}]: {singles[i]}");
        }
    }

    private static IEnumerable<JsonElement> Flat(JsonElement value) => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Flat) : [value];

    [ReferenceFact]
    public void Open_treats_every_hostile_file_as_its_line_says()
    {
        int cases = 0;
        foreach (JsonElement entry in Load("hostile.json").GetProperty("safetensors").EnumerateArray())
        {
            string path = Reference.Path("checkpoints", entry.GetProperty("file").GetString()!), line = entry.GetProperty("warm").GetString()!;
            bool? opens = line.Contains("both fine") ? null : line.StartsWith("opens", StringComparison.Ordinal) || line.Contains("copies the byte");
            Exception? error = Record.Exception(() => Checkpoint.Open(path).Dispose());
            Assert.True(error is null or WarmException, $"{path}: {error}");
            Assert.True(opens is null || opens == error is null, $"{path}: {error?.Message ?? "opens"}; {line}");
            if (error is not null) Assert.Contains(Path.GetFileName(path), error.Message);
            cases++;
        }
        Reference.Count("hostile safetensors files", cases);
        Assert.True(cases >= 171, $"{cases}");
    }

    [ReferenceFact]
    public void Open_treats_every_hostile_folder_without_a_crash_and_refuses_what_is_wrong_with_its_files()
    {
        int cases = 0;
        using var copies = new TemporaryFolder();
        foreach (JsonElement entry in Load("hostile.json").GetProperty("folders").EnumerateArray())
        {
            string name = entry.GetProperty("folder").GetString()!, path = HostileBar.Folder(entry, copies), line = entry.GetProperty("warm").GetString()!;
            bool adapter = entry.TryGetProperty("adapter", out JsonElement isAdapter) && isAdapter.GetBoolean();
            Exception? error = Record.Exception(() =>
            {
                using Checkpoint checkpoint = Checkpoint.Open(path);
                _ = HeadLayout.Of(checkpoint);
                _ = checkpoint.Folder!.Config?.NumLabels;
            });
            Assert.True(error is null or WarmException, $"{name}: {error}");
            // What is wrong with a config's values or with the set of tensors is for the model to refuse; files, links, indexes and JSON are ours.
            string folder = Path.GetFileName(name);
            if (folder == "symlink_dir_cycle") { Assert.Contains("holds no weights", error?.Message); cases++; continue; } // "opens what it finds": listing it ended, and there are none
            bool ours = adapter || folder.StartsWith("index_", StringComparison.Ordinal) || folder.StartsWith("symlink_", StringComparison.Ordinal) || line.Contains("the place") || line.Contains("depth limit")
                || folder is "empty_folder" or "no_weights" or "only_gguf";
            if (line.StartsWith("opens", StringComparison.Ordinal) && !adapter && !line.Contains("or refuses") && !line.Contains("refuse")) Assert.True(error is null, $"{name}: {error?.Message}");
            else if (ours && folder != "index_tensor_missing" && !line.StartsWith("opens", StringComparison.Ordinal)) Assert.True(error is not null, $"{name} opens; {line}");
            cases++;
        }
        Reference.Count("hostile folders", cases);
        Assert.True(cases >= 100, $"{cases}");
    }

    [ReferenceFact]
    public void Narrow_rounds_as_the_reference_does()
    {
        using Checkpoint singles = Checkpoint.Open(Reference.Path("checkpoints", "safetensors", "rounding.safetensors")), doubles = Checkpoint.Open(Reference.Path("checkpoints", "safetensors", "rounding_f64.safetensors"));
        var f32 = new float[singles.Info("f32").Count];
        var f64 = new double[doubles.Info("f64").Count];
        singles.Read("f32", 0, f32);
        doubles.Read("f64", 0, f64);
        foreach ((string name, DType dtype) in ((string, DType)[])[("bf16", DType.BF16), ("f16", DType.F16), ("f8_e4m3", DType.F8E4M3), ("f8_e5m2", DType.F8E5M2)])
        {
            byte[] bits = new byte[f32.Length * dtype.Bits() / 8];
            FloatBits.Narrow(dtype, f32, bits);
            SameButNaN(singles, name, bits);
        }
        foreach ((string name, DType dtype) in ((string, DType)[])[("bf16_once", DType.BF16), ("f16_once", DType.F16), ("f32", DType.F32)])
        {
            byte[] bits = new byte[f64.Length * dtype.Bits() / 8];
            FloatBits.Narrow(dtype, f64, bits);
            SameButNaN(doubles, name, bits);
        }
        Reference.Count("rounded values", f32.Length * 4 + f64.Length * 3);
    }

    /// <summary>A NaN need only be one: its payload differs between machines.</summary>
    private static void SameButNaN(Checkpoint checkpoint, string name, byte[] bits)
    {
        TensorInfo info = checkpoint.Info(name);
        byte[] expected = new byte[info.Bytes];
        checkpoint.ReadRaw(name, 0, expected);
        int size = info.DType.Bits() / 8;
        float[] found = new float[info.Count], wanted = new float[info.Count];
        FloatBits.Widen(info.DType, bits, found);
        FloatBits.Widen(info.DType, expected, wanted);
        for (int i = 0; i < info.Count; i++)
            Assert.True(float.IsNaN(wanted[i]) ? float.IsNaN(found[i]) : expected.AsSpan(i * size, size).SequenceEqual(bits.AsSpan(i * size, size)), $"{name}[{i}]: {found[i]}, expected {wanted[i]}");
    }
}
