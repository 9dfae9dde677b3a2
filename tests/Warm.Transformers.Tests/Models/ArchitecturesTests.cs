using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>What is loaded, and what is refused with which words, by config and tensors.</summary>
public class ArchitecturesTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("hidden_size", "-8")]
    [InlineData("hidden_size", "8.5")]
    [InlineData("hidden_size", "\"8\"")]
    [InlineData("hidden_size", "1000000000")]
    [InlineData("hidden_size", "99999999999999999999")]
    [InlineData("hidden_size", "18")]
    [InlineData("num_hidden_layers", "0")]
    [InlineData("num_hidden_layers", "3")]
    [InlineData("num_hidden_layers", "1000000000")]
    [InlineData("num_attention_heads", "0")]
    [InlineData("num_attention_heads", "3")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("head_dim", "3")]
    [InlineData("head_dim", "2000000000")]
    [InlineData("vocab_size", "41")]
    [InlineData("vocab_size", "0")]
    [InlineData("rms_norm_eps", "-1")]
    [InlineData("max_position_embeddings", "0")]
    [InlineData("hidden_act", "\"strange\"")]
    [InlineData("attention_bias", "true")]
    [InlineData("attention_bias", "1")]
    [InlineData("quantization_config", "{\"load_in_4bit\":true}")]
    [InlineData("auto_map", "{\"AutoModel\":\"x.Y\"}")]
    [InlineData("per_layer_config", "{\"0\":{\"hidden_size\":8}}")]
    [InlineData("is_causal", "false")]
    [InlineData("sliding_window", "8")]
    [InlineData("layer_types", "[\"sliding_attention\",\"full_attention\"]")]
    [InlineData("attn_logit_softcapping", "50.0")]
    [InlineData("model_type", "\"mistral\"")]
    [InlineData("architectures", "[\"NoSuchModelForSequenceClassification\"]")]
    [InlineData("architectures", "[\"LlamaForCausalLM\"]")]
    [InlineData("architectures", "[]")]
    [InlineData("num_labels", "3")]
    [InlineData("num_labels", "0")]
    [InlineData("pad_token_id", "\"x\"")]
    public void Load_of_a_llama_with_a_wrong_key_is_refused_at_once(string key, string value)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json[key] = JsonNode.Parse(value));
        long started = Stopwatch.GetTimestamp();
        WarmException refusal = Assert.Throws<WarmException>(() => Load(folder["m"]));
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2), "slow");
        Assert.DoesNotContain("\n", refusal.Message);
        output.WriteLine(refusal.Message);
    }

    [Theory]
    [InlineData("position_embedding_type", "\"relative_key\"")]
    [InlineData("is_decoder", "true")]
    [InlineData("max_position_embeddings", "64")]
    [InlineData("type_vocab_size", "3")]
    [InlineData("num_attention_heads", "5")]
    [InlineData("num_labels", "2")]
    public void Load_of_a_bert_with_a_wrong_key_is_refused(string key, string value)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Bert(folder["m"], config: json => json[key] = JsonNode.Parse(value));
        output.WriteLine(Assert.Throws<WarmException>(() => Load(folder["m"])).Message);
    }

    [Theory]
    [InlineData("pos_att_type", "[\"c2p\",\"p2p\"]")]
    [InlineData("pos_att_type", "7")]
    [InlineData("position_buckets", "1")]
    [InlineData("position_buckets", "70")]
    [InlineData("position_buckets", "16")]
    [InlineData("max_relative_positions", "2")]
    [InlineData("norm_rel_ebd", "\"rms_norm\"")]
    [InlineData("share_att_key", "false")]
    [InlineData("position_biased_input", "true")]
    [InlineData("conv_kernel_size", "2")]
    [InlineData("conv_kernel_size", "5")]
    [InlineData("conv_groups", "4")]
    [InlineData("conv_act", "\"strange\"")]
    [InlineData("pooler_hidden_size", "8")]
    [InlineData("pooler_hidden_act", "\"strange\"")]
    [InlineData("attention_head_size", "8")]
    [InlineData("embedding_size", "8")]
    [InlineData("type_vocab_size", "2")]
    [InlineData("model_type", "\"deberta\"")]
    public void Load_of_a_deberta_with_a_wrong_key_is_refused(string key, string value)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Deberta(folder["m"], config: json => json[key] = JsonNode.Parse(value));
        output.WriteLine(Assert.Throws<WarmException>(() => Load(folder["m"])).Message);
    }

    [Theory]
    [InlineData("layer_types", "[\"full_attention\"]")]
    [InlineData("layer_types", "[\"full_attention\",\"chunked_attention\"]")]
    [InlineData("norm_bias", "true")]
    [InlineData("attention_bias", "true")]
    [InlineData("classifier_bias", "true")]
    [InlineData("classifier_pooling", "\"max\"")]
    [InlineData("classifier_activation", "\"strange\"")]
    [InlineData("sliding_window", "6")]
    [InlineData("num_attention_heads", "16")]
    [InlineData("rope_parameters", "{\"full_attention\":{\"rope_type\":\"longrope\"}}")]
    [InlineData("rope_scaling", "{\"type\":\"strange\"}")]
    public void Load_of_a_modernbert_with_a_wrong_key_is_refused(string key, string value)
    {
        using var folder = new TemporaryFolder();
        TinyModel.ModernBert(folder["m"], config: json => json[key] = JsonNode.Parse(value));
        output.WriteLine(Assert.Throws<WarmException>(() => Load(folder["m"])).Message);
    }

    [Fact]
    public void Load_of_a_modernbert_in_the_old_spelling_gives_the_same_rewards()
    {
        using var folder = new TemporaryFolder();
        TinyModel.ModernBert(folder["new"]);
        TinyModel.ModernBert(folder["old"], config: json =>
        {
            json.Remove("layer_types");
            json.Remove("rope_parameters");
            (json["global_attn_every_n_layers"], json["global_rope_theta"], json["local_rope_theta"]) = (2, 160000.0, 10000.0);
        });
        TinyModel.ModernBert(folder["other"], config: json => json["layer_types"] = JsonNode.Parse("[\"full_attention\",\"full_attention\"]"));
        Assert.Equal(Reward(folder["new"]), Reward(folder["old"]));
        Assert.NotEqual(Reward(folder["new"]), Reward(folder["other"]));
    }

    [Fact]
    public void Load_lists_every_missing_and_misshapen_tensor_at_once()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], tensors: t =>
        {
            t.Remove("score.weight");
            t.Remove("model.layers.1.mlp.up_proj.weight");
            t["model.norm.weight"] = new(17);
        });
        string message = Assert.Throws<WarmException>(() => Load(folder["m"])).Message;
        Assert.Contains("'score.weight' [1, 16] is missing", message);
        Assert.Contains("'model.layers.1.mlp.up_proj.weight' [24, 16] is missing", message);
        Assert.Contains("'model.norm.weight' is [17], and config.json makes it [16]", message);
    }

    [Fact]
    public void Load_without_labels_in_the_config_says_which_key_to_write()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json.Remove("num_labels"));
        Assert.Contains("means 2 labels", Assert.Throws<WarmException>(() => Load(folder["m"])).Message);
    }

    [Fact]
    public void Load_without_base_prefix_gives_the_same_rewards()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"]);
        TinyModel.Llama(folder["bare"]);
        Rename(folder["bare"], name => name.StartsWith("model.", StringComparison.Ordinal) ? name["model.".Length..] : name);
        Assert.Equal(Reward(folder["m"]), Reward(folder["bare"]));
    }

    [Fact]
    public void Load_ignores_leftover_tensors_and_remarks_unknown_ones()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"]);
        TinyModel.Llama(folder["more"], config: json => json["some_future_key"] = 7, tensors: t =>
        {
            t["lm_head.weight"] = new(40, 16);
            t["model.layers.0.self_attn.rotary_emb.inv_freq"] = new(2);
            t["score.bias"] = new(1);
            t["model.layers.2.mlp.up_proj.weight"] = new(24, 16);
        });
        Assert.Equal(Reward(folder["m"]), Reward(folder["more"]));
        using Checkpoint weights = Checkpoint.Open(folder["more"]);
        using Transformer model = Architectures.Load(weights, new ReferenceEngine());
        string remarks = string.Join("\n", model.Remarks);
        Assert.Contains("some_future_key", remarks);
        Assert.Contains("score.bias", remarks);
        Assert.Contains("model.layers.2.mlp.up_proj.weight", remarks);
        Assert.DoesNotContain("lm_head", remarks);
        Assert.DoesNotContain("inv_freq", remarks);
    }

    [Fact]
    public void Load_of_a_tied_model_with_another_lm_head_says_so()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["other"], config: json => json["tie_word_embeddings"] = true, tensors: t => t["lm_head.weight"] = new(40, 16));
        Assert.Contains(Remarks(Checkpoint.Open(folder["other"])), remark => remark.Contains("'lm_head.weight' is not the embedding"));
        TinyModel.Llama(folder["tied"], config: json => json["tie_word_embeddings"] = true);
        using Checkpoint tied = Checkpoint.Open(folder["tied"]);
        Assert.Empty(Remarks(new MadeWeights(tied, null, t => t["lm_head.weight"] = tied.Info("model.embed_tokens.weight"))));

        static IReadOnlyList<string> Remarks(Weights weights)
        {
            using (weights)
            using (Transformer model = Architectures.Load(weights, new ReferenceEngine())) return model.Remarks;
        }
    }

    [Fact]
    public void Load_of_a_language_model_with_a_head_that_nobody_knows_names_its_tensors()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json["architectures"] = new JsonArray("LlamaForCausalLM"), tensors: t => { t.Remove("score.weight"); t["quality_head.weight"] = new(1, 16); });
        Assert.Contains("quality_head.weight", Assert.Throws<WarmException>(() => Load(folder["m"])).Message);
        TinyModel.Llama(folder["n"], config: json => json["architectures"] = new JsonArray("LlamaForRewardModelWithGating"), tensors: t => { t.Remove("score.weight"); t["gating.weight"] = new(1, 16); });
        Assert.Contains("gating.weight", Assert.Throws<WarmException>(() => Load(folder["n"])).Message);
    }

    [Fact]
    public void Load_knows_every_decoder_that_it_lists()
    {
        foreach (string type in Architectures.Decoders)
        {
            using var folder = new TemporaryFolder();
            TinyModel.Llama(folder["m"], config: json => (json["model_type"], json["architectures"]) = (type, new JsonArray("SomeRewardModel")), tensors: t => (t["v_head.summary.weight"], t["v_head.summary.bias"]) = (new(1, 16), new(1)));
            try { Load(folder["m"]).Dispose(); }
            catch (WarmException refusal) { Assert.DoesNotContain("\"model_type\"", refusal.Message); } // tensors of another family are missing, but the family is known
        }
        Assert.All(Architectures.Known, name => Assert.EndsWith("ForSequenceClassification", name));
    }

    [ReferenceFact]
    public void Load_of_odd_folders_gives_the_recorded_rewards_or_refuses()
    {
        JsonElement cases = JsonText.Read(Reference.Path("architectures", "behaviours.json"), namedNumbers: true).GetProperty("cases");
        int compared = 0;
        foreach (JsonElement one in cases.EnumerateArray())
        {
            string name = one.GetProperty("name").GetString()!, origin = one.GetProperty("base").GetString()!;
            using var folder = new TemporaryFolder();
            Change(one, Reference.Path("architectures", origin), folder["m"]);
            double[]? rewards = null;
            string refusal = "";
            try
            {
                rewards = Logits(folder["m"], [.. one.GetProperty("input_ids").EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())]);
            }
            catch (WarmException error)
            {
                refusal = error.Message;
            }
            // What PyTorch scores, Warm scores alike or refuses for a reason of its own; what PyTorch refuses or makes up at random, Warm refuses. One exception: a pad token is only needed for batches.
            if (one.TryGetProperty("logits_f32", out JsonElement expected))
            {
                string[] stricter = ["layer_norm_weight_missing", "qwen2_bias_missing", "wrong_architecture_name", "model_type_other"];
                Assert.Equal(stricter.Contains(name), rewards is null);
                if (rewards is not null) Assert.Equal(expected.EnumerateArray().Select(row => row[0].GetDouble()), rewards, (e, a) => Math.Abs(e - a) <= 1e-5);
            }
            else Assert.True(rewards is null || name == "pad_null", $"{name} should be refused");
            output.WriteLine($"{name}: {(rewards is null ? $"refuses: {refusal}" : "agrees")}");
            compared++;
        }
        Reference.Count("behaviours of odd folders", compared);
    }

    [Fact]
    public void Encoders_on_the_cpu_agree_with_the_twin()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Bert(folder["bert"]);
        TinyModel.Deberta(folder["deberta"]);
        TinyModel.Deberta(folder["c2p"], config: json => json["pos_att_type"] = "c2p");
        TinyModel.Deberta(folder["plain"], config: json => json["relative_attention"] = false);
        TinyModel.ModernBert(folder["modernbert"]);
        int[][] texts = [[1, 5, 9, 33, 2], [7], [.. Enumerable.Range(0, 31).Select(i => i * 7 % 40)]];
        foreach (string name in (string[])["bert", "deberta", "c2p", "plain", "modernbert"])
            Assert.Equal(Logits(folder[name], texts), Logits(folder[name], texts, new CpuEngine()), (e, a) => Math.Abs(e - a) <= 2e-5);
    }

    private static Transformer Load(string folder)
    {
        using Checkpoint weights = Checkpoint.Open(folder);
        return Architectures.Load(weights, new ReferenceEngine());
    }

    private static double Reward(string folder) => Logits(folder, [[1, 5, 9, 33, 2]])[0];

    private static double[] Logits(string folder, int[][] texts, Engine? engine = null)
    {
        engine ??= new ReferenceEngine();
        using Checkpoint weights = Checkpoint.Open(folder);
        using Transformer model = Architectures.Load(weights, engine);
        BatchLayout layout = BatchLayout.Of(texts, model.Architecture.SharesBeginnings);
        using EngineTensor states = model.Architecture.Hidden(layout, [.. texts.Select((t, n) => layout.RowOf(n, model.Head.ReadAt(t)))]), rewards = model.Head.Apply(states);
        double[] values = new double[rewards.Rows * rewards.Columns];
        engine.Download(rewards, values);
        return values;
    }

    /// <summary>A copy of a folder with the changes that a case of behaviours.json asks for.</summary>
    private static void Change(JsonElement one, string from, string to)
    {
        Directory.CreateDirectory(to);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!.AsObject();
        if (one.TryGetProperty("config_remove", out JsonElement removed)) foreach (JsonElement key in removed.EnumerateArray()) config.Remove(key.GetString()!);
        if (one.TryGetProperty("config_set", out JsonElement set)) foreach (JsonProperty key in set.EnumerateObject()) config[key.Name] = JsonNode.Parse(key.Value.GetRawText());
        File.WriteAllText(Path.Combine(to, "config.json"), config.ToJsonString());
        string[] gone = one.TryGetProperty("tensors_remove", out JsonElement without) ? [.. without.EnumerateArray().Select(t => t.GetString()!)] : [];
        string strip = one.TryGetProperty("strip_prefix", out JsonElement prefix) ? prefix.GetString()! : "\0";
        using Checkpoint source = Checkpoint.Open(from);
        var added = one.TryGetProperty("tensors_add", out JsonElement more) ? more.EnumerateObject().ToDictionary(t => t.Name, t => (new Shape([.. t.Value[0].EnumerateArray().Select(s => s.GetInt64())]), t.Value[1].GetSingle())) : [];
        Copy(source, to, name => gone.Contains(name) ? null : name.StartsWith(strip, StringComparison.Ordinal) ? name[strip.Length..] : name, added);
    }

    private static void Rename(string folder, Func<string, string> rename)
    {
        File.Move(Path.Combine(folder, "model.safetensors"), Path.Combine(folder, "old.safetensors"));
        using (Checkpoint source = Checkpoint.Open(Path.Combine(folder, "old.safetensors"))) Copy(source, folder, rename, []);
        File.Delete(Path.Combine(folder, "old.safetensors"));
    }

    private static void Copy(Checkpoint source, string folder, Func<string, string?> rename, Dictionary<string, (Shape Shape, float Value)> added)
    {
        (string Old, string New)[] names = [.. source.Names.Select(name => (name, rename(name)!)).Where(n => n.Item2 is not null)];
        using SafetensorsWriter writer = SafetensorsWriter.Create(Path.Combine(folder, "model.safetensors"),
            [.. names.Select(n => source.Info(n.Old) with { Name = n.New }), .. added.Select(a => new TensorInfo(a.Key, DType.F32, a.Value.Shape))], SafetensorsWriter.FormatPt);
        foreach ((string old, string renamed) in names)
        {
            byte[] bytes = new byte[source.Info(old).Bytes];
            source.ReadRaw(old, 0, bytes);
            writer.Write(renamed, 0, bytes);
        }
        foreach ((string name, (Shape shape, float value)) in added)
            writer.Write(name, 0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Repeat(value, (int)shape.Count).ToArray().AsSpan()));
        writer.Commit();
    }
}
