using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Averaging;

/// <summary>Every method on trained families, against what PyTorch computed in double from the definitions.</summary>
public class ReferenceMethodsTests
{
    [ReferenceFact]
    public void Methods_equal_the_reference()
    {
        int count = 0, values = 0;
        foreach (JsonNode? entry in JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "expected.json")))!["entries"]!.AsArray())
        {
            string name = (string)entry!["name"]!, family = (string)entry["family"]!;
            if (entry["file"] is null || entry["inputs"] is null) continue;
            Weights Open(string i) => Checkpoint.Open(i.EndsWith(".safetensors", StringComparison.Ordinal) ? Reference.Path("merges", i) : Reference.Path("merges", family, i));
            if (MethodOf((string)entry["method"]!, entry["parameters"]!, () => Open("base")) is not { } method) continue;
            Weights[] members = [.. entry["inputs"]!.AsArray().Select(i => (string)i!).Where(i => i != "base").Select(Open)];
            WeightAverage average = WeightAverage.Of(members, new AverageOptions { Method = method, DType = DTypes.Parse((string)entry["dtype"]!) });
            Checkpoint expected = Checkpoint.Open(Reference.Path("merges", (string)entry["file"]!));
            Assert.Equal(expected.Names, average.Names);
            foreach (string tensor in expected.Names)
            {
                float[] want = new float[expected.Info(tensor).Count], got = new float[want.Length];
                expected.Read(tensor, 0, want);
                average.Read(tensor, 0, got);
                for (int i = 0; i < want.Length; i++)
                    // The definitions' sums and ours are in other orders: a value that lies between two singles may fall to either side.
                    Assert.True(want[i] == got[i] || Math.Abs(want[i] - got[i]) <= 6e-8 * Math.Max(2e-2, Math.Abs(want[i])) * 2, $"{family}/{name}: {tensor}[{i}] is {got[i]:R}, expected {want[i]:R}");
                values += want.Length;
            }
            count++;
        }
        Assert.True(count >= 30, $"only {count}");
        Reference.Count("averages by method", count);
        Reference.Count("values of averages by method", values);
    }

    [ReferenceFact]
    public void Della_keeps_with_the_reference_s_chances()
    {
        JsonNode entry = JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "expected.json")))!["entries"]!.AsArray().Single(e => (string)e!["name"]! == "della_keep_probability")!;
        string family = (string)entry["family"]!, tensor = (string)entry["tensor"]!;
        using Checkpoint member = Checkpoint.Open(Reference.Path("merges", family, "member-0")), origin = Checkpoint.Open(Reference.Path("merges", family, "base"));
        double[][] want = [.. entry["values"]!.AsArray().Select(row => row!.AsArray().Select(x => (double)x!).ToArray())];
        for (int row = 0; row < want.Length; row++)
        {
            double[] delta = new double[want[row].Length], from = new double[delta.Length];
            member.Read(tensor, row * (long)delta.Length, delta);
            origin.Read(tensor, row * (long)delta.Length, from);
            for (int i = 0; i < delta.Length; i++) delta[i] -= from[i];
            Assert.Equal(want[row], Della.KeepProbabilities(delta, 0.5, 0.15), (a, b) => Math.Abs(a - b) < 1e-15);
        }
        Reference.Count("rows of chances to be kept", want.Length);
    }

    private static AverageMethod? MethodOf(string method, JsonNode p, Func<Weights> origin)
    {
        double X(string key) => (double)p[key]!;
        double[]? weights = p["weights"] is JsonArray w ? [.. w.Select(x => (double)x!)] : null;
        bool normalise = (bool?)p["normalise"] ?? false;
        MethodScope scope = (string?)p["scope"] == "model" ? MethodScope.Model : MethodScope.Tensor;
        Weights[] Masks() => [.. Enumerable.Range(0, 3).Select(i => Checkpoint.Open(Reference.Path("merges", (string)p["masks"]!, $"member-{i}.safetensors")))];
        return method switch
        {
            "slerp" => new Slerp(X("t")) { Scope = scope },
            "slerp_deltas" => new SlerpDeltas(origin(), X("t")),
            "nuslerp" => new NuSlerp(X("t")),
            "task_arithmetic" => new TaskArithmetic(origin()) { Weights = weights, Lambda = X("lambda"), Normalise = normalise },
            "liti" => new Liti(origin(), X("eta")),
            "ties" => new Ties(origin()) { Weights = weights, Density = X("density"), Lambda = X("lambda"), Normalise = normalise, Scope = scope },
            "dare_linear" or "dare_ties" => new Dare(origin())
            {
                Weights = weights, Density = 1 - X("p"), Normalise = normalise, KeepMasks = Masks(), Signs = method == "dare_ties", Rescale = (string)p["rescale"]! == "l1" ? Rescaling.L1 : Rescaling.Paper,
            },
            "breadcrumbs" or "breadcrumbs_ties" => new Breadcrumbs(origin()) { Weights = weights, Density = X("density"), Gamma = X("gamma"), Normalise = normalise, Signs = method == "breadcrumbs_ties" },
            "model_stock" => new ModelStock(origin()) { Rows = (bool)p["rows"]! },
            "nearswap" => new NearSwap(X("t")),
            "ema" => new MovingAverage(X("decay")) { Corrected = (string)p["start"]! != "first" },
            "karcher" => new Karcher { MaxIterations = (int)X("max_iter"), Tolerance = X("tol") },
            "sce" => new Sce(origin()) { TopK = X("select_topk") },
            "swa" => new StochasticWeightAverage(),
            _ => null,
        };
    }
}
