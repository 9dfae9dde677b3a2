using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

public class LowRankAdapterTests
{
    private const string Q = "model.layers.0.q", Prefix = "base_model.model.";

    private static double[] Values(Weights weights, string name)
    {
        var values = new double[weights.Info(name).Count];
        weights.Read(name, 0, values);
        return values;
    }

    /// <summary>The naive twin: W + scale x B A, entry by entry; the matrix may be stored transposed, and DoRA gives each output a length.</summary>
    private static double[] Twin(double[] w, double[] a, double[] b, int rank, double scale, bool transposed = false, double[]? lengths = null)
    {
        int inputs = a.Length / rank, outputs = b.Length / rank;
        var result = new double[w.Length];
        var norms = new double[outputs];
        for (int o = 0; o < outputs; o++)
            for (int i = 0; i < inputs; i++)
            {
                double sum = 0;
                for (int k = 0; k < rank; k++) sum += b[o * rank + k] * a[k * inputs + i];
                int at = transposed ? i * outputs + o : o * inputs + i;
                result[at] = w[at] + scale * sum;
                norms[o] += result[at] * result[at];
            }
        if (lengths is null) return result;
        for (int at = 0; at < result.Length; at++)
        {
            int o = transposed ? at % outputs : at / inputs;
            result[at] = result[at] / Math.Sqrt(norms[o]) * lengths[o];
        }
        return result;
    }

