namespace Warm;

/// <summary>
/// What is kept of pairs while they are measured: each distinct text once (half of its SHA-256 and its length), which two texts a pair is, and the units and groups that it belongs to. The texts
/// themselves are handed on to whoever scores them.
/// </summary>
internal sealed class PairTexts(AccuracyOptions options)
{
    private readonly HashNumbers _known = new();
    private readonly List<int> _lengths = [];
    private readonly List<(int Chosen, int Rejected)> _pairs = [];
    private readonly PairKeys _keys = new();
    private readonly List<string?> _groups = [];
    private readonly Dictionary<string, string> _groupNames = new(StringComparer.Ordinal); // one object a name, not one a pair
    private Units? _units;
    private Preference? _first;

    /// <summary>Places of the texts of every pair.</summary>
    public IReadOnlyList<(int Chosen, int Rejected)> Pairs => _pairs;

    /// <summary>What the worst group is sought among, or null.</summary>
    public string? GroupField { get; } = options.Groups ?? (options.Resample is "prompt" or "pair" or "text" ? "subset" : options.Resample);

    /// <summary>The group of every pair.</summary>
    public IReadOnlyList<string?> Groups => _groups;

    /// <summary>Takes a pair in; texts that are new are added to <paramref name="fresh"/>, in the order of their places.</summary>
    public void Add(Preference pair, List<Candidate> fresh)
    {
        _units = null;
        _first ??= pair;
        _pairs.Add((Place(pair.Chosen, pair.ChosenLength, fresh), Place(pair.Rejected, pair.RejectedLength, fresh)));
        _keys.Add(options.Resample is "pair" or "text" ? null : pair.Group(options.Resample));
        string? group = GroupField is null ? null : pair.Group(GroupField);
        if (group is not null && !_groupNames.TryAdd(group, group)) group = _groupNames[group];
        _groups.Add(group);
    }

    /// <summary>The units of the pairs.</summary>
    public Units Units => _units ??= options.Resample == "text" ? Units.Crossed("text", [.. _pairs.Select(p => p.Chosen)], [.. _pairs.Select(p => p.Rejected)]) : _keys.Units(options.Resample, _first?.Source);

    /// <summary>The units of some of the pairs.</summary>
    public Units UnitsOf(IReadOnlyList<int> pairs) => options.Resample == "text"
        ? Units.Crossed("text", [.. pairs.Select(i => _pairs[i].Chosen)], [.. pairs.Select(i => _pairs[i].Rejected)]) : _keys.UnitsOf(Units.Name, pairs);

    /// <summary>Chosen less rejected, pair by pair.</summary>
    public double[] Differences(IReadOnlyList<float> rewards) => [.. _pairs.Select(pair => (double)rewards[pair.Chosen] - rewards[pair.Rejected])];

    /// <summary>By how many characters each chosen text is longer than the other.</summary>
    public double[] Longer() => [.. _pairs.Select(pair => (double)_lengths[pair.Chosen] - _lengths[pair.Rejected])];

    /// <summary>Pearson's correlation of reward and length over the distinct texts; NaN where either is constant.</summary>
    public double LengthCorrelation(IReadOnlyList<float> rewards)
    {
        int n = rewards.Count;
        double meanReward = rewards.Sum(r => (double)r) / n, meanLength = _lengths.Sum(l => (double)l) / n, rr = 0, ll = 0, rl = 0;
        for (int i = 0; i < n; i++)
        {
            double r = rewards[i] - meanReward, l = _lengths[i] - meanLength;
            rr += r * r;
            ll += l * l;
            rl += r * l;
        }
        return rr > 0 && ll > 0 ? rl / Math.Sqrt(rr * ll) : double.NaN;
    }

    private int Place(Candidate text, int length, List<Candidate> fresh)
    {
        int place = _known.Of(CandidateHash.Of(text), out bool isNew);
        if (!isNew) return place;
        _lengths.Add(length);
        fresh.Add(text);
        return place;
    }
}
