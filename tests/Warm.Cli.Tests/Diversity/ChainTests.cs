using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Diversity;

/// <summary>The whole way, command by command: starts, plan, scripts, (stored members stand in for trained ones) collect, choose, average, evaluate. src/Warm/Diversity/README.md tells it.</summary>
public class ChainTests
{
    [ReferenceFact]
    public void From_a_fine_tuning_run_to_an_average_that_is_judged()
    {
        using var folder = new TemporaryFolder();
        string family = Reference.Path("families", "decoder");
        string[] cut = ["--max-length", "192", "--truncate", "right"];
        Some("train", "train.jsonl", 9);
        Some("id_seen", "dev.jsonl", 20);
        Some("ood", "test.jsonl", 25);

        JsonNode baklava = Json(["baklava", .. ((int[])[200, 160, 120]).Select(step => Path.Combine(family, $"sft-{step}")), "--on", "train.jsonl", "--write", "starts", .. cut]);
        Assert.Equal(3, baklava["written"]!.AsArray().Count);

        JsonNode plan = Json(["sweep", "plan.json", "--new", "--start", .. baklava["written"]!.AsArray().Select(w => (string)w!), "--train", "train.jsonl", "--runs", "6", "--members", family]);
        Assert.Equal(["starts/sft-200", "starts/sft-160", "starts/sft-120"], plan["runs"]!.AsArray().Take(3).Select(run => (string?)run!["start"]));
        File.WriteAllText(folder["plan.json"], File.ReadAllText(folder["plan.json"]).Replace("\"rm-", "\"clean-")); // changed by hand: the stored members are called so
        JsonNode emitted = Json(["sweep", "plan.json", "--emit", "shell"]);
        foreach (JsonNode? run in emitted["runs"]!.AsArray())
        {
            JsonNode arguments = JsonNode.Parse(File.ReadAllText(folder[$"plan/{run!["name"]}.json"]))!["arguments"]!;
            Assert.Equal((run["learning_rate"]!.ToJsonString(), run["data_seed"]!.ToJsonString(), "false"), (arguments["learning_rate"]!.ToJsonString(), arguments["data_seed"]!.ToJsonString(), arguments["disable_dropout"]!.ToJsonString()));
            Assert.True(File.Exists(folder[(string)run["script"]!]));
        }

        JsonNode collected = Json(["sweep", "plan.json", "--collect", family]);
        string[] members = [.. collected["members"]!.AsArray().Select(m => (string)m!)];
        Assert.Equal(Enumerable.Range(1, 6).Select(i => Path.Combine(family, $"clean-{i}")), members);
        // Their weights tell the very starts that the plan gives them.
        JsonNode origins = Json(["baklava", .. baklava["written"]!.AsArray().Select(w => (string)w!), "--members", .. members]);
        Assert.Equal(plan["runs"]!.AsArray().Select(run => (string?)run!["start"]), origins["members"]!.AsArray().Select(m => (string?)m!["start"]));

        JsonNode soup = Json(["soup", .. members, "--plan", "plan.json", "--select", "dev.jsonl", "--hold-out", "test.jsonl", "--rule", "top:4", "--out", "warm", .. cut]);
        Assert.Equal(4, soup["members"]!.AsArray().Count);
        JsonNode recipe = JsonNode.Parse(File.ReadAllText(folder["warm/warm.json"]))!;
        foreach (JsonNode? member in recipe["members"]!.AsArray())
        {
            JsonNode planned = plan["runs"]!.AsArray().Single(run => ((string)run!["name"]!).Replace("rm-", "clean-") == (string?)member!["path"])!;
            Assert.Equal((Path.GetFileName((string)planned["start"]!), planned["dropout"]!.ToJsonString()), ((string?)member!["run"]!["start"], member["run"]!["dropout"]!.ToJsonString()));
        }
        // The same choice as an average without the report.
        Json(["average", .. members, "--plan", "plan.json", "--choose", "top:4", "--select", "dev.jsonl", "--out", "again", "--no-fixture"]);
        Assert.Equal(4, JsonNode.Parse(File.ReadAllText(folder["again/warm.json"]))!["members"]!.AsArray().Count);

        JsonNode judged = Json(["evaluate", "warm", .. members, "--on", "test.jsonl", .. cut]);
        Assert.Equal((double)soup["holdOut"]!["accuracy"]!["value"]!, (double)judged["models"]![0]!["accuracy"]!["value"]!);
        foreach (JsonNode? pair in judged["paired"]!.AsArray())
            if ((double)pair!["difference"]!["low"]! <= 0 && (double)pair["difference"]!["high"]! >= 0) Assert.StartsWith("cannot tell", (string)pair["verdict"]!);
        Reference.Count("starts: the whole chain", 1);

        JsonNode Json(string[] arguments)
        {
            WarmProcess run = WarmProcess.RunWith(null, folder.Path, [.. arguments, "--json"]);
            Assert.True(run.ExitCode == 0, $"warm {string.Join(' ', arguments)}: {run.ExitCode}\n{run.Output}\n{run.Error}");
            return run.Json;
        }

        void Some(string from, string to, int each)
        {
            using var reader = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(Reference.Path("families", "texts", $"{from}.jsonl.gz")), System.IO.Compression.CompressionMode.Decompress));
            var lines = new List<string>();
            while (reader.ReadLine() is { } line) lines.Add(line);
            File.WriteAllLines(folder[to], lines.Where((_, i) => i % each == 0));
        }
    }

    [Fact]
    public void Sweep_refuses_in_a_sentence_what_it_cannot_do()
    {
        using var folder = new TemporaryFolder();
        WarmProcess Run(params string[] arguments) => WarmProcess.RunWith(null, folder.Path, ["sweep", .. arguments]);
        Assert.Equal(2, Run("plan.json", "--new", "--train", "t").ExitCode); // no start
        Assert.Equal(0, Run("plan.json", "--new", "--start", "s", "--train", "t", "--design", "order", "--runs", "2").ExitCode);
        WarmProcess again = Run("plan.json", "--new", "--start", "s", "--train", "t");
        Assert.Equal((1, true), (again.ExitCode, again.Error.Contains("exists already")));
        WarmProcess trains = Run("plan.json", "--run");
        Assert.Equal((2, true), (trains.ExitCode, trains.Error.Contains("does not train yet")));
        WarmProcess stray = Run("plan.json", "--runs", "3");
        Assert.Equal((2, true), (stray.ExitCode, stray.Error.Contains("--runs: is given without --new")));
        Assert.Equal(2, Run("plan.json", "--emit", "cloud").ExitCode);
        Directory.CreateDirectory(folder["runs"]);
        WarmProcess none = Run("plan.json", "--collect", "runs");
        Assert.Equal((1, true), (none.ExitCode, none.Output.Contains("0 of 2 finished")));
        File.WriteAllText(folder["plan.json"], File.ReadAllText(folder["plan.json"]).Replace("\"dropout\"", "\"drop_out\""));
        WarmProcess unknown = Run("plan.json");
        Assert.Equal((1, true), (unknown.ExitCode, unknown.Error.Contains("unknown dial \"drop_out\"; a dial of TRL's RewardConfig, or dropout. Did you mean \"dropout\"?")));
    }
}
