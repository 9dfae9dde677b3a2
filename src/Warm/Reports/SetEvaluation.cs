namespace Warm;

/// <summary>Averages of k members each, over subsets of all members, and the ensembles of the same subsets.</summary>
/// <param name="K">Number of members of each.</param>
/// <param name="Subsets">Number of subsets that were measured.</param>
/// <param name="OutOf">Number of subsets that there are.</param>
/// <param name="Average">Mean accuracy of their averages of weights.</param>
/// <param name="Ensemble">Mean accuracy of the means of their rewards.</param>
/// <param name="Lowest">The lowest accuracy of an average: what an unlucky choice gets.</param>
/// <param name="Highest">The highest.</param>
public sealed record SubsetAccuracy(int K, int Subsets, double OutOf, Estimate Average, Estimate Ensemble, double Lowest, double Highest);

/// <summary>What an <see cref="Evaluation"/> found on one set of pairs.</summary>
public sealed class SetEvaluation
{
    internal SetEvaluation(string? name) => Name = name;

    /// <summary>What the set is called; null where it is the only one and has no name.</summary>
    public string? Name { get; }

    /// <summary>The models, in order.</summary>
    public required IReadOnlyList<PairwiseAccuracy> Members { get; init; }

    /// <summary>The average of all models' weights; null where it was not asked for or they do not fit together.</summary>
    public PairwiseAccuracy? Average { get; init; }

    /// <summary>Ensembles of all models' rewards, with their rules; empty where none was asked for.</summary>
    public IReadOnlyList<(EnsembleRule Rule, PairwiseAccuracy Measured)> Ensembles { get; init; } = [];

    /// <summary>Averages of k members by k, from 1 to all; empty where none was asked for.</summary>
    public IReadOnlyList<SubsetAccuracy> Subsets { get; init; } = [];

    /// <summary>Every two members whose average was measured: their distance, agreement and gain; empty where no subsets were asked for.</summary>
    public IReadOnlyList<MemberPair> Pairs { get; init; } = [];

    /// <summary>The moving average of each run, and of several the average of those; empty where no run was given.</summary>
    public IReadOnlyList<PairwiseAccuracy> MovingAverages { get; init; } = [];

    /// <summary>The member that is best on the selection pairs; null without a selection.</summary>
    public PairwiseAccuracy? Best { get; init; }

    /// <summary>The mean accuracy of the members: what one taken at random gets; null for one model.</summary>
    public Estimate? MeanOfMembers { get; init; }

    /// <summary>The rule "the longer text wins" on the same pairs; null without texts.</summary>
    public PairwiseAccuracy? Longer { get; init; }

    /// <summary>Every two of the members, the average and the first ensemble.</summary>
    public IReadOnlyList<PairedComparison> Paired { get; private set; } = [];

    /// <summary>
    /// The comparisons that answer the question, corrected for their number (<see cref="Holm"/>): the average less the members' mean, less the chosen member, less the ensemble and less each moving
    /// average; the ensemble less the members' mean; and whichever of them would be used less "the longer text wins". Of several models without an average, every two.
    /// </summary>
    public IReadOnlyList<PairedComparison> Helped { get; private set; } = [];

    /// <summary>What a reader of the numbers should know.</summary>
    public IReadOnlyList<string> Remarks { get; private set; } = [];

    /// <summary>Everything that was measured with the same columns: members, average, ensembles, moving averages.</summary>
    public IEnumerable<PairwiseAccuracy> All => [.. Members, .. Average is null ? [] : new[] { Average }, .. Ensembles.Select(e => e.Measured), .. MovingAverages];

