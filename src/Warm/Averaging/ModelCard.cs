using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>The README.md of an average: a card as the hub reads it (YAML front matter), what was averaged, how, and what a reader should know. And what an average changes in config.json.</summary>
internal static class ModelCard
{
    private static readonly string[] RewardStatistics = ["mean", "std"];

    /// <summary>The card.</summary>
    public static string Of(WeightAverage average, JsonObject recipe, IReadOnlyList<string> remarks)
    {
        RecordedNames names = RecordedNames.Of(average);
        string[] bases = [.. average.Members.SelectMany(m => m is LowRankAdapter adapter ? [HubName(adapter.Base, names), .. names[m].Split('+')[1..]] : (string[])[HubName(m, names)]).Distinct(StringComparer.Ordinal)];
        (string Member, string? Licence)[] licences = Licences(average, names);
        string[] named = [.. licences.Select(l => l.Licence).OfType<string>().Distinct()];
        var card = new StringBuilder("---\nbase_model:\n");
        foreach (string name in bases) card.Append(CultureInfo.InvariantCulture, $"- {Yaml(name)}\n");
        card.Append("library_name: transformers\ntags:\n- reward-model\n- weight-averaging\n- warm\n- merge\n");
        if (named.Length == 1 && licences.All(l => l.Licence is not null)) card.Append(CultureInfo.InvariantCulture, $"license: {Yaml(named[0])}\n");
        else if (named.Length > 0) card.Append("license: other\n");
        string what = average.Members.Count == 1 ? "Converted weights" : $"{char.ToUpperInvariant(average.Method[0])}{average.Method[1..]} average of {average.Members.Count} models";
        card.Append(CultureInfo.InvariantCulture, $"---\n# {what}\n\n");
        card.Append("The weights of the members were averaged value by value (WARM: weight averaged reward models, [arXiv:2401.12187](https://arxiv.org/abs/2401.12187)).\n");
        if (average.Options.Method is { } method)
            card.Append(CultureInfo.InvariantCulture, $"Method: {method.Name}, `{method.Formula}` ({method.Paper}){(method.Origin is { } origin ? $"; base: {names[origin]}" : "")}; dials: `{method.Dials().ToJsonString()}`.\n");
        card.Append("Config, tokenizer and template are those of the first member.\n\n");
        card.Append(ChoiceCard.Members(average, recipe, names));
        card.Append(CultureInfo.InvariantCulture, $"\nSums in {average.Options.Accumulate.Name()}, rounded once; saved as {string.Join(", ", average.Names.Select(n => average.Info(n).DType.Name()).Distinct().Order(StringComparer.Ordinal))}.\n");
        if (recipe["textForm"] is { } form) card.Append(CultureInfo.InvariantCulture, $"Prompt and response become text by: {form}.{(recipe["readPosition"] is { } read ? $" The reward is read at: {read}." : "")}\n");
        if (average.Options.Allow.Count > 0) card.Append(CultureInfo.InvariantCulture, $"Allowed by name, although it is refused otherwise: {string.Join(", ", average.Options.Allow.Select(rule => $"`{rule.Trim()}`"))}.\n");
        card.Append(ChoiceCard.Choice(recipe));
        card.Append("\n## Licences of the members\n\n");
        foreach ((string member, string? licence) in licences) card.Append(CultureInfo.InvariantCulture, $"- {member}: {licence ?? "not stated"}\n");
        if (remarks.Count > 0)
        {
            card.Append("\n## Remarks\n\n");
            foreach (string remark in remarks) card.Append(CultureInfo.InvariantCulture, $"- {names.In(remark).ReplaceLineEndings(" ")}\n");
        }
        return card.Append("\n## Recipe\n\n`warm.json` beside this file: members with SHA-256, weights, number types, version; the SHA-256 of every other file here. `warm verify` compares them.\n").ToString();
    }

    /// <summary>What an average of several changes in config.json: OpenRLHF's mean and std are statistics of one model's rewards, so they go.</summary>
    public static void ChangeConfig(WeightAverage average, JsonObject config)
    {
        if (!HasStatistics(average)) return;
        foreach (string key in RewardStatistics) config.Remove(key);
        config["normalize_reward"] = false;
    }

    /// <summary>What <see cref="ChangeConfig"/> will have done, for the reader.</summary>
    public static IEnumerable<string> ConfigRemarks(WeightAverage average) =>
        HasStatistics(average) ? ["config.json: mean and std of the rewards belong to each member's own scale: dropped, and normalize_reward is false until they are measured again"] : [];

    private static bool HasStatistics(WeightAverage average) =>
        average.Members.Count > 1 && average.Folder?.Config is { } config && (config.Has("normalize_reward") || config.Has("value_head_prefix")) && RewardStatistics.Any(config.Has);

    /// <summary>What the members' cards say of licences, where they do not all say the same.</summary>
    public static IEnumerable<string> LicenceRemarks(WeightAverage average)
    {
        (string Member, string? Licence)[] licences = Licences(average, RecordedNames.Of(average));
        return licences.Select(l => l.Licence).Distinct().Count() < 2 ? [] : [$"the licences differ: {string.Join(", ", licences.Select(l => $"{l.Member} {l.Licence ?? "not stated"}"))}"];
    }

    private static (string Member, string? Licence)[] Licences(WeightAverage average, RecordedNames names) => [.. RecordedNames.Leaves(average).Where(m => m.Folder is not null).Select(m => (names[m], m.Folder!.Licence)).Distinct()];

    /// <summary>The hub's name of a member where its place or its config tells it, else its own.</summary>
    private static string HubName(Weights member, RecordedNames names)
    {
        if (names[member] is var recorded && recorded.IndexOf('@') is > 0 and var at && recorded[..at].Contains('/')) return recorded[..at];
        return member.Folder?.Config?.Find("_name_or_path") is { ValueKind: System.Text.Json.JsonValueKind.String } value && value.GetString() is { } name
            && name.Count(c => c == '/') == 1 && name[0] is not ('/' or '.') && !name.EndsWith('/') ? name : recorded;
    }

    /// <summary>A text as YAML takes it: in quotes unless it is plain.</summary>
    private static string Yaml(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/') && char.IsAsciiLetter(text[0]) ? text : $"\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"").ReplaceLineEndings(" ")}\"";
}
