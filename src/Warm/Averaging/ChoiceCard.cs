using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>The parts of an average's card about its members: how each was trained, who was tried, taken and left out, and why. Told from the recipe.</summary>
internal static class ChoiceCard
{
    /// <summary>The members with their weights, and with start and dials where any is known.</summary>
    public static string Members(WeightAverage average, JsonObject recipe, RecordedNames names)
    {
        JsonObject?[] runs = [.. recipe["members"]!.AsArray().Select(member => member!["run"] as JsonObject)];
        bool known = runs.Any(run => run is not null);
        var table = new StringBuilder(known ? "| member | weight | start | dials |\n|---|---|---|---|\n" : "| member | weight |\n|---|---|\n");
        for (int i = 0; i < average.Members.Count; i++)
        {
            table.Append(CultureInfo.InvariantCulture, $"| {Cell(names[average.Members[i]])} | {average.Coefficients[i] / average.Divisor:R} |");
            if (known) table.Append(CultureInfo.InvariantCulture, $" {Cell(Text(runs[i]?["start"]))} | {Cell(string.Join(", ", runs[i]?.Where(d => d.Key is not ("name" or "start")).Select(d => $"{d.Key} {Text(d.Value)}") ?? []))} |");
            table.Append('\n');
        }
        return table.ToString();
    }

    /// <summary>How the members were chosen among others; empty where nobody chose.</summary>
    public static string Choice(JsonObject recipe)
    {
        if (recipe["selection"] is not JsonObject selection) return "";
        var card = new StringBuilder("\n## How the members were chosen\n\n");
        card.Append(CultureInfo.InvariantCulture, $"Rule `{Text(selection["rule"])}` on {Text(selection["n"])} pairs of {Text(selection["pairs"])} (ties count {Text(selection["ties"])}). The soup has {Share(selection["accuracy"])} there, which flatters it: it was chosen by these pairs.\n");
        if (selection["orders"] is JsonObject orders)
            card.Append(CultureInfo.InvariantCulture, $"Tried in {Text(orders["tried"])} orders, {Text(orders["soups"])} different soups: {Share(orders["worst"])} to {Share(orders["best"])}; in order of accuracy {Share(orders["byAccuracy"])}.\n");
        card.Append("\n| model | alone | | why |\n|---|---|---|---|\n");
        foreach ((string verdict, string key) in (ReadOnlySpan<(string, string)>)[("taken", "taken"), ("left out", "leftOut")])
            foreach (JsonNode? one in selection[key] as JsonArray ?? [])
                card.Append(CultureInfo.InvariantCulture, $"| {Cell(Text(one?["path"]))} | {Share(one?["accuracy"])} | {verdict} | {Cell(Text(one?["why"]))} |\n");
        return card.ToString();
    }

    private static string Share(JsonNode? value) => value is JsonValue number && number.TryGetValue(out double share) ? share.ToString("F4", CultureInfo.InvariantCulture) : "?";

    private static string Text(JsonNode? value) => value switch
    {
        null => "",
        JsonValue text when text.TryGetValue(out string? plain) => plain,
        _ => value.ToJsonString(),
    };

    private static string Cell(string text) => text.Replace("|", "\\|").ReplaceLineEndings(" ");
}
