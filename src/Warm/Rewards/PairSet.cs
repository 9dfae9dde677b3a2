namespace Warm;

/// <summary>The rewards that one model gives the texts of a <see cref="PairSet"/>.</summary>
/// <param name="Rewards">One a distinct text, in the set's order.</param>
/// <param name="Cost">What the scoring took.</param>
/// <param name="Remarks">What the model said about its texts, with their number.</param>
public sealed record TextRewards(IReadOnlyList<float> Rewards, ScoringCost? Cost = null, IReadOnlyList<string>? Remarks = null);

/// <summary>
/// Pairs that many models are measured on: read once, each distinct text held once and scored once by a model. Memory: the texts. One model alone is measured without holding them:
/// <see cref="PairwiseAccuracy.MeasureAsync"/>.
/// </summary>
public sealed class PairSet
{
    private readonly List<Candidate> _texts = [];
    private readonly List<Preference> _all = [];
    private readonly PairTexts _pairs;
    private readonly Lazy<PairwiseAccuracy> _longer;

    private PairSet(string? name, IEnumerable<Preference> pairs, AccuracyOptions options)
    {
        (Name, Options, _pairs) = (name, options, new(options));
        foreach (Preference pair in pairs)
        {
            _pairs.Add(pair, _texts);
            _all.Add(pair);
        }
        if (_pairs.Pairs.Count == 0) throw new WarmException(name ?? "pairs", "there are none", "at least one pair");
        _ = _pairs.Units; // a misspelt field is refused before hours of scoring
        _longer = new(() => new PairwiseAccuracy(_pairs.Longer(), _pairs.Units, options, LengthRule));
    }

    /// <summary>What the rule is called that every model must be read against.</summary>
    internal const string LengthRule = "the longer text wins";

    /// <summary>Takes pairs in.</summary>
    /// <param name="pairs">Read once; at least one.</param>
    /// <param name="options">Ties, units, groups, scoring; null for the defaults.</param>
    /// <param name="name">What the set is called in results; null (default) for nothing.</param>
    /// <exception cref="WarmException">There are no pairs, or none has the field that is resampled.</exception>
    public static PairSet Of(IEnumerable<Preference> pairs, AccuracyOptions? options = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return new(name, pairs, options ?? new());
    }

    /// <summary>What the set is called.</summary>
    public string? Name { get; }

    /// <summary>How accuracies are measured on it.</summary>
    public AccuracyOptions Options { get; }

    /// <summary>Number of pairs.</summary>
    public int Count => _pairs.Pairs.Count;

    /// <summary>The pairs, in order.</summary>
    public IReadOnlyList<Preference> Pairs => _all;

    /// <summary>The distinct texts, in order of first appearance.</summary>
    public IReadOnlyList<Candidate> Texts => _texts;

    /// <summary>What is resampled.</summary>
    public Units Units => _pairs.Units;

    /// <summary>What the rule "the longer text wins" gets.</summary>
    public Estimate LongerWins => _longer.Value.Accuracy;

    /// <summary>The rule "the longer text wins" as a model whose rewards are lengths: only what goes by right and wrong means something.</summary>
    internal PairwiseAccuracy Longer => _longer.Value;

    /// <summary>Scores every distinct text once.</summary>
    /// <param name="model">What scores.</param>
    /// <param name="name">The model's name in messages.</param>
    /// <param name="progress">Told the number of texts done so far.</param>
    /// <param name="cancellation">Stops between two batches, or within one as the model does.</param>
    /// <exception cref="WarmException">A reward is not finite; the text and where it stands are named.</exception>
    public Task<TextRewards> ScoreAsync(IRewardModel model, string? name = null, IProgress<int>? progress = null, CancellationToken cancellation = default) => ScoreAsync(model, name, null, progress, cancellation);

