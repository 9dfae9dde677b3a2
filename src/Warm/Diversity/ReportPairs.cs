namespace Warm;

/// <summary>
/// Pairs on which a choice is reported: made apart from the pairs that the choice was made by. A prompt that is in both (or a text, where pairs have no prompt) is refused and named: what was
/// chosen by a prompt has already seen it.
/// </summary>
public sealed class ReportPairs
{
    private readonly IReadOnlyList<Preference> _pairs;

    private ReportPairs(string name, IReadOnlyList<Preference> pairs, SelectionPairs apartFrom, bool allowShared)
    {
        (Name, _pairs) = (name, pairs);
        if (pairs.Count == 0) throw new WarmException(name, "there are no pairs", "at least one pair to report on");
        Dictionary<string, string?> selected = [];
        foreach (Preference pair in apartFrom.Pairs) foreach (string key in Keys(pair)) selected.TryAdd(key, pair.Source);
        var shared = new Dictionary<string, Preference>();
        int touched = 0;
        foreach (Preference pair in pairs)
        {
            bool seen = false;
            foreach (string key in Keys(pair))
                if (selected.ContainsKey(key))
                {
                    shared.TryAdd(key, pair);
                    seen = true;
                }
            if (seen) touched++;
        }
        if (shared.Count == 0) return;
        (string first, Preference where) = shared.First();
        bool prompts = where.Prompt is { Length: > 0 };
        string found = FormattableString.Invariant($"{(prompts ? "prompts" : "texts")} of {touched:N0} of its {pairs.Count:N0} pairs are in {apartFrom.Name} as well, {shared.Count:N0} in all; the first is \"{Shown(prompts ? where.Prompt! : where.Chosen.ToString())}\" ({selected[first] ?? apartFrom.Name})");
        if (!allowShared) throw new WarmException(where.Source ?? name, found, "pairs to report on that share nothing with those to choose by", "Split by prompt, or allow shared-prompts and read the result as flattered.");
        Remarks = [$"{name}: {found}. What is reported is flattered by it."];
    }

    /// <summary>The file, or what the program called them.</summary>
    public string Name { get; }

    /// <summary>Number of pairs.</summary>
    public int Count => _pairs.Count;

    /// <summary>What a reader of the results should know: prompts that were shared and allowed. Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks { get; } = [];

    /// <summary>The pairs of a file, which are held in memory.</summary>
    /// <param name="path">JSON lines.</param>
    /// <param name="apartFrom">What is chosen by.</param>
    /// <param name="allowShared">Whether prompts in both are a remark instead of a refusal; default false.</param>
    /// <param name="options">How the file is read.</param>
    public static ReportPairs Read(string path, SelectionPairs apartFrom, bool allowShared = false, PreferenceFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(apartFrom);
        return new(path, [.. PreferenceFile.Read(path, options)], apartFrom, allowShared);
    }

    /// <summary>Pairs that a program has.</summary>
    /// <param name="pairs">At least one.</param>
    /// <param name="apartFrom">What is chosen by.</param>
    /// <param name="allowShared">Whether prompts in both are a remark instead of a refusal; default false.</param>
    /// <param name="name">What they are called in messages.</param>
    public static ReportPairs Of(IEnumerable<Preference> pairs, SelectionPairs apartFrom, bool allowShared = false, string name = "report pairs")
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(apartFrom);
        return new(name, [.. pairs], apartFrom, allowShared);
    }

    /// <summary>Measures a model on these pairs, with an interval.</summary>
    public Task<PairwiseAccuracy> MeasureAsync(IRewardModel model, AccuracyOptions? options = null, string? name = null, CancellationToken cancellation = default) =>
        PairwiseAccuracy.MeasureAsync(model, _pairs, options, name, null, cancellation);

    /// <summary><c>test.jsonl: 3,311 pairs to report on</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Name}: {Count:N0} pairs to report on");

    /// <summary>What a pair must not share: its prompt; without one its two texts.</summary>
    private static IEnumerable<string> Keys(Preference pair) =>
        pair.Prompt is { Length: > 0 } prompt ? [$"p{prompt}"] : [$"t{CandidateHash.Of(pair.Chosen)}", $"t{CandidateHash.Of(pair.Rejected)}"];

    private static string Shown(string text) => text.Length > 60 ? $"{text[..57]}..." : text;
}
