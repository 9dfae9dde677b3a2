using System.Text.RegularExpressions;

namespace Warm;

/// <summary>
/// What members are called in a recipe and a card, so that the same inputs give the same bytes on any machine: the end of their path, as long as it must be to tell them apart (<c>rm-1</c>;
/// <c>run-a/checkpoint-500</c> beside <c>run-b/checkpoint-500</c>), or <c>org/name@revision</c> for a snapshot of the hub's cache. Which member it was beyond doubt, its SHA-256 says.
/// </summary>
internal sealed class RecordedNames
{
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    private RecordedNames() { }

    /// <summary>The names of everything that an average reads, its members' members included.</summary>
    public static RecordedNames Of(WeightAverage average) => Of(Leaves(average).SelectMany(leaf => Paths(leaf.Name)));

    /// <summary>The names of paths.</summary>
    public static RecordedNames Of(IEnumerable<string> paths)
    {
        string[] all = [.. paths.Distinct()];
        // Two spellings of one place are one: they need not be told apart.
        Dictionary<string, string[]> parts = all.ToDictionary(p => p, p => Path.TrimEndingDirectorySeparator(Path.GetFullPath(p)).Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries));
        var recorded = new RecordedNames();
        foreach (string path in all)
        {
            string[] own = parts[path];
            int most = parts.Values.Where(other => !other.SequenceEqual(own)).Select(other => CommonEnd(own, other)).DefaultIfEmpty(0).Max();
            recorded._names[path] = Snapshot(own) ?? (own.Length == 0 ? path : string.Join('/', own[^Math.Min(own.Length, most + 1)..]));
        }
        return recorded;
    }

    /// <summary>What weights are called.</summary>
    public string this[Weights weights] => weights is WeightAverage ? weights.Name : string.Join('+', Paths(weights.Name).Select(path => _names.GetValueOrDefault(path, path)));

    /// <summary>A message with every path in it as it is recorded.</summary>
    public string In(string text)
    {
        foreach ((string path, string name) in _names.OrderByDescending(n => n.Key.Length))
            if (path != name) text = Regex.Replace(text, $@"(?<![\w./\\-]){Regex.Escape(Path.TrimEndingDirectorySeparator(path))}(?![\w-]|\.\w)", name.Replace("$", "$$"));
        return text;
    }

    /// <summary>All that is read, without the averages that lie between.</summary>
    public static IEnumerable<Weights> Leaves(Weights weights) => weights is WeightAverage average ? average.Members.Concat(average.Beside).SelectMany(Leaves) : [weights];

    /// <summary>A model's path, or the two of <c>model+adapter</c>.</summary>
    private static string[] Paths(string name) => Path.Exists(name) || !name.Contains('+') ? [name] : name.Split('+');

    private static int CommonEnd(string[] a, string[] b)
    {
        int common = 0;
        while (common < Math.Min(a.Length, b.Length) && a[^(common + 1)] == b[^(common + 1)]) common++;
        return common;
    }

    /// <summary><c>.../models--org--name/snapshots/REVISION</c></summary>
    private static string? Snapshot(string[] parts) =>
        parts.Length >= 3 && parts[^2] == "snapshots" && parts[^3].Split("--") is ["models", .. { Length: > 0 } name] ? $"{string.Join('/', name)}@{parts[^1]}" : null;
}
