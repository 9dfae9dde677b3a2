using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Rewards;

public class EvaluateCommandTests
{
    private static readonly string Model = Repository.Path("samples", "family", "rm-1"), Other = Repository.Path("samples", "family", "rm-2");

    private const string Ids = """
        {"prompt":"p","chosen_ids":[5,6,7],"rejected_ids":[8,9],"topic":"x"}
        {"prompt":"p","chosen_ids":[5,6,7],"rejected_ids":[5,6,7],"topic":"y"}
        {"prompt":"q","chosen_ids":[10],"rejected_ids":[11,12],"topic":"x"}
        """;

    [Fact]
    public void Rewards_of_one_model()
    {
        WarmProcess run = WarmProcess.RunWith("{\"chosen\":1.5,\"rejected\":0.5,\"prompt\":\"a\"}\n{\"chosen\":[0.25],\"rejected\":0.25,\"prompt\":\"b\"}\n", null, "evaluate", "--rewards", "-", "--ties", "correct", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        JsonNode model = Assert.Single(run.Json["models"]!.AsArray())!;
        Assert.Equal((1.0, 1, "correct"), ((double)model["accuracy"]!["value"]!, (int)model["ties"]!, (string)run.Json["ties"]!));
        Assert.Empty(run.Json["paired"]!.AsArray());
    }

    [Fact]
    public void Rewards_of_several_models_are_compared_pair_by_pair()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder["r.jsonl"], Enumerable.Range(0, 40).Select(i => $"{{\"chosen\":{{\"m\":1,\"n\":{i % 2}}},\"rejected\":{{\"n\":0.5,\"m\":0}},\"group\":\"{i % 4}\"}}"));
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, "evaluate", "--rewards", "r.jsonl", "--json");
        JsonNode pair = Assert.Single(run.Json["paired"]!.AsArray())!;
        Assert.Equal(("m", "n", 0.5, 4, "group"), ((string)pair["a"]!, (string)pair["b"]!, (double)pair["difference"]!["value"]!, (int)pair["difference"]!["units"]!, (string)pair["difference"]!["unit"]!));
        Assert.Equal((20, 0), ((int)pair["mcnemar"]!["onlyFirst"]!, (int)pair["mcnemar"]!["onlySecond"]!));
        WarmProcess text = WarmProcess.RunWith(null, folder.Path, "evaluate", "--rewards", "r.jsonl", "--resample", "pair");
        Assert.StartsWith("40 pairs, 40 pairs; ties count half\nmodel", text.Output);
        Assert.Contains("m - n: 0.500 ± 0.0", text.Output);
    }

    [Theory]
    [InlineData("{\"chosen\":1}", "line 2", "\"rejected\" is missing")]
    [InlineData("{\"chosen\":1,\"rejected\":NaN}", "line 2", "holds NaN at byte 23")]
    [InlineData("{\"chosen\":1,\"rejected\":\"NaN\"}", "line 2", "\"rejected\" is \"NaN\"")]
    [InlineData("{\"chosen\":{\"a\":1},\"rejected\":{\"b\":1}}", "line 2", "\"chosen\" has rewards of a, \"rejected\" of b")]
    [InlineData("{\"chosen\":{\"a\":1},\"rejected\":{\"a\":1}}", "line 2", "has rewards of a")]
    public void Rewards_refuses_a_broken_line_and_keeps_going_when_asked(string line, string where, string found)
    {
        string input = $"{{\"chosen\":1,\"rejected\":0}}\n{line}\n";
        WarmProcess run = WarmProcess.RunWith(input, null, "evaluate", "--rewards", "-", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.EndsWith(where, (string?)run.Json["error"]!["where"]);
        Assert.StartsWith(found, (string?)run.Json["error"]!["found"]);
        WarmProcess on = WarmProcess.RunWith(input, null, "evaluate", "--rewards", "-", "--json", "--keep-going");
        Assert.Equal((1, 1), (on.ExitCode, (int)on.Json["models"]![0]!["accuracy"]!["n"]!));
        Assert.Contains(where, on.Error);
    }

    [Fact]
    public void Models_on_named_sets_of_pairs()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["ids.jsonl"], Ids);
        WarmProcess run = WarmProcess.RunWith(Ids, folder.Path, "evaluate", Model, Other, "--on", "near=ids.jsonl", "--on", "far=-", "--resample", "topic", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal([(Model, "near"), (Other, "near"), (Model, "far"), (Other, "far")], run.Json["models"]!.AsArray().Select(m => ((string)m!["name"]!, (string)m["on"]!)));
        Assert.Equal(["near", "far"], run.Json["paired"]!.AsArray().Select(p => (string)p!["on"]!));
        JsonNode first = run.Json["models"]![0]!;
        Assert.Equal((3, 2, "topic", 1, 4), ((int)first["accuracy"]!["n"]!, (int)first["accuracy"]!["units"]!, (string)first["accuracy"]!["unit"]!, (int)first["ties"]!, (int)first["cost"]!["texts"]!));
        Assert.Equal(0.5, (double)run.Json["baselines"]![0]!["accuracy"]!["value"]!); // longer, equal, shorter
        Assert.Equal((double)first["loss"]!, (double)run.Json["models"]![2]!["loss"]!);
    }

    [Fact]
    public void Ensembles_average_and_best_member_beside_the_models()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["on.jsonl"], Ids);
        File.WriteAllText(folder["by.jsonl"], "{\"prompt\":\"r\",\"chosen_ids\":[5,9],\"rejected_ids\":[8,9,30]}\n");
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, "evaluate", Model, Other, "--on", "on.jsonl", "--select", "by.jsonl", "--ensemble", "--cache", "scores.jsonl", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(4 + 2 + 4 + 2 + 4, File.ReadAllLines(folder["scores.jsonl"]).Length); // each distinct text once by each member, and by the average those of --on
        JsonNode ensemble = run.Json["ensemble"]!, average = run.Json["average"]!;
        JsonArray models = run.Json["models"]!.AsArray();
        // Rewards are means of rewards, so margins are means of margins; each text was scored once by each.
        Assert.Equal(models.Average(m => (double)m!["margins"]!["mean"]!), (double)ensemble["margins"]!["mean"]!, 1e-6);
        Assert.Equal(models.Sum(m => (int)m!["cost"]!["texts"]!), (int)ensemble["cost"]!["texts"]!);
        Assert.Equal(["worst", "mean - 0.5 x variance (divisor n)"], ensemble["others"]!.AsArray().Select(o => (string)o!["rule"]!));
        WarmProcess alone = WarmProcess.RunWith(null, folder.Path, "evaluate", $"avg:{Model},{Other}", "--on", "on.jsonl", "--json");
        Assert.Equal((double)alone.Json["models"]![0]!["loss"]!, (double)average["loss"]!);
        Assert.Equal(6, run.Json["paired"]!.AsArray().Count); // two members, the average and the mean of the rewards
        Assert.All(run.Json["paired"]!.AsArray(), pair => Assert.True((double)pair!["mcnemar"]!["holm"]! >= (double)pair["mcnemar"]!["exact"]!));
        JsonNode selection = run.Json["selection"]!, best = run.Json["baselines"]!.AsArray().Single(b => b!["chosen"] is not null)!;
        Assert.Equal((string)selection["best"]!, (string)best["chosen"]!);
        Assert.Equal((double)models.Single(m => (string)m!["name"]! == (string)selection["best"]!)!["accuracy"]!["value"]!, (double)best["accuracy"]!["value"]!);
        WarmProcess same = WarmProcess.RunWith(null, folder.Path, "evaluate", Model, "--on", "on.jsonl", "--select", "on.jsonl", "--json");
        Assert.Equal(1, same.ExitCode);
        Assert.Contains("\"p\"", (string)same.Json["error"]!["found"]!);
    }

    [Fact]
    public void Subsets_moving_averages_page_and_picture()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["on.jsonl"], Ids);
        string[] arguments = ["evaluate", Model, Other, "--on", "a=on.jsonl", "--on", "b=on.jsonl", "--ensemble", "--lambda", "2", "--divisor", "n-1", "--subsets", "all", "--run", $"{Other},{Model}", "--moving", "ema:0.5", "--report", "page.html", "--svg", "chart.svg", "--json"];
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(["a", "a", "b", "b"], run.Json["models"]!.AsArray().Select(m => (string)m!["on"]!));
        Assert.Equal([1, 2, 1, 2], run.Json["subsets"]!.AsArray().Select(s => (int)s!["k"]!));
        Assert.Equal("mean - 2 x variance (divisor n-1)", (string)run.Json["ensemble"]![0]!["others"]![1]!["rule"]!);
        // Half of each, whichever comes first, is their mean.
        Assert.Equal((double)run.Json["average"]![0]!["loss"]!, (double)run.Json["movingAverages"]![0]!["loss"]!, 1e-6);
        Assert.All(run.Json["helped"]!.AsArray(), pair => Assert.NotNull(pair!["verdict"]));
        string page = File.ReadAllText(folder["page.html"]), chart = File.ReadAllText(folder["chart.svg"]);
        Assert.StartsWith("<!DOCTYPE html>", page);
        Assert.Contains("Accuracy by number of members on b", page);
        Assert.StartsWith("<svg", chart);
        WarmProcess again = WarmProcess.RunWith(null, folder.Path, arguments);
        Assert.Equal((1, "exists already"), (again.ExitCode, (string?)again.Json["error"]!["found"]));
        Assert.Equal(page, File.ReadAllText(folder["page.html"]));
        Assert.Equal(2, WarmProcess.RunWith(null, folder.Path, "evaluate", Model, Other, "--on", "on.jsonl", "--subsets", "some").ExitCode);
        Assert.Equal(2, WarmProcess.RunWith(null, folder.Path, "evaluate", Model, Other, "--on", "on.jsonl", "--moving", "ema:half").ExitCode);
    }

    [Fact]
    public void Ensemble_of_rewards_that_are_there()
    {
        WarmProcess run = WarmProcess.RunWith("{\"chosen\":{\"a\":1.25,\"b\":0.5},\"rejected\":{\"a\":0.25,\"b\":2.0}}\n", null, "evaluate", "--rewards", "-", "--ensemble", "--json");
        Assert.Equal(0, run.ExitCode);
        JsonNode[] rules = [run.Json["ensemble"]!, .. run.Json["ensemble"]!["others"]!.AsArray()!];
        // mean 0.875 - 1.125; worst 0.5 - 0.25; variances 0.140625 and 0.765625
        Assert.Equal([-0.25, 0.25, -0.25 + 0.5 * 0.625], rules.Select(r => Math.Round((double)r["margins"]!["mean"]!, 12)));
    }

    [Fact]
    public void Wrong_usage_and_refusals()
    {
        Assert.Equal(2, WarmProcess.Run("evaluate", Model).ExitCode);
        Assert.Equal(2, WarmProcess.Run("evaluate", "--on", "x.jsonl").ExitCode);
        // One prompt: an answer, with a remark, and no interval that would be none.
        WarmProcess one = WarmProcess.RunWith("{\"chosen\":{\"a\":1,\"b\":2},\"rejected\":{\"a\":0,\"b\":3}}\n", null, "evaluate", "--rewards", "-");
        Assert.Equal(0, one.ExitCode);
        Assert.StartsWith("1 pair, 1 pair;", one.Output);
        Assert.DoesNotContain("NaN", one.Output);
        Assert.Contains("a - b: 1.000 (n = 1 pair); McNemar 1 : 0, p = 1 (mid-p 0.5); cannot tell", one.Output);
        Assert.Contains("there is one pair only: no interval can be given", one.Error);
        Assert.Equal(2, WarmProcess.Run("evaluate", Model, "--rewards", "x.jsonl").ExitCode);
        WarmProcess missing = WarmProcess.Run("evaluate", Model, "--on", "no-such.jsonl", "--json");
        Assert.Equal((1, "is not there"), (missing.ExitCode, (string?)missing.Json["error"]!["found"]));
        WarmProcess field = WarmProcess.RunWith(Ids, null, "evaluate", Model, "--on", "-", "--resample", "annotator", "--json");
        Assert.Equal((1, "no pair has a field \"annotator\""), (field.ExitCode, (string?)field.Json["error"]!["found"]));
    }

    [Fact]
    public void Curve_from_rewards()
    {
        WarmProcess run = WarmProcess.RunWith("{\"proxy\":[1,2,3],\"gold\":[0,1,5]}\n", null, "curve", "--rewards", "-", "--max-n", "2", "--json");
        Assert.Equal([1, 2], run.Json["curve"]!.AsArray().Select(p => (int)p!["n"]!));
        Assert.Equal(2.0, (double)run.Json["curve"]![0]!["gold"]!["value"]!, 12);
        Assert.Equal((1 + 5 + 5) / 3.0, (double)run.Json["curve"]![1]!["gold"]!["value"]!, 12);
        Assert.Equal(1, WarmProcess.RunWith("{\"proxy\":[]}\n", null, "curve", "--rewards", "-").ExitCode);
        Assert.StartsWith("standard input: there are no prompts", WarmProcess.RunWith("\n", null, "curve", "--rewards", "-").Error);
    }

    [Fact]
    public void Curve_of_models_judged_by_a_field_or_a_model()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["drafts.jsonl"], "{\"prompt\":\"p\",\"responses\":[\"a b\",\"b\",\"a a a\"],\"judge\":[1,5,2]}\n{\"prompt\":\"q\",\"responses\":[\"b b\",\"a\"],\"judge\":[0,1]}\n");
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, "curve", Model, "--prompts", "drafts.jsonl", "--gold", "judge", "--text-form", "concatenate", "--svg", "curve.svg", "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal([1, 2, 3], run.Json["curve"]!.AsArray().Select(p => (int)p!["n"]!));
        Assert.Equal(((1 + 5 + 2) / 3.0 + 0.5) / 2, (double)run.Json["curve"]![0]!["gold"]!["value"]!, 12);
        Assert.StartsWith("<svg", File.ReadAllText(folder["curve.svg"]));
        WarmProcess byModel = WarmProcess.RunWith(null, folder.Path, "curve", Model, Other, "--prompts", "drafts.jsonl", "--gold", Model, "--text-form", "concatenate", "--json");
        Assert.Equal(2, byModel.Json["curves"]!.AsArray().Count);
        Assert.All(byModel.Json["curves"]![0]!["curve"]!.AsArray(), p => Assert.Equal((double)p!["proxy"]!["value"]!, (double)p["gold"]!["value"]!)); // its own judge
        WarmProcess missing = WarmProcess.RunWith(null, folder.Path, "curve", Model, "--prompts", "drafts.jsonl", "--gold", "referee", "--json");
        Assert.Equal((1, "\"referee\" is missing"), (missing.ExitCode, (string?)missing.Json["error"]!["found"]));
        Assert.Equal(2, WarmProcess.Run("curve", Model).ExitCode);
        Assert.Equal(2, WarmProcess.Run("curve", Model, "--rewards", "x.jsonl").ExitCode);
    }

    [Fact]
    public void Connect_follows_several_lines()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["on.jsonl"], Ids);
        WarmProcess two = WarmProcess.RunWith(null, folder.Path, "connect", Model, Other, "--on", "on.jsonl", "--steps", "3", "--svg", "line.svg", "--json");
        Assert.True(two.ExitCode == 0, two.Error);
        Assert.Equal(3, two.Json["path"]!.AsArray().Count);
        Assert.StartsWith("<svg", File.ReadAllText(folder["line.svg"]));
        WarmProcess three = WarmProcess.RunWith(null, folder.Path, "connect", Model, Other, $"avg:{Model},{Other}", "--on", "on.jsonl", "--steps", "2", "--simplex", "2", "--json");
        Assert.True(three.ExitCode == 0, three.Error);
        Assert.Equal((3, 2), (three.Json["lines"]!.AsArray().Count, three.Json["simplex"]!.AsArray().Count));
        Assert.NotNull(three.Json["barrier"]);
        Assert.NotEqual(0, WarmProcess.Run("connect", Model, "--on", "on.jsonl").ExitCode);
    }
}
