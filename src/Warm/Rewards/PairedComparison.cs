using System.Text.Json.Serialization;

namespace Warm;

/// <summary>
/// Two models on the same pairs. What both get right or wrong drops out of the difference, so that its error is far smaller than two separate errors would say.
/// </summary>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class PairedComparison : IRichDisplay
{
    private PairedComparison(string a, string b, Estimate difference, McNemar? mcNemar)
    {
        (A, B, Difference, McNemar) = (a, b, difference, mcNemar);
        // From 30 units on the normal quantiles; below, those of Student's t.
        double quantiles = difference.Units >= Estimate.FewestForBootstrap ? 1.959963984540054 + 0.8416212335729143
            : difference.Units < 2 ? double.NaN : StudentT.Quantile(0.975, difference.Units - 1) + StudentT.Quantile(0.8, difference.Units - 1);
        SmallestDetectable = quantiles * difference.Error;
        P = double.IsNaN(difference.Error) ? double.NaN : difference.Error == 0 ? difference.Value == 0 ? 1 : 0 : Math.Min(1, 2 * StudentT.Tail(Math.Abs(difference.Value / difference.Error), difference.Units - 1));
    }

    /// <summary>Name of the first model.</summary>
    [JsonPropertyName("a")]
    public string A { get; }

    /// <summary>Name of the second model.</summary>
    [JsonPropertyName("b")]
    public string B { get; }

    /// <summary>Accuracy of <see cref="A"/> less that of <see cref="B"/>, resampled over the same units for both.</summary>
    [JsonPropertyName("difference")]
    public Estimate Difference { get; }

    /// <summary>McNemar's test over the pairs on which the two differ; null where one side is a mean of several models, which is neither right nor wrong on a pair.</summary>
    [JsonPropertyName("mcnemar"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public McNemar? McNemar { get; }

    /// <summary>Two-sided p of the difference over the units, by Student's t with one degree of freedom less than there are units; NaN where there is no error.</summary>
    [JsonPropertyName("p")]
    public double P { get; }

    /// <summary>The p as <see cref="Adjust"/> raised it for the comparisons shown beside this one; null where it stands alone.</summary>
    [JsonPropertyName("holm"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? CorrectedP { get; private init; }

    /// <summary>Number of comparisons that the correction is for; 1 where it stands alone.</summary>
    [JsonIgnore]
    public int Beside { get; private init; } = 1;

    /// <summary>
    /// The smallest true difference that a test at 5 % on these units finds four times out of five: (1.960 + 0.842) standard errors, with Student's t where units are few. NaN where there is no error.
    /// </summary>
    [JsonPropertyName("smallestDetectable")]
    public double SmallestDetectable { get; }

    /// <summary>
    /// What the interval allows to say: which is better, or that these units cannot tell and about how many could (of a difference as large as the measured one, four times out of five).
    /// A difference whose interval holds zero is never called better.
    /// </summary>
    [JsonPropertyName("verdict")]
    public string Verdict
    {
        get
        {
            string alone = CorrectedP > 0.05 ? FormattableString.Invariant($" by this comparison alone; among the {Beside} shown, such a difference comes by chance (p {P:G2}, corrected {CorrectedP:G2})") : "";
            if (Difference.IsAbove) return $"{A} is better{alone}";
            if (Difference.IsBelow) return $"{B} is better{alone}";
            double needed = Math.Ceiling(Difference.Units * Math.Pow(SmallestDetectable / Difference.Value, 2));
            return FormattableString.Invariant($"cannot tell with this many {Difference.Unit}s{(double.IsFinite(needed) && needed < 1e9 ? $"; about {Math.Max(needed, Difference.Units + 1):N0} would do for a difference like this" : "")}");
        }
    }

    /// <summary>Compares two measurements of the same pairs with the same units, in the same order. The tie rule, resamples and seed are the first one's.</summary>
    /// <exception cref="WarmException">The two were measured on other pairs, units or tie rules.</exception>
    public static PairedComparison Of(PairwiseAccuracy a, PairwiseAccuracy b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        (string first, string second) = (a.Name ?? "a", b.Name ?? "b");
        (double[] difference, McNemar test) = Differences(a, b);
        return new(first, second, Estimate.Mean(difference, a.Units, a.Options.Resamples, a.Options.Seed), test);
    }

    /// <summary>Every two of some measurements, as <see cref="Of(PairwiseAccuracy, PairwiseAccuracy)"/> compares them one by one, in a fraction of the time.</summary>
    /// <param name="models">Of the same pairs in the same order.</param>
    public static IReadOnlyList<PairedComparison> Every(IReadOnlyList<PairwiseAccuracy> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Count < 2) return [];
        (PairwiseAccuracy A, PairwiseAccuracy B)[] two = [.. models.SelectMany((a, i) => models.Skip(i + 1).Select(b => (a, b)))];
        (double[] Difference, McNemar Test)[] compared = [.. two.Select(pair => Differences(pair.A, pair.B))];
        Estimate[] estimates = Estimate.Means([.. compared.Select(one => one.Difference)], models[0].Units, models[0].Options.Resamples, models[0].Options.Seed);
        return [.. two.Select((pair, i) => new PairedComparison(pair.A.Name ?? "a", pair.B.Name ?? "b", estimates[i], compared[i].Test))];
    }

    private static (double[] Difference, McNemar Test) Differences(PairwiseAccuracy a, PairwiseAccuracy b)
    {
        Demand(a, b);
        var difference = new double[a.Outcomes.Length];
        int onlyFirst = 0, onlySecond = 0;
        for (int i = 0; i < difference.Length; i++)
        {
            difference[i] = a.Outcomes[i] - b.Outcomes[i];
            if (difference[i] > 0) onlyFirst++;
            if (difference[i] < 0) onlySecond++;
        }
        return (difference, new McNemar(onlyFirst, onlySecond));
    }

    /// <summary>Compares a measurement with the mean of several: what averaging brings over a member taken at random.</summary>
    /// <param name="a">The first.</param>
    /// <param name="models">At least one, of the same pairs in the same order.</param>
    /// <param name="name">What the mean is called; default <c>mean of the members</c>.</param>
    /// <exception cref="WarmException">They were measured on other pairs, units or tie rules.</exception>
    public static PairedComparison OfMean(PairwiseAccuracy a, IReadOnlyList<PairwiseAccuracy> models, string name = "mean of the members")
    {
        ArgumentNullException.ThrowIfNull(a);
        return new(a.Name ?? "a", name, MeanOfModels.Difference(a, models), null);
    }

    /// <summary>The comparisons with their p values raised for how many are shown side by side (<see cref="Holm"/>). Those without an error stay as they are.</summary>
    public static IReadOnlyList<PairedComparison> Adjust(IReadOnlyList<PairedComparison> shown)
    {
        ArgumentNullException.ThrowIfNull(shown);
        PairedComparison[] known = [.. shown.Where(one => !double.IsNaN(one.P))];
        IReadOnlyList<double> corrected = Holm.Adjust([.. known.Select(one => one.P)]);
        return [.. shown.Select(one => Array.IndexOf(known, one) is >= 0 and var at ? new PairedComparison(one.A, one.B, one.Difference, one.McNemar) { CorrectedP = corrected[at], Beside = known.Length } : one)];
    }

    private static void Demand(PairwiseAccuracy a, PairwiseAccuracy b)
    {
        if (a.Units.Name != b.Units.Name || !a.Units.Same(b.Units) || a.TieRule != b.TieRule)
            throw new WarmException($"{a.Name ?? "a"} and {b.Name ?? "b"}", $"measured on {a.Units} ({a.Differences.Count} pairs, ties {a.TieRule}) and on {b.Units} ({b.Differences.Count} pairs, ties {b.TieRule})", "the same pairs, units and tie rule");
    }

    string IRichDisplay.ToHtml() => HtmlTable.Of($"{A} - {B}: {Verdict}", ["difference", "95 %", "McNemar", "smallest detectable"],
        [(string[])[Difference.ToString(), FormattableString.Invariant($"[{Difference.Low:F3}, {Difference.High:F3}]"), McNemar?.ToString() ?? "", FormattableString.Invariant($"{SmallestDetectable:F3}")]]);

    /// <summary><c>warm - rm-1: 0.020 ± 0.007 (n = 3,311 pairs, 8 topics), 95 % [0.005, 0.034]; McNemar 210 : 150, p = 0.0018 (mid-p 0.0016); detectable 0.019</c></summary>
    public override string ToString() =>
        double.IsNaN(Difference.Error) ? $"{A} - {B}: {Difference}; {(McNemar is null ? "" : $"McNemar {McNemar}; ")}{Verdict}"
        : FormattableString.Invariant($"{A} - {B}: {Difference}, 95 % [{Difference.Low:F3}, {Difference.High:F3}]; {(McNemar is null ? "" : $"McNemar {McNemar}; ")}detectable {SmallestDetectable:F3}; {Verdict}");
}
