using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests;

/// <summary>average, compare and what a command line calls a model, on the family that the command itself carries.</summary>
public class AverageCommandTests
{
    private static string Demo(TemporaryFolder folder)
    {
        Assert.Equal(0, WarmProcess.Run("demo", folder["family"], "--quiet").ExitCode);
        return folder["family"];
    }

    [Fact]
    public void Average_writes_a_folder_that_inspect_reads_and_refuses_a_place_that_is_taken()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), first = Path.Combine(family, "rm-1"), second = Path.Combine(family, "rm-2"), third = Path.Combine(family, "rm-3"), made = folder["warm"];
        WarmProcess run = WarmProcess.Run("average", first, second, third, "--out", made, "--json", "--no-sync");
        Assert.Equal(0, run.ExitCode);
        JsonNode document = JsonNode.Parse(run.Output)!;
        Assert.Equal(made, (string)document["out"]!);
        Assert.Equal("uniform", (string)document["method"]!);
        Assert.Equal(3, document["members"]!.AsArray().Count);
        Assert.Equal(64, ((string)document["members"]![0]!["sha256"]!["model.safetensors"]!).Length);
        Assert.True((long)document["bytes"]! > 1_000_000 && (double)document["seconds"]! > 0 && (int)document["tensors"]! == 39);
        Assert.True(File.Exists(Path.Combine(made, "chat_template.jinja")) && File.Exists(Path.Combine(made, "README.md")));
        Assert.Equal("template", (string)document["recipe"]!["textForm"]!);

        run = WarmProcess.Run("average", first, second, "--out", made, "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal("exists already", (string)JsonNode.Parse(run.Output)!["error"]!["found"]!);
        Assert.Equal(0, WarmProcess.Run("average", first, second, "--out", made, "--overwrite", "--quiet", "--no-hash").ExitCode);

        run = WarmProcess.Run("average", first, second, "--weights", "3,1", "--dry-run", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(0.75, (double)JsonNode.Parse(run.Output)!["members"]![0]!["weight"]!);

        run = WarmProcess.Run("compare", $"avg:{first},{second}", third, made, "--json");
        Assert.Equal(0, run.ExitCode);
        document = JsonNode.Parse(run.Output)!;
        Assert.Contains((string)document["verdict"]!, (string[])["fits", "doubtful"]);
        Assert.Equal(3, document["distance"]!.AsArray().Count);
    }

    [Fact]
    public void What_is_wrong_is_one_message_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), first = Path.Combine(family, "rm-1"), second = Path.Combine(family, "rm-2"), made = folder["warm"];
        void Refused(string expected, params string[] words)
        {
            WarmProcess run = WarmProcess.Run(words);
            Assert.Equal(run.Error.StartsWith("--", StringComparison.Ordinal) ? 2 : 1, run.ExitCode); // an option's fault is wrong usage
            Assert.Contains(expected, run.Error);
            Assert.DoesNotContain("   at ", run.Error);
            Assert.False(Path.Exists(made));
        }
        Refused("is not there", "average", first, folder["nowhere"], "--out", made);
        Refused("does not have", "average", first, second, "--out", made, "--method", "slerp");
        Refused("one for each of the 2 members", "average", first, second, "--out", made, "--weights", "1,2,3");
        Refused("is no number", "average", first, second, "--out", made, "--weights", "1,x");
        Refused("5GB", "average", first, second, "--out", made, "--shard-size", "huge");
        Refused("adapter", "average", $"{first}+{second}", "--out", made);
        Refused("--out", "average", first, second);
        Directory.CreateDirectory(folder["empty"]);
        Refused("", "average", first, folder["empty"], "--out", made);
        WarmProcess compare = WarmProcess.Run("compare", first, folder["nowhere"], "--json");
        Assert.Equal(1, compare.ExitCode);
        Assert.Equal("impossible", (string)JsonNode.Parse(compare.Output)!["verdict"]!);
    }
}
