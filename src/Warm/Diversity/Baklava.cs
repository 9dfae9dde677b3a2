using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Warm;

/// <summary>How starts are measured.</summary>
public sealed record BaklavaOptions
{
    /// <summary>Number of parts in which pairs are held out in turn; default 5.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>Ties, what is resampled, resamples and seed; null (default) for the defaults: prompts.</summary>
    public AccuracyOptions? Accuracy { get; init; }

    /// <summary>Rules that are not refused: <c>tokenizer</c>, <c>template</c>, <c>ancestry</c> ..</summary>
    public IReadOnlyCollection<string> Allow { get; init; } = [];

    /// <summary>Threads that compare the weights; 0 (default) for all cores.</summary>
    public int Threads { get; init; }
}

/// <summary>One start, measured.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Step">The step of its run, where known.</param>
/// <param name="Accuracy">Of a head probed on its own frozen features, on pairs that the head was not fitted to.</param>
/// <param name="Shared">The same with the head probed on the reference start, which all members will share.</param>
/// <param name="Difference"><see cref="Accuracy"/> less that of the reference, paired; null for the reference itself.</param>
/// <param name="Distance">Euclidean distance of its weights from the reference's, the head left out.</param>
/// <param name="Chosen">Whether it is fit to start members.</param>
/// <param name="Why">Why, or why not.</param>
public sealed record MeasuredStart(
    [property: JsonPropertyName("path")] string Path,
    [property: JsonPropertyName("step")] long? Step,
    [property: JsonPropertyName("accuracy")] Estimate Accuracy,
    [property: JsonPropertyName("shared")] Estimate Shared,
    [property: JsonPropertyName("difference")] Estimate? Difference,
    [property: JsonPropertyName("distance")] double Distance,
    [property: JsonPropertyName("chosen")] bool Chosen,
    [property: JsonPropertyName("why")] string Why);

/// <summary>
/// Which models members should start from: Baklava takes several checkpoints of one fine-tuning run, so that members differ more than by their dials (Ramé et al., WARM, arXiv:2401.12187, section 3). The same for
/// snapshots of a pre-training, and for models fine-tuned on other tasks (ratatouille: Ramé et al., arXiv:2212.10445).
/// </summary>
/// <remarks>
/// Each start is judged by a linear head on its frozen features, fitted on some pairs and measured on others: prompts are dealt out to folds, and each fold is judged by a head that has seen none of its prompts or texts. The last
/// start is the reference, chosen before anything is measured, so that nothing is the best of several by luck. A start is left out only where its accuracy is below the reference's by more than chance would give: the interval of the
/// paired difference, resampled over prompts, lies below zero, and its p does so after Holm's correction for the number of starts.
/// <para>Of several strengths of the head's penalty each start takes the one with the least loss on the held-out pairs, which flatters all of them a little, and alike.</para>
/// <para>Memory: one model, and 8 bytes x pairs x width of features.</para>
/// </remarks>
public sealed class Baklava
{
    private readonly IReadOnlyList<Start> _starts;

    private Baklava(IReadOnlyList<Start> starts, IReadOnlyList<MeasuredStart> measured, string order, WeightDistance distance, IReadOnlyList<double> head, string fit, int pairs, string pairsName, Estimate longer, int folds, IReadOnlyList<string> remarks)
    {
        (_starts, Starts, Order, Distance, Head, HeadFit, Pairs, PairsName, LongerWins, Folds, Remarks) = (starts, measured, order, distance, head, fit, pairs, pairsName, longer, folds, remarks);
    }

    /// <summary>The starts in order.</summary>
    public IReadOnlyList<MeasuredStart> Starts { get; }

    /// <summary>What the others are held against, and whose head all share: the last.</summary>
    public MeasuredStart Reference => Starts[^1];

    /// <summary>The starts in order of their accuracy, in words, and which of them differ by more than chance would.</summary>
    public string Order { get; }

    /// <summary>How far the starts lie apart, heads left out.</summary>
    public WeightDistance Distance { get; }

    /// <summary>The shared head, fitted on the reference's features of all pairs.</summary>
    public IReadOnlyList<double> Head { get; }

    /// <summary>How <see cref="Head"/> was fitted: of several ways the one with the least loss on held-out pairs.</summary>
    public string HeadFit { get; }

    /// <summary>Number of pairs.</summary>
    public int Pairs { get; }

    /// <summary>What they are called.</summary>
    public string PairsName { get; }

    /// <summary>What "the longer text wins" gets on the same pairs: a start below it has learned little.</summary>
    public Estimate LongerWins { get; }

