namespace Warm.Cli.Tests;

/// <summary>What every command does alike.</summary>
public class HabitsTests
{
    [Fact]
    public void Version_prints_version_and_commit()
    {
        WarmProcess run = WarmProcess.Run("--version");
        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"^warm \d+\.\d+\.\d+", run.Output);
    }

    [Fact]
    public void Unknown_command_is_wrong_usage()
    {
        WarmProcess run = WarmProcess.Run("averege");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("See warm --help.", run.Error);
    }

    [Fact]
    public void Unknown_option_is_wrong_usage_and_names_the_one_that_was_meant()
    {
        WarmProcess run = WarmProcess.Run("demo", "somewhere", "--qiet");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("unknown option '--qiet'. Did you mean --quiet?", run.Error);
        Assert.False(Directory.Exists("somewhere"));
    }

    [Fact]
    public void Help_shows_an_example_first()
    {
        WarmProcess run = WarmProcess.Run("demo", "--help");
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("Example:\n  warm demo", run.Output);
    }

    [Fact]
    public void Demo_writes_a_family_that_is_whole_and_never_overwrites()
    {
        using var folder = new TemporaryFolder();
        WarmProcess run = WarmProcess.Run("demo", folder["family"], "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(6, run.Json["members"]!.AsArray().Count);
        Assert.True(File.Exists(Path.Combine(folder["family"], "rm-6", "model.safetensors")));
        WarmProcess again = WarmProcess.Run("demo", folder["family"], "--json");
        Assert.Equal(1, again.ExitCode);
        Assert.Equal("exists already", (string?)again.Json["error"]!["found"]);
        Assert.Single(Directory.GetDirectories(folder.Path));
    }
}
