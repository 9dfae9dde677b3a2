using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Log-probabilities beside transformers', their bits, and what is refused.</summary>
public class LanguageModelTests
{
    public static TheoryData<string> Golden => GoldenLanguageModel.Names;

    [Theory]
    [MemberData(nameof(Golden))]
    public void LogProbabilities_are_those_of_transformers(string name)
    {
        var golden = new GoldenLanguageModel(name);
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        TokenSequence[] sequences = [.. golden.Texts.Select(ids => new TokenSequence(ids[..1], ids[1..]))];
        foreach ((Engine engine, double tolerance) in new (Engine, double)[] { (new ReferenceEngine(), 1e-5), (new CpuEngine(), 2e-5), (new CpuEngine(new() { Kernel = CpuKernel.Portable }), 2e-5) })
        {
            using LanguageModel model = LanguageModel.Load(checkpoint, engine);
            Assert.Equal(golden.Tied, model.IsTied);
            Assert.Empty(model.Remarks);
            IReadOnlyList<ResponseLogProbability> results = model.LogProbabilities(sequences);
            for (int i = 0; i < results.Count; i++)
                for (int t = 0; t < results[i].Tokens.Count; t++) Assert.InRange(results[i].Tokens[t] - golden.LogProbabilities[i][t], -tolerance, tolerance);
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gemma2-softcap")]
    [InlineData("llama-dynamic")]
    public void LogProbabilities_have_the_same_bits_in_any_company(string name)
    {
        var golden = new GoldenLanguageModel(name);
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        TokenSequence[] sequences = [.. golden.Texts.Select((ids, i) => new TokenSequence(ids[..(1 + i)], ids[(1 + i)..])), new([5, 6], [])];
        using LanguageModel model = LanguageModel.Load(checkpoint), one = LanguageModel.Load(checkpoint, new CpuEngine(new() { Threads = 1 }), new() { TokensPerPass = 16, Residency = Residency.Streamed });
        float[][] together = [.. model.LogProbabilities(sequences).Select(r => r.Tokens.ToArray())];
        Assert.Equal(together, one.LogProbabilities(sequences).Select(r => r.Tokens.ToArray()));
        Assert.Equal(together, sequences.Select(s => model.LogProbabilities([s])[0].Tokens.ToArray()));
        Assert.Empty(together[^1]);
        Assert.Equal(0, model.LogProbabilities([sequences[^1]])[0].Sum);
    }

    [Fact]
    public void LogProbabilities_of_an_average_are_those_of_the_saved_one()
    {
        var golden = new GoldenLanguageModel("qwen3"); // tied
        using var folder = new TemporaryFolder();
        using Checkpoint a = Checkpoint.Open(golden.Write(folder["a"])), b = Checkpoint.Open(golden.Write(folder["b"], seed: 1));
        using WeightAverage average = WeightAverage.Of([a, b]);
        average.Save(folder["average"]);
        using Checkpoint saved = Checkpoint.Open(folder["average"]);
        TokenSequence[] sequences = [.. golden.Texts.Select(ids => new TokenSequence(ids[..1], ids[1..]))];
        using LanguageModel inMemory = LanguageModel.Load(average), onDisk = LanguageModel.Load(saved);
        Assert.Equal(onDisk.LogProbabilities(sequences).Select(r => r.Tokens.ToArray()), inMemory.LogProbabilities(sequences).Select(r => r.Tokens.ToArray()));
    }

    [Fact]
    public void Load_takes_a_head_that_lies_in_the_file_though_the_config_ties_it()
    {
        var golden = new GoldenLanguageModel("llama-tied");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"], tensors: t => t["lm_head.weight"] = new Shape(60, 24)));
        using LanguageModel model = LanguageModel.Load(checkpoint);
        Assert.False(model.IsTied);
    }

    [Fact]
    public void Load_refuses_what_is_no_language_model()
    {
        var golden = new GoldenLanguageModel("llama");
        using var folder = new TemporaryFolder();
        using Checkpoint headless = Checkpoint.Open(golden.Write(folder["headless"], tensors: t => t.Remove("lm_head.weight")));
        Assert.Contains("'lm_head.weight' [60, 24] is missing", Assert.Throws<WarmException>(() => LanguageModel.Load(headless)).Message);
        using Checkpoint reward = Checkpoint.Open(TinyModel.Llama(folder["reward"]));
        Assert.Contains("is no language model", Assert.Throws<WarmException>(() => LanguageModel.Load(reward)).Message);
        using Checkpoint narrow = Checkpoint.Open(golden.Write(folder["narrow"], tensors: t => t["lm_head.weight"] = new Shape(60, 23)));
        Assert.Contains("'lm_head.weight' is [60, 23], and config.json makes it [60, 24]", Assert.Throws<WarmException>(() => LanguageModel.Load(narrow)).Message);
        golden.Write(folder["other"]);
        File.WriteAllText(folder["other/config.json"], File.ReadAllText(folder["other/config.json"]).Replace("\"llama\"", "\"mamba\""));
        using Checkpoint other = Checkpoint.Open(folder["other"]);
        Assert.Contains("\"model_type\" is \"mamba\"", Assert.Throws<WarmException>(() => LanguageModel.Load(other)).Message);
    }

    [Fact]
    public void LogProbabilities_refuse_ids_that_are_not_there_and_empty_prompts()
    {
        var golden = new GoldenLanguageModel("gpt2");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint);
        Assert.Contains("token id 60 is outside the vocabulary", Assert.Throws<WarmException>(() => model.LogProbabilities([new TokenSequence([1], [60])])).Message);
        Assert.Contains("sequence 2: token id -1", Assert.Throws<WarmException>(() => model.LogProbabilities([new TokenSequence([1], [2]), new TokenSequence([-1], [2])])).Message);
        Assert.Contains("the prompt has no tokens", Assert.Throws<WarmException>(() => model.LogProbabilities([new TokenSequence([], [2], "first")])).Message);
        Assert.Contains("at most 128", Assert.Throws<WarmException>(() => model.LogProbabilities([new TokenSequence([1], new int[128])])).Message);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => model.LogProbabilities([new TokenSequence([1], [2])], null, cancelled.Token));
    }

