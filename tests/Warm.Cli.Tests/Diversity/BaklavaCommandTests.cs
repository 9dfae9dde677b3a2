using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Diversity;

public class BaklavaCommandTests
{
    private static readonly string[] Models = [.. Enumerable.Range(1, 2).Select(i => Repository.Path("samples", "family", $"rm-{i}"))];

    /// <summary>One in so many pairs of the sample's people.</summary>
    private static void Pairs(TemporaryFolder folder)
    {
        using var reader = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(Repository.Path("samples", "family", "heldout.jsonl.gz")), System.IO.Compression.CompressionMode.Decompress));
        var lines = new List<string>();
        while (reader.ReadLine() is { } line) lines.Add(line);
        File.WriteAllLines(folder["dev.jsonl"], lines.Where((_, i) => i % 60 == 0));
    }

    [Fact]
    public void Baklava_judges_starts_writes_them_and_tells_whose_they_are()
    {
        using var folder = new TemporaryFolder();
        Pairs(folder);
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, ["baklava", .. Models, "--on", "dev.jsonl", "--write", "starts", "--json"]);
        Assert.Equal(0, run.ExitCode);
        JsonArray starts = run.Json["starts"]!.AsArray();
        Assert.Equal(Models, starts.Select(s => (string)s!["path"]!));
        foreach (JsonNode? start in starts)
        {
            Assert.InRange((double)start!["accuracy"]!["value"]!, 0.3, 1);
            Assert.NotEmpty((string)start["why"]!);
        }
        Assert.Equal(0.0, (double)run.Json["distances"]![0]![0]!);
        Assert.Equal((double)starts[0]!["distance"]!, (double)run.Json["distances"]![0]![1]!, 12);
        string[] written = [.. run.Json["written"]!.AsArray().Select(w => (string)w!)];
        Assert.Equal(starts.Where(s => (bool)s!["chosen"]!).Select(s => Path.Combine("starts", Path.GetFileName((string)s!["path"]!))), written);
        // The written ones are reward models, and trained members: their own starts.
        WarmProcess scored = WarmProcess.RunWith("{\"prompt\":\"a\",\"response\":\"b\"}\n", folder.Path, "score", written[^1], "--from", "-", "--json");
        Assert.True(double.IsFinite((double)scored.Json["reward"]!));
        WarmProcess origins = WarmProcess.RunWith(null, folder.Path, ["baklava", .. Models, "--members", .. written, "--json"]);
        Assert.All(origins.Json["members"]!.AsArray(), m => Assert.Equal((Path.GetFileName((string)m!["member"]!), 0.0, true), (Path.GetFileName((string)m["start"]!), (double)m["distance"]!, (bool)m["clear"]!)));
    }

    [Fact]
    public void Baklava_says_what_it_needs()
    {
        using var folder = new TemporaryFolder();
        Pairs(folder);
        Assert.Equal((2, "--on"), Refused("baklava", Models[0]));
        Assert.Equal((1, folder["dev.jsonl"]), Refused("baklava", Models[0], "--on", "dev.jsonl", "--write", folder["dev.jsonl"]));
        Directory.CreateDirectory(folder["empty"]);
        Assert.Equal((1, "empty"), Refused("baklava", "empty", "--on", "dev.jsonl"));

        (int, string) Refused(params string[] arguments)
        {
            WarmProcess run = WarmProcess.RunWith(null, folder.Path, [.. arguments, "--json"]);
            return (run.ExitCode, (string)run.Json["error"]!["where"]!);
        }
    }
}
