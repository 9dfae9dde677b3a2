using Warm.Testing;

namespace Warm.Cli.Tests;

/// <summary><c>warm tokenize</c>, <c>warm decode</c> and <c>warm bench tokenizer.json</c>.</summary>
public class TokenizeTests
{
    private static string Model => Repository.Golden("text", "byte-level.json");

    [Fact]
    public void Tokenize_and_decode_go_there_and_back_line_by_line()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["texts.jsonl"], "{\"text\":\"the egg\",\"id\":7}\n{\"text\":\"a\",\"pair\":\"b\"}\n");
        WarmProcess run = WarmProcess.Run("tokenize", Model, "--from", folder["texts.jsonl"], "--json");
        Assert.Equal(0, run.ExitCode);
        string[] lines = run.Output.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("{\"id\":7,\"ids\":[401,", lines[0]);
        Assert.Contains("\"typeIds\":[0,0,1,1],\"specialMask\":[1,0,1,0]", lines[1]);
        File.WriteAllText(folder["ids.jsonl"], lines[0] + "\n");
        run = WarmProcess.Run("decode", Model, "--from", folder["ids.jsonl"], "--skip-special", "--json");
        Assert.Equal("{\"id\":7,\"text\":\"the egg\"}\n", run.Output);
    }

    [Fact]
    public void Tokenize_stops_at_a_bad_line_naming_it()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["texts.jsonl"], "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n{\"text\":\"c\"}\n");
        WarmProcess run = WarmProcess.Run("tokenize", Model, "--from", folder["texts.jsonl"], "--no-special-tokens", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("line 2", run.Error);
        Assert.StartsWith("{\"ids\":[64]", run.Output);
    }
}
