using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm compare DIR.. [--base DIR]</c>: whether models may be averaged, every difference, and how far they are apart.</summary>
internal static class CompareCommand
{
    private static readonly Argument<string[]> Members = new("DIR") { Description = ModelArgument.Description, Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string> Base = new("--base") { Description = "The model they were fine-tuned from: adds the cosines and common signs of what was learned. Members that are adapter folders stand on it.", HelpName = "DIR" };
    private static readonly Option<bool> PerTensor = new("--per-tensor") { Description = "Add the figures of each tensor." };
    private static readonly Option<int> Threads = new("--threads") { Description = "Number of threads (default: all cores).", HelpName = "N" };

    private static readonly Option<string> On = new("--on") { Description = "Pairs: adds the scale of each member's rewards, which acts as a hidden weight.", HelpName = "PAIRS" };

    private static readonly Option<string> Svg = new("--svg") { Description = "Draw how alike each tensor is in each two members: a heat map.", HelpName = "FILE" };

    public static WarmCommand Create() =>
        new WarmCommand("compare", "Say whether models may be averaged, and how far they are apart.", "warm compare runs/rm-1 runs/rm-2 runs/rm-3 --base runs/sft") { Members, Base, PerTensor, On, Svg, Threads }
            .Runs((parsed, report, cancellation) => Task.Run(() => Run(parsed, report, cancellation), CancellationToken.None));

    private static int Run(ParseResult parsed, Report report, CancellationToken cancellation)
    {
        WeightDistance? distance = null;
        HeadScale? scale = null;
        Weights[] members;
        Compatibility compatibility;
        string[] names = parsed.GetRequiredValue(Members);
        try
        {
            members = [.. names.Select(name => ModelArgument.Open(name, parsed.GetValue(Base)))];
            compatibility = Compatibility.Compare(members, parsed.GetValue(Base) is { } path ? ModelArgument.Open(path) : null, out distance, parsed.GetValue(Threads), cancellation);
        }
        catch (WarmException error)
        {
            members = [];
            compatibility = Compatibility.Unreadable(error);
        }
        if (members.Length > 0 && compatibility.Verdict != Verdict.Impossible && parsed.GetValue(On) is { } pairs)
            scale = HeadScale.MeasureAsync(members, weights => RewardModel.Load(weights, Engine(parsed)), SelectionPairs.Read(pairs), null, cancellation).GetAwaiter().GetResult();
        if (distance is { Count: > 1 } && parsed.GetValue(Svg) is { } svg) AtomicFile.Write(svg, Encoding.UTF8.GetBytes(DistanceMap.Of(distance, names).ToSvg()), overwrite: true);
        if (report.IsJson) report.Line(Document(compatibility, distance, scale, parsed.GetValue(PerTensor)));
        else Print(report, names, compatibility, distance, scale, parsed.GetValue(PerTensor));
        return compatibility.Verdict is Verdict.Fits or Verdict.Doubtful ? 0 : 1;
    }

    private static JsonObject Document(Compatibility compatibility, WeightDistance? distance, HeadScale? scale, bool perTensor)
    {
        var document = new JsonObject
        {
            ["verdict"] = compatibility.Verdict.ToString().ToLowerInvariant(),
            ["differences"] = new JsonArray([.. compatibility.Differences.Select(Recipe.Of)]),
        };
        if (scale is not null) document["headScale"] = scale.ToJson();
        if (distance is null) return document;
        document["distance"] = Square(distance.Count, distance.Distance);
        document["cosine"] = Square(distance.Count, distance.Cosine);
        if (distance.HasBase)
        {
            document["deltaLength"] = new JsonArray([.. Enumerable.Range(0, distance.Count).Select(i => Number(distance.DeltaLength(i)))]);
            document["deltaCosine"] = Square(distance.Count, distance.DeltaCosine);
            document["signAgreement"] = Square(distance.Count, distance.SignAgreement);
        }
        if (perTensor)
            document["perTensor"] = new JsonArray([.. distance.PerTensor.Select(t =>
            {
                var entry = new JsonObject { ["name"] = t.Name, ["values"] = t.Values, ["distance"] = Square(distance.Count, t.Distance), ["cosine"] = Square(distance.Count, t.Cosine), ["maxAbs"] = Square(distance.Count, (i, j) => t.MaxAbs[i, j]) };
                if (t.DeltaDot is null) return entry;
                entry["deltaLength"] = new JsonArray([.. Enumerable.Range(0, distance.Count).Select(i => Number(t.DeltaLength(i)))]);
                entry["deltaCosine"] = Square(distance.Count, t.DeltaCosine);
                entry["signAgreement"] = Square(distance.Count, t.SignAgreement);
                return entry;
            })]);
        return document;
    }

    private static void Print(Report report, string[] names, Compatibility compatibility, WeightDistance? distance, HeadScale? scale, bool perTensor)
    {
        report.Line(compatibility.ToString());
        if (scale is not null)
        {
            report.Line($"\nscale of the rewards on {scale.Pairs}, and the weights that make it equal");
            report.Table(["member", "scale", "mean", "std", "weight"], scale.Members.Select((m, i) => (IReadOnlyList<string>)
                [scale.Names[i], $"{m.Scale:G4}", $"{m.Mean:G4}", $"{m.Std:G4}", m.Scale > 0 ? scale.Weights()[i].ToString("F4", CultureInfo.InvariantCulture) : ""]));
        }
        if (distance is null || distance.Count < 2) return;
        report.Line();
        string[] head = ["", .. names.Select((_, i) => $"{i + 1}")];
        Show("distance", distance.Distance, "F3");
        Show("cosine of matrices", distance.Cosine, "F4");
        if (distance.HasBase)
        {
            Show("cosine of what was learned", distance.DeltaCosine, "F4");
            Show("common signs", distance.SignAgreement, "F4");
        }
        if (perTensor)
            report.Table(["tensor", "values", "largest distance", "least cosine", .. distance.HasBase ? (string[])["farthest from the base", "least cosine of what was learned", "least common signs"] : []], distance.PerTensor.Select(t => (IReadOnlyList<string>)
            [
                t.Name, t.Values.ToString("N0", CultureInfo.InvariantCulture), Text(Pairs(t.Distance).Max(), "G4"), Text(Pairs(t.Cosine).Min(), "F4"),
                .. distance.HasBase ? (string[])[Text(Enumerable.Range(0, distance.Count).Max(t.DeltaLength), "G4"), Text(Pairs(t.DeltaCosine).Min(), "F4"), Text(Pairs(t.SignAgreement).Min(), "F4")] : [],
            ]));

        static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

        void Show(string title, Func<int, int, double> of, string format)
        {
            report.Line(title);
            report.Table(head, names.Select((name, i) => (IReadOnlyList<string>)[$"{i + 1} {name}", .. names.Select((_, j) => of(i, j).ToString(format, CultureInfo.InvariantCulture))]));
            report.Line();
        }

        IEnumerable<double> Pairs(Func<int, int, double> of) => Enumerable.Range(0, distance.Count).SelectMany(i => Enumerable.Range(0, i).Select(j => of(i, j)));
    }

    private static CpuEngine Engine(ParseResult parsed) => ScoringArguments.EngineOf(parsed.GetValue(Threads) is > 0 and var threads ? threads : null);

    private static JsonArray Square(int n, Func<int, int, double> of) => new([.. Enumerable.Range(0, n).Select(i => new JsonArray([.. Enumerable.Range(0, n).Select(j => Number(of(i, j)))]))]);

    /// <summary>A figure, or null where there is none (the angle of nothing).</summary>
    private static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
