using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Rewards;

public class BestOfCommandTests
{
    private static readonly string Model = Repository.Path("samples", "family", "rm-1");

    [Fact]
    public void One_prompt_and_its_drafts()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["drafts.txt"], "no\r\n\nBooks are better because they are cheap and you can take them everywhere.\nno\n");
        WarmProcess run = WarmProcess.RunWith(null, folder.Path, "best-of", Model, "--prompt", "TV or books?", "--from", "drafts.txt", "--json", "--top", "2");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(("Books are better because they are cheap and you can take them everywhere.", 1, 1, "template"),
            ((string)run.Json["chosen"]!, (int)run.Json["index"]!, (int)run.Json["ties"]!, (string)run.Json["textForm"]!));
        Assert.Equal([1, 0], run.Json["ranking"]!.AsArray().Select(d => (int)d!["index"]!));
        Assert.Contains("1 blank draft is passed over", run.Error);

        string score = WarmProcess.RunWith("{\"prompt\":\"TV or books?\",\"response\":\"no\"}\n", null, "score", Model, "--from", "-", "--json").Output;
        Assert.Equal((float)JsonNode.Parse(score)!["reward"]!, (float)run.Json["ranking"]![1]!["reward"]!);

        string text = WarmProcess.RunWith(null, folder.Path, "best-of", Model, "--prompt", "TV or books?", "--from", "drafts.txt").Output;
        Assert.Matches(@"^#2 of 3  reward -?\d+\.\d{3}  Books are better because they are cheap and you can .*\.\.\.\n$", text);
    }

    [Fact]
    public void A_prompt_a_line_with_ids_and_errors_in_order()
    {
        WarmProcess run = WarmProcess.RunWith("""
            {"id":3,"prompt":"a","responses":["x","y","x"]}
            {"prompt":"a","responses":[]}
            {"id":"c","messages":[{"role":"user","content":"a"}],"responses":["x"]}
            """, null, "best-of", Model, "--from", "-", "--json", "--keep-going");
        Assert.Equal(1, run.ExitCode);
        JsonNode[] lines = run.JsonLines;
        Assert.Equal(3, (int)lines[0]["id"]!);
        Assert.Equal("\"responses\" is an empty list", (string?)lines[1]["error"]!["found"]);
        Assert.Equal("c", (string?)lines[2]["id"]);
        // The prompt as a message is the same text as the bare prompt, and equal drafts have equal rewards to the bit.
        float x = (float)lines[2]["reward"]!;
        Assert.Equal(2, lines[0]["ranking"]!.AsArray().Count(d => (float)d!["reward"]! == x));
    }

    [Fact]
    public void Refuses()
    {
        WarmProcess none = WarmProcess.RunWith("", null, "best-of", Model, "--prompt", "a", "--from", "-", "--json");
        Assert.Equal((1, "holds no draft"), (none.ExitCode, (string?)none.Json["error"]!["found"]));
        Assert.Equal(2, WarmProcess.RunWith("{\"text\":\"a\"}", null, "best-of", Model, "--prompt", "a", "--from", "-", "--top", "0").ExitCode);
        Assert.Equal(2, WarmProcess.Run("best-of", Model, "--prompt", "a").ExitCode);
    }
}
