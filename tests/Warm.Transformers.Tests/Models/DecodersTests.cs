using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Decoders made on the spot: engines agree, windows and heads are what config and tensors say, and what is not built is refused by name.</summary>
public class DecodersTests
{
    private static readonly int[] Long = [.. Enumerable.Range(0, 150).Select(i => 2 + i * 7 % 37)];

    [Fact]
    public void Hidden_of_a_gemma2_on_the_cpu_agrees_with_the_naive_engine()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Gemma2(folder["m"]);
        int[][] texts = [Long, Long[..3], [.. Long[..100], 5, 6, 7], [9]];
        double[] naive = Rewards(folder["m"], new ReferenceEngine(), texts), fast = Rewards(folder["m"], new CpuEngine(), texts);
        Assert.Equal(naive, fast, (a, b) => Math.Abs(a - b) <= 2e-5);
        Assert.True(naive.Distinct().Count() == texts.Length);
    }

    [Fact]
    public void Hidden_of_windowed_layers_forgets_what_lies_before_the_windows()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Gemma2(folder["m"], config: json => json["layer_types"] = JsonNode.Parse("""["sliding_attention","sliding_attention","sliding_attention"]"""));
        int[] other = [.. Long];
        other[150 - 1 - 3 * 4 - 1] = 39; // three windows of five tokens reach 12 tokens back
        double[] rewards = Rewards(folder["m"], new CpuEngine(), [Long, other]);
        Assert.Equal(rewards[0], rewards[1]);
        other[150 - 1 - 3 * 4] = 39;
        Assert.NotEqual(rewards[0], Rewards(folder["m"], new CpuEngine(), [other])[0]);
    }

    [Theory]
    [InlineData("layer_types", "[\"full_attention\"]")]
    [InlineData("layer_types", "[\"full_attention\",\"full_attention\",\"chunked_attention\"]")]
    [InlineData("sliding_window", "null")]
    [InlineData("sliding_window", "0")]
    [InlineData("query_pre_attn_scalar", "0")]
    [InlineData("attn_logit_softcapping", "-1")]
    [InlineData("use_bidirectional_attention", "true")]
    [InlineData("num_experts", "8")]
    [InlineData("attention_bias", "true")]
    [InlineData("hidden_activation", "\"strange\"")]
    public void Load_of_a_gemma2_with_a_wrong_key_is_refused(string key, string value)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Gemma2(folder["m"], config: json => json[key] = JsonNode.Parse(value));
        string message = Assert.Throws<WarmException>(() => Rewards(folder["m"], new ReferenceEngine(), [Long])).Message;
        Assert.Contains(key == "attention_bias" ? "q_proj.bias" : key, message);
    }

    [Fact]
    public void Load_of_a_language_model_with_several_heads_says_which_it_took()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json["architectures"] = new JsonArray("LlamaForCausalLM"), tensors: t =>
        {
            (t["v_head.summary.weight"], t["v_head.summary.bias"]) = (new(1, 16), new(1)); // score.weight is there as well
        });
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        using Transformer model = Architectures.Load(weights, new ReferenceEngine());
        Assert.Equal(RewardPosition.LastAttended, model.Head.Position);
        Assert.Contains(model.Remarks, r => r.Contains("'v_head.summary.weight' (TRL) is taken") && r.Contains("score.weight"));
    }

    [Fact]
    public void Load_of_a_value_head_without_its_bias_is_refused()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json["architectures"] = new JsonArray("LlamaForCausalLM"), tensors: t => t["v_head.summary.weight"] = new(1, 16));
        Assert.Contains("'v_head.summary.bias' [1] is missing", Assert.Throws<WarmException>(() => Rewards(folder["m"], new ReferenceEngine(), [Long])).Message);
    }

    [Fact]
    public void Load_of_a_head_with_more_layers_than_are_built_is_refused()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json["architectures"] = new JsonArray("LlamaForCausalLM"), tensors: t =>
        {
            foreach (int i in (int[])[0, 2, 4]) (t[$"v_head.summary.{i}.weight"], t[$"v_head.summary.{i}.bias"]) = (new(i == 2 ? 1 : 16, 16), new(i == 2 ? 1 : 16));
        });
        Assert.Contains("v_head.summary.4.weight", Assert.Throws<WarmException>(() => Rewards(folder["m"], new ReferenceEngine(), [Long])).Message);
    }

    [Fact]
    public void Score_of_a_model_with_a_normaliser_gives_both_numbers()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json =>
        {
            (json["architectures"], json["value_head_prefix"], json["normalize_reward"], json["mean"], json["std"]) = (new JsonArray("LlamaForCausalLM"), "score", true, 0.5, 2.0);
        });
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        using Transformer model = Architectures.Load(weights, new ReferenceEngine());
        Assert.Equal(RewardPosition.LastAttended, model.Head.Position);
        Assert.Equal(0.25, model.Head.Normaliser!.Normalise(1, 0));
    }

    private static double[] Rewards(string folder, Engine engine, int[][] texts)
    {
        using Checkpoint weights = Checkpoint.Open(folder);
        using Transformer model = Architectures.Load(weights, engine);
        BatchLayout layout = BatchLayout.Of(texts, model.Architecture.SharesBeginnings);
        using EngineTensor states = model.Architecture.Hidden(layout, [.. texts.Select((t, n) => layout.RowOf(n, model.Head.ReadAt(t)))]), rewards = model.Head.Apply(states);
        double[] values = new double[rewards.Rows];
        engine.Download(rewards, values);
        return values;
    }
}
