using System.CommandLine;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary><c>warm demo DIR</c>: writes the small real family that comes with the command, so that every example can be tried.</summary>
internal static class DemoCommand
{
    public static WarmCommand Create()
    {
        var folder = new Argument<string>("DIR") { Description = "Where the family is written; must not exist." };
        return new WarmCommand("demo", "Write six small trained reward models and held-out human pairs, to try everything on.", "warm demo family") { folder }
            .Runs((parsed, report, cancellation) => Task.FromResult(Run(parsed.GetRequiredValue(folder), report, cancellation)));
    }

    private static int Run(string folder, Report report, CancellationToken cancellation)
    {
        string source = Path.Combine(AppContext.BaseDirectory, "family"), target = Path.GetFullPath(folder);
        if (Path.Exists(target)) throw new WarmException(folder, "exists already", "a folder that is not there yet", "Give another name, or delete it first.");
        string partial = $"{target.TrimEnd(Path.DirectorySeparatorChar)}.partial-{Environment.ProcessId}";
        try
        {
            foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
            {
                cancellation.ThrowIfCancellationRequested();
                string copy = Path.Combine(partial, Path.GetRelativePath(source, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
            Directory.Move(partial, target);
        }
        finally
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        }
        string[] members = [.. Directory.GetDirectories(target, "rm-*").Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        string[] next =
        [
            $"warm average {string.Join(' ', members.Select(member => $"{folder}/{member}"))} --out {folder}/warm",
            $"warm evaluate {folder}/warm {folder}/rm-1 --on {folder}/heldout.jsonl.gz --resample topic",
            $"warm best-of {folder}/warm --prompt \"TV is better than Books Books\" --from {folder}/drafts.txt",
        ];
        if (report.IsJson)
        {
            report.Line(new JsonObject { ["out"] = target, ["members"] = new JsonArray([.. members]), ["pairs"] = "heldout.jsonl.gz", ["next"] = new JsonArray([.. next]) });
            return 0;
        }
        report.Line($"{folder}: {members.Length} reward models, held-out human pairs, drafts, README.md. Try:");
        foreach (string line in next) report.Line($"  {line}");
        return 0;
    }
}
