using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Heads put on models of other kinds.</summary>
public sealed class HeadedWeightsTests : IDisposable
{
    private static readonly Candidate[] Texts = [Candidate.OfIds([1, 5, 6, 7]), Candidate.OfIds([1, 9, 8])];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_encoder_keeps_its_pooler_and_gets_a_new_last_layer()
    {
        using Checkpoint start = Checkpoint.Open(TinyModel.Bert(_folder["m"], config: c => { c["id2label"] = new JsonObject { ["0"] = "A", ["1"] = "B" }; c["label2id"] = new JsonObject { ["A"] = 0, ["B"] = 1 }; }, tensors: t => (t["classifier.weight"], t["classifier.bias"]) = (new(2, 16), new(2))));
        double[] head = [.. Enumerable.Range(0, 16).Select(j => 0.1 * j - 0.5)];
        using HeadedWeights weights = HeadedWeights.Of(start, head);
        Assert.Equal(new Shape(1, 16), weights.Info("classifier.weight").Shape);
        Assert.Equal(new Shape(1), weights.Info("classifier.bias").Shape);
        using RewardModel model = RewardModel.Load(weights);
        IReadOnlyList<float[]> features = await model.FeaturesAsync(Texts);
        Assert.All(features, f => Assert.All(f, x => Assert.InRange(x, -1, 1))); // the pooler ends in tanh
        foreach ((Score score, float[] f) in model.Score(Texts).Zip(features)) Assert.Equal(f.Zip(head, (x, w) => x * w).Sum(), score.Reward, 1e-5);

        weights.Save(_folder["out"]);
        using RewardModel written = RewardModel.Load(Checkpoint.Open(_folder["out"]));
        Assert.Equal(model.Score(Texts).Select(s => s.Reward), written.Score(Texts).Select(s => s.Reward));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder["out"], "config.json")))!.AsObject();
        Assert.Equal((1, """{"0":"LABEL_0"}""", """{"LABEL_0":0}"""), ((int)config["num_labels"]!, config["id2label"]!.ToJsonString(), config["label2id"]!.ToJsonString()));
    }

    [Fact]
    public void A_model_with_another_projects_head_loses_it()
    {
        using Checkpoint start = Checkpoint.Open(TinyModel.Llama(_folder["m"], config: c => c["architectures"] = new JsonArray("LlamaForCausalLM"), tensors: t =>
        {
            t.Remove("score.weight");
            (t["lm_head.weight"], t["v_head.summary.weight"], t["v_head.summary.bias"]) = (new(40, 16), new(1, 16), new(1));
        }));
        using HeadedWeights weights = HeadedWeights.Of(start);
        Assert.Equal(start.Names.Count - 2, weights.Names.Count);
        Assert.DoesNotContain(weights.Names, n => n.StartsWith("v_head", StringComparison.Ordinal) || n.StartsWith("lm_head", StringComparison.Ordinal));
        Assert.False(weights.Contains("lm_head.weight"));
        Assert.Throws<WarmException>(() => weights.Info("lm_head.weight"));
        using RewardModel model = RewardModel.Load(weights);
        Assert.Empty(model.Remarks);
        // An average of such starts is one more of them.
        Assert.Equal(weights.Names, WeightAverage.Of([weights, HeadedWeights.Of(Checkpoint.Open(TinyModel.Llama(_folder["n"])))], new() { Allow = ["ancestry"] }).Names);
    }

    [Fact]
    public void What_can_carry_no_head_is_refused()
    {
        using Checkpoint start = Checkpoint.Open(TinyModel.Llama(_folder["m"]));
        Assert.Contains("3 numbers for 16 features", Assert.Throws<WarmException>(() => HeadedWeights.Of(start, [1, 2, 3])).Message);
        using Checkpoint odd = Checkpoint.Open(TinyModel.Llama(_folder["o"], config: c => c["architectures"] = new JsonArray("LlamaForTokens")));
        Assert.Contains("LlamaForTokens", Assert.Throws<WarmException>(() => HeadedWeights.Of(odd)).Message);
        // An encoder's body with its pooler takes a head; without one it gets no random one.
        using Checkpoint body = Checkpoint.Open(TinyModel.Bert(_folder["p"], config: c => c["architectures"] = new JsonArray("BertModel"), tensors: t =>
        {
            foreach (string name in t.Keys.ToArray())
            {
                if (!name.StartsWith("classifier", StringComparison.Ordinal)) t[name["bert.".Length..]] = t[name];
                t.Remove(name);
            }
        }));
        using RewardModel pooled = RewardModel.Load(HeadedWeights.Of(body, [.. Enumerable.Repeat(0.5, 16)]));
        Assert.NotEqual(0, pooled.Score(Texts)[0].Reward);
        using Checkpoint bare = Checkpoint.Open(TinyModel.Bert(_folder["b"], config: c => c["architectures"] = new JsonArray("BertForMaskedLM"), tensors: t =>
        {
            foreach (string name in t.Keys.Where(n => n.Contains("pooler") || n.Contains("classifier")).ToArray()) t.Remove(name);
        }));
        Assert.Contains("bert.pooler.dense.weight", Assert.Throws<WarmException>(() => RewardModel.Load(HeadedWeights.Of(bare))).Message);
    }
}
