using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// The README is run. A block after <c>&lt;!-- run --&gt;</c> is a shell session: lines that begin with <c>$ </c> are run (in the checkout where they name samples/, else all in one
/// temporary folder), what they print is compared with the lines below. A block after <c>&lt;!-- csharp --&gt;</c> is compiled and run, its output compared with the block after
/// <c>&lt;!-- prints --&gt;</c>. Times, speeds and temporary paths are masked; numbers may differ by one in their last digit, or by 2e-5 (other processors add in other orders).
/// <c>WARM_UPDATE=1 dotnet test</c> writes the outputs anew.
/// </summary>
public sealed partial class ReadmeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Marked_blocks_print_what_the_readme_shows()
    {
        string file = Repository.Path("README.md");
        string[] lines = File.ReadAllLines(file);
        List<string> now = [], wrong = [];
        string printed = "";
        int run = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            now.Add(lines[i]);
            if (lines[i] is not ("<!-- run -->" or "<!-- csharp -->" or "<!-- prints -->")) continue;
            string kind = lines[i];
            int open = i + 1, close = Array.IndexOf(lines, "```", open + 1);
            Assert.True(lines[open].StartsWith("```", StringComparison.Ordinal) && close > open, $"README.md, line {open + 1}: a marked block is missing.");
            string[] block = lines[(open + 1)..close];
            string[] fresh = block;
            if (kind == "<!-- csharp -->") printed = Program(string.Join('\n', block));
            else fresh = kind == "<!-- prints -->" ? Lines(printed) : Session(block);
            if (kind != "<!-- csharp -->") Compare(block, fresh, open + 2, wrong);
            now.AddRange([lines[open], .. fresh.Select(Shown), lines[close]]);
            i = close;
            run++;
        }
        if (Environment.GetEnvironmentVariable("WARM_UPDATE") == "1") File.WriteAllText(file, string.Join('\n', now) + "\n");
        else Assert.True(wrong.Count == 0, "README.md is out of date (WARM_UPDATE=1 writes it anew):\n" + string.Join('\n', wrong));
        Assert.True(run > 0, "README.md has no marked block.");
    }

    /// <summary>Runs the commands of a shell session and gives it back with what they print now.</summary>
    private string[] Session(string[] block)
    {
        List<string> fresh = [];
        foreach (string line in block.Where(line => line.StartsWith("$ ", StringComparison.Ordinal)))
        {
            fresh.Add(line);
            fresh.AddRange(Lines(Run("bash", ["-c", line[2..]], line.Contains("samples/", StringComparison.Ordinal) ? Repository.Root : _folder.Path)));
        }
        return [.. fresh];
    }

    /// <summary>Compiles and runs a C# block as a file-based program in the temporary folder.</summary>
    private string Program(string source)
    {
        string file = _folder[$"program{Directory.GetFiles(_folder.Path, "program*.cs").Length}.cs"];
        File.WriteAllText(file, $"#:project {Repository.Path("src", "Warm", "Warm.csproj")}\n#:project {Repository.Path("src", "Warm.Transformers", "Warm.Transformers.csproj")}\n#:property PublishAot=false\n{source}\n");
        return Run("dotnet", ["run", file], _folder.Path);
    }

    private string Run(string command, string[] arguments, string folder)
    {
        string bin = Directory.CreateDirectory(_folder["bin"]).FullName, warm = Path.Combine(bin, "warm");
        if (!File.Exists(warm))
        {
            File.WriteAllText(warm, $"#!/bin/sh\nexec dotnet \"{Path.Combine(AppContext.BaseDirectory, "Warm.Cli.dll")}\" \"$@\"\n");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(warm, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PATH"] = $"{bin}{Path.PathSeparator}{start.Environment["PATH"]}";
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "MSBuildSDKsPath", "MSBuildLoadMicrosoftTargetsReadOnly", "DOTNET_HOST_PATH" }) start.Environment.Remove(name);
        start.Environment["NO_COLOR"] = "1";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{command} {string.Join(' ', arguments)} did not end.");
        Assert.True(process.ExitCode == 0 || (process.ExitCode == 1 && command == "bash"), $"{command} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}\n{error.Result}");
        return output.Result + (process.ExitCode == 0 ? "" : error.Result);
    }

    private static void Compare(string[] then, string[] now, int line, List<string> wrong)
    {
        for (int i = 0; i < Math.Max(then.Length, now.Length); i++)
        {
            string old = i < then.Length ? then[i] : "", fresh = i < now.Length ? now[i] : "";
            if (!Alike(Masked(old), Masked(fresh))) wrong.Add($"line {line + i}\n  shown: {old}\n  now:   {fresh}");
        }
    }

    /// <summary>Equal but for the last digit of numbers with a fraction.</summary>
    private static bool Alike(string a, string b)
    {
        if (Fraction().Replace(a, "#") != Fraction().Replace(b, "#")) return false;
        return Fraction().Matches(a).Zip(Fraction().Matches(b)).All(pair =>
            Math.Abs(double.Parse(pair.First.Value, CultureInfo.InvariantCulture) - double.Parse(pair.Second.Value, CultureInfo.InvariantCulture))
                <= Math.Max(2e-5, 1.01 * Math.Pow(10, -Math.Min(pair.First.Value.Split('.')[1].Length, pair.Second.Value.Split('.')[1].Length))));
    }

    private static string[] Lines(string text) => text.TrimEnd('\n').Split('\n');
    private string Shown(string line) => TemporaryPath().Replace(line.Replace(_folder.Path + "/", ""), "/tmp/warm-…");
    private static string Masked(string line) => Blanks().Replace(Time().Replace(TemporaryPath().Replace(line, "/tmp/warm-…"), "#"), " ").TrimEnd();

    [GeneratedRegex(@"-?\d+\.\d+")] private static partial Regex Fraction();
    [GeneratedRegex(@"[\d.,]+ ?(s|ms|MB/s|GB/s|tokens/s|MB private)\b")] private static partial Regex Time();
    [GeneratedRegex(@"/tmp/warm-[A-Za-z0-9…-]+")] private static partial Regex TemporaryPath();
    [GeneratedRegex(@" +")] private static partial Regex Blanks();

    public void Dispose() => _folder.Dispose();
}
