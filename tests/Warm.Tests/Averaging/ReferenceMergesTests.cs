using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Averaging;

/// <summary>Means, weighted means and interpolations of six trained families, against what PyTorch computed in double.</summary>
public class ReferenceMergesTests
{
    [ReferenceFact]
    public void Means_weighted_means_and_interpolations_equal_the_reference_to_the_bit()
    {
        JsonArray entries = JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "expected.json")))!["entries"]!.AsArray();
        int count = 0;
        foreach (JsonNode? entry in entries)
        {
            string method = (string)entry!["method"]!, name = (string)entry["name"]!, family = (string)entry["family"]!;
            if (method is not ("mean" or "weighted" or "interpolation") || entry["file"] is null) continue;
            Weights[] members = [.. entry["inputs"]!.AsArray().Select(i => (string)i!).Select(i => Checkpoint.Open(i.EndsWith(".safetensors", StringComparison.Ordinal) ? Reference.Path("merges", i) : Reference.Path("merges", family, i)))];
            var options = new AverageOptions { DType = DTypes.Parse((string)entry["dtype"]!), Accumulate = name.EndsWith("_f32", StringComparison.Ordinal) ? DType.F32 : DType.F64 };
            JsonNode parameters = entry["parameters"]!;
            WeightAverage average = method switch
            {
                "interpolation" => Interpolation.Of(members[0], members[1], (double)parameters["lambda"]!, options),
                "weighted" => WeightAverage.Of(members, options with { Weights = [.. parameters["weights"]!.AsArray().Select(w => (double)w!)], Normalise = (bool?)parameters["normalise"] ?? true }),
                _ => WeightAverage.Of(members, options),
            };
            Checkpoint expected = Checkpoint.Open(Reference.Path("merges", (string)entry["file"]!));
            Assert.Equal(expected.Names, average.Names);
            // The pass of Save takes the quick way where there is one; reading takes the plain way. Both are the reference's bits.
            var passed = average.Names.ToDictionary(n => n, n => new byte[average.Info(n).Bytes]);
            average.Pass(new PassOptions { Threads = 2 }).Run((tensor, start, bits) => bits.CopyTo(passed[tensor.Name].AsSpan((int)(start * tensor.DType.Bits() / 8))));
            foreach (string tensor in expected.Names)
            {
                byte[] want = TinyFolder.Bits(expected, tensor);
                Assert.True(want.AsSpan().SequenceEqual(TinyFolder.Bits(average, tensor)), $"{family}/{name}: {tensor}");
                Assert.True(want.AsSpan().SequenceEqual(passed[tensor]), $"{family}/{name}: {tensor} in a pass");
            }
            count++;
        }
        Assert.True(count >= 19);
        Reference.Count("averages equal to the bit", count);
    }

    [ReferenceTheory]
    [InlineData("bf16", DType.BF16)]
    [InlineData("f16", DType.F16)]
    public void Sums_made_to_be_hard_are_right_in_the_last_bit(string tag, DType dtype)
    {
        using Checkpoint sums = Checkpoint.Open(Reference.Path("merges", "expected", "hard_sums.safetensors"));
        using var folder = new TemporaryFolder();
        int columns = (int)sums.Info($"{tag}.x").Shape[1];
        var coefficients = new double[6];
        sums.Read($"{tag}.weights", 0, coefficients);
        Weights[] members = [.. Enumerable.Range(0, 6).Select(row =>
        {
            var bits = new byte[columns * 2];
            sums.ReadRaw($"{tag}.x", row * (long)columns, bits);
            var info = new TensorInfo("x", dtype, new Shape(columns));
            using var writer = SafetensorsWriter.Create(folder[$"{row}.safetensors"], [info], sync: false);
            writer.Write("x", 0, bits);
            writer.Commit();
            return Checkpoint.Open(folder[$"{row}.safetensors"]);
        })];
        void Equal(string expected, AverageOptions options)
        {
            WeightAverage average = WeightAverage.Of(members, options);
            byte[] want = TinyFolder.Bits(sums, $"{tag}.{expected}"), passed = new byte[want.Length];
            average.Pass(new PassOptions { BlockBytes = 128 }).Run((tensor, start, bits) => bits.CopyTo(passed.AsSpan((int)start * 2)));
            Assert.Equal(want, TinyFolder.Bits(average, "x"));
            Assert.Equal(want, passed);
        }
        string[] any = ["ancestry"];
        Equal("mean_f64_once", new AverageOptions { Allow = any });
        Equal("mean_f32_in_order", new AverageOptions { Accumulate = DType.F32, Allow = any });
        Equal("weighted_f64_once", new AverageOptions { Weights = coefficients, Normalise = false, Allow = any });
        Equal("weighted_f32", new AverageOptions { Weights = coefficients, Normalise = false, Accumulate = DType.F32, Allow = any });
        Reference.Count("hard sums", 4 * columns);
    }

    [ReferenceFact]
    public void Distances_equal_the_reference()
    {
        JsonObject all = JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "distances.json")))!.AsObject();
        int count = 0;
        foreach ((string family, JsonNode? pairs) in all)
            foreach ((string pair, JsonNode? row) in pairs!.AsObject())
            {
                string[] names = pair.Split('|');
                if (names[0] == "base") continue;
                WeightDistance distance = WeightDistance.Measure([.. names.Select(n => Checkpoint.Open(Reference.Path("merges", family, n)))], Checkpoint.Open(Reference.Path("merges", family, "base")));
                JsonNode total = row!["total"]!;
                Assert.Equal((double)total["l2"]!, distance.Distance(0, 1), 1e-9);
                Assert.Equal((double)total["delta_a"]!, distance.DeltaLength(0), 1e-9);
                Assert.Equal((double)total["delta_b"]!, distance.DeltaLength(1), 1e-9);
                Assert.Equal((double)total["delta_cos"]!, distance.DeltaCosine(0, 1), 1e-9);
                Assert.Equal((double)total["sign_agreement"]!, distance.SignAgreement(0, 1), 1e-9);
                if (row["tensors"] is JsonObject tensors)
                    foreach ((string name, JsonNode? figures) in tensors)
                    {
                        TensorDistance tensor = distance.PerTensor.Single(t => t.Name == name);
                        Assert.Equal((double)figures!["l2"]!, tensor.Distance(0, 1), 1e-9);
                        Assert.Equal((double)figures["max_abs"]!, tensor.MaxAbs[0, 1], 1e-12);
                        Assert.Equal((double)figures["cos"]!, tensor.Cosine(0, 1), 1e-9);
                    }
                count++;
            }
        Assert.True(count > 15);
        Reference.Count("distances of members", count);
    }
}
