using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Diversity;

public class SoupCommandTests
{
    private static readonly string[] Members = [.. Enumerable.Range(1, 3).Select(i => Repository.Path("samples", "family", $"rm-{i}"))];

    /// <summary>Pairs of the sample's own people, one in so many: those of some topics to choose by, those of the others to report on.</summary>
    private static void Split(TemporaryFolder folder)
    {
        using var reader = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(Repository.Path("samples", "family", "heldout.jsonl.gz")), System.IO.Compression.CompressionMode.Decompress));
        var lines = new List<(string Line, string Prompt)>();
        while (reader.ReadLine() is { } line) lines.Add((line, (string)JsonNode.Parse(line)!["prompt"]!));
        string[] prompts = [.. lines.Select(l => l.Prompt).Distinct().Order(StringComparer.Ordinal)];
        (string Line, string Prompt)[] some = [.. lines.Where((_, i) => i % 100 == 0)];
        File.WriteAllLines(folder["dev.jsonl"], some.Where(l => Array.IndexOf(prompts, l.Prompt) % 2 == 0).Select(l => l.Line));
        File.WriteAllLines(folder["test.jsonl"], some.Where(l => Array.IndexOf(prompts, l.Prompt) % 2 == 1).Select(l => l.Line));
    }

    [Fact]
    public void Soup_chooses_on_one_file_reports_on_another_and_records_why()
    {
        using var folder = new TemporaryFolder();
        Split(folder);
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, ["soup", .. Members, "--select", "dev.jsonl", "--hold-out", "test.jsonl", "--out", "soup", "--json"]);
        Assert.Equal((0, "greedy"), (run.ExitCode, (string?)run.Json["rule"]));
        JsonArray taken = run.Json["members"]!.AsArray(), left = run.Json["leftOut"]!.AsArray();
        Assert.Equal(Members.Order(), taken.Concat(left).Select(m => (string)m!["path"]!).Order());
        Assert.Equal(2, run.Json["log"]!.AsArray().Count);
        Assert.NotEqual((int)run.Json["selection"]!["n"]!, (int)run.Json["holdOut"]!["accuracy"]!["n"]!);
        JsonNode recipe = JsonNode.Parse(File.ReadAllText(Path.Combine(folder["soup"], "warm.json")))!["selection"]!;
        string samples = Repository.Path("samples", "family") + "/"; // the recipe names members without the folders that they lie in
        Assert.Equal(taken.ToJsonString().Replace(samples, ""), recipe["taken"]!.ToJsonString());
        Assert.Equal(left.ToJsonString().Replace(samples, ""), recipe["leftOut"]!.ToJsonString());
        // What was written scores as it was reported.
        WarmProcess again = WarmProcess.RunWith(null, folder.Path, "evaluate", "soup", "--on", "test.jsonl", "--json");
        Assert.Equal((double)run.Json["holdOut"]!["loss"]!, (double)again.Json["models"]![0]!["loss"]!);
    }

    [Fact]
    public void Soup_names_a_prompt_that_is_in_both_files()
    {
        using var folder = new TemporaryFolder();
        Split(folder);
        File.AppendAllText(folder["test.jsonl"], File.ReadLines(folder["dev.jsonl"]).First() + "\n");
        string prompt = (string)JsonNode.Parse(File.ReadLines(folder["dev.jsonl"]).First())!["prompt"]!;
        WarmProcess refused = WarmProcess.RunWith(null, folder.Path, "soup", Members[0], "--select", "dev.jsonl", "--hold-out", "test.jsonl", "--json");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(prompt, (string)refused.Json["error"]!["found"]!);
        WarmProcess allowed = WarmProcess.RunWith(null, folder.Path, "soup", Members[0], "--select", "dev.jsonl", "--hold-out", "test.jsonl", "--rule", "top:1", "--allow", "shared-prompts", "--json");
        Assert.Equal(0, allowed.ExitCode);
        Assert.Contains(prompt, (string)allowed.Json["remarks"]![0]!);
    }

    [Fact]
    public void Average_chooses_its_members()
    {
        using var folder = new TemporaryFolder();
        Split(folder);
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, ["average", .. Members, "--choose", "top:2", "--select", "dev.jsonl", "--out", "two", "--json"]);
        Assert.Equal((0, 2), (run.ExitCode, run.Json["members"]!.AsArray().Count));
        Assert.Equal("top:2", (string)run.Json["recipe"]!["selection"]!["rule"]!);
        Assert.Equal(2, WarmProcess.RunWith(null, folder.Path, ["average", .. Members, "--choose", "top:2", "--out", "other"]).ExitCode);
    }

    [Fact]
    public void Connect_follows_the_line()
    {
        using var folder = new TemporaryFolder();
        Split(folder);
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, "connect", Members[0], Members[1], "--on", "dev.jsonl", "--steps", "3", "--json");
        Assert.Equal((0, 3), (run.ExitCode, run.Json["path"]!.AsArray().Count));
        Assert.Equal([0.0, 0.5, 1.0], run.Json["path"]!.AsArray().Select(p => (double)p!["lambda"]!));
        double worst = run.Json["path"]!.AsArray().Max(p => (double)p!["straight"]! - (double)p["accuracy"]!["value"]!);
        Assert.Equal(worst, (double)run.Json["barrier"]!);
        Assert.Equal(worst <= 1e-12, (bool)run.Json["connected"]!);
        Assert.Equal(1, WarmProcess.RunWith(null, folder.Path, "connect", Members[0], Members[1], "--on", "dev.jsonl", "--steps", "1").ExitCode);
    }
}
