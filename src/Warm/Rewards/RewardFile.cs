using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Rewards of pairs that any scorer made, in JSON lines (<c>.jsonl</c>, <c>.jsonl.gz</c>): <c>{"chosen":1.2,"rejected":0.3}</c> of one model, or
/// <c>{"chosen":{"rm-1":1.2,"rm-2":0.9},"rejected":{"rm-1":0.3,"rm-2":1.0}}</c> of several. Beside them <c>prompt</c>, <c>group</c> or any field to resample by.
/// A list of one number counts as that number, as evaluators write it.
/// </summary>
public sealed class RewardFile
{
    private readonly string _name;
    private readonly string _resample;
    private readonly PairKeys _keys = new(), _groups = new();
    private readonly List<(string Name, List<double> Chosen, List<double> Rejected)> _models = [];

    internal RewardFile(string name, string resample) => (_name, _resample) = (name, resample);

    /// <summary>Judges every model of the file. Without a <c>prompt</c> in any line the units are what <c>group</c> says, and without that the pairs.</summary>
    /// <exception cref="WarmException">A line is broken (and <paramref name="reading"/> does not ask to go on), a reward is missing or not finite, or there is no line.</exception>
    public static IReadOnlyList<PairwiseAccuracy> Measure(string path, AccuracyOptions? options = null, PreferenceFileOptions? reading = null) => Open(path, options ?? new(), reading).Measure(options ?? new());

    /// <summary>Reads a file.</summary>
    internal static RewardFile Open(string path, AccuracyOptions options, PreferenceFileOptions? reading = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using RowReader reader = RowReader.Open(path);
        var file = new RewardFile(path, options.Resample);
        while (true)
        {
            try
            {
                if (!reader.TryRead(out FileLine line)) return file;
                if (line.IsBlank) continue;
                JsonObject json = line.Json();
                reading?.Columns?.Apply(json);
                file.Add(json, line.Where);
            }
            catch (WarmException error) when (reading?.Broken is { } broken)
            {
                broken(error);
            }
        }
    }

    /// <summary>Takes a line in, whole or not at all.</summary>
    internal void Add(JsonObject line, string where)
    {
        (string Name, double Reward)[] chosen = Rewards(line, "chosen", where), rejected = Rewards(line, "rejected", where);
        string names = Names(chosen);
        if (names != Names(rejected)) throw new WarmException(where, $"\"chosen\" has rewards of {names}, \"rejected\" of {Names(rejected)}", "the same models on both sides");
        if (_models.Count == 0) _models.AddRange(chosen.Select(c => (c.Name, new List<double>(), new List<double>())));
        else if (names != Names([.. _models.Select(m => (m.Name, 0.0))])) throw new WarmException(where, $"has rewards of {names}", $"{Names([.. _models.Select(m => (m.Name, 0.0))])} as in the lines before");
        foreach ((string name, List<double> good, List<double> bad) in _models)
        {
            good.Add(chosen.First(c => c.Name == name).Reward);
            bad.Add(rejected.First(c => c.Name == name).Reward);
        }
        _keys.Add(Key(line, _resample));
        _groups.Add(Key(line, "group"));
    }

    /// <summary>One result a model, in the order of the first line.</summary>
    internal IReadOnlyList<PairwiseAccuracy> Measure(AccuracyOptions options)
    {
        Units units = Grouping();
        return [.. _models.Select(m => PairwiseAccuracy.Of(m.Chosen, m.Rejected, units, options, m.Name))];
    }

    /// <summary>What an ensemble of the file's models gets.</summary>
    internal PairwiseAccuracy Measure(EnsembleRule rule, AccuracyOptions options, string name)
    {
        return PairwiseAccuracy.Of(Together(m => m.Chosen), Together(m => m.Rejected), Grouping(), options, name);

        double[] Together(Func<(string Name, List<double> Chosen, List<double> Rejected), List<double>> side) =>
            [.. Enumerable.Range(0, _keys.Count).Select(pair => rule.Of([.. _models.Select(m => side(m)[pair])]))];
    }

    private Units Grouping()
    {
        if (_models.Count == 0) throw new WarmException(_name, "there are no pairs", "lines of {\"chosen\":1.2,\"rejected\":0.3}");
        return _resample != "prompt" || _keys.Any ? _keys.Units(_resample, _name) : _groups.Units("group", _name, orPairs: true);
    }

    /// <summary>The file, its models and pairs.</summary>
    public override string ToString() => FormattableString.Invariant($"{_name}: rewards of {_keys.Count:N0} pairs by {Names([.. _models.Select(m => (m.Name, 0.0))])}");

    private static string Names((string Name, double Reward)[] rewards) => string.Join(", ", rewards.Select(r => r.Name).Order(StringComparer.Ordinal));

    private (string, double)[] Rewards(JsonObject line, string side, string where) => line[side] switch
    {
        null => throw new WarmException(where, $"\"{side}\" is {(line.ContainsKey(side) ? "null" : "missing")}", "a line needs \"chosen\" and \"rejected\", a reward each or one a model"),
        JsonObject { Count: 0 } => throw new WarmException(where, $"\"{side}\" is empty", "a reward a model"),
        JsonObject models => [.. models.Select(m => (m.Key, Number(m.Value, $"\"{side}\" of {m.Key}", where)))],
        { } single => [(Path.GetFileName(_name).Split('.')[0] is { Length: > 0 } name ? name : "rewards", Number(single, $"\"{side}\"", where))],
    };

    private static double Number(JsonNode? node, string what, string where)
    {
        if (node is JsonArray { Count: 1 } list) node = list[0];
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && double.IsFinite(number)) return number;
        throw new WarmException(where, $"{what} is {node?.ToJsonString() ?? "null"}", "a finite number");
    }

    private static string? Key(JsonObject line, string field) => field == "pair" ? null : ColumnNames.Find(line, field) switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>() is { Length: > 0 } text ? text : null,
        { } node => node.ToJsonString(),
    };
}
