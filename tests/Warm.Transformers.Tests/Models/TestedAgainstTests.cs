using System.Globalization;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>
/// The table of README.md between <c>&lt;!-- tested against --&gt;</c> and <c>&lt;!-- end --&gt;</c>: what was compared with PyTorch, and the largest difference seen. With the reference it is measured
/// anew: the test fails where a folder is missing, a difference is beyond what stands there, or what stands there is ten times too modest; <c>WARM_UPDATE=1</c> writes it.
/// </summary>
public class TestedAgainstTests(ITestOutputHelper output)
{
    private const string Begin = "<!-- tested against -->", End = "<!-- end -->";

    private sealed record Row(string Architecture, string Head, string Options, double Bound)
    {
        public override string ToString() => FormattableString.Invariant($"| {Architecture} | {Head} | {Options} | {Bound:0e-0} |");
    }

    [Fact]
    public void Readme_names_every_architecture_that_is_built()
    {
        Row[] rows = Shown();
        Assert.NotEmpty(rows);
        foreach (string name in Architectures.Known) Assert.Contains(rows, row => row.Architecture == $"`{name}`");
    }

    [ReferenceFact]
    public void Readme_shows_what_is_measured_against_the_reference()
    {
        var engine = new CpuEngine();
        var measured = new Dictionary<(string, string), (List<string> Folders, double Worst)>();
        foreach (string folder in ReferenceFolder.Names)
        {
            using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", folder));
            HeadLayout head = HeadLayout.Of(weights)!;
            bool own = head.Project != "transformers";
            (string, string) key = (own ? $"{weights.Folder!.Config!.ModelType} under a head of its own" : $"`{weights.Folder!.Config!.Architecture}`", own ? head.Project : head.Name);
            if (!measured.TryGetValue(key, out var row)) measured[key] = row = ([], 0);
            row.Folders.Add(folder);
            measured[key] = (row.Folders, Math.Max(row.Worst, ArchitectureTests.Measure(folder, engine, reference => reference.SingleTolerance).Worst));
        }
        Row[] now = [.. measured.OrderBy(m => Place(m.Key.Item1)).ThenBy(m => m.Key.Item2, StringComparer.Ordinal).Select(m => new Row(m.Key.Item1, m.Key.Item2, Options(m.Value.Folders), Bound(1.5 * m.Value.Worst)))], then = Shown();
        foreach (Row row in now) output.WriteLine(row.ToString());
        if (Environment.GetEnvironmentVariable("WARM_UPDATE") == "1")
        {
            Write(now);
            return;
        }
        Assert.Equal(now.Select(r => (r.Architecture, r.Head, r.Options)), then.Select(r => (r.Architecture, r.Head, r.Options)));
        foreach ((Row fresh, Row shown) in now.Zip(then))
            Assert.True(fresh.Bound / 1.5 <= shown.Bound && shown.Bound <= 10 * fresh.Bound, $"README.md is out of date (WARM_UPDATE=1 writes it anew): {fresh.Architecture} {fresh.Head} shows {shown.Bound:E0}, and {fresh.Bound:E0} is measured");
    }

    /// <summary>The order of the switch; heads of other projects last.</summary>
    private static int Place(string architecture) => Array.IndexOf(Architectures.Known, architecture.Trim('`')) is >= 0 and int at ? at : int.MaxValue;

    /// <summary>Names of folders without what they have in common; the plain one is "plain".</summary>
    private static string Options(List<string> folders)
    {
        string common = folders.Aggregate((a, b) => string.Concat(a.TakeWhile((c, i) => i < b.Length && b[i] == c)));
        if (folders.Count == 1 || folders.Any(f => f.Length > common.Length && common.Length > 0 && f[common.Length] != '-' && common[^1] != '-')) common = common[..(common.LastIndexOf('-') + 1)];
        return string.Join(", ", folders.Select(f => f[common.Length..].TrimStart('-') is { Length: > 0 } rest && folders.Count > 1 ? rest : "plain"));
    }

    /// <summary>The next of 1, 2, 5, 10 ..: one digit is all that holds on other machines.</summary>
    private static double Bound(double value)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return power * (value <= power ? 1 : value <= 2 * power ? 2 : value <= 5 * power ? 5 : 10);
    }

    private static Row[] Shown()
    {
        string[] lines = File.ReadAllLines(Repository.Path("README.md"));
        int begin = Array.IndexOf(lines, Begin), end = Array.IndexOf(lines, End, Math.Max(begin, 0));
        Assert.True(begin >= 0 && end > begin, $"README.md has no table between {Begin} and {End}.");
        return [.. lines[(begin + 1)..end].Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1).Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => new Row(cells[1], cells[2], cells[3], double.Parse(cells[4], CultureInfo.InvariantCulture)))];
    }

    private static void Write(Row[] rows)
    {
        string file = Repository.Path("README.md");
        List<string> lines = [.. File.ReadAllLines(file)];
        int begin = lines.IndexOf(Begin), end = lines.IndexOf(End);
        lines.RemoveRange(begin + 1, end - begin - 1);
        lines.InsertRange(begin + 1, ["", "| architecture | head | options | largest difference to float64, at most |", "|---|---|---|---|", .. rows.Select(row => row.ToString()), ""]);
        File.WriteAllText(file, string.Join('\n', lines) + "\n");
    }
}
