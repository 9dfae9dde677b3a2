using System.Text.Json.Serialization;

namespace Warm;

/// <summary>Mean and standard deviation of a quantity.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Std">The standard deviation of what is there (divided by n, not n - 1).</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed record Spread([property: JsonPropertyName("mean")] double Mean, [property: JsonPropertyName("std")] double Std);

/// <summary>What a measurement took.</summary>
/// <param name="Texts">Distinct texts that were scored; each of them once.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="Seconds">Wall time of the scoring.</param>
public sealed record ScoringCost(
    [property: JsonPropertyName("texts")] int Texts,
    [property: JsonPropertyName("tokens")] long Tokens,
    [property: JsonPropertyName("seconds")] double Seconds)
{
    /// <summary>How many of the texts were not scored but found in a cache, so that <see cref="Seconds"/> says nothing of them.</summary>
    [JsonPropertyName("found"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Found { get; init; }

    /// <summary>Wall time of opening and loading the model, once for all sets; null where it was loaded before.</summary>
    [JsonPropertyName("loadSeconds"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LoadSeconds { get; init; }

    /// <summary>Bytes of the weights that must be held to score, counted, not measured: for an ensemble those of all members; what a pass computes in comes on top. Null where nobody knows.</summary>
    [JsonPropertyName("weightBytes"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? WeightBytes { get; init; }

    /// <summary>What several cost together.</summary>
    internal static ScoringCost? Sum(IReadOnlyList<ScoringCost?> costs) => costs.Any(cost => cost is null) ? null : new(costs.Sum(c => c!.Texts), costs.Sum(c => c!.Tokens), costs.Sum(c => c!.Seconds))
    {
        Found = costs.Sum(c => c!.Found),
        LoadSeconds = costs.Any(c => c!.LoadSeconds is null) ? null : costs.Sum(c => c!.LoadSeconds),
        WeightBytes = costs.Any(c => c!.WeightBytes is null) ? null : costs.Sum(c => c!.WeightBytes),
    };
}

/// <summary>The group of pairs on which a model does worst. The lowest of several is low by chance too: of small groups it says little.</summary>
/// <param name="Field">What the pairs are grouped by: subset, topic ...</param>
/// <param name="Name">The group.</param>
/// <param name="Accuracy">The model's accuracy on it.</param>
/// <param name="N">Number of its pairs.</param>
/// <param name="Groups">Number of groups.</param>
public sealed record WorstGroup(
    [property: JsonPropertyName("field")] string Field,
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("accuracy")] double Accuracy,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("groups")] int Groups);

/// <summary>
/// How often a reward model prefers what people preferred, with its error over prompts, and what belongs beside it: loss, calibration, margins, and what "the longer text wins" gets.
/// With d the reward of the chosen side less that of the rejected one and p = sigmoid(d): <see cref="Loss"/> = mean ln(1 + e^-d); <see cref="Brier"/> = mean (1 - p)^2;
/// <see cref="Ece"/> in ten equal bins of max(p, 1 - p) from 0.5 to 1. Rewards that are not finite are refused.
/// </summary>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class PairwiseAccuracy : IRichDisplay
{
    private readonly double[] _differences, _outcomes;

    internal PairwiseAccuracy(double[] differences, Units units, AccuracyOptions options, string? name) : this(differences, Judged(differences, options.Ties), units, options, name) { }

    /// <summary>A measurement whose pairs are judged already, and perhaps resampled with other models'.</summary>
    private PairwiseAccuracy(double[] differences, double[] outcomes, Units units, AccuracyOptions options, string? name, Estimate? accuracy = null, IReadOnlyList<string>? said = null)
    {
        _differences = differences;
        _outcomes = outcomes;
        Units = units;
        Name = name;
        TieRule = options.Ties;
        Options = options;
        Accuracy = Within(accuracy ?? Estimate.Mean(outcomes, units, options.Resamples, options.Seed));
        Ties = differences.Count(d => d == 0);
        Loss = Mean(differences, d => SoftPlus(-d));
        Brier = Mean(differences, d => Sigmoid(-d) * Sigmoid(-d));
        Ece = CalibrationError(differences);
        double mean = Mean(differences, d => d);
        Margins = new Spread(mean, Math.Sqrt(Mean(differences, d => (d - mean) * (d - mean))));
        Remarks = [.. said ?? [], .. OddPairs()];
    }

    /// <summary>The model's name, or null.</summary>
    [JsonPropertyName("name"), JsonPropertyOrder(-1)]
    public string? Name { get; }

    /// <summary>Share of pairs whose chosen side has the higher reward, ties counted by <see cref="TieRule"/>, over the units that were asked for.</summary>
    [JsonPropertyName("accuracy")]
    public Estimate Accuracy { get; }

    /// <summary>Mean Bradley-Terry loss, natural logarithm; 0.693 for a model that cannot tell.</summary>
    [JsonPropertyName("loss")]
    public double Loss { get; }

    /// <summary>Mean squared error of the probability, 0 to 1; 0.25 for a model that cannot tell.</summary>
    [JsonPropertyName("brier")]
    public double Brier { get; }

    /// <summary>Expected calibration error, 0 to 0.5: how far confidence and accuracy lie apart.</summary>
    [JsonPropertyName("ece")]
    public double Ece { get; }

    /// <summary>Differences of rewards, chosen less rejected.</summary>
    [JsonPropertyName("margins")]
    public Spread Margins { get; }

    /// <summary>Pearson correlation of reward and length (characters) over the distinct texts; null without texts, NaN where either does not vary.</summary>
    [JsonPropertyName("lengthCorrelation")]
    public double? LengthCorrelation { get; private init; }

    /// <summary>What the rule "the longer text wins" gets on the same pairs (a pair of equal lengths counts as a tie); null without texts. Any reward model must be read against it.</summary>
    [JsonPropertyName("longerWins")]
    public Estimate? LongerWins { get; private init; }

    /// <summary>Accuracy on the pairs whose chosen text is the longer one; null without texts or without such pairs.</summary>
    [JsonPropertyName("whereLongerWins")]
    public Estimate? WhereLongerWins { get; private init; }

    /// <summary>
    /// Accuracy on the other pairs, whose chosen text is shorter or as long; null without texts or without such pairs. A model that goes by length is high on one side and low on this.
    /// </summary>
    [JsonPropertyName("whereShorterWins")]
    public Estimate? WhereShorterWins { get; private init; }

    /// <summary>Mean and spread of the rewards over the distinct texts; null where only differences were given. An average's rewards are often narrower than its members': thresholds do not carry over.</summary>
    [JsonPropertyName("rewards")]
    public Spread? Rewards { get; private init; }

    /// <summary>The group on which the model does worst; null where pairs have no groups, or only one.</summary>
    [JsonPropertyName("worstGroup")]
    public WorstGroup? WorstGroup { get; private init; }

    /// <summary>Number of pairs whose two rewards are equal.</summary>
    [JsonPropertyName("ties")]
    public int Ties { get; }

    /// <summary>What a tie counted.</summary>
    [JsonPropertyName("tieRule")]
    public TieRule TieRule { get; }

    /// <summary>What the scoring took; null where the rewards were given.</summary>
    [JsonPropertyName("cost")]
    public ScoringCost? Cost { get; private init; }

    /// <summary>
    /// What a reader should know: what the model said about its texts, with their number (truncated, doubled beginning-of-text ...); that there is one unit only; that every pair ties. Empty where
    /// nothing is odd.
    /// </summary>
    [JsonPropertyName("remarks")]
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Reward of the chosen side less that of the rejected one, pair by pair in input order.</summary>
    [JsonIgnore]
    public IReadOnlyList<double> Differences => _differences;

    /// <summary>The unit of every pair.</summary>
    [JsonIgnore]
    public Units Units { get; }

    /// <summary>What each pair counted: 1, 0, or what a tie counts.</summary>
    internal ReadOnlySpan<double> Outcomes => _outcomes;

    internal AccuracyOptions Options { get; }

    /// <summary>
    /// Scores the pairs with a model. They are read as a stream and each distinct text is scored once: memory holds two numbers a pair and a hash and a reward a text, not the texts.
    /// </summary>
    /// <exception cref="WarmException">There are no pairs, or a reward is not finite.</exception>
    public static PairwiseAccuracy Measure(IRewardModel model, IEnumerable<Preference> pairs, AccuracyOptions? options = null) =>
        // On a thread of the pool: the caller may have a synchronisation context that this wait would block.
        Task.Run(() => MeasureAsync(model, pairs, options)).GetAwaiter().GetResult();

    /// <inheritdoc cref="Measure"/>
    /// <param name="model">What is measured.</param>
    /// <param name="pairs">Read once.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="name">The model's name in the result.</param>
    /// <param name="progress">Told the number of pairs done so far.</param>
    /// <param name="cancellation">Stops between two batches, or within one as the model does.</param>
    public static async Task<PairwiseAccuracy> MeasureAsync(IRewardModel model, IEnumerable<Preference> pairs, AccuracyOptions? options = null, string? name = null,
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        options ??= new();
        var scorer = new PairScorer(model, options.Scoring, name);
        var texts = new PairTexts(options);
        var waiting = new List<Candidate>();
        foreach (Preference pair in pairs)
        {
            texts.Add(pair, waiting);
            if (waiting.Count < PairScorer.TextsPerCall) continue;
            // Before hours of scoring: a misspelt field is in none of these hundreds of pairs.
            if (texts.Pairs.Count < 2 * PairScorer.TextsPerCall) _ = texts.Units;
            await scorer.ScoreAsync(waiting, cancellation).ConfigureAwait(false);
            waiting.Clear();
            progress?.Report(texts.Pairs.Count);
        }
        await scorer.ScoreAsync(waiting, cancellation).ConfigureAwait(false);
        progress?.Report(texts.Pairs.Count);
        if (texts.Pairs.Count == 0) throw new WarmException("pairs", "there are none", "at least one pair");
        return Of(texts, new(scorer.Rewards, scorer.Cost, scorer.Remarks()), options, name, LongerTextWins(texts, options));
    }

    /// <summary>Judges the rewards of distinct texts.</summary>
    internal static PairwiseAccuracy Of(PairTexts texts, TextRewards rewards, AccuracyOptions options, string? name, Estimate longerWins) => Of(texts, [(rewards, name)], options, longerWins)[0];

    /// <summary>Judges several models' rewards of the same texts; what is resampled is drawn once for all.</summary>
    internal static PairwiseAccuracy[] Of(PairTexts texts, IReadOnlyList<(TextRewards Rewards, string? Name)> models, AccuracyOptions options, Estimate longerWins)
    {
        double[] longer = texts.Longer();
        double[][] differences = [.. models.Select(model => texts.Differences(model.Rewards.Rewards))];
        double[][] outcomes = [.. differences.Select(list => Judged(list, options.Ties))];
        Estimate[] all = Estimate.Means(outcomes, texts.Units, options.Resamples, options.Seed);
        Estimate[]? whereLonger = Some(i => longer[i] > 0), whereShorter = Some(i => longer[i] <= 0);
        return [.. models.Select((model, m) =>
        {
            IReadOnlyList<float> rewards = model.Rewards.Rewards;
            double mean = rewards.Sum(r => (double)r) / rewards.Count;
            return new PairwiseAccuracy(differences[m], outcomes[m], texts.Units, options, model.Name, all[m], model.Rewards.Remarks)
            {
                LongerWins = longerWins,
                LengthCorrelation = texts.LengthCorrelation(rewards),
                WhereLongerWins = whereLonger?[m],
                WhereShorterWins = whereShorter?[m],
                Rewards = new Spread(mean, Math.Sqrt(rewards.Sum(r => (r - mean) * (r - mean)) / rewards.Count)),
                WorstGroup = Worst(texts, outcomes[m]),
                Cost = model.Rewards.Cost,
            };
        })];

        Estimate[]? Some(Func<int, bool> of)
        {
            int[] some = [.. Enumerable.Range(0, longer.Length).Where(of)];
            return some.Length == 0 ? null : [.. Estimate.Means([.. outcomes.Select(list => some.Select(i => list[i]).ToArray())], texts.UnitsOf(some), options.Resamples, options.Seed).Select(Within)];
        }
    }

    /// <summary>What the rule "the longer text wins" gets.</summary>
    internal static Estimate LongerTextWins(PairTexts texts, AccuracyOptions options) =>
        Within(Estimate.Mean(Judged(texts.Longer(), options.Ties), texts.Units, options.Resamples, options.Seed));

    private static WorstGroup? Worst(PairTexts texts, double[] outcomes)
    {
        (string Name, double Accuracy, int N)[] groups = [.. Enumerable.Range(0, outcomes.Length).Where(i => texts.Groups[i] is not null).GroupBy(i => texts.Groups[i]!, StringComparer.Ordinal)
            .Select(group => (group.Key, group.Average(i => outcomes[i]), group.Count()))];
        if (groups.Length < 2) return null;
        (string name, double accuracy, int n) = groups.MinBy(group => group.Accuracy);
        return new(texts.GroupField!, name, accuracy, n, groups.Length);
    }

    /// <summary>What can be told of no model on such pairs.</summary>
    private string[] OddPairs() =>
    [
        .. Units.Count > 1 ? [] : new[] { FormattableString.Invariant($"there is one {Units.Name} only: no interval can be given, and nothing can be told about other {Units.Name}s") },
        .. Ties < _differences.Length ? [] : new[] { "every pair ties: the rewards do not tell the two sides apart, and the accuracy is only what a tie counts" },
    ];

    /// <summary>Judges rewards that any scorer made.</summary>
    /// <param name="chosen">Rewards of the chosen sides; finite.</param>
    /// <param name="rejected">Rewards of the rejected sides, as many; finite.</param>
    /// <param name="units">Which pairs belong together; null (default) for each on its own.</param>
    /// <param name="options">Null for the defaults; <see cref="AccuracyOptions.Resample"/> is not used.</param>
    /// <param name="name">The model's name in the result.</param>
    public static PairwiseAccuracy Of(IReadOnlyList<double> chosen, IReadOnlyList<double> rejected, Units? units = null, AccuracyOptions? options = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        ArgumentNullException.ThrowIfNull(rejected);
        if (chosen.Count != rejected.Count) throw new WarmException("rewards", $"{chosen.Count} chosen and {rejected.Count} rejected", "as many of both");
        if (chosen.Count == 0) throw new WarmException("pairs", "there are none", "at least one pair");
        var differences = new double[chosen.Count];
        for (int i = 0; i < differences.Length; i++)
        {
            if (!double.IsFinite(chosen[i]) || !double.IsFinite(rejected[i]))
                throw new WarmException(FormattableString.Invariant($"pair {i}"), FormattableString.Invariant($"the rewards are {chosen[i]} and {rejected[i]}"), "finite numbers");
            differences[i] = chosen[i] - rejected[i];
        }
        return new PairwiseAccuracy(differences, units ?? Units.Each(differences.Length), options ?? new(), name);
    }

    string IRichDisplay.ToHtml() => HtmlTable.Of(ToString(), ["accuracy", "95 %", "loss", "Brier", "ECE", "mean margin"],
        [(string[])[FormattableString.Invariant($"{Accuracy.Value:F3}"), FormattableString.Invariant($"[{Accuracy.Low:F3}, {Accuracy.High:F3}]"), FormattableString.Invariant($"{Loss:F3}"), FormattableString.Invariant($"{Brier:F3}"), FormattableString.Invariant($"{Ece:F3}"), FormattableString.Invariant($"{Margins.Mean:F3}")]]) + HtmlTable.Remarks(Remarks);

    /// <summary><c>0.742 ± 0.013 (n = 1,200 pairs, 310 prompts), ties count half; the longer text wins 0.731 ± 0.012</c></summary>
    public override string ToString()
    {
        string ties = TieRule switch { TieRule.Half => "ties count half", TieRule.Correct => "ties count as correct", _ => "ties count as wrong" };
        string longer = LongerWins is null ? "" : FormattableString.Invariant($"; the longer text wins {LongerWins.Value:F3}{(double.IsNaN(LongerWins.Error) ? "" : FormattableString.Invariant($" ± {LongerWins.Error:F3}"))}");
        return $"{(Name is null ? "" : $"{Name}: ")}{Accuracy}, {ties}{(Ties == 0 ? "" : FormattableString.Invariant($" ({Ties:N0})"))}{longer}";
    }

    /// <summary>What each pair counts.</summary>
    internal static double[] Judged(double[] differences, TieRule ties) => Array.ConvertAll(differences, d => Outcome(d, ties));

    internal static double Outcome(double difference, TieRule ties) =>
        difference > 0 ? 1 : difference < 0 ? 0 : ties switch { TieRule.Correct => 1, TieRule.Wrong => 0, _ => 0.5 };

    /// <summary>A share cannot leave 0 to 1, though Student's t may reach over.</summary>
    internal static Estimate Within(Estimate share) => share with { Low = Math.Max(share.Low, 0), High = Math.Min(share.High, 1) };

    private static double Mean(double[] values, Func<double, double> of)
    {
        double sum = 0;
        foreach (double value in values) sum += of(value);
        return sum / values.Length;
    }

    internal static double SoftPlus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    /// <summary>ln(1 + x) for 0 &lt;= x &lt;= 1 without losing a small x (Kahan): the rounding of 1 + x is undone by its own quotient.</summary>
    private static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * (x / (u - 1));
    }

    internal static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    private static double CalibrationError(double[] differences)
    {
        const int bins = 10;
        var confidence = new double[bins];
        var right = new double[bins];
        foreach (double d in differences)
        {
            double p = Sigmoid(d), c = Math.Max(p, 1 - p);
            int bin = Math.Min((int)((c - 0.5) * 2 * bins), bins - 1);
            confidence[bin] += c;
            right[bin] += Outcome(d, TieRule.Half);
        }
        double error = 0;
        for (int bin = 0; bin < bins; bin++) error += Math.Abs(confidence[bin] - right[bin]) / differences.Length;
        return error;
    }
}
