namespace Warm;

/// <summary>The pictures of an <see cref="Evaluation"/>.</summary>
public static class EvaluationCharts
{
    private static readonly string[] Kinds = ["member", "average of weights", "ensemble of rewards", "baseline"];

    /// <summary>Accuracies with intervals of all sets: members, average, ensembles, baselines; bars begin at chance.</summary>
    public static BarChart Accuracy(Evaluation evaluation)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        return Accuracy(evaluation.Sets);
    }

    internal static BarChart Accuracy(IReadOnlyList<SetEvaluation> sets)
    {
        bool several = sets.Count > 1;
        return new()
        {
            Title = several ? "Pairwise accuracy" : $"Pairwise accuracy{On(sets[0])}",
            Note = $"{string.Join("; ", sets.Select(Sample))}; whiskers: {Interval(sets[0])}; bars begin at chance",
            X = "pairwise accuracy",
            From = 0.5,
            Kinds = Kinds,
            Marks = several || sets[0].Longer is not { } longer ? [] : [new(FormattableString.Invariant($"{PairSet.LengthRule}: {longer.Accuracy.Value:F3}"), longer.Accuracy.Value)],
            Bars = [.. sets.SelectMany(set => Bars(set).Select(bar => several ? bar with { Name = $"{set.Name}: {bar.Name}" } : bar))],
        };
    }

    /// <summary>The differences that answer whether averaging helped, with their intervals; null where there are none.</summary>
    public static BarChart? Differences(SetEvaluation set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Helped.Count == 0 ? null : new()
        {
            Title = $"Differences of accuracy, in points{On(set)}",
            Note = $"{Sample(set)}; whiskers: {Interval(set)} of the paired difference; an interval that holds 0 cannot tell",
            X = "points (hundredths of accuracy)",
            Format = "+0.0;-0.0;0.0",
            Bars = [.. set.Helped.Select(pair => new ChartBar($"{pair.A} - {pair.B}", 100 * pair.Difference.Value, 100 * pair.Difference.Low, 100 * pair.Difference.High, pair.Difference.IsAbove ? 0 : pair.Difference.IsBelow ? 1 : 2))],
            Kinds = ["the first is better", "the second is better", "cannot tell"],
        };
    }

    /// <summary>The columns by length: what each gets where the longer and where the other text was preferred; null without texts.</summary>
    public static BarChart? ByLength(SetEvaluation set)
    {
        ArgumentNullException.ThrowIfNull(set);
        PairwiseAccuracy[] shown = [.. set.All.Where(model => model.WhereLongerWins is not null && model.WhereShorterWins is not null)];
        return shown.Length == 0 ? null : new()
        {
            Title = $"Where the longer and where the shorter text was preferred{On(set)}",
            Note = FormattableString.Invariant($"n = {shown[0].WhereLongerWins!.N:N0} and {shown[0].WhereShorterWins!.N:N0} pairs (equal lengths with the shorter); whiskers: {Interval(set)}; bars begin at chance"),
            X = "accuracy",
            From = 0.5,
            Kinds = ["longer preferred", "shorter preferred"],
            Bars = [.. shown.SelectMany(model => new[] { Bar(model.Name ?? "", model.WhereLongerWins!, 0), Bar($"{model.Name} ", model.WhereShorterWins!, 1) })],
        };
    }

    /// <summary>Accuracy by the number of members that are averaged; null where no subsets were measured.</summary>
    public static LineChart? Subsets(SetEvaluation set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Subsets.Count == 0 ? null : new()
        {
            Title = $"Accuracy by number of members{On(set)}",
            Note = FormattableString.Invariant($"{Sample(set)}; means over subsets ({string.Join(", ", set.Subsets.Select(size => size.Subsets < size.OutOf ? $"{size.Subsets} of {size.OutOf}" : $"{size.Subsets}"))}); bands: {Interval(set)}"),
            X = "members",
            Y = "pairwise accuracy",
            Series =
            [
                new("average of weights", [.. set.Subsets.Select(size => Point(size.K, size.Average))]),
                new("ensemble: mean of rewards", [.. set.Subsets.Select(size => Point(size.K, size.Ensemble))]),
            ],
            Marks = set.Longer is not { } longer ? [] : [new(FormattableString.Invariant($"{PairSet.LengthRule}: {longer.Accuracy.Value:F3}"), longer.Accuracy.Value)],
        };
    }

    /// <summary>What averaging two members brings against how far they lie apart, one colour for each kind of difference between their runs; null where no pairs were measured.</summary>
    /// <param name="set">One set.</param>
    /// <param name="byVerdicts">Whether diversity is the share of pairs on which the two disagree; default false: the distance of their weights.</param>
    public static LineChart? Diversity(SetEvaluation set, bool byVerdicts = false)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Pairs.Count == 0 ? null : new()
        {
            Title = $"What averaging two members brings, by their diversity{On(set)}",
            Note = FormattableString.Invariant($"{Sample(set)}; {set.Pairs.Count} pairs of members; whiskers: {Interval(set)}; dots share members and pairs, so they are not independent"),
            X = byVerdicts ? "share of pairs on which the two disagree" : "distance of the two members' weights",
            Y = "accuracy of their average less their mean, points",
            Series = [.. set.Pairs.GroupBy(pair => pair.Kind ?? "two members").OrderBy(kind => kind.Key.Length).Select(kind => new ChartSeries(kind.Key, [.. kind.Select(pair => new ChartPoint(byVerdicts ? 1 - pair.Agreement.Verdicts.Value : pair.Distance,
                100 * pair.Gain.Value, 100 * pair.Gain.Low, 100 * pair.Gain.High, $"{set.Members[pair.A].Name} and {set.Members[pair.B].Name}"))]) { Joined = false })],
            Marks = [new("no gain", 0)],
        };
    }

    /// <summary>How alike the members judge: correlations of their rewards; null where no pairs were measured, or not all.</summary>
    public static HeatMap? Agreement(SetEvaluation set)
    {
        ArgumentNullException.ThrowIfNull(set);
        int n = set.Members.Count;
        if (set.Pairs.Count == 0 || set.Pairs.Count < n * (n - 1) / 2) return null;
        string[] names = [.. set.Members.Select(member => member.Name ?? "")];
        return new()
        {
            Title = $"Agreement of the members{On(set)}",
            Note = FormattableString.Invariant($"Pearson's correlation of rewards over the distinct texts; {Sample(set)}"),
            Rows = names,
            Columns = names,
            Values = [.. Enumerable.Range(0, n).Select(i => (double[])[.. Enumerable.Range(0, n).Select(j => i == j ? 1 : set.Pairs.First(p => (p.A, p.B) == (Math.Min(i, j), Math.Max(i, j))).Agreement.Rewards)])],
        };
    }

    /// <summary>A point with its interval.</summary>
    internal static ChartPoint Point(double x, Estimate estimate) => new(x, estimate.Value, estimate.Low, estimate.High);

    /// <summary>Which interval whiskers and bands are.</summary>
    private static string Interval(SetEvaluation set) => set.Members[0].Accuracy.IntervalInWords;

    private static string On(SetEvaluation set) => set.Name is null ? "" : $" on {set.Name}";

    private static string Sample(SetEvaluation set) => FormattableString.Invariant($"{(set.Name is null ? "" : $"{set.Name}: ")}n = {set.Members[0].Accuracy.N:N0} pairs");

    private static ChartBar Bar(string name, Estimate estimate, int kind) => new(name, estimate.Value, estimate.Low, estimate.High, kind);

    private static IEnumerable<ChartBar> Bars(SetEvaluation set)
    {
        foreach (PairwiseAccuracy member in set.Members) yield return Bar(member.Name ?? "", member.Accuracy, 0);
        if (set.Average is { } average) yield return Bar(average.Name!, average.Accuracy, 1);
        foreach ((_, PairwiseAccuracy ensemble) in set.Ensembles) yield return Bar(ensemble.Name!, ensemble.Accuracy, 2);
        if (set.MeanOfMembers is { } mean) yield return Bar("mean of the members", mean, 3);
        if (set.Best is { } best) yield return Bar($"best on the selection: {best.Name}", best.Accuracy, 3);
        foreach (PairwiseAccuracy moving in set.MovingAverages) yield return Bar(moving.Name!, moving.Accuracy, 3);
        if (set.Longer is { } longer) yield return Bar(PairSet.LengthRule, longer.Accuracy, 3);
    }
}
