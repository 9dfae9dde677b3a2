namespace Warm;

/// <summary>
/// Pairs by which members are chosen, and nothing else: they give a plain share without an interval, because the accuracy of what was chosen on these very pairs flatters it. What is reported comes
/// from <see cref="ReportPairs"/>, which cannot be made without saying what it must be apart from.
/// </summary>
public sealed class SelectionPairs
{
    private PairSet? _set;

    private SelectionPairs(string name, IReadOnlyList<Preference> pairs)
    {
        (Name, Pairs) = (name, pairs);
        if (pairs.Count == 0) throw new WarmException(name, "there are no pairs", "at least one pair to choose by");
    }

    /// <summary>The file, or what the program called them.</summary>
    public string Name { get; }

    /// <summary>Number of pairs.</summary>
    public int Count => Pairs.Count;

    internal IReadOnlyList<Preference> Pairs { get; }

    /// <summary>The pairs of a file; they are held in memory, because every soup that is tried reads them again.</summary>
    public static SelectionPairs Read(string path, PreferenceFileOptions? options = null) => new(path, [.. PreferenceFile.Read(path, options)]);

    /// <summary>Pairs that a program has.</summary>
    public static SelectionPairs Of(IEnumerable<Preference> pairs, string name = "selection pairs")
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return new(name, [.. pairs]);
    }

    /// <summary>The share of pairs whose chosen side has the higher reward.</summary>
    internal async Task<double> AccuracyAsync(IRewardModel model, SelectionOptions options, CancellationToken cancellation)
    {
        PairSet set = Set(options.Scoring);
        return PairwiseAccuracy.Judged(set.Differences(await set.ScoreAsync(model, null, null, cancellation).ConfigureAwait(false)), options.Ties).Sum() / Count;
    }

    /// <summary>The pairs with each distinct text once, hashed once for all models that are asked.</summary>
    internal PairSet Set(ScoringOptions? scoring) => _set is { } set && set.Options.Scoring == scoring ? set : _set = PairSet.Of(Pairs, new() { Resample = "pair", Scoring = scoring }, Name);

    /// <summary>The share for a model that is loaded for it and let go.</summary>
    internal async Task<double> AccuracyAsync(Weights weights, Func<Weights, IRewardModel> load, SelectionOptions options, CancellationToken cancellation)
    {
        IRewardModel model = load(weights);
        using (model as IDisposable) return await AccuracyAsync(model, options, cancellation).ConfigureAwait(false);
    }

    /// <summary><c>dev.jsonl: 1,798 pairs to choose by</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Name}: {Count:N0} pairs to choose by");
}
