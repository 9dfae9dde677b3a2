using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests;

public class InspectCommandTests
{
    private static readonly string Member = Directory.GetDirectories(Repository.Path("samples", "family"), "rm-*").Order(StringComparer.Ordinal).First();

    [Fact]
    public void Inspect_prints_the_fields_of_the_contract()
    {
        WarmProcess run = WarmProcess.Run("inspect", Member, "--json");
        Assert.Equal(0, run.ExitCode);
        JsonNode json = run.Json;
        Assert.Equal("LlamaForSequenceClassification", (string?)json["architecture"]);
        Assert.Equal("score.weight", (string?)json["head"]!["output"]);
        Assert.Equal("LastNotPad", (string?)json["readPosition"]);
        Assert.Equal("template", (string?)json["textForm"]);
        Assert.Equal(1, (int)json["labels"]!);
        JsonArray tensors = json["tensors"]!.AsArray();
        Assert.Equal((long)json["parameters"]!, tensors.Sum(t => t!["shape"]!.AsArray().Aggregate(1L, (product, size) => product * (long)size!)));
        Assert.Equal(tensors.Count, json["dtypes"]!.AsObject().Sum(type => (int)type.Value!));
        Assert.All(tensors, tensor => Assert.Equal("model.safetensors", (string?)tensor!["file"]));
        Assert.Equal("BPE", (string?)json["tokenizer"]!["kind"]);
        Assert.Equal("<|pad|>", (string?)json["tokenizer"]!["special"]!["pad_token"]);
        Assert.Equal(File.ReadAllText(Path.Combine(Member, "chat_template.jinja")), (string?)json["template"]);
        foreach (string file in (string[])["model.safetensors", "config.json", "tokenizer.json"])
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Member, file)))), (string?)json["sha256"]![file]);
    }

    [Fact]
    public void Inspect_takes_a_single_file_and_an_average()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Member, "model.safetensors"), folder["alone.safetensors"]);
        WarmProcess file = WarmProcess.Run("inspect", folder["alone.safetensors"], "--json");
        Assert.Equal(0, file.ExitCode);
        Assert.Null(file.Json["architecture"]);
        WarmProcess average = WarmProcess.Run("inspect", $"avg:{Member},{Member}", "--json", "--no-hash");
        Assert.Equal(0, average.ExitCode);
        Assert.Equal((long)file.Json["parameters"]!, (long)average.Json["parameters"]!);
    }

    [Fact]
    public void Inspect_takes_text_form_and_read_position_from_the_recipe_and_says_what_loading_would()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(Member)) File.Copy(file, folder[Path.GetFileName(file)]);
        File.WriteAllText(folder["warm.json"], """{"textForm":"response","readPosition":"LastAttended"}""");
        JsonNode config = JsonNode.Parse(File.ReadAllText(folder["config.json"]))!;
        config["some_future_key"] = 7;
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        JsonNode json = WarmProcess.Run("inspect", folder.Path, "--json", "--no-hash").Json;
        Assert.Equal("response", (string?)json["textForm"]);
        Assert.Equal("LastAttended", (string?)json["readPosition"]);
        Assert.Contains(json["remarks"]!.AsArray(), remark => ((string?)remark)!.Contains("some_future_key"));
        config["hidden_act"] = "strange";
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        Assert.Contains(WarmProcess.Run("inspect", folder.Path, "--json", "--no-hash").Json["remarks"]!.AsArray(), remark => ((string?)remark)!.Contains("gives no rewards here") && ((string?)remark)!.Contains("strange"));
    }

    [Fact]
    public void Inspect_prints_text_for_people()
    {
        WarmProcess run = WarmProcess.Run("inspect", Member);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("score.weight", run.Output);
        Assert.Contains("read at LastNotPad", run.Output);
    }

    [Fact]
    public void Inspect_refuses_in_one_sentence_and_in_JSON()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["model.safetensors"], "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n");
        WarmProcess run = WarmProcess.Run("inspect", folder.Path, "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("git-LFS pointer", (string?)run.Json["error"]!["found"]);
        Assert.EndsWith("model.safetensors", (string?)run.Json["error"]!["where"]);
        Assert.DoesNotContain("   at ", run.Error);
        Assert.Contains("downloads nothing", WarmProcess.Run("inspect", "org/model").Error);
    }
}
