using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// The packages as a stranger gets them: packed, put into a folder, added to a new project and installed as a tool, where nothing leads back to this checkout. Needs no network: what the packages
/// depend on lies in the machine's package folder, where this test's own restore put it.
/// </summary>
[Collection("the SDK")]
public sealed class PackageTests : IDisposable
{
    private static readonly string[] Packages = ["Warm", "Warm.Transformers", "Warm.Extensions.AI", "Warm.Cli"];

    // A version of its own: a Warm that somebody installed earlier must not be taken for this one.
    private readonly string _version = $"0.1.0-test{DateTime.UtcNow:yyyyMMddHHmmss}";
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Packages_run_the_first_minute_in_a_new_project()
    {
        foreach (string package in Packages) Pack(package, _folder["feed"], _version);
        foreach (string package in Packages) CheckContents(package);

        File.WriteAllText(_folder["nuget.config"], $"""
            <configuration>
              <packageSources><add key="feed" value="feed" /></packageSources>
              <fallbackPackageFolders><add key="machine" value="{MachinePackages()}" /></fallbackPackageFolders>
            </configuration>
            """);
        File.WriteAllText(_folder["tool.config"], "<configuration><packageSources><clear /><add key=\"feed\" value=\"feed\" /></packageSources></configuration>");
        // Nothing above the temporary folder is looked for, and nothing of this checkout is.
        foreach (string stop in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props" }) File.WriteAllText(_folder[stop], "<Project />");

        // The tool brings the family.
        Dotnet("tool", "install", "Warm.Cli", "--version", _version, "--tool-path", "tools", "--configfile", "tool.config");
        string warm = Run(_folder["tools/warm"], "demo", "family");
        Assert.StartsWith("family: 6 reward models", warm);
        Assert.Contains("uniform average, 39 tensors", Run(_folder["tools/warm"], "average", "family/rm-1", "family/rm-2", "--out", "family/two"));

        // The library, in a new project.
        Dotnet("new", "console", "--name", "app", "--no-restore");
        Dotnet("add", "app", "package", "Warm.Extensions.AI", "--version", _version, "--no-restore");
        Dotnet("add", "app", "package", "Warm.Transformers", "--version", _version, "--no-restore");
        string[] sample = File.ReadAllLines(Repository.Path("samples", "first-minute.cs"));
        File.WriteAllLines(_folder["app/Program.cs"], sample.Where(line => !line.StartsWith("#:", StringComparison.Ordinal)));
        File.WriteAllText(_folder["app/Client.cs"], "internal static class Client { public static Microsoft.Extensions.AI.IChatClient Best(Microsoft.Extensions.AI.IChatClient inner, Warm.IRewardModel reward) => new Warm.Extensions.AI.BestOfNChatClient(inner, reward); }");
        string[] printed = Run("dotnet", "run", "--project", "app", "-p:NuGetAudit=false", "-p:TreatWarningsAsErrors=true", "--", "family").TrimEnd('\n').Split('\n');

        Assert.Empty(ShownOutput.Differences(FirstMinuteOfTheReadme(), printed, 1));
        Assert.Contains($"\"Warm.Transformers/{_version}\"", File.ReadAllText(_folder["app/obj/project.assets.json"]));
        foreach (string file in Directory.GetFiles(_folder["app"], "*.json", SearchOption.AllDirectories).Concat(Directory.GetFiles(_folder["feed"], "*.nuspec")))
            Assert.DoesNotContain(Repository.Root, File.ReadAllText(file));
    }

    [Fact]
    public void Packing_twice_gives_the_same_bytes()
    {
        Pack("Warm", _folder["one"], "0.1.0-twice");
        Thread.Sleep(2100); // times in a zip file count two seconds
        Pack("Warm", _folder["two"], "0.1.0-twice");
        foreach (string name in new[] { "Warm.0.1.0-twice.nupkg", "Warm.0.1.0-twice.snupkg" })
            Assert.True(File.ReadAllBytes(_folder[$"one/{name}"]).AsSpan().SequenceEqual(File.ReadAllBytes(_folder[$"two/{name}"])), $"{name} differs.");
    }

    /// <summary>README, licence, documentation, symbols, the commit; and no native library.</summary>
    private void CheckContents(string package)
    {
        string file = _folder[$"feed/{package}.{_version}.nupkg"];
        using ZipArchive nupkg = ZipFile.OpenRead(file);
        string[] names = [.. nupkg.Entries.Select(entry => entry.FullName)];
        Assert.Contains("README.md", names);
        Assert.Contains("LICENSE", names);
        Assert.DoesNotContain(names, name => name.StartsWith("runtimes/", StringComparison.Ordinal) || name.EndsWith(".so", StringComparison.Ordinal));
        bool isTool = package == "Warm.Cli";
        Assert.Contains(isTool ? "tools/net10.0/any/family/rm-1/model.safetensors" : $"lib/net10.0/{package}.xml", names);
        Assert.DoesNotContain(names, name => name.StartsWith("content", StringComparison.OrdinalIgnoreCase));

        using Stream nuspec = nupkg.GetEntry($"{package}.nuspec")!.Open();
        XElement metadata = XDocument.Load(nuspec).Root!.Elements().Single();
        string? Value(string name) => metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;
        Assert.Equal("MIT", Value("license"));
        Assert.Equal("README.md", Value("readme"));
        Assert.True(Value("description")!.Length > 50);

        using ZipArchive symbols = ZipFile.OpenRead(Path.ChangeExtension(file, ".snupkg"));
        Assert.Contains(symbols.Entries, entry => entry.Name == $"{package}.pdb" && entry.Length > 1000);
    }

    /// <summary>Packs what the tests' own build has made.</summary>
    private void Pack(string package, string to, string version)
    {
        string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        Dotnet("pack", Repository.Path("src", package, $"{package}.csproj"), "--no-build", "--configuration", configuration, "--output", to, $"-p:Version={version}");
    }

    private static string[] FirstMinuteOfTheReadme()
    {
        string[] lines = File.ReadAllLines(Repository.Path("README.md"));
        int command = Array.IndexOf(lines, "$ dotnet run samples/first-minute.cs");
        Assert.True(command > 0, "README.md does not show the first minute.");
        return [.. lines.Skip(command + 1).TakeWhile(line => line != "```")];
    }

    private static string MachinePackages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } own ? own : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private string Dotnet(params string[] arguments) => Run("dotnet", arguments);

    private string Run(string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "MSBuildSDKsPath", "MSBuildLoadMicrosoftTargetsReadOnly", "DOTNET_HOST_PATH" }) start.Environment.Remove(name);
        start.Environment["NUGET_PACKAGES"] = _folder["packages"];
        start.Environment["NO_COLOR"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{command} {string.Join(' ', arguments)} did not end.");
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}\n{error.Result}");
        return output.Result;
    }

    public void Dispose() => _folder.Dispose();
}
