using System.Diagnostics;
using System.Text;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Cli.Tests;

/// <summary><c>warm average</c> that somebody or something stops: the old state or the new one, never a part, and no leftover that the next run does not remove.</summary>
public class InterruptedAverageTests(ITestOutputHelper output)
{
    /// <summary>A bare model of so many megabytes, nearly all of it a hole in the file: quick to make, and long enough to write that there is a middle.</summary>
    private static string Large(string file, int megabytes)
    {
        string header = $$$"""{"a.weight":{"dtype":"F32","shape":[{{{megabytes}}},262144],"data_offsets":[0,{{{(long)megabytes << 20}}}]}}""";
        header = header.PadRight((header.Length + 7) / 8 * 8);
        using FileStream stream = File.Create(file);
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(Encoding.UTF8.GetBytes(header));
        stream.SetLength(8 + header.Length + ((long)megabytes << 20));
        stream.Position = 8 + header.Length;
        stream.Write(BitConverter.GetBytes(file.Length / 100f));
        return file;
    }

    private static string[] Names(TemporaryFolder folder) => [.. Directory.EnumerateFileSystemEntries(folder.Path).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    /// <summary>Waits until the average is being written.</summary>
    private static void UntilWriting(TemporaryFolder folder, Process process)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(30) && !process.HasExited; Thread.Sleep(1))
            if (Directory.EnumerateDirectories(folder.Path, ".out.*.partial").FirstOrDefault() is { } partial && Directory.EnumerateFiles(partial).Any()) return;
        Assert.Fail("the average was not seen at work");
    }

    private static void Signal(Process process, string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    [Fact]
    public void Control_C_ends_with_130_and_leaves_nothing()
    {
        if (OperatingSystem.IsWindows()) return; // no signals to send
        using var folder = new TemporaryFolder();
        string a = Large(folder["a.safetensors"], 500), b = Large(folder["bb.safetensors"], 500);
        using Process process = WarmProcess.Start(null, "average", a, b, "--out", folder["out"], "--no-sync", "--no-hash", "--no-fixture", "--threads", "1");
        UntilWriting(folder, process);
        Signal(process, "INT");
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("cancelled", process.StandardError.ReadToEnd());
        Assert.Equal(["a.safetensors", "bb.safetensors"], Names(folder));
    }

    /// <summary>Four kills; as many as the environment's WARM_KILLS says for who wants to be sure.</summary>
    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("WARM_KILLS"), out int kills) ? kills : 4;

    [Fact]
    public void A_kill_at_any_moment_leaves_the_old_folder_or_the_new_one_and_the_next_run_cleans_up()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string a = Large(folder["a.safetensors"], 40), b = Large(folder["bb.safetensors"], 40);
        string[] words = ["average", a, b, "--out", folder["out"], "--overwrite", "--no-sync", "--no-fixture"];
        byte[] Recipe() => File.ReadAllBytes(Path.Combine(folder["out"], "warm.json"));
        void Old() => Assert.Equal(0, WarmProcess.Run("average", a, "--out", folder["out"], "--overwrite", "--quiet", "--no-sync", "--no-fixture").ExitCode);
        Old();
        byte[] old = Recipe();
        TimeSpan writing; // how long a run writes that nobody stops
        using (Process whole = WarmProcess.Start(null, words))
        {
            UntilWriting(folder, whole);
            var watch = Stopwatch.StartNew();
            whole.WaitForExit();
            writing = watch.Elapsed;
        }
        Old();
        var random = new Random();
        int interrupted = 0, replaced = 0;
        for (int i = 0; i < Kills; i++)
        {
            using Process process = WarmProcess.Start(null, words);
            UntilWriting(folder, process);
            Thread.Sleep(random.NextDouble() * writing);
            process.Kill(); // SIGKILL: nothing of ours runs any more
            process.WaitForExit();
            if (process.ExitCode != 0) interrupted++; // else it was through already
            Assert.All(WrittenFiles.Check(folder["out"]), file => Assert.True(file.Ok, $"{file.Name} after kill {i}"));
            if (Recipe().AsSpan().SequenceEqual(old)) continue;
            replaced++; // the new one: whole, as the hashes say
            Old();
        }
        Assert.True(interrupted > 0);
        Assert.Equal(0, WarmProcess.Run([.. words, "--quiet"]).ExitCode);
        Assert.Equal(["a.safetensors", "bb.safetensors", "out"], Names(folder));
        Assert.All(WrittenFiles.Check(folder["out"]), file => Assert.True(file.Ok));
        output.WriteLine($"{Kills} kills: {interrupted} stopped it, {replaced} found the new folder in place");
    }

    [Fact]
    public void A_file_system_that_takes_no_more_is_one_message_and_leaves_nothing()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var folder = new TemporaryFolder();
        string a = Large(folder["a.safetensors"], 8), b = Large(folder["bb.safetensors"], 8);
        // The shell's limit on a file's size, in kilobytes: the system refuses to write on as it does on a full disk.
        string warm = Path.Combine(AppContext.BaseDirectory, "Warm.Cli.dll");
        var start = new ProcessStartInfo("bash", ["-c", $"trap \"\" XFSZ; ulimit -f 4096; exec dotnet \"{warm}\" average \"{a}\" \"{b}\" --out \"{folder["out"]}\" --no-sync --json"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // the runtime's own double mapping is a large file too
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("cannot be written", error);
        Assert.DoesNotContain("   at ", error);
        Assert.Equal(["a.safetensors", "bb.safetensors"], Names(folder));
    }
}