    /// <summary>Per token, over whole texts, and exact to the reference's float64: two models that TRL trained, DPO's implicit reward, and the mean of two as SALSA's reference.</summary>
    [ReferenceFact]
    public void LogProbabilities_are_those_of_the_reference()
    {
        using Stream file = File.OpenRead(Reference.Path("training", "tables", "policy.json"));
        JsonNode table = JsonNode.Parse(file)!;
        using Checkpoint policyWeights = Checkpoint.Open(Reference.Path("training", (string)table["policy"]!)), referenceWeights = Checkpoint.Open(Reference.Path("training", (string)table["reference"]!));
        using LanguageModel policy = LanguageModel.Load(policyWeights), reference = LanguageModel.Load(referenceWeights);
        double worst = 0;
        int count = 0;
        foreach (JsonNode? sequence in table["sequences"]!.AsArray())
        {
            int[] ids = [.. sequence!["ids"]!.AsArray().Select(v => (int)v!)];
            foreach ((LanguageModel model, string key) in new[] { (policy, "log_prob_policy"), (reference, "log_prob_reference") })
            {
                double[] expected = [.. sequence[key]!.AsArray().Select(v => (double)v!)];
                IReadOnlyList<float> tokens = model.LogProbabilities([new TokenSequence(ids[..1], ids[1..])])[0].Tokens;
                for (int i = 0; i < expected.Length; i++) worst = Math.Max(worst, Math.Abs(tokens[i] - expected[i]));
                count += expected.Length;
            }
        }
        Assert.InRange(worst, 0, 5e-6);
        Reference.Count("log-probabilities of tokens", count);
    }

    /// <summary>The log-probabilities of whole responses that a DPO run of TRL's saw under its reference, the mean of two SFT models (SALSA), recomputed in float64: here that mean is never written.</summary>
    [ReferenceFact]
    public void LogProbabilities_of_an_average_are_those_of_SALSAs_reference()
    {
        using Checkpoint first = Checkpoint.Open(Reference.Path("training", "start", "sft-text")), second = Checkpoint.Open(Reference.Path("training", "start", "sft-text-2"));
        using WeightAverage average = WeightAverage.Of([first, second]);
        using LanguageModel model = LanguageModel.Load(average);
        double worst = 0;
        int count = 0;
        foreach (string line in File.ReadLines(Reference.Path("training", "runs", "dpo-salsa", "steps.jsonl")))
        {
            JsonNode step = JsonNode.Parse(line)!;
            foreach ((JsonNode? batch, JsonNode? exact) in step["micro_batches"]!.AsArray().Zip(step["exact"]!["micro_batches"]!.AsArray()))
            {
                int[][] rows = Rows(batch!["input_ids"]!), masks = Rows(batch["completion_mask"]!);
                TokenSequence[] sequences = [.. rows.Zip(masks, (ids, mask) => new TokenSequence(ids[..Array.IndexOf(mask, 1)], ids[Array.IndexOf(mask, 1)..(Array.LastIndexOf(mask, 1) + 1)]))];
                double[] expected = [.. exact!["ref_logps_chosen"]!.AsArray().Concat(exact["ref_logps_rejected"]!.AsArray()).Select(v => (double)v!)];
                Assert.Equal(sequences.Length, expected.Length);
                foreach ((ResponseLogProbability result, double truth) in model.LogProbabilities(sequences).Zip(expected)) worst = Math.Max(worst, Math.Abs(result.Sum - truth));
                count += expected.Length;
            }
        }
        Assert.InRange(worst, 0, 5e-5); // sums of up to 400, of up to 100 tokens
        Reference.Count("log-probabilities under an average", count);

        static int[][] Rows(JsonNode list) => [.. list.AsArray().Select(row => row!.AsArray().Select(v => (int)v!).ToArray())];
    }
}
