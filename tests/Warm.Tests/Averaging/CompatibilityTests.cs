using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Averaging;

public class CompatibilityTests
{
    private static Compatibility Judge(TemporaryFolder folder, Action<string>? change = null, Dictionary<string, double[]>? values = null, string? config = null, DType dtype = DType.F32)
    {
        TinyFolder.Write(folder["a"], TinyFolder.Values(0));
        TinyFolder.Write(folder["b"], values ?? TinyFolder.Values(1), dtype, config);
        change?.Invoke(folder["b"]);
        return Compatibility.Compare([Checkpoint.Open(folder["a"]), Checkpoint.Open(folder["b"])], null, out _);
    }

    [Fact]
    public void Siblings_fit()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(Verdict.Fits, Judge(folder).Verdict);
    }

    [Theory]
    [InlineData("rope_parameters", """{"rope_theta": 500000.0, "rope_type": "default"}""", Verdict.Refused, "config")]
    [InlineData("rope_parameters", """{"rope_theta": 10000, "rope_type": "default"}""", Verdict.Fits, null)]
    [InlineData("rope_theta", "20000.0", Verdict.Fits, null)] // rope_parameters beside it says more
    [InlineData("hidden_act", "\"gelu\"", Verdict.Refused, "config")]
    [InlineData("num_attention_heads", "8", Verdict.Refused, "config")]
    [InlineData("sliding_window", "16", Verdict.Doubtful, "config")]
    [InlineData("attention_bias", "false", Verdict.Fits, null)]
    [InlineData("rms_norm_eps", "1e-6", Verdict.Doubtful, "config")]
    [InlineData("rms_norm_eps", "0.00001", Verdict.Fits, null)]
    [InlineData("pad_token_id", "2", Verdict.Refused, "special_tokens")]
    [InlineData("pad_token_id", "null", Verdict.Refused, "special_tokens")]
    [InlineData("eos_token_id", "2", Verdict.Doubtful, "special_tokens")]
    [InlineData("model_type", "\"mistral\"", Verdict.Refused, "architecture")]
    [InlineData("architectures", """["LlamaForCausalLM"]""", Verdict.Refused, "architecture")]
    [InlineData("id2label", """{"0": "reward"}""", Verdict.Fits, "labels")]
    [InlineData("num_labels", "2", Verdict.Refused, "head")]
    [InlineData("attention_dropout", "0.3", Verdict.Fits, null)]
    [InlineData("some_key_that_nobody_knows", "7", Verdict.Fits, "config")]
    [InlineData("vocab_size", "33", Verdict.Refused, "vocabulary")]
    public void Config_keys_are_judged_by_what_they_do(string key, string value, Verdict verdict, string? rule)
    {
        using var folder = new TemporaryFolder();
        Compatibility found = Judge(folder, config: TinyFolder.With(key, JsonNode.Parse(value)));
        Assert.Equal(verdict, found.Verdict);
        if (rule is null) Assert.Empty(found.Differences);
        else Assert.Contains(found.Differences, d => d.Rule == rule && d.Where.StartsWith(folder["b"], StringComparison.Ordinal) && (int)d.Severity == (int)verdict);
    }

    [Fact]
    public void The_older_spelling_of_rotary_settings_is_the_same()
    {
        using var folder = new TemporaryFolder();
        JsonObject older = JsonNode.Parse(TinyFolder.Config)!.AsObject();
        older.Remove("rope_parameters");
        older["rope_theta"] = 10000.0;
        older["rope_scaling"] = null;
        Assert.Equal(Verdict.Fits, Judge(folder, config: older.ToJsonString()).Verdict);
    }

    [Fact]
    public void Strangers_and_permuted_siblings_are_refused()
    {
        using (var folder = new TemporaryFolder())
            Assert.Contains(Judge(folder, values: TinyFolder.Values(1, start: 50)).Differences, d => d.Rule == "ancestry" && d.Severity == Severity.Refused);
        Dictionary<string, double[]> permuted = TinyFolder.Values(0); // the units of the feed-forward layer in another order: the same function
        double[] up = permuted["model.layers.0.mlp.up_proj.weight"], down = permuted["model.layers.0.mlp.down_proj.weight"];
        int[] order = [.. Enumerable.Range(0, 20).Select(i => (i * 7 + 3) % 20)];
        permuted["model.layers.0.mlp.up_proj.weight"] = [.. order.SelectMany(unit => up[(unit * 16)..(unit * 16 + 16)])];
        permuted["model.layers.0.mlp.down_proj.weight"] = [.. Enumerable.Range(0, 16).SelectMany(row => order.Select(unit => down[row * 20 + unit]))];
        using var second = new TemporaryFolder();
        Assert.Contains(Judge(second, values: permuted).Differences, d => d.Rule == "ancestry" && d.Severity == Severity.Refused);
    }

    [Fact]
    public void Heads_and_scales_are_judged_by_themselves()
    {
        void Check(string tensor, Func<double, double> change, string rule)
        {
            using var folder = new TemporaryFolder();
            Dictionary<string, double[]> values = TinyFolder.Values(1);
            values[tensor] = [.. values[tensor].Select(change)];
            Compatibility found = Judge(folder, values: values);
            Assert.Equal(Verdict.Doubtful, found.Verdict);
            Assert.Contains(found.Differences, d => d.Rule == rule && d.Where.Contains(tensor));
        }
        Check("score.weight", x => -x, "head");
        Check("score.weight", x => 10 * x, "head");
        Check("score.weight", _ => 0, "values");
        Check("model.norm.weight", x => -x, "values");
    }

    [Fact]
    public void Shapes_and_missing_tensors_are_impossible_and_all_are_listed()
    {
        using var folder = new TemporaryFolder();
        Dictionary<string, double[]> values = TinyFolder.Values(1);
        values.Remove("score.weight");
        values.Remove("model.norm.weight");
        Compatibility found = Judge(folder, values: values, config: TinyFolder.With("hidden_act", "gelu"));
        Assert.Equal(Verdict.Impossible, found.Verdict);
        Assert.Equal(["config", "head", "tensors"], found.Differences.Select(d => d.Rule).Order());
        WarmException error = Assert.Throws<WarmException>(() => WeightAverage.Of([Checkpoint.Open(folder["a"]), Checkpoint.Open(folder["b"])], new AverageOptions { Allow = ["tensors", "head", "config"] }));
        Assert.Contains("score.weight", error.Message);
        Assert.Contains("model.norm.weight", error.Message);
    }

    [Fact]
    public void Tokenizers_and_templates_are_compared()
    {
        void Check(Action<string> change, string rule, Severity severity)
        {
            using var folder = new TemporaryFolder();
            Assert.Contains(Judge(folder, change).Differences, d => d.Rule == rule && d.Severity == severity);
        }
        Check(b => File.WriteAllText(Path.Combine(b, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"[PAD]":0,"a":2,"b":1},"unk_token":"a"},"added_tokens":[]}"""), "tokenizer", Severity.Refused);
        Check(b => File.WriteAllText(Path.Combine(b, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"[PAD]":0,"a":1,"c":2},"unk_token":"a"},"added_tokens":[]}"""), "tokenizer", Severity.Refused);
        Check(b => File.WriteAllText(Path.Combine(b, "tokenizer.json"), """{"model":{"type":"WordLevel","vocab":{"[PAD]":0,"a":1,"b":2,"c":3},"unk_token":"a"},"added_tokens":[]}"""), "vocabulary", Severity.Doubtful);
        Check(b => File.WriteAllText(Path.Combine(b, "chat_template.jinja"), "{{ messages }}"), "template", Severity.Doubtful);
        Check(b => File.WriteAllText(Path.Combine(b, "tokenizer_config.json"), """{"pad_token":"a"}"""), "special_tokens", Severity.Doubtful);
        Check(b =>
        {
            File.Delete(Path.Combine(b, "tokenizer.json"));
            File.Delete(Path.Combine(b, "vocab.txt"));
        }, "tokenizer", Severity.Doubtful);
    }

    [Fact]
    public void Old_names_wrapped_names_and_unused_tensors_are_understood()
    {
        using var folder = new TemporaryFolder();
        byte[] zeros = new byte[64];
        Checkpoint first = Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0), more: t => t["x.LayerNorm.weight"] = (new("x.LayerNorm.weight", DType.F32, new Shape(16)), zeros)));
        Checkpoint other = Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(1), more: t =>
        {
            t["x.LayerNorm.gamma"] = (new("x.LayerNorm.gamma", DType.F32, new Shape(16)), zeros);
            t["lm_head.weight"] = (new("lm_head.weight", DType.F32, new Shape(1, 16)), zeros);
            t["model.rotary_emb.inv_freq"] = (new("model.rotary_emb.inv_freq", DType.F32, new Shape(16)), zeros);
            foreach (string name in t.Keys.ToArray()) (t["module." + name], _) = ((t[name].Item1 with { Name = "module." + name }, t[name].Item2), t.Remove(name));
        }));
        WeightAverage average = WeightAverage.Of(first, other);
        Assert.Equal(first.Names, average.Names);
        Assert.Equal(["buffer", "names", "tensors"], average.Compatibility.Differences.Select(d => d.Rule).Order());
        Assert.Equal(Verdict.Doubtful, average.Compatibility.Verdict);
    }

    [Fact]
    public void Against_a_base_what_was_learned_is_compared()
    {
        using var folder = new TemporaryFolder();
        Weights start = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(0, step: 0)));
        Weights near = Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(1))), far = Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(2, step: 0.5)));
        Compatibility found = Compatibility.Compare([near, far], start, out WeightDistance? distance);
        Assert.Contains(found.Differences, d => d.Rule == "distance" && d.Where == far.Name);
        Assert.InRange(distance!.DeltaLength(1) / distance.DeltaLength(0), 8, 12);
        found = Compatibility.Compare([near, start], start, out _);
        Assert.Contains(found.Differences, d => d.Rule == "duplicate" && d.Found.Contains("the base itself"));
    }

    [ReferenceFact]
    public void Every_case_of_the_reference_gets_its_verdict()
    {
        JsonArray cases = JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "verdicts.json")))!["cases"]!.AsArray();
        int count = 0;
        var wrong = new List<string>();
        foreach (JsonNode? one in cases)
        {
            string name = (string)one!["case"]!, expect = (string)one["expect"]!, kind = (string)one["kind"]!;
            string[] folders = [.. one["folders"]!.AsArray().Select(f => Reference.Path("merges", (string)f!))];
            if (kind == "adapter") continue; // read by later versions
            Weights? origin = one["base"] is { } b ? Checkpoint.Open(Reference.Path("merges", (string)b!)) : null;
            Compatibility found = Compatibility.Compare([.. folders.Select(Checkpoint.Open)], origin, out _);
            string said = found.Verdict switch { Verdict.Fits => "allow", Verdict.Doubtful => "warn", _ => "refuse" };
            if (said != expect) wrong.Add($"{name}: {found}, expected {expect}");
            count++;
        }
        Assert.Empty(wrong);
        Assert.True(count >= 48);
        Reference.Count("verdicts on members", count);
    }

    [Fact]
    public void A_map_shows_each_tensor_of_each_two_members()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 3);
        HeatMap plain = DistanceMap.Of(WeightDistance.Measure(members), [.. members.Select(m => m.Name)]);
        Assert.Equal(["rm-0 / rm-1", "rm-0 / rm-2", "rm-1 / rm-2"], plain.Columns);
        Assert.Equal(TinyFolder.Shapes.Select(s => s.Name).Order(StringComparer.Ordinal), plain.Rows);
        WeightDistance distance = WeightDistance.Measure(members, Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50))));
        HeatMap learned = DistanceMap.Of(distance, ["a", "b", "c"]);
        Assert.Equal(distance.PerTensor[2].DeltaCosine(0, 2), learned.Values[2][1]);
        Assert.Equal(Math.Sqrt(distance.PerTensor[2].DeltaDot![1, 1]), distance.PerTensor[2].DeltaLength(1));
        Assert.Contains("model.norm.weight", learned.ToSvg());
        Assert.Throws<WarmException>(() => DistanceMap.Of(distance, ["a"]));
        Assert.Throws<WarmException>(() => DistanceMap.Of(WeightDistance.Measure(members[..1]), ["a"]));
    }
}
