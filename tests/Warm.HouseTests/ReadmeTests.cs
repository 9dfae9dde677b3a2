using System.Diagnostics;
using System.Text.RegularExpressions;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// The README and the pages beside sources and samples are run, each in a temporary folder of its own. What stands before a block says what it is:
/// <c>&lt;!-- run --&gt;</c> a shell session: lines that begin with <c>$ </c> are run (in the checkout where they name samples/), what they print is compared with the lines below;
/// <c>&lt;!-- csharp --&gt;</c> a program: compiled and run where <c>samples</c> leads to the checkout's, its output compared with the block after <c>&lt;!-- prints --&gt;</c>;
/// <c>&lt;!-- file NAME --&gt;</c> a file that is put there, for a session to use. <see cref="ShownOutput"/> says which differences do not count.
/// <c>WARM_UPDATE=1 dotnet test</c> writes the outputs anew.
/// </summary>
[Collection("the SDK")] // two builds of one project at one time would write the same files
public sealed partial class ReadmeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>README.md, and every page below src and samples that has a marked block.</summary>
    public static TheoryData<string> Documents() =>
        [.. Directory.GetFiles(Repository.Path("src"), "*.md", SearchOption.AllDirectories).Concat(Directory.GetFiles(Repository.Path("samples"), "*.md", SearchOption.AllDirectories)).Prepend(Repository.Path("README.md"))
            .Where(file => File.ReadLines(file).Any(line => Mark().IsMatch(line))).Select(file => Path.GetRelativePath(Repository.Root, file)).Where(file => !file.Contains("/bin/") && !file.Contains("/obj/"))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Marked_blocks_print_what_the_document_shows(string document)
    {
        string file = Repository.Path(document);
        string[] lines = File.ReadAllLines(file);
        List<string> now = [], wrong = [];
        string printed = "";
        for (int i = 0; i < lines.Length; i++)
        {
            now.Add(lines[i]);
            if (Mark().Match(lines[i]) is not { Success: true } mark) continue;
            int open = i + 1, close = Array.IndexOf(lines, "```", open + 1);
            Assert.True(lines[open].StartsWith("```", StringComparison.Ordinal) && close > open, $"{document}, line {open + 1}: a marked block is missing.");
            string[] block = lines[(open + 1)..close], fresh = block;
            switch (mark.Groups["kind"].Value)
            {
                case "run": fresh = Session(block); break;
                case "prints": fresh = Lines(printed); break;
                case "csharp": printed = Program(string.Join('\n', block)); break;
                default: File.WriteAllText(_folder[mark.Groups["name"].Value], string.Join('\n', block) + "\n"); break;
            }
            wrong.AddRange(ShownOutput.Differences(block, fresh, open + 2));
            now.AddRange([lines[open], .. fresh.Select(Shown), lines[close]]);
            i = close;
        }
        if (Environment.GetEnvironmentVariable("WARM_UPDATE") == "1") File.WriteAllText(file, string.Join('\n', now) + "\n");
        else Assert.True(wrong.Count == 0, $"{document} is out of date (WARM_UPDATE=1 writes it anew):\n" + string.Join('\n', wrong));
    }

    /// <summary>A page for people who come from elsewhere shows their lines beside ours: theirs are marked, ours are run.</summary>
    [Fact]
    public void Every_block_of_a_page_for_newcomers_is_run_or_marked_as_theirs()
    {
        string[] pages = Directory.GetFiles(Repository.Path("samples"), "from-*.md");
        Assert.NotEmpty(pages);
        List<string> unmarked = [];
        foreach (string page in pages)
        {
            string[] lines = File.ReadAllLines(page);
            bool inside = false;
            for (int i = 0; i < lines.Length; i++)
            {
                if (!lines[i].StartsWith("```", StringComparison.Ordinal)) continue;
                if (!inside && !Mark().IsMatch(lines[i - 1]) && lines[i - 1] != "<!-- theirs -->") unmarked.Add($"{Path.GetFileName(page)}, line {i + 1}");
                inside = !inside;
            }
        }
        Assert.Empty(unmarked);
    }

    /// <summary>Runs the commands of a shell session and gives it back with what they print now. A command of Python is left as it stands where there is no Python.</summary>
    private string[] Session(string[] block)
    {
        List<string> fresh = [];
        for (int i = 0; i < block.Length;)
        {
            string line = block[i];
            string[] shown = [.. block.Skip(i + 1).TakeWhile(next => !next.StartsWith("$ ", StringComparison.Ordinal))];
            i += 1 + shown.Length;
            fresh.Add(line);
            fresh.AddRange(line.StartsWith("$ python3 ", StringComparison.Ordinal) && !HasPython.Value ? shown
                : Lines(Run("bash", ["-c", line[2..]], line.Contains("samples/", StringComparison.Ordinal) ? Repository.Root : _folder.Path)));
        }
        return [.. fresh];
    }

    /// <summary>Compiles and runs a C# block as a file-based program in the temporary folder.</summary>
    private string Program(string source)
    {
        string file = _folder[$"program{Directory.GetFiles(_folder.Path, "program*.cs").Length}.cs"];
        string[] packages = [.. new[] { "Warm", "Warm.Transformers", "Warm.Extensions.AI" }.Where(package => package is "Warm" || source.Contains($"using {package};", StringComparison.Ordinal))];
        if (!Directory.Exists(_folder["samples"])) Directory.CreateSymbolicLink(_folder["samples"], Repository.Path("samples"));
        File.WriteAllText(file, string.Concat(packages.Select(package => $"#:project {Repository.Path("src", package, $"{package}.csproj")}\n")) + $"#:property PublishAot=false\n{source}\n");
        return Run("dotnet", ["run", file], _folder.Path);
    }

    private static readonly Lazy<bool> HasPython = new(() =>
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("python3", ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            return process.WaitForExit(TimeSpan.FromSeconds(20)) && process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

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

    private static string[] Lines(string text) => text.TrimEnd('\n').Split('\n');
    private string Shown(string line) => ShownOutput.WithoutTemporaryPaths(line.Replace(_folder.Path + "/", ""));

    [GeneratedRegex(@"^<!-- (?<kind>run|csharp|prints|file (?<name>[\w.-]+)) -->$")] private static partial Regex Mark();

    public void Dispose() => _folder.Dispose();
}