    /// <summary>DoRA's norms may be summed in another order; all else is equal to the bit.</summary>
    private static void Near(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-13);
    }

    [Theory]
    [InlineData(false, 3, 301, 77)]
    [InlineData(true, 17, 301, 77)]
    [InlineData(false, 300, 7001, 3)] // factors too large to be held
    [InlineData(true, 300, 3, 7001)]
    public void Read_of_wide_matrices_is_the_twin_to_the_bit(bool transposed, int rank, long inputs, long outputs)
    {
        using var made = new AdapterFolder();
        made.AddBase("h.c_fc.weight", DType.F16, transposed ? [inputs, outputs] : [outputs, inputs]).Pair("h.c_fc", rank, inputs, outputs, DType.BF16)
            .Write($$"""{"peft_type":"LORA","r":{{rank}},"lora_alpha":5}""", transposed ? AdapterFolder.Gpt2 : AdapterFolder.Llama);
        using LowRankAdapter adapter = made.Open();
        Assert.Equal(Twin(made.Base["h.c_fc.weight"], made.Factors[$"{Prefix}h.c_fc.lora_A.weight"], made.Factors[$"{Prefix}h.c_fc.lora_B.weight"], rank, 5.0 / rank, transposed), Values(adapter, "h.c_fc.weight"));
    }

    [Fact]
    public void Read_is_the_base_and_the_scaled_product()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Pair("model.layers.0.down", 3, 10, 6)
            .Write("""{"peft_type":"LORA","r":2,"lora_alpha":3,"rank_pattern":{"down":3},"alpha_pattern":{"layers\\.0\\..*":5,"q":7}}""");
        using LowRankAdapter adapter = made.Open();
        Near(Twin(made.Base[$"{Q}.weight"], made.Factors[$"{Prefix}{Q}.lora_A.weight"], made.Factors[$"{Prefix}{Q}.lora_B.weight"], 2, 5 / 2.0), Values(adapter, $"{Q}.weight"));
        Near(Twin(made.Base["model.layers.0.down.weight"], made.Factors[$"{Prefix}model.layers.0.down.lora_A.weight"], made.Factors[$"{Prefix}model.layers.0.down.lora_B.weight"], 3, 5 / 3.0), Values(adapter, "model.layers.0.down.weight"));
        Assert.Equal(made.Base["model.layers.1.q.weight"], Values(adapter, "model.layers.1.q.weight"));
        Assert.Equal(made.Base.Keys.Order(CodePointOrder.Instance), adapter.Names);
        Assert.NotNull(adapter.Folder!.Config);
        Assert.Null(adapter.View($"{Q}.weight"));
        Assert.NotNull(adapter.View("model.norm.weight"));
    }

    [Fact]
    public void Read_divides_by_the_root_of_the_rank_with_rslora()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 4, 6, 6).Write("""{"peft_type":"LORA","r":4,"lora_alpha":3,"use_rslora":true}""");
        using LowRankAdapter adapter = made.Open();
        Near(Twin(made.Base[$"{Q}.weight"], made.Factors[$"{Prefix}{Q}.lora_A.weight"], made.Factors[$"{Prefix}{Q}.lora_B.weight"], 4, 1.5), Values(adapter, $"{Q}.weight"));
    }

    [Fact]
    public void Read_gives_each_output_its_length_with_dora()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Add($"{Prefix}{Q}.lora_magnitude_vector", DType.F32, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true}""");
        using LowRankAdapter adapter = made.Open();
        Near(Twin(made.Base[$"{Q}.weight"], made.Factors[$"{Prefix}{Q}.lora_A.weight"], made.Factors[$"{Prefix}{Q}.lora_B.weight"], 2, 2, lengths: made.Factors[$"{Prefix}{Q}.lora_magnitude_vector"]), Values(adapter, $"{Q}.weight"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_transposes_for_conv1d(bool dora)
    {
        using var made = new AdapterFolder();
        made.AddBase("transformer.h.0.attn.c_attn.weight", DType.F32, 6, 18).AddBase("transformer.h.0.attn.c_proj.weight", DType.F32, 6, 6).AddBase("score.weight", DType.F32, 1, 6)
            .Pair("transformer.h.0.attn.c_attn", 2, 6, 18).Pair("transformer.h.0.attn.c_proj", 2, 6, 6);
        if (dora) made.Add($"{Prefix}transformer.h.0.attn.c_attn.lora_magnitude_vector", DType.F32, 18).Add($"{Prefix}transformer.h.0.attn.c_proj.lora_magnitude_vector", DType.F32, 6);
        made.Write($$"""{"peft_type":"LORA","r":2,"lora_alpha":4,"fan_in_fan_out":true,"use_dora":{{(dora ? "true" : "false")}}}""", AdapterFolder.Gpt2);
        using LowRankAdapter adapter = made.Open();
        foreach (string module in (string[])["transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj"])
            Near(Twin(made.Base[$"{module}.weight"], made.Factors[$"{Prefix}{module}.lora_A.weight"], made.Factors[$"{Prefix}{module}.lora_B.weight"], 2, 2, transposed: true, dora ? made.Factors[$"{Prefix}{module}.lora_magnitude_vector"] : null), Values(adapter, $"{module}.weight"));
    }

    [Fact]
    public void Read_adds_to_the_embedding_that_the_adapter_holds()
    {
        using AdapterFolder made = AdapterFolder.Standard().Add($"{Prefix}model.embed_tokens.lora_embedding_A", DType.F32, 2, 9).Add($"{Prefix}model.embed_tokens.lora_embedding_B", DType.F32, 6, 2)
            .Add($"{Prefix}model.embed_tokens.base_layer.weight", DType.F32, 9, 6).Write();
        using LowRankAdapter adapter = made.Open();
        Near(Twin(made.Factors[$"{Prefix}model.embed_tokens.base_layer.weight"], made.Factors[$"{Prefix}model.embed_tokens.lora_embedding_A"], made.Factors[$"{Prefix}model.embed_tokens.lora_embedding_B"], 2, 2, transposed: true), Values(adapter, "model.embed_tokens.weight"));
    }

    [Fact]
    public void Read_takes_heads_and_biases_from_the_adapter()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Add($"{Prefix}{Q}.lora_B.bias", DType.F32, 6).Add($"{Prefix}{Q}.base_layer.bias", DType.F32, 6)
            .Add($"{Prefix}score.modules_to_save.default.weight", DType.F32, 1, 6).Add($"{Prefix}score.original_module.weight", DType.F32, 1, 6)
            .Write("""{"peft_type":"LORA","r":2,"lora_alpha":8,"lora_bias":true,"bias":"lora_only","modules_to_save":["classifier","score"]}""");
        using LowRankAdapter adapter = made.Open();
        Assert.Equal(made.Factors[$"{Prefix}score.modules_to_save.default.weight"], Values(adapter, "score.weight"));
        Near([.. made.Factors[$"{Prefix}{Q}.base_layer.bias"].Zip(made.Factors[$"{Prefix}{Q}.lora_B.bias"], (x, y) => x + 4 * y)], Values(adapter, $"{Q}.bias"));
    }

    [Fact]
    public void Read_means_the_same_by_names_as_they_are_in_memory()
    {
        using AdapterFolder made = AdapterFolder.Standard().Add($"{Prefix}{Q}.lora_A.mine.weight", DType.F32, 2, 6).Add($"{Prefix}{Q}.lora_B.mine.weight", DType.F32, 6, 2).Add($"{Prefix}{Q}.lora_magnitude_vector.mine.weight", DType.F32, 6)
            .Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true}""");
        using LowRankAdapter adapter = made.Open();
        Near(Twin(made.Base[$"{Q}.weight"], made.Factors[$"{Prefix}{Q}.lora_A.mine.weight"], made.Factors[$"{Prefix}{Q}.lora_B.mine.weight"], 2, 2, lengths: made.Factors[$"{Prefix}{Q}.lora_magnitude_vector.mine.weight"]), Values(adapter, $"{Q}.weight"));
    }

    [Theory]
    [InlineData(DType.BF16, DType.BF16, DType.BF16)]
    [InlineData(DType.F16, DType.BF16, DType.F32)]
    [InlineData(DType.BF16, DType.F32, DType.F32)]
    [InlineData(DType.F64, DType.F32, DType.F64)]
    public void Info_is_the_widest_of_base_and_adapter_where_it_is_adapted(DType baseType, DType type, DType saved)
    {
        using AdapterFolder made = AdapterFolder.Standard(baseType).Pair(Q, 2, 6, 6, type).Add($"{Prefix}score.weight", type, 1, 6).Write();
        using LowRankAdapter adapter = made.Open();
        Assert.Equal((saved, saved, baseType), (adapter.Info($"{Q}.weight").DType, adapter.Info("score.weight").DType, adapter.Info("model.norm.weight").DType));

        // ReadRaw rounds once what Read gives.
        double[] values = Values(adapter, $"{Q}.weight");
        byte[] expected = new byte[adapter.Info($"{Q}.weight").Bytes], bits = new byte[expected.Length];
        FloatBits.Narrow(saved, values, expected);
        adapter.ReadRaw($"{Q}.weight", 0, bits);
        Assert.Equal(expected, bits);
        var singles = new float[values.Length];
        adapter.Read($"{Q}.weight", 0, singles);
        Assert.Equal(values.Select(v => (float)v), singles);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_gives_the_same_bits_however_much_is_read(bool transposed)
    {
        using var made = new AdapterFolder();
        made.AddBase("h.c_fc.weight", DType.BF16, transposed ? [37, 53] : [53, 37]).Pair("h.c_fc", 5, 37, 53, DType.BF16).Add($"{Prefix}h.c_fc.lora_magnitude_vector", DType.F32, 53)
            .Write("""{"peft_type":"LORA","r":5,"lora_alpha":4,"use_dora":true}""", transposed ? AdapterFolder.Gpt2 : AdapterFolder.Llama);
        using LowRankAdapter adapter = made.Open();
        double[] whole = Values(adapter, "h.c_fc.weight");
        foreach (int step in (int[])[1, 7, 37, 100])
        {
            var pieces = new double[whole.Length];
            for (int at = 0; at < whole.Length; at += step) adapter.Read("h.c_fc.weight", at, pieces.AsSpan(at, Math.Min(step, whole.Length - at)));
            Assert.Equal(whole, pieces);
        }
    }

    [Theory]
    [InlineData("down", "model.layers.0.down", 9)]
    [InlineData("down", "model.layers.0.upside_down", 1)] // no point before it
    [InlineData("own", "model.layers.0.down", 1)]
    [InlineData("model.layers.0.down", "model.layers.0.down", 9)]
    [InlineData("^model.layers.0.down", "model.layers.0.down", 9)]
    [InlineData("^layers.0.down", "model.layers.0.down", 1)]
    [InlineData("layers.[01].down", "model.layers.1.down", 9)]
    [InlineData(@"layers\\.\\d+\\.(up|down)", "model.layers.12.up", 9)]
    [InlineData("a)|(b", "x.b", 1)] // the whole is anchored, as by re.match
    [InlineData("(?!up)down", "model.layers.0.down", 9)]
    public void ScaleOf_matches_patterns_as_peft_does(string key, string module, double scale)
    {
        using AdapterFolder made = AdapterFolder.Standard().Write($$$"""{"peft_type":"LORA","r":1,"lora_alpha":1,"alpha_pattern":{"{{{key}}}":9}}""");
        Assert.Equal(scale, AdapterConfig.Read(made.AdapterPath, []).ScaleOf(module));
    }

    [Fact]
    public void ScaleOf_ends_on_a_pattern_that_does_not()
    {
        using AdapterFolder made = AdapterFolder.Standard().Write("""{"peft_type":"LORA","r":1,"lora_alpha":1,"alpha_pattern":{"(?=a)(a+)+b":9,"(a+)+b":9}}""");
        var config = AdapterConfig.Read(made.AdapterPath, []);
        Assert.Contains("does not come to an end", Assert.Throws<WarmException>(() => config.ScaleOf(new string('a', 60))).Message);
    }

    [Fact]
    public void Open_ends_soon_with_very_many_patterns_and_passes_over_empty_names()
    {
        string patterns = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"m{i}\":1"));
        using AdapterFolder many = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write($$$"""{"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":{{{{patterns}}}}}"""), empty = AdapterFolder.Standard().Pair(Q, 2, 6, 6)
            .Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"modules_to_save":["","."],"target_modules":["","q"],"base_model_name_or_path":"/"}""");
        Assert.Contains("20,000 keys", many.Refusal());
        using LowRankAdapter adapter = empty.Open();
        Assert.NotEqual(empty.Base[$"{Q}.weight"], Values(adapter, $"{Q}.weight"));
    }

    [Theory]
    [InlineData("""{"r":2,"lora_alpha":4}""", "\"peft_type\" is missing")]
    [InlineData("""{"peft_type":"IA3","r":2,"lora_alpha":4}""", "IA3")]
    [InlineData("""{"peft_type":"LORA","lora_alpha":4}""", "\"r\" is missing")]
    [InlineData("""{"peft_type":"LORA","r":0,"lora_alpha":4}""", "\"r\" is 0")]
    [InlineData("""{"peft_type":"LORA","r":"2","lora_alpha":4}""", "\"r\" is \"2\"")]
    [InlineData("""{"peft_type":"LORA","r":2.0,"lora_alpha":4}""", "\"r\" is 2.0")]
    [InlineData("""{"peft_type":"LORA","r":4,"lora_alpha":4}""", "gives the module rank 4")]
    [InlineData("""{"peft_type":"LORA","r":2}""", "\"lora_alpha\" is missing")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":null}""", "\"lora_alpha\" is missing")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":NaN}""", "\"lora_alpha\" is \"NaN\"")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"rank_pattern":{"q":0}}""", "rank_pattern.q")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":["q",4]}""", "alpha_pattern")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":{"q(":4}}""", "no regular expression")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true}""", "lora_magnitude_vector")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"lora_bias":true}""", "lora_B.bias")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"layer_replication":[[0,1]]}""", "layer_replication")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"target_parameters":["mlp.experts"]}""", "target_parameters")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"trainable_token_indices":[1]}""", "trainable_token_indices")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"use_qalora":true}""", "use_qalora")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"use_future_thing":true}""", "use_future_thing")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":"pissa_niter_16"}""", "the base was changed before training")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"bias":"some"}""", "\"none\", \"all\" or \"lora_only\"")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"modules_to_save":["score"]}""", "lacks 'score.weight'")]
    [InlineData("""{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q","down"]}""", "no factors for \"down\"")]
    [InlineData("", "is empty")]
    [InlineData("[]", "a JSON object")]
    public void Open_refuses_a_config_that_it_does_not_understand(string config, string said)
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Pair("model.layers.1.q", 2, 6, 6).Write(config);
        string message = made.Refusal();
        Assert.Contains(said, message);
        Assert.Contains("adapter", message);
    }

    [Theory]
    [InlineData("lora_E.weight", "is no part of a LoRA adapter")]
    [InlineData("lora_A.bias", "is no part of a LoRA adapter")]
    [InlineData("lora_magnitude_vector", "\"use_dora\" is false")]
    [InlineData("lora_B.bias", "\"lora_bias\" is false")]
    [InlineData("lora_A.default.weight", "means the same")]
    public void Open_refuses_a_tensor_that_the_config_does_not_explain(string part, string said)
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Add($"{Prefix}{Q}.{part}", DType.F32, 6).Write();
        string message = made.Refusal();
        Assert.Contains(said, message);
        Assert.Contains("adapter_model.safetensors", message);
    }

    [Fact]
    public void Open_refuses_factors_that_do_not_fit()
    {
        void Refuses(string said, Action<AdapterFolder> change)
        {
            using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6);
            change(made);
            made.Write();
            string message = made.Refusal();
            Assert.Contains(said, message);
        }
        Refuses("has no partner lora_B", made => made.Remove($"{Prefix}{Q}.lora_B.weight"));
        Refuses("has no partner lora_A", made => made.Remove($"{Prefix}{Q}.lora_A.weight"));
        Refuses("it makes [6, 7]", made => made.Add($"{Prefix}{Q}.lora_A.weight", DType.F32, 2, 7));
        Refuses("gives the module rank 2", made => made.Add($"{Prefix}{Q}.lora_B.weight", DType.F32, 6, 3));
        Refuses("for no matrix of the base", made => made.Pair("model.layers.7.q", 2, 6, 6));
        Refuses("for no tensor of the base", made => made.Add($"{Prefix}model.other.weight", DType.F32, 6));
        Refuses("[10, 6], as in", made => made.Add($"{Prefix}model.embed_tokens.weight", DType.F32, 10, 6).AddBase("model.embed_tokens.weight", DType.F32, 10, 6).AddBase("model.layers.0.down.weight", DType.F32, 6, 10).AddBase("model.embed_tokens.weight", DType.F32, 10, 6).Add($"{Prefix}model.embed_tokens.weight", DType.F32, 11, 6));
        Refuses("is I64", made => made.Add($"{Prefix}{Q}.lora_A.weight", DType.I64, 2, 6));
        Refuses("quantised", made => made.AddBase($"{Q}.weight", DType.I8, 6, 6));
        Refuses("no convolutions", made => made.Add($"{Prefix}{Q}.lora_A.weight", DType.F32, 2, 6, 1));
        Refuses("holds no values", made => made.Add($"{Prefix}{Q}.lora_A.weight", DType.F32, 0));
        Refuses("lack the prefix", made => made.Add("score.weight", DType.F32, 1, 6));
        Refuses("several adapters: a, b", made => made.Add($"{Prefix}model.layers.1.q.lora_A.a.weight", DType.F32, 2, 6).Add($"{Prefix}model.layers.1.q.lora_B.b.weight", DType.F32, 6, 2));
    }

    [Fact]
    public void Read_refuses_a_factor_that_is_no_number()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6);
        made.Factors[$"{Prefix}{Q}.lora_B.weight"][5] = double.NaN;
        made.Write();
        using LowRankAdapter adapter = made.Open();
        string message = Assert.Throws<WarmException>(() => Values(adapter, $"{Q}.weight")).Message;
        Assert.Contains("lora_B.weight\": is NaN at value 5", message);
    }

    [Fact]
    public void Open_says_what_is_missing_in_the_folder()
    {
        using AdapterFolder made = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write();
        string At(string name) => Path.Combine(made.AdapterPath, name);
        Assert.Contains("has no adapter_config.json", Assert.Throws<WarmException>(() => LowRankAdapter.Open(Checkpoint.Open(made.BasePath), made.BasePath)).Message);
        Assert.Contains("holds adapter", Assert.Throws<WarmException>(() => LowRankAdapter.Open(Checkpoint.Open(made.BasePath), made.Path)).Message);
        File.WriteAllText(At("model.safetensors"), "");
        Assert.Contains("side by side", made.Refusal());
        File.Delete(At("model.safetensors"));
        File.Delete(At("adapter_model.safetensors"));
        Assert.Contains("neither adapter_model.safetensors nor adapter_model.bin", made.Refusal());
    }

    [Fact]
    public void A_head_on_a_language_model_makes_a_classifier()
    {
        using var made = new AdapterFolder();
        made.AddBase("model.embed_tokens.weight", DType.BF16, 9, 6).AddBase($"{Q}.weight", DType.BF16, 6, 6).AddBase("lm_head.weight", DType.BF16, 9, 6)
            .Pair(Q, 2, 6, 6).Add($"{Prefix}score.weight", DType.F32, 1, 6)
            .Write("""{"peft_type":"LORA","task_type":"SEQ_CLS","r":2,"lora_alpha":4,"modules_to_save":["classifier","score"]}""", """{"model_type":"qwen2","architectures":["Qwen2ForCausalLM"],"hidden_size":6}""");
        File.WriteAllText(Path.Combine(made.AdapterPath, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"a":0,"<pad>":8}}}""");
        File.WriteAllText(Path.Combine(made.AdapterPath, "tokenizer_config.json"), """{"pad_token":"<pad>"}""");
        File.WriteAllText(Path.Combine(made.BasePath, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"b":0}}}""");
        File.WriteAllText(Path.Combine(made.BasePath, "generation_config.json"), "{}");
        using LowRankAdapter adapter = made.Open();
        Assert.Equal(["model.embed_tokens.weight", $"{Q}.weight", "score.weight"], adapter.Names);
        Assert.Equal("score.weight", HeadLayout.Of(adapter)!.Output);
        ModelConfig config = adapter.Folder!.Config!;
        Assert.Equal(("Qwen2ForSequenceClassification", 1, 8, 6), (config.Architecture, config.NumLabels, config.PadTokenId, config.Int("hidden_size")));
        Assert.Contains("Qwen2ForSequenceClassification", string.Join("\n", adapter.Remarks));

        // The copy is that classifier, with the tokenizer that it was trained with.
        adapter.Save(Path.Combine(made.Path, "merged"));
        using Checkpoint merged = Checkpoint.Open(Path.Combine(made.Path, "merged"));
        Assert.Equal(adapter.Names, merged.Names);
        Assert.Equal(("Qwen2ForSequenceClassification", 1, 8), (merged.Folder!.Config!.Architecture, merged.Folder.Config.NumLabels, merged.Folder.Config.PadTokenId));
        Assert.Equal(0, Vocabulary.Of(merged.Folder)!.Words["a"]);
        Assert.True(merged.Folder.Has("generation_config.json"));
        Assert.Equal(Values(adapter, $"{Q}.weight").Select(v => (float)v), Values(merged, $"{Q}.weight").Select(v => (float)v));
    }

    [Fact]
    public void A_base_without_prefix_or_with_older_names_is_found()
    {
        using var made = new AdapterFolder();
        made.AddBase("encoder.layer.0.query.weight", DType.F32, 6, 6).AddBase("embeddings.LayerNorm.gamma", DType.F32, 6).AddBase("embeddings.LayerNorm.beta", DType.F32, 6)
            .Pair("bert.encoder.layer.0.query", 2, 6, 6).Add($"{Prefix}bert.embeddings.LayerNorm.bias", DType.F32, 6).Add($"{Prefix}classifier.weight", DType.F32, 1, 6)
            .Write("""{"peft_type":"LORA","task_type":"SEQ_CLS","r":2,"lora_alpha":4,"bias":"all","modules_to_save":["classifier","score"]}""", """{"model_type":"bert","architectures":["BertModel"]}""");
        using LowRankAdapter adapter = made.Open();
        Assert.Equal(["classifier.weight", "embeddings.LayerNorm.beta", "embeddings.LayerNorm.gamma", "encoder.layer.0.query.weight"], adapter.Names);
        Assert.Equal(made.Factors[$"{Prefix}bert.embeddings.LayerNorm.bias"], Values(adapter, "embeddings.LayerNorm.beta"));
        Assert.Equal("BertForSequenceClassification", adapter.Folder!.Config!.Architecture);
        Assert.NotEqual(made.Base["encoder.layer.0.query.weight"], Values(adapter, "encoder.layer.0.query.weight"));
    }

    [Fact]
    public void Averages_are_of_products()
    {
        using AdapterFolder one = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write(), other = AdapterFolder.Standard().AddBase("x", DType.F32, 1).Pair(Q, 2, 6, 6).Write();
        Directory.Delete(other.BasePath, recursive: true);
        using Checkpoint start = Checkpoint.Open(one.BasePath);
        using LowRankAdapter a = LowRankAdapter.Open(start, one.AdapterPath), b = LowRankAdapter.Open(start, other.AdapterPath);
        WeightAverage average = WeightAverage.Of([a, b], new() { Allow = ["ancestry"] });
        Near([.. Values(a, $"{Q}.weight").Zip(Values(b, $"{Q}.weight"), (x, y) => (x + y) / 2)], Values(average, $"{Q}.weight"));
        Assert.Equal(start.Names, average.Names);
        // The folder alone is no model, and there is nothing else to average.
        Assert.Contains("is an adapter", Assert.Throws<WarmException>(() => Checkpoint.Open(one.AdapterPath)).Message);
    }

    [Fact]
    public void Adapters_of_different_bases_are_refused_by_name()
    {
        using AdapterFolder one = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"base_model_name_or_path":"org/base-7b"}"""),
            other = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"base_model_name_or_path":"org/other-7b"}"""),
            moved = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"base_model_name_or_path":"/models/Base-7B/"}""");
        using LowRankAdapter a = one.Open(), b = other.Open(), c = moved.Open();
        Difference found = Assert.Single(Compatibility.Of([a, b]).Differences, d => d.Rule == "adapter");
        Assert.Equal(Severity.Refused, found.Severity);
        Assert.DoesNotContain(Compatibility.Of([a, c]).Differences, d => d.Rule == "adapter");
        Assert.Contains("was trained on \"org/base-7b\"", Assert.Single(a.Remarks)); // the folder is called otherwise
        using AdapterFolder named = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"base_model_name_or_path":"../base"}"""),
            remembered = AdapterFolder.Standard().Pair(Q, 2, 6, 6).Write("""{"peft_type":"LORA","r":2,"lora_alpha":4,"base_model_name_or_path":"org/x-7b"}""", """{"model_type":"llama","_name_or_path":"org/x-7b"}""");
        using LowRankAdapter d = named.Open(), e = remembered.Open();
        Assert.Empty(d.Remarks);
        Assert.Empty(e.Remarks);
    }

    [ReferenceFact]
    public void Every_adapter_of_the_reference_is_its_merged_model_to_the_bit()
    {
        JsonElement book = JsonDocument.Parse(File.ReadAllBytes(Reference.Path("merges", "lora.json"))).RootElement;
        int cases = 0;
        foreach (JsonElement entry in book.GetProperty("adapters").EnumerateArray())
        {
            string name = entry.GetProperty("name").GetString()!;
            using Checkpoint start = Checkpoint.Open(Reference.Path("merges", "lora", entry.GetProperty("base").GetString()!)), merged = Checkpoint.Open(Reference.Path("merges", entry.GetProperty("merged").GetString()!));
            using LowRankAdapter adapter = LowRankAdapter.Open(start, Reference.Path("merges", "lora", name));
            Assert.Equal(merged.Names, adapter.Names);
            foreach (string tensor in merged.Names)
            {
                var expected = new float[merged.Info(tensor).Count];
                merged.Read(tensor, 0, expected);
                var found = new float[expected.Length];
                adapter.Read(tensor, 0, found);
                Assert.Equal(expected, found);
            }
            cases++;
        }
        JsonElement half = book.GetProperty("bf16_base");
        using (Checkpoint start = Checkpoint.Open(Reference.Path("merges", "lora", "base-llama-bf16")), expected = Checkpoint.Open(Reference.Path("merges", half.GetProperty("rounded_once").GetString()!)))
        {
            using LowRankAdapter adapter = LowRankAdapter.Open(start, Reference.Path("merges", "lora", half.GetProperty("adapter").GetString()!));
            WeightAverage average = WeightAverage.Of([adapter], new() { DType = DType.BF16 });
            foreach (string tensor in expected.Names)
            {
                byte[] bits = new byte[expected.Info(tensor).Bytes], found = new byte[bits.Length];
                expected.ReadRaw(tensor, 0, bits);
                average.ReadRaw(tensor, 0, found);
                Assert.Equal(bits, found);
            }
            cases++;
        }
        Reference.Count("adapters merged", cases);
        Assert.True(cases >= 19, $"{cases}");
    }
}
