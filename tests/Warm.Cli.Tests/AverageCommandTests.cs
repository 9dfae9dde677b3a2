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

        run = WarmProcess.Run("compare", first, second, "--base", third, "--svg", folder["map.svg"], "--per-tensor");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("least cosine of what was learned", run.Output);
        Assert.StartsWith("<svg", File.ReadAllText(folder["map.svg"]));
        run = WarmProcess.Run("compare", $"avg:{first},{second}", third, made, "--json");
        Assert.Equal(0, run.ExitCode);
        document = JsonNode.Parse(run.Output)!;
        Assert.Contains((string)document["verdict"]!, (string[])["fits", "doubtful"]);
        Assert.Equal(3, document["distance"]!.AsArray().Count);
    }

    [Fact]
    public void A_method_is_written_with_its_base_and_dials_in_the_recipe()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), first = Path.Combine(family, "rm-1"), second = Path.Combine(family, "rm-2"), third = Path.Combine(family, "rm-3"), made = folder["warm"];
        WarmProcess run = WarmProcess.Run("average", first, second, "--base", third, "--method", "ties", "--density", "0.25", "--weights", "1,-0.5", "--out", made, "--json", "--no-sync");
        Assert.Equal(0, run.ExitCode);
        JsonNode recipe = JsonNode.Parse(run.Output)!["recipe"]!;
        Assert.Equal("ties", (string)recipe["method"]!);
        Assert.Equal(0.25, (double)recipe["dials"]!["density"]!);
        Assert.Equal(-0.5, (double)recipe["members"]![1]!["weight"]!);
        Assert.Equal("rm-3", (string)recipe["base"]!["path"]!);
        Assert.Equal(64, ((string)recipe["base"]!["sha256"]!["model.safetensors"]!).Length);
        Assert.Contains("arXiv:2306.01708", File.ReadAllText(Path.Combine(made, "README.md")));
    }

    [Fact]
    public void Head_scale_and_statistics_are_chosen_measured_and_recorded()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), first = Path.Combine(family, "rm-1"), second = Path.Combine(family, "rm-2"), made = folder["warm"];
        // A few pairs are enough to measure on; the second member's head is made three times as large, which its rewards show.
        string pairs = folder["pairs.jsonl"], louder = folder["louder"];
        File.WriteAllLines(pairs, Enumerable.Range(0, 20).Select(i => $$"""{"prompt":"Question {{i}}?","chosen":"A good answer number {{i}}.","rejected":"no {{i}}"}"""));
        Assert.Equal(0, WarmProcess.Run("average", second, "--dtype", "f32", "--out", louder, "--no-sync", "--quiet", "--no-fixture").ExitCode);
        Scale(Path.Combine(louder, "model.safetensors"), "score.weight", 3);

        WarmProcess run = WarmProcess.Run("compare", second, louder, "--on", pairs, "--json");
        JsonNode scales = run.Json["headScale"]!;
        Assert.Equal(20, (int)scales["n"]!);
        Assert.Equal(3, (double)scales["members"]![1]!["scale"]! / (double)scales["members"]![0]!["scale"]!, 1e-4);
        Assert.Equal(0.75, (double)scales["members"]![0]!["weight"]!, 1e-5);

        run = WarmProcess.Run("average", second, louder, "--match-scale", pairs, "--statistics", pairs, "--out", made, "--json", "--no-sync");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(0.75, (double)run.Json["members"]![0]!["weight"]!, 1e-5);
        Assert.Equal("pairs.jsonl", (string)run.Json["recipe"]!["matchScale"]!["pairs"]!);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(made, "config.json")))!;
        Assert.True((bool)config["normalize_reward"]! && (double)config["std"]! > 0 && (double)config["mean"]! == (double)run.Json["recipe"]!["statistics"]!["mean"]!);
        Assert.Equal(0, WarmProcess.Run("verify", made, "--quiet").ExitCode);

        run = WarmProcess.Run("average", first, second, "--head", "rm-2", "--out", folder["headed"], "--json", "--no-sync");
        Assert.Equal("rm-2", (string)run.Json["recipe"]!["head"]!);
        run = WarmProcess.Run("average", first, second, "--head", "rm-3", "--out", folder["not"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("is no member", run.Error);
        Assert.Equal(2, WarmProcess.Run("average", first, second, "--match-scale", pairs, "--method", "swa", "--out", folder["not"]).ExitCode);
    }

    /// <summary>Multiplies a tensor of singles in place.</summary>
    private static void Scale(string file, string tensor, float by)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int header = BitConverter.ToInt32(bytes);
        JsonNode offsets = JsonNode.Parse(bytes.AsSpan(8, header))![tensor]!["data_offsets"]!;
        foreach (ref float value in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + header)[(int)offsets[0]!..(int)offsets[1]!])) value *= by;
        File.WriteAllBytes(file, bytes);
    }

    [Fact]
    public void A_recipe_of_mergekit_is_imported_or_refused_with_its_line()
    {
        using var folder = new TemporaryFolder();
        Demo(folder);
        string recipe = folder["merge.yml"], made = folder["warm"];
        File.WriteAllText(recipe, "merge_method: task_arithmetic\nbase_model: family/rm-3\nmodels:\n- model: family/rm-1\n  parameters: {weight: 0.5}\n- model: family/rm-2\n  parameters: {weight: 0.25}\n");
        WarmProcess run = WarmProcess.Run("average", "--import", recipe, "--out", made, "--json", "--no-sync");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("task-arithmetic", (string)run.Json["method"]!);
        Assert.Equal([0.5, 0.25], run.Json["members"]!.AsArray().Select(m => (double)m!["weight"]!));
        Assert.Equal("merge.yml", (string)run.Json["recipe"]!["import"]!["file"]!);
        Assert.Equal(0, WarmProcess.Run("verify", made, "--quiet").ExitCode);

        File.AppendAllText(recipe, "normalise: true\n");
        run = WarmProcess.Run("average", "--import", recipe, "--out", folder["not"], "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal($"{recipe}, line 8", (string)run.Json["error"]!["where"]!);
        Assert.False(Path.Exists(folder["not"]));
        Assert.Equal(2, WarmProcess.Run("average", "--import", recipe, "--method", "swa", "--out", folder["not"]).ExitCode);
        Assert.Equal(2, WarmProcess.Run("average", "--out", folder["not"]).ExitCode);
    }

    [Fact]
    public void Verify_compares_files_and_rewards_with_what_was_written()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), made = folder["warm"];
        Assert.Equal(0, WarmProcess.Run("average", Path.Combine(family, "rm-1"), Path.Combine(family, "rm-2"), "--out", made, "--no-sync", "--quiet").ExitCode);
        WarmProcess run = WarmProcess.Run("verify", made, "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.True((bool)run.Json["ok"]!);
        Assert.Equal(["README.md", "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], run.Json["files"]!.AsArray().Select(f => (string)f!["name"]!));
        Assert.Equal(3, run.Json["rewards"]!.AsArray().Count);
        Assert.All(run.Json["rewards"]!.AsArray(), reward => Assert.True(Math.Abs((double)reward!["recorded"]! - (double)reward["now"]!) < 1e-4 && ((string)reward["text"]!).Length > 0));

        // The template decides what a prompt and a response become: the hash tells, and so do ids and rewards; the bare text stays.
        File.WriteAllText(Path.Combine(made, "chat_template.jinja"), "{% for m in messages %}{{ m.content }}{% endfor %}");
        run = WarmProcess.Run("verify", made, "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(["chat_template.jinja"], run.Json["files"]!.AsArray().Where(f => !(bool)f!["ok"]!).Select(f => (string)f!["name"]!));
        Assert.Equal([false, false, true], run.Json["rewards"]!.AsArray().Select(r => (bool)r!["ok"]!));
        File.Delete(Path.Combine(made, "model.safetensors"));
        run = WarmProcess.Run("verify", made);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("missing", run.Output);
        Assert.Contains("does not load", run.Error);
        run = WarmProcess.Run("verify", Path.Combine(family, "rm-1"));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("has no warm.json", run.Error);
    }

    [Fact]
    public void What_is_wrong_is_one_message_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        string family = Demo(folder), first = Path.Combine(family, "rm-1"), second = Path.Combine(family, "rm-2"), third = Path.Combine(family, "rm-3"), made = folder["warm"];
        void Refused(string expected, params string[] words) => Fails(1, expected, words);
        void Fails(int code, string expected, params string[] words)
        {
            WarmProcess run = WarmProcess.Run(words);
            Assert.Equal(code, run.ExitCode);
            Assert.Contains(expected, run.Error);
            Assert.DoesNotContain("   at ", run.Error);
            Assert.False(Path.Exists(made));
        }
        Refused("is not there", "average", first, folder["nowhere"], "--out", made);
        Fails(2, "does not have", "average", first, second, "--out", made, "--method", "slurp");
        Fails(2, "--eta: is no dial of slerp", "average", first, second, "--out", made, "--method", "slerp", "--t", "0.5", "--eta", "1");
        Fails(2, "--base: is missing", "average", first, second, "--out", made, "--method", "ties", "--density", "0.5");
        Fails(2, "--density: is 0", "average", first, second, "--out", made, "--method", "ties", "--density", "0", "--base", third);
        Refused("one for each of the 2 members", "average", first, second, "--out", made, "--weights", "1,2,3");
        Fails(2, "is no number", "average", first, second, "--out", made, "--weights", "1,x");
        Fails(2, "5GB", "average", first, second, "--out", made, "--shard-size", "huge");
        Refused("adapter", "average", $"{first}+{second}", "--out", made);
        Fails(2, "--out", "average", first, second);
        Directory.CreateDirectory(folder["empty"]);
        Refused("", "average", first, folder["empty"], "--out", made);
        WarmProcess compare = WarmProcess.Run("compare", first, folder["nowhere"], "--json");
        Assert.Equal(1, compare.ExitCode);
        Assert.Equal("impossible", (string)JsonNode.Parse(compare.Output)!["verdict"]!);
    }
}
