using System.Globalization;
using System.Text.RegularExpressions;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>A training loop that is not ours, built from the packages alone: Warm is its reward, its KL reference and what averages its checkpoints.</summary>
[Collection("the SDK")]
public sealed partial class PolicyLoopTests : IDisposable
{
    private readonly StrangersFolder _folder = new();

    [Fact]
    public void A_foreign_loop_learns_with_the_packages_alone()
    {
        _folder.PackFeed("Warm", "Warm.Transformers");
        _folder.HideCheckout();
        _folder.Dotnet("new", "console", "--name", "loop", "--no-restore");
        _folder.Dotnet("add", "loop", "package", "Warm.Transformers", "--version", _folder.Version, "--no-restore");
        File.WriteAllLines(_folder["loop/Program.cs"], File.ReadAllLines(Repository.Path("samples", "policy-loop.cs")).Where(line => !line.StartsWith("#:", StringComparison.Ordinal)));
        foreach (string models in new[] { "family", "writers" }) Copy(Repository.Path("samples", models), _folder[models]);

        string printed = _folder.Run("dotnet", "run", "--project", "loop", "--configuration", "Release", "-p:NuGetAudit=false", "--", "family", "writers");

        Assert.StartsWith("reward     uniform average of 6\nreference  uniform average of 2\n", printed);
        var rewards = Line().Matches(printed).ToDictionary(m => m.Groups["who"].Value.TrimEnd(), m => double.Parse(m.Groups["reward"].Value, CultureInfo.InvariantCulture));
        Assert.Equal(["start", "run 1", "run 2", "run 3", "average"], rewards.Keys);
        // Over three seeds, and for the average of the three checkpoints: by more than the rewards of answers to one prompt are apart (a deviation of 1 to 2).
        foreach (string learned in new[] { "run 1", "run 2", "run 3", "average" }) Assert.InRange(rewards[learned] - rewards["start"], 2, 20);
        foreach (string file in Directory.GetFiles(_folder["loop"], "*.json", SearchOption.AllDirectories)) Assert.DoesNotContain(Repository.Root, File.ReadAllText(file));
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    [GeneratedRegex(@"^(?<who>start|run \d|average) +reward +(?<reward>-?\d+\.\d+) +log p/ref", RegexOptions.Multiline)] private static partial Regex Line();

    public void Dispose() => _folder.Dispose();
}
