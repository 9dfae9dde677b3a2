using System.CommandLine;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm verify DIR</c>: the hashes and rewards that were recorded when a folder was written, computed again.</summary>
internal static class VerifyCommand
{
    public static WarmCommand Create()
    {
        var folder = new Argument<string>("DIR") { Description = "A folder that warm average wrote." };
        var threads = new Option<int>("--threads") { Description = "Number of threads (default: all cores).", HelpName = "N" };
        return new WarmCommand("verify", "Compare a folder's files and rewards with those recorded when it was written.", "warm verify runs/warm") { folder, threads }
            .Runs((parsed, report, cancellation) => Task.Run(() => Run(parsed.GetRequiredValue(folder), parsed.GetValue(threads), report, cancellation), CancellationToken.None));
    }

    private static int Run(string folder, int threads, Report report, CancellationToken cancellation)
    {
        IReadOnlyList<WrittenFile> files = WrittenFiles.Check(folder, threads, cancellation);
        List<string> remarks = files.Count == 0 ? ["no hashes were recorded (--no-hash)"] : [];
        IReadOnlyList<ParityCheck> rewards = [];
        bool scored = true;
        if (ParityFixture.Read(folder) is not { } fixture) remarks.Add("no rewards were recorded");
        else
            try
            {
                using Checkpoint model = Checkpoint.Open(folder);
                rewards = fixture.Check(model, threads, cancellation);
            }
            catch (WarmException refusal)
            {
                scored = false;
                rewards = [.. fixture.Entries.Select(entry => new ParityCheck(entry, [], float.NaN, false))];
                remarks.Add($"the model does not load: {refusal.Message}");
            }
        bool ok = scored && files.All(f => f.Ok) && rewards.All(r => r.Ok) && files.Count + rewards.Count > 0;
        foreach (string remark in remarks) report.Remark(remark);
        if (report.IsJson)
            report.Line(new JsonObject
            {
                ["files"] = new JsonArray([.. files.Select(f => new JsonObject { ["name"] = f.Name, ["sha256"] = f.Sha256, ["ok"] = f.Ok, ["now"] = f.Now })]),
                ["rewards"] = new JsonArray([.. rewards.Select(r => new JsonObject { ["text"] = r.Text, ["recorded"] = Number(r.Recorded.Reward), ["now"] = Number(r.Now), ["ok"] = r.Ok, ["sameIds"] = r.Ids.SequenceEqual(r.Recorded.Ids) })]),
                ["ok"] = ok,
                ["remarks"] = new JsonArray([.. remarks.Select(r => JsonValue.Create(r))]),
            });
        else
        {
            report.Table(["", "file", "sha256"], files.Select(f => (IReadOnlyList<string>)[f.Ok ? "ok" : f.Now is null ? "missing" : "changed", f.Name, f.Sha256]));
            report.Table(["", "recorded", "now", "text"], rewards.Select(r => (IReadOnlyList<string>)[r.Ok ? "ok" : "differs", $"{r.Recorded.Reward:R}", $"{r.Now:R}", r.Text.ReplaceLineEndings(" ").Trim()]));
            report.Line(ok ? $"{folder}: as it was written" : $"{folder}: not as it was written");
        }
        return ok ? 0 : 1;
    }

    /// <summary>A reward, or null where there is none.</summary>
    private static JsonNode? Number(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;
}