    /// <summary>Scores the texts whose rewards are not known already (by their place); the cost says how many were.</summary>
    internal async Task<TextRewards> ScoreAsync(IRewardModel model, string? name, Func<int, float?>? known, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        var scorer = new PairScorer(model, Options.Scoring, name);
        var rewards = new float[_texts.Count];
        int[] missing = [.. Enumerable.Range(0, rewards.Length).Where(i =>
        {
            if (known?.Invoke(i) is not { } reward) return true;
            rewards[i] = reward;
            return false;
        })];
        for (int done = 0; done < missing.Length; done += PairScorer.TextsPerCall)
        {
            await scorer.ScoreAsync([.. missing.Skip(done).Take(PairScorer.TextsPerCall).Select(i => _texts[i])], cancellation).ConfigureAwait(false);
            progress?.Report(scorer.Rewards.Count);
        }
        for (int m = 0; m < missing.Length; m++) rewards[missing[m]] = scorer.Rewards[m];
        return new(rewards, scorer.Cost with { Texts = rewards.Length, Found = rewards.Length - missing.Length }, scorer.Remarks());
    }

    /// <summary>Judges rewards.</summary>
    /// <param name="rewards">One a distinct text; finite.</param>
    /// <param name="name">The model's name in the result.</param>
    public PairwiseAccuracy Measure(TextRewards rewards, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        return Measure([(rewards, name)])[0];
    }

    /// <summary>Judges several models' rewards, as one by one, in a fraction of the time: what is resampled is drawn once for all.</summary>
    /// <param name="models">Rewards, one a distinct text, finite; and names.</param>
    public IReadOnlyList<PairwiseAccuracy> Measure(IReadOnlyList<(TextRewards Rewards, string? Name)> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        foreach ((TextRewards rewards, string? name) in models)
        {
            if (rewards.Rewards.Count != _texts.Count) throw new WarmException(name ?? "rewards", FormattableString.Invariant($"there are {rewards.Rewards.Count} for {_texts.Count} texts"), "one for each");
            int odd = Enumerable.Range(0, _texts.Count).FirstOrDefault(i => !float.IsFinite(rewards.Rewards[i]), -1);
            if (odd >= 0) throw new WarmException(_texts[odd].Source ?? FormattableString.Invariant($"text {odd}"), FormattableString.Invariant($"the reward of \"{_texts[odd]}\"{(name is null ? "" : $" by {name}")} is {rewards.Rewards[odd]}"), "a finite number");
        }
        return PairwiseAccuracy.Of(_pairs, models, Options, LongerWins);
    }

    /// <summary>What each pair counts.</summary>
    internal double[] Outcomes(TextRewards rewards) => PairwiseAccuracy.Judged(Differences(rewards), Options.Ties);

    /// <summary>The mean of what pairs count, with its error.</summary>
    internal Estimate Mean(double[] outcomes) => PairwiseAccuracy.Within(Estimate.Mean(outcomes, Units, Options.Resamples, Options.Seed));

    /// <summary>Chosen less rejected, pair by pair.</summary>
    internal double[] Differences(TextRewards rewards) => _pairs.Differences(rewards.Rewards);

    /// <summary>Both rewards, pair by pair.</summary>
    internal IEnumerable<(double Chosen, double Rejected)> Sides(TextRewards rewards) => _pairs.Pairs.Select(pair => ((double)rewards.Rewards[pair.Chosen], (double)rewards.Rewards[pair.Rejected]));

    /// <summary>The rewards of an ensemble of models that have scored the set.</summary>
    /// <param name="members">Their rewards; as many as the rule needs.</param>
    /// <param name="rule">What makes one reward of theirs.</param>
    /// <returns>Rounded once; the cost is that of all members together.</returns>
    public static TextRewards Together(IReadOnlyList<TextRewards> members, EnsembleRule rule)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(rule);
        if (members.Count < rule.FewestMembers) throw new WarmException("ensemble", FormattableString.Invariant($"there are {members.Count} members"), FormattableString.Invariant($"at least {rule.FewestMembers} for {rule}"));
        var rewards = new float[members[0].Rewards.Count];
        var one = new double[members.Count];
        for (int text = 0; text < rewards.Length; text++)
        {
            for (int m = 0; m < one.Length; m++) one[m] = members[m].Rewards[text];
            rewards[text] = (float)rule.Of(one);
        }
        return new(rewards, ScoringCost.Sum([.. members.Select(m => m.Cost)]));
    }

    /// <summary><c>ood: 3,311 pairs of 259 texts, 8 prompts</c></summary>
    public override string ToString() => FormattableString.Invariant($"{(Name is null ? "" : $"{Name}: ")}{Count:N0} pairs of {_texts.Count:N0} texts, {Units}");
}