    /// <summary>Number of parts in which pairs were held out.</summary>
    public int Folds { get; }

    /// <summary>What a reader should know. Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Measures starts.</summary>
    /// <param name="starts">In order of their steps, the reference last; at least one.</param>
    /// <param name="probe">Features and fit.</param>
    /// <param name="pairs">Pairs to fit and judge heads by; read once and held.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="pairsName">What the pairs are called in the record.</param>
    /// <param name="progress">Told the number of starts done.</param>
    /// <param name="cancellation">Stops between two passes.</param>
    /// <exception cref="WarmException">There are no pairs; the starts have different tokenizers, are no kin, or hold NaN.</exception>
    public static async Task<Baklava> MeasureAsync(IReadOnlyList<Start> starts, StartProbe probe, IEnumerable<Preference> pairs, BaklavaOptions? options = null, string pairsName = "pairs",
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(pairs);
        options ??= new();
        AccuracyOptions accuracy = options.Accuracy ?? new();
        if (starts.Count == 0) throw new WarmException("starts", "there are none", "at least one");
        if (options.Folds < 2) throw new WarmException("folds", FormattableString.Invariant($"is {options.Folds}"), "2 or more");
        Preference[] all = [.. pairs];
        if (all.Length == 0) throw new WarmException(pairsName, "there are no pairs", "at least one pair to fit a head to");
        var seen = new PairTexts(accuracy);
        var texts = new List<Candidate>();
        foreach (Preference pair in all) seen.Add(pair, texts);
        Units units = seen.Units;
        HeadedWeights[] headed = [.. starts.Select(start => HeadedWeights.Of(start.Weights))];
        (WeightDistance distance, IReadOnlyList<Difference> differences) = Kinship(headed, options, cancellation);

        ProbeFolds folds = ProbeFolds.Make(all, options.Folds);
        var own = new PairwiseAccuracy[starts.Count];
        var shared = new PairwiseAccuracy[starts.Count];
        IReadOnlyList<double>[] heads = [];
        (IReadOnlyList<double> head, string fit) = ([], "");
        for (int s = starts.Count - 1; s >= 0; s--) // the reference first: its heads are tried on the others
        {
            IReadOnlyList<float[]> features = await probe.Features(headed[s], texts, cancellation).ConfigureAwait(false);
            double[][] rows = [.. seen.Pairs.Select(pair => Row(features[pair.Chosen], features[pair.Rejected]))];
            (IReadOnlyList<double>[] Heads, PairwiseAccuracy Measured, HeadFit By)[] tried = [.. probe.Fits.Select(by =>
            {
                IReadOnlyList<double>[] mine = [.. Enumerable.Range(0, folds.Count).Select(fold => Fit(by, [.. rows.Where((_, i) => folds.Of[i] != fold)]))];
                return (mine, Measure(mine, starts[s].Name), by);
            })];
            (IReadOnlyList<double>[] Heads, PairwiseAccuracy Measured, HeadFit By) best = tried.MinBy(one => one.Measured.Loss);
            if (s == starts.Count - 1) (heads, head, fit) = (best.Heads, Fit(best.By, rows), best.By.Name);
            own[s] = best.Measured;
            shared[s] = Measure(heads, starts[s].Name);
            progress?.Report(starts.Count - s);

            IReadOnlyList<double> Fit(HeadFit by, double[][] some) => some.Length == 0 ? new double[rows[0].Length] : by.Fit(some);

            PairwiseAccuracy Measure(IReadOnlyList<double>[] by, string name) =>
                PairwiseAccuracy.Of([.. rows.Select((row, i) => Dot(row, by[folds.Of[i]]))], new double[rows.Length], units, accuracy, name);
        }
        var remarks = new List<string>(differences.Select(d => d.ToString()).Concat(headed.SelectMany(h => h.Remarks)).Distinct());
        if (folds.Remark is { } odd) remarks.Add($"{pairsName}: {odd}");
        remarks.AddRange(own.SelectMany(o => o.Remarks).Distinct());
        Estimate longer = PairwiseAccuracy.LongerTextWins(seen, accuracy);
        return new(starts, Judge(starts, own, shared, distance), OrderOf(own), distance, head, fit, all.Length, pairsName, longer, folds.Count, remarks);
    }

