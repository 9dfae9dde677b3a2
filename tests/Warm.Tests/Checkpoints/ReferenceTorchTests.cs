using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>Every torch file of the reference: right to the bit, or refused as its line says.</summary>
public class ReferenceTorchTests
{
    private static JsonElement Load(string name) => JsonDocument.Parse(File.ReadAllBytes(Reference.Path("checkpoints", name))).RootElement;

    [ReferenceFact]
    public void Open_reads_every_valid_torch_file_to_the_bit()
    {
        int cases = 0;
        foreach (JsonElement entry in Load("valid.json").GetProperty("files").EnumerateArray())
        {
            string file = entry.GetProperty("file").GetString()!;
            if (!file.StartsWith("torch/", StringComparison.Ordinal) && file != "folders/bin_shards2") continue;
            string path = Reference.Path("checkpoints", file);
            cases++;
            if (entry.TryGetProperty("refuse", out _) || file == "torch/no_version.bin") // which torch refuses as well
            {
                Assert.Throws<WarmException>(() => Checkpoint.Open(path));
                continue;
            }
            using Checkpoint checkpoint = Checkpoint.Open(path);
            checkpoint.Verify();
            string prefix = entry.TryGetProperty("prefix", out JsonElement below) ? $"{below.GetString()}." : "";
            Dictionary<string, JsonElement> tensors = entry.GetProperty("tensors").EnumerateObject().ToDictionary(t => t.Name.StartsWith(prefix, StringComparison.Ordinal) ? t.Name[prefix.Length..] : t.Name, t => t.Value);
            Assert.Equal(tensors.Keys.ToHashSet(), checkpoint.Names.ToHashSet());
            foreach ((string name, JsonElement tensor) in tensors)
            {
                TensorInfo info = checkpoint.Info(name);
                Assert.Equal(tensor.GetProperty("dtype").GetString(), info.DType.Name());
                Assert.Equal(tensor.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), info.Shape.Sizes.ToArray());
                byte[] bytes = new byte[info.Bytes], piecewise = new byte[info.Bytes];
                checkpoint.ReadRaw(name, 0, bytes);
                Assert.True(tensor.GetProperty("hex").GetString() == Convert.ToHexStringLower(bytes), $"{file} {name}");
                int item = info.DType.Bits() / 8;
                for (int at = 0, step = 1; at < info.Count; at += step, step = step % 5 + 1)
                    checkpoint.ReadRaw(name, at, piecewise.AsSpan(at * item, Math.Min(step, (int)info.Count - at) * item));
                Assert.Equal(bytes, piecewise);
                Assert.Null(checkpoint.View(name));
            }
        }
        Reference.Count("valid torch files", cases);
        Assert.True(cases >= 65, $"{cases}");
    }

    [ReferenceFact]
    public void Open_treats_every_hostile_pickle_as_its_line_says()
    {
        int cases = 0;
        byte[] good = File.ReadAllBytes(Reference.Path("checkpoints", "hostile", "pickle", "good.bin"));
        foreach (JsonElement entry in Load("hostile.json").GetProperty("pickle").EnumerateArray())
        {
            string path = Reference.Path("checkpoints", entry.GetProperty("file").GetString()!), line = entry.GetProperty("warm").GetString()!;
            bool free = line.Contains("both fine") || line.Contains("is fine") || line.Contains(" or refuses") || line.Contains("or refuse") || line.Contains("or open") || line.Contains("(or swaps)") || line.Contains("opens, or refuses") || line.Contains("opens lazily");
            // zip_crc_pickle was meant to be damaged: the reference's script changed nothing in it, and what is as good must open.
            if (File.ReadAllBytes(path).AsSpan().SequenceEqual(good)) line = "opens with the recorded values";
            bool? opens = line.StartsWith("opens with", StringComparison.Ordinal) || line.StartsWith("opens:", StringComparison.Ordinal) ? true : free ? null : line.StartsWith("opens", StringComparison.Ordinal);
            Dictionary<string, byte[]> found = [];
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exception? error = Record.Exception(() =>
            {
                using Checkpoint checkpoint = Checkpoint.Open(path);
                checkpoint.Verify();
                foreach (string name in checkpoint.Names)
                {
                    found[name] = new byte[Math.Min(checkpoint.Info(name).Bytes, 1024)];
                    checkpoint.ReadRaw(name, 0, found[name]);
                }
            });
            Assert.True(error is null or WarmException, $"{path}: {error}");
            Assert.True(opens is null || opens == error is null, $"{path}: {error?.Message ?? "opens"}; {line}");
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64_000_000);
            if (error is not null) Assert.Contains(Path.GetFileName(path), error.Message);
            else if (opens == true)
                foreach (JsonProperty tensor in entry.GetProperty("torch_weights_only").GetProperty("says").EnumerateObject())
                    Assert.StartsWith(tensor.Value[2].GetString() ?? "", Convert.ToHexStringLower(found[tensor.Name]));
            cases++;
        }
        Reference.Count("hostile torch files", cases);
        Assert.True(cases >= 167, $"{cases}");
    }
}
