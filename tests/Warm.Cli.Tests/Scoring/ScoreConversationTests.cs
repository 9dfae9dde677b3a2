using System.Diagnostics;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests.Scoring;

/// <summary>A harness in another process holds a conversation with <c>warm score</c>: what it writes is answered while its end stays open.</summary>
public class ScoreConversationTests
{
    [Fact]
    public async Task Score_answers_what_has_arrived_while_the_input_stays_open()
    {
        using Process process = WarmProcess.Start(null, "score", Repository.Path("samples", "family", "rm-1"), "--from", "-", "--json", "--keep-going", "--quiet");
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        List<float> rewards = [];
        for (int i = 0; i < 3; i++)
        {
            // The next line is written only after this one's answer: without a flush, or without scoring what is there, this waits for ever.
            await process.StandardInput.WriteAsync($$"""{"id":{{i}},"prompt":"TV or books?","response":"Books number {{i}}"}""" + "\n");
            await process.StandardInput.FlushAsync(patience.Token);
            JsonNode answer = JsonNode.Parse((await process.StandardOutput.ReadLineAsync(patience.Token))!)!;
            Assert.Equal(i, (int)answer["id"]!);
            rewards.Add((float)answer["reward"]!);
        }

        // Several at once, a bad one among them, come back in order; the rewards are the same bits as alone.
        await process.StandardInput.WriteAsync(string.Concat(Enumerable.Range(0, 3).Select(i => $$"""{"id":{{i}},"prompt":"TV or books?","response":"Books number {{i}}"}""" + "\n")) + "{\"prompt\":\"no response\"}\n");
        await process.StandardInput.FlushAsync(patience.Token);
        for (int i = 0; i < 3; i++) Assert.Equal(rewards[i], (float)JsonNode.Parse((await process.StandardOutput.ReadLineAsync(patience.Token))!)!["reward"]!);
        Assert.Equal("\"response\" is missing", (string?)JsonNode.Parse((await process.StandardOutput.ReadLineAsync(patience.Token))!)!["error"]!["found"]);

        process.StandardInput.Close();
        Assert.Null(await process.StandardOutput.ReadLineAsync(patience.Token));
        await process.WaitForExitAsync(patience.Token);
        Assert.Equal(1, process.ExitCode);
    }
}
