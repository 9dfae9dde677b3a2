using System.Diagnostics;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests;

public class ScoreCommandTests
{
    private static string Member(int n) => Repository.Path("samples", "family", $"rm-{n}");

    [Fact]
    public void Score_answers_each_line_in_order_with_its_id()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder["in.jsonl"],
        [
            """{"id":7,"prompt":"Is it right?","response":"Yes."}""", """{"text":"Yes."}""", "", """{"id":"x","messages":[{"role":"user","content":"Is it right?"},{"role":"assistant","content":"Yes."}]}""",
            """{"input_ids":[1,56,3]}""",
        ]);
        WarmProcess run = WarmProcess.Run("score", Member(1), "--from", folder["in.jsonl"], "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("text form template", run.Error);
        JsonNode[] lines = run.JsonLines;
        Assert.Equal(4, lines.Length);
        Assert.Equal(7, lines[0]["id"]!.GetValue<int>());
        Assert.Equal("x", lines[2]["id"]!.GetValue<string>());
        Assert.Null(lines[1]["id"]);
        Assert.Equal(lines[0]["reward"]!.ToJsonString(), lines[2]["reward"]!.ToJsonString());
        Assert.Equal((3, 2, 0), (lines[3]["tokens"]!.GetValue<int>(), lines[3]["readAt"]!.GetValue<int>(), lines[3]["truncated"]!.GetValue<int>()));
    }

    [Fact]
    public void Score_of_an_average_that_was_never_written_is_that_of_the_written_one()
    {
        using var folder = new TemporaryFolder();
        string lines = "{\"prompt\":\"Is it right?\",\"response\":\"Yes.\"}\n";
        WarmProcess average = WarmProcess.Run("average", Member(1), Member(2), "--out", folder["warm"], "--quiet");
        Assert.True(average.ExitCode == 0, average.Error);
        WarmProcess written = WarmProcess.RunWith(lines, null, "score", folder["warm"], "--from", "-", "--json"), computed = WarmProcess.RunWith(lines, null, "score", $"avg:{Member(1)},{Member(2)}", "--from", "-", "--json");
        Assert.Equal(written.Output, computed.Output);
        Assert.NotEqual(written.Output, WarmProcess.RunWith(lines, null, "score", $"avg:{Member(1)},{Member(2)}", "--from", "-", "--json", "--dtype", "f32").Output);
    }

    [Fact]
    public async Task Score_of_standard_input_answers_before_the_next_line_is_written()
    {
        using Process process = WarmProcess.Start(null, "score", Member(1), "--from", "-", "--json", "--quiet");
        try
        {
            for (int n = 1; n <= 3; n++)
            {
                await process.StandardInput.WriteLineAsync($$"""{"id":{{n}},"text":"{{new string('a', n)}}"}""");
                await process.StandardInput.FlushAsync();
                string? answer = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
                Assert.Equal(n, JsonNode.Parse(answer!)!["id"]!.GetValue<int>());
            }
            process.StandardInput.Close();
            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Theory]
    [InlineData("{\"text\":", "is not JSON")]
    [InlineData("{\"input_ids\":[99999]}", "outside the vocabulary")]
    [InlineData("{\"input_ids\":[]}", "no tokens")]
    [InlineData("{\"prompt\":\"a\"}", "\\u0022response\\u0022 is missing")]
    public void Score_of_a_broken_line_stops_there_or_keeps_going(string broken, string why)
    {
        using var folder = new TemporaryFolder();
        string[] lines = [.. Enumerable.Repeat("""{"text":"Yes."}""", 20)];
        lines[16] = broken;
        File.WriteAllLines(folder["in.jsonl"], lines);
        WarmProcess stops = WarmProcess.Run("score", Member(1), "--from", folder["in.jsonl"], "--json");
        Assert.Equal(1, stops.ExitCode);
        Assert.Equal(17, stops.JsonLines.Length);
        Assert.Contains("line 17", stops.JsonLines[16]["error"]!["where"]!.GetValue<string>());
        Assert.Contains(why.Replace("\\u0022", "\""), stops.Error);
        WarmProcess goesOn = WarmProcess.Run("score", Member(1), "--from", folder["in.jsonl"], "--json", "--keep-going");
        Assert.Equal(1, goesOn.ExitCode);
        Assert.Equal(20, goesOn.JsonLines.Length);
        Assert.NotNull(goesOn.JsonLines[16]["error"]);
        Assert.NotNull(goesOn.JsonLines[19]["reward"]);
    }

    [Theory]
    [InlineData("--label", "1", "label 1")]
    [InlineData("--label", "x", "--label")]
    [InlineData("--read", "nowhere", "nowhere")]
    [InlineData("--truncate", "middle", "--truncate")]
    [InlineData("--truncate", "left", "--max-length")]
    [InlineData("--max-length", "2", "tokens")]
    [InlineData("--text-form", "prompt only", "{response}")]
    [InlineData("--threads", "0", "--threads")]
    public void Score_with_an_option_that_does_not_fit_is_refused(string option, string value, string named)
    {
        WarmProcess run = WarmProcess.RunWith("{\"text\":\"Yes, it is.\"}\n", null, "score", Member(1), "--from", "-", "--json", option, value);
        Assert.Equal(run.Json["error"]!["where"]!.GetValue<string>().StartsWith("--", StringComparison.Ordinal) ? 2 : 1, run.ExitCode); // an option's fault is wrong usage
        Assert.Contains(named, run.Error);
        Assert.DoesNotContain("   at ", run.Error);
    }

    [Fact]
    public void Score_of_what_is_no_model_is_refused_in_one_line()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["empty"]);
        foreach (string model in (string[])[folder["nowhere"], folder["empty"], Repository.Path("README.md")])
        {
            WarmProcess run = WarmProcess.RunWith("{\"text\":\"a\"}\n", null, "score", model, "--from", "-", "--json");
            Assert.Equal(1, run.ExitCode);
            Assert.Single(run.Error.TrimEnd().Split('\n'));
            Assert.NotNull(run.Json["error"]!["where"]);
        }
    }

    [Fact]
    public void Bench_prints_every_figure()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder["in.jsonl"], Enumerable.Range(0, 8).Select(n => $$"""{"ids":[1,56,3],"input_ids":[1,{{n + 10}},3]}"""));
        WarmProcess run = WarmProcess.Run("bench", Member(1), "--from", folder["in.jsonl"], "--threads", "1", "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        JsonNode figures = run.Json;
        Assert.Equal(24, figures["tokens"]!.GetValue<int>());
        Assert.Equal(1, figures["threads"]!.GetValue<int>());
        Assert.True(figures["seconds"]!.AsArray().Count >= 3);
        double[] laps = [.. figures["seconds"]!.AsArray().Select(s => s!.GetValue<double>()).Order()];
        Assert.Equal(24 / laps[laps.Length / 2], figures["tokensPerSecond"]!.GetValue<double>(), 1e-6);
        Assert.True(figures["loadSeconds"]!.GetValue<double>() > 0 && figures["privateBytes"]!.GetValue<long>() > 1_000_000);
        Assert.StartsWith("cpu ", figures["kernel"]!.GetValue<string>());
    }
}
