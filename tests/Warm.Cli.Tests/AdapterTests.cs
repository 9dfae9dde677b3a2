using System.Text;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests;

/// <summary>PEFT adapters wherever a command takes a model: DIR+ADAPTERDIR, an adapter's folder with --base, inside averages.</summary>
public sealed class AdapterTests : IDisposable
{
    private static readonly string Base = Directory.GetDirectories(Repository.Path("samples", "family"), "rm-*").Order(StringComparer.Ordinal).First();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A rank-1 adapter on one layer of the sample's base, with a head.</summary>
    private string Adapter(string name, float value, string config = """{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":["q_proj"],"modules_to_save":["score"],"layers_to_transform":[0]}""")
    {
        string folder = _folder[name];
        Directory.CreateDirectory(folder);
        JsonNode tensors = WarmProcess.Run("inspect", Base, "--json", "--no-hash").Json["tensors"]!;
        long[] Shape(string tensor) => [.. tensors.AsArray().First(t => (string?)t!["name"] == tensor)!["shape"]!.AsArray().Select(s => (long)s!)];
        long[] q = Shape("model.layers.0.self_attn.q_proj.weight"), score = Shape("score.weight");
        (string Name, long[] Shape)[] all = [("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [1, q[1]]), ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [q[0], 1]), ("base_model.model.score.weight", score)];
        var header = new JsonObject();
        var data = new MemoryStream();
        foreach ((string tensor, long[] shape) in all)
        {
            long start = data.Length, count = shape[0] * shape[1];
            for (int i = 0; i < count; i++) data.Write(BitConverter.GetBytes(value * (1 + i % 5)));
            header[tensor] = new JsonObject { ["dtype"] = "F32", ["shape"] = new JsonArray([.. shape.Select(s => (JsonNode)s)]), ["data_offsets"] = new JsonArray(start, data.Length) };
        }
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        File.WriteAllBytes(Path.Combine(folder, "adapter_model.safetensors"), [.. BitConverter.GetBytes((long)json.Length), .. json, .. data.ToArray()]);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        return folder;
    }

    private static float[] Rewards(params string[] arguments)
    {
        WarmProcess run = WarmProcess.RunWith("{\"text\":\"one two\"}\n{\"text\":\"a longer text, of several words\"}\n", null, ["score", .. arguments, "--from", "-", "--json"]);
        Assert.True(run.ExitCode == 0, run.Error);
        return [.. run.JsonLines.Select(line => (float)line["reward"]!)];
    }

    [Fact]
    public void An_adapter_scores_as_its_merged_model_and_differs_from_its_base()
    {
        string adapter = Adapter("a", 0.01f), model = $"{Base}+{adapter}", merged = _folder["merged"];
        WarmProcess run = WarmProcess.Run("average", model, "--out", merged, "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        float[] rewards = Rewards(model);
        Assert.Equal(rewards, Rewards(merged));
        Assert.Equal(rewards, Rewards(adapter, "--base", Base));
        Assert.NotEqual(rewards, Rewards(Base));

        JsonNode seen = WarmProcess.Run("inspect", model, "--json").Json;
        Assert.Equal("LlamaForSequenceClassification", (string?)seen["architecture"]);
        Assert.Contains(seen["tensors"]!.AsArray(), t => (string?)t!["name"] == "score.weight" && ((string?)t["file"])!.EndsWith("adapter_model.safetensors", StringComparison.Ordinal));
        Assert.Contains(seen["sha256"]!.AsObject(), f => f.Key.EndsWith("adapter_config.json", StringComparison.Ordinal));
        JsonNode member = JsonNode.Parse(File.ReadAllText(Path.Combine(merged, "warm.json")))!["members"]![0]!;
        Assert.NotNull(member["sha256"]!["adapter_model.safetensors"]);
        Assert.NotNull(member["base"]!["sha256"]!["model.safetensors"]);
    }

    [Fact]
    public void Adapters_average_as_products_in_every_spelling()
    {
        string a = Adapter("a", 0.01f), b = Adapter("b", -0.02f);
        float[] rewards = Rewards($"avg:{Base}+{a},{Base}+{b}");
        Assert.Equal(rewards, Rewards($"avg:{a},{b}", "--base", Base));
        WarmProcess run = WarmProcess.Run("average", a, $"{Base}+{b}", "--base", Base, "--out", _folder["mean"], "--quiet");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(rewards, Rewards(_folder["mean"]));
        WarmProcess judged = WarmProcess.Run("compare", a, b, "--base", Base, "--json");
        Assert.True((string?)judged.Json["verdict"] is "fits" or "doubtful", judged.Output);
    }

    [Fact]
    public void An_adapter_without_its_base_is_no_model()
    {
        string a = Adapter("a", 0.01f, """{"peft_type":"LORA","r":1,"lora_alpha":1,"base_model_name_or_path":"org/base"}""");
        foreach (string[] words in (string[][])[["average", a, a, "--out", _folder["x"]], ["inspect", a], ["score", a, "--from", "-"], ["score", $"avg:{a},{a}", "--from", "-"]])
        {
            WarmProcess run = WarmProcess.RunWith("", null, words);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("\"org/base\"", run.Error);
            Assert.Contains("--base", run.Error);
        }
        Assert.False(Path.Exists(_folder["x"]));
        WarmProcess compared = WarmProcess.Run("compare", a, Base, "--json");
        Assert.Equal((1, "impossible"), (compared.ExitCode, (string?)compared.Json["verdict"]));
    }

    [Fact]
    public void A_base_that_nothing_stands_on_is_wrong_usage()
    {
        foreach (string[] words in (string[][])[["score", Base, "--base", Base, "--from", "-"], ["inspect", Base, "--base", Base], ["average", Base, Base, "--base", Base, "--out", _folder["x"]]])
            Assert.Equal(2, WarmProcess.RunWith("", null, words).ExitCode);
        Assert.Equal(1, WarmProcess.Run("inspect", $"{Base}+{Base}").ExitCode);
        Assert.Equal(1, WarmProcess.Run("inspect", $"{Base}+nowhere").ExitCode);
    }
}