    /// <summary>
    /// Accuracy of every start by its step (by its place where steps are not known), with bands: of a head probed on its own features, and of the one that all will share.
    /// </summary>
    public LineChart Chart()
    {
        bool steps = Starts.All(start => start.Step is not null) && Starts.Select(start => start.Step).Distinct().Count() == Starts.Count;
        return new()
        {
            Title = "Accuracy of a head probed on each start",
            Note = FormattableString.Invariant($"n = {Pairs:N0} pairs of {System.IO.Path.GetFileName(PairsName)}, each judged by heads of {Folds} folds that have not seen its prompt; bands: {Reference.Accuracy.IntervalInWords}; {Starts.Count(s => s.Chosen)} of {Starts.Count} starts are chosen"),
            X = steps ? "step" : "start, in the order given",
            Y = "pairwise accuracy",
            Series = [Line("head of its own", start => start.Accuracy), Line("head of the last start, which all share", start => start.Shared)],
            Marks = [new(FormattableString.Invariant($"{PairSet.LengthRule}: {LongerWins.Value:F3}"), LongerWins.Value)],
        };

        ChartSeries Line(string name, Func<MeasuredStart, Estimate> of) => new(name, [.. Starts.Select((start, i) =>
        {
            Estimate accuracy = of(start);
            return new ChartPoint(steps ? start.Step!.Value : i + 1, accuracy.Value, accuracy.Low, accuracy.High,
                FormattableString.Invariant($"{start.Path}, {name}: {accuracy.Value:F3} ({accuracy.Low:F3} to {accuracy.High:F3}); {(start.Chosen ? "chosen" : "left out")}"));
        })]);
    }

    /// <summary>Writes the chosen starts: <paramref name="folder"/> gets a reward-model folder for each, all with the one head, ready for a trainer. It appears whole or not at all.</summary>
    /// <param name="folder">Where; it must not exist.</param>
    /// <param name="save">Threads, hashes, fsync; null for the defaults.</param>
    /// <param name="cancellation">Stops between two blocks and leaves nothing behind.</param>
    /// <returns>The folders of the starts, in order.</returns>
    public IReadOnlyList<string> Write(string folder, SaveOptions? save = null, CancellationToken cancellation = default)
    {
        int[] chosen = [.. Enumerable.Range(0, Starts.Count).Where(i => Starts[i].Chosen)];
        string[] names = Names([.. chosen.Select(i => _starts[i])]);
        using OutputFolder place = OutputFolder.Begin(folder, overwrite: false, [.. _starts.Select(s => s.Weights.Folder!.Path)], chosen.Sum(i => _starts[i].Weights.Bytes));
        for (int n = 0; n < chosen.Length; n++)
            HeadedWeights.Of(_starts[chosen[n]].Weights, Head, RecipeOf(chosen[n])).Save(place.File(names[n]), (save ?? SaveOptions.Default) with { Overwrite = false }, null, cancellation);
        place.Commit();
        return [.. names.Select(name => System.IO.Path.Combine(folder, name))];
    }

    /// <summary><c>3 of 5 starts, by heads probed on 2,126 pairs of train.jsonl</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Starts.Count(s => s.Chosen)} of {Starts.Count} starts, by heads probed on {Pairs:N0} pairs of {PairsName}");

    /// <summary>Names without the folders that they lie in, as in every recipe: the same inputs give the same bytes.</summary>
    private JsonObject RecipeOf(int start)
    {
        RecordedNames names = RecordedNames.Of([.. _starts.Select(s => s.Weights.Name), PairsName]);
        return new()
        {
            ["method"] = "probed-start",
            ["start"] = new JsonObject { ["path"] = names.In(Starts[start].Path), ["step"] = Starts[start].Step },
            ["head"] = new JsonObject { ["probedOn"] = names.In(Reference.Path), ["by"] = HeadFit, ["pairs"] = names.In(PairsName), ["n"] = Pairs, ["accuracyOutOfFold"] = Reference.Accuracy.Value, ["shared"] = true },
        };
    }