    /// <summary>Compares and remarks, once everything is there.</summary>
    internal SetEvaluation Conclude()
    {
        PairwiseAccuracy? ensemble = Ensembles.Count > 0 && Members.Count > 1 ? Ensembles[0].Measured : null;
        PairwiseAccuracy[] compared = [.. Members, .. Average is null ? [] : new[] { Average }, .. Ensembles.Count > 0 ? [Ensembles[0].Measured] : Array.Empty<PairwiseAccuracy>()];
        Paired = PairedComparison.Every(compared);
        var helped = new List<PairedComparison>();
        PairwiseAccuracy? whole = Average ?? ensemble;
        if (whole is not null)
        {
            if (Members.Count > 1) helped.Add(PairedComparison.OfMean(whole, Members));
            if (Best is not null) helped.Add(PairedComparison.Of(whole, Best));
            if (Average is not null && ensemble is not null) helped.Add(PairedComparison.Of(Average, ensemble));
            helped.AddRange(MovingAverages.Select(moving => PairedComparison.Of(whole, moving)));
            if (Average is not null && ensemble is not null) helped.Add(PairedComparison.OfMean(ensemble, Members));
        }
        else helped.AddRange(Paired);
        PairwiseAccuracy? used = whole ?? (Members.Count == 1 ? Members[0] : null);
        PairedComparison? length = used is not null && Longer is not null ? PairedComparison.Of(used, Longer) : null;
        if (length is not null) helped.Add(length);
        Helped = PairedComparison.Adjust(helped);
        Remarks = [.. Spread(), .. Length(used, length?.Difference), .. Cost(ensemble)];
        return this;
    }

    private IEnumerable<string> Spread()
    {
        if (Average?.Rewards is not { } average || Members.Count < 2 || Members.Any(m => m.Rewards is null)) yield break;
        double members = Members.Average(m => m.Rewards!.Std);
        if (!(members > 0)) yield break;
        double ratio = average.Std / members;
        if (ratio is < 0.98 or > 1.02)
            yield return FormattableString.Invariant($"the average's rewards spread {(ratio < 1 ? "less" : "more")} than its members' (standard deviation {average.Std:G3}, members {members:G3} on average): thresholds and KL weights that were chosen for a member do not carry over");
    }

    /// <param name="used">What would be used, or null.</param>
    /// <param name="difference">How much better it is than the rule, or null where there are no texts.</param>
    private IEnumerable<string> Length(PairwiseAccuracy? used, Estimate? difference)
    {
        if (used is not null && difference is { IsAbove: false })
            yield return FormattableString.Invariant($"{used.Name} is not shown to be better than the rule \"{PairSet.LengthRule}\" ({used.Accuracy.Value:F3} and {Longer!.Accuracy.Value:F3}{(double.IsNaN(difference.Low) ? "" : FormattableString.Invariant($", difference {difference.Low:F3} to {difference.High:F3}"))})");
        foreach (PairwiseAccuracy model in Average is null ? Members : [Average])
            if (model.WhereLongerWins is { } longer && model.WhereShorterWins is { } shorter && longer.Value - shorter.Value > 0.25)
                yield return FormattableString.Invariant($"{model.Name} leans on length: right on {longer.Value:P0} of the pairs whose longer text was preferred and on {shorter.Value:P0} of the others");
    }

    private IEnumerable<string> Cost(PairwiseAccuracy? ensemble)
    {
        if (Average?.Cost is not { Found: 0, Seconds: > 0, WeightBytes: > 0 } one || ensemble?.Cost is not { Found: 0, WeightBytes: { } bytes } all) yield break;
        yield return FormattableString.Invariant($"scoring these pairs took the average {one.Seconds:F2} s and the ensemble's {Members.Count} members {all.Seconds:F2} s ({all.Seconds / one.Seconds:F1} times); the weights to be held for that, counted from their files, are {one.WeightBytes / 1e6:N1} MB and {bytes / 1e6:N1} MB ({(double)bytes / one.WeightBytes:F1} times)");
    }

    /// <summary><c>ood: average of 6 0.750 ± 0.021 ..</c></summary>
    public override string ToString() => $"{(Name is null ? "" : $"{Name}: ")}{string.Join("; ", All)}";
}
