using System.IO.Compression;
using System.Xml.Linq;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.HouseTests;

/// <summary>
/// The packages as a stranger gets them: packed, put into a folder, added to a new project and installed as a tool, where nothing leads back to this checkout, which is hidden from all they run. Needs no network: what the packages
/// depend on lies in the machine's package folder, where this test's own restore put it.
/// </summary>
[Collection("the SDK")]
public sealed class PackageTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Packages = ["Warm", "Warm.Transformers", "Warm.Extensions.AI", "Warm.Cli"];

    private readonly StrangersFolder _folder = new();

    [Fact]
    public void Packages_run_the_first_minute_in_a_new_project()
    {
        _folder.PackFeed(Packages);
        foreach (string package in Packages) CheckContents(package);
        if (_folder.HideCheckout() is { } reason) output.WriteLine($"The checkout was not hidden: {reason}.");
        else Assert.Empty(_folder.Run("ls", "-A", Repository.Root));

        // The tool brings the family, and prints what the README shows.
        _folder.Dotnet("tool", "install", "Warm.Cli", "--version", _folder.Version, "--tool-path", "tools", "--configfile", "tool.config");
        string[] session = OfTheReadme("$ warm demo family", 0);
        string[] shown = [.. session.Where(line => line.StartsWith("$ ", StringComparison.Ordinal)).SelectMany(line => (string[])[line, .. _folder.Run("bash", "-c", $"PATH=$PWD/tools:$PATH; {line[2..]} 2> errors || cat errors").TrimEnd('\n').Split('\n')])];
        Assert.Empty(ShownOutput.Differences(session, shown, 1));
        Assert.True(shown.Length > 20);

        // The library, in a new project.
        _folder.Dotnet("new", "console", "--name", "app", "--no-restore");
        _folder.Dotnet("add", "app", "package", "Warm.Extensions.AI", "--version", _folder.Version, "--no-restore");
        _folder.Dotnet("add", "app", "package", "Warm.Transformers", "--version", _folder.Version, "--no-restore");
        string[] sample = File.ReadAllLines(Repository.Path("samples", "first-minute.cs"));
        File.WriteAllLines(_folder["app/Program.cs"], sample.Where(line => !line.StartsWith("#:", StringComparison.Ordinal)));
        File.WriteAllText(_folder["app/Client.cs"], "internal static class Client { public static Microsoft.Extensions.AI.IChatClient Best(Microsoft.Extensions.AI.IChatClient inner, Warm.IRewardModel reward) => new Warm.Extensions.AI.BestOfNChatClient(inner, reward); }");
        string[] printed = _folder.Run("dotnet", "run", "--project", "app", "-p:NuGetAudit=false", "-p:TreatWarningsAsErrors=true", "--", "family").TrimEnd('\n').Split('\n');

        Assert.Empty(ShownOutput.Differences(OfTheReadme("$ dotnet run samples/first-minute.cs", 1), printed, 1));
        Assert.Contains($"\"Warm.Transformers/{_folder.Version}\"", File.ReadAllText(_folder["app/obj/project.assets.json"]));
        foreach (string file in Directory.GetFiles(_folder["app"], "*.json", SearchOption.AllDirectories).Concat(Directory.GetFiles(_folder["feed"], "*.nuspec")))
            Assert.DoesNotContain(Repository.Root, File.ReadAllText(file));
    }

    [Fact]
    public void Packing_twice_gives_the_same_bytes()
    {
        _folder.Pack("Warm", _folder["one"], "0.1.0-twice");
        Thread.Sleep(2100); // times in a zip file count two seconds
        _folder.Pack("Warm", _folder["two"], "0.1.0-twice");
        foreach (string name in new[] { "Warm.0.1.0-twice.nupkg", "Warm.0.1.0-twice.snupkg" })
            Assert.True(File.ReadAllBytes(_folder[$"one/{name}"]).AsSpan().SequenceEqual(File.ReadAllBytes(_folder[$"two/{name}"])), $"{name} differs.");
    }

    /// <summary>README, licence, documentation, symbols, the commit; no native library; and the weight that the README gives, to a quarter.</summary>
    private void CheckContents(string package)
    {
        string file = _folder[$"feed/{package}.{_folder.Version}.nupkg"];
        string[] row = File.ReadLines(Repository.Path("README.md")).Single(line => line.StartsWith("| ", StringComparison.Ordinal) && line.Contains($"`{package}`", StringComparison.Ordinal) && line.Contains(" MB |", StringComparison.Ordinal)).Split('|', StringSplitOptions.TrimEntries);
        double weighs = double.Parse(row[2].Replace(" MB", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture), megabytes = new FileInfo(file).Length / 1e6;
        Assert.True(Math.Abs(megabytes - weighs) <= 0.25 * weighs, $"README.md says that {package} weighs {weighs} MB; it weighs {megabytes:F3} MB.");
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

    /// <summary>What the README shows from so many lines after a command to the end of its block.</summary>
    private static string[] OfTheReadme(string command, int after)
    {
        string[] lines = File.ReadAllLines(Repository.Path("README.md"));
        int at = Array.IndexOf(lines, command);
        Assert.True(at > 0, $"README.md does not show {command}");
        return [.. lines.Skip(at + after).TakeWhile(line => line != "```")];
    }

    public void Dispose() => _folder.Dispose();
}