    private static MeasuredStart[] Judge(IReadOnlyList<Start> starts, PairwiseAccuracy[] own, PairwiseAccuracy[] shared, WeightDistance distance)
    {
        int last = starts.Count - 1;
        PairedComparison[] paired = [.. PairedComparison.Adjust([.. own[..last].Select(one => PairedComparison.Of(one, own[last]))])];
        var measured = new MeasuredStart[starts.Count];
        for (int s = 0; s < starts.Count; s++)
        {
            (bool chosen, string why) = s == last ? Last() : Other(s);
            int twin = Enumerable.Range(s + 1, last - s).FirstOrDefault(other => distance.Distance(s, other) == 0, -1);
            if (twin >= 0) (chosen, why) = (false, $"has the same weights as {starts[twin].Name}");
            measured[s] = new(starts[s].Weights.Name, starts[s].Step, own[s].Accuracy, shared[s].Accuracy, s == last ? null : paired[s].Difference, distance.Distance(s, last), chosen, why);
        }
        return measured;

        (bool, string) Last()
        {
            int better = Array.FindIndex(paired, p => IsClear(p) && p.Difference.Value > 0);
            return better < 0 ? (true, last == 0 ? "the only one" : "the last, which the others are held against")
                : (false, $"{starts[better].Name} is better by {Shown(paired[better].Difference)}: the run may have gone on too long");
        }

        (bool, string) Other(int s)
        {
            Estimate difference = paired[s].Difference;
            if (!IsClear(paired[s])) return (true, $"against {starts[last].Name}: {paired[s].Verdict}");
            return difference.Value > 0 ? (true, $"better than {starts[last].Name} by {Shown(difference)}")
                : (false, $"too early: below {starts[last].Name} by {Shown(difference with { Value = -difference.Value, Low = -difference.High, High = -difference.Low })}");
        }

        static string Shown(Estimate e) => FormattableString.Invariant($"{e.Value:F3} [{e.Low:F3}, {e.High:F3}]");
    }

    /// <summary>Whether a difference is more than chance would give, corrected for how many are shown.</summary>
    private static bool IsClear(PairedComparison one) => one.Difference.ExcludesZero && !(one.CorrectedP > 0.05);

    private static string OrderOf(PairwiseAccuracy[] own)
    {
        PairwiseAccuracy[] order = [.. own.OrderByDescending(o => o.Accuracy.Value)];
        string[] clear = [.. PairedComparison.Adjust([.. order.SelectMany((better, i) => order.Skip(i + 1).Select(worse => PairedComparison.Of(better, worse)))]).Where(IsClear).Select(one => $"{one.A} over {one.B}")];
        string told = clear.Length > 0 ? $"more than chance would give: {string.Join(", ", clear)}"
            : FormattableString.Invariant($"none differs from another by more than chance would with {own[0].Units}");
        return own.Length == 1 ? "one start alone" : $"{string.Join(", ", order.Select(o => FormattableString.Invariant($"{o.Name} {o.Accuracy.Value:F3}")))}; {told}";
    }

    /// <summary>Distances and differences of starts. What forbids averages of their members, and what would make one head read different ids, is refused.</summary>
    private static (WeightDistance, IReadOnlyList<Difference>) Kinship(HeadedWeights[] starts, BaklavaOptions options, CancellationToken cancellation)
    {
        Member[] members = [.. starts.Select(start => new Member(start))];
        AveragePlan plan = AveragePlan.Of(members, null);
        var allowing = new AverageOptions { Allow = options.Allow };
        Compatibility headers = Compatibility.Of(members, plan).Without("count");
        // Averages take the first member's tokenizer with a remark; starts that share one head must read the same ids.
        headers = headers.Stricter("tokenizer", "vocabulary", "special_tokens", "template");
        headers.Demand(allowing);
        WeightDistance distance = WeightDistance.Measure(members, plan, null, long.MaxValue, options.Threads, cancellation).WithoutHead();
        Compatibility whole = headers.With(ValueRules.Judge(members, distance));
        whole.Demand(allowing);
        return (distance, whole.Differences);
    }

    /// <summary>Features of one text less those of another, as a probe takes them.</summary>
    internal static double[] Row(float[] chosen, float[] rejected)
    {
        var row = new double[chosen.Length];
        for (int i = 0; i < row.Length; i++) row[i] = (double)chosen[i] - rejected[i];
        return row;
    }

    private static double Dot(double[] row, IReadOnlyList<double> head)
    {
        if (row.Length != head.Count) throw new WarmException("starts", FormattableString.Invariant($"one has {row.Length} features and another {head.Count}"), "as many in all", "Starts of one family have one width.");
        double sum = 0;
        for (int i = 0; i < row.Length; i++) sum += row[i] * head[i];
        return sum;
    }

    /// <summary>Names of the written folders: the starts' own, with the folder above where two are called alike.</summary>
    private static string[] Names(Start[] starts)
    {
        string[] names = [.. starts.Select(s => s.Name)];
        if (names.Distinct(StringComparer.OrdinalIgnoreCase).Count() == names.Length) return names;
        return [.. starts.Select((s, i) => $"{i + 1}-{s.Name}")];
    }
}
