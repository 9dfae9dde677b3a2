using System.Text.Json.Serialization;

namespace Warm;

/// <summary>
/// Two models on the same pairs. What both get right or wrong drops out of the difference, so that its error is far smaller than two separate errors would say.
/// </summary>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed class PairedComparison
{
    private PairedComparison(string a, string b, Estimate difference, McNemar mcNemar, double smallest) =>
        (A, B, Difference, McNemar, SmallestDetectable) = (a, b, difference, mcNemar, smallest);

    /// <summary>Name of the first model.</summary>
    [JsonPropertyName("a")]
    public string A { get; }

    /// <summary>Name of the second model.</summary>
    [JsonPropertyName("b")]
    public string B { get; }

    /// <summary>Accuracy of <see cref="A"/> less that of <see cref="B"/>, resampled over the same units for both.</summary>
    [JsonPropertyName("difference")]
    public Estimate Difference { get; }

    /// <summary>McNemar's test over the pairs on which the two differ.</summary>
    [JsonPropertyName("mcnemar")]
    public McNemar McNemar { get; }

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
            if (Difference.Low > 0) return $"{A} is better";
            if (Difference.High < 0) return $"{B} is better";
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
        if (a.Units.Name != b.Units.Name || !a.Units.Of.SequenceEqual(b.Units.Of) || a.TieRule != b.TieRule)
            throw new WarmException($"{first} and {second}", $"measured on {a.Units} ({a.Differences.Count} pairs, ties {a.TieRule}) and on {b.Units} ({b.Differences.Count} pairs, ties {b.TieRule})", "the same pairs, units and tie rule");
        var difference = new double[a.Outcomes.Length];
        int onlyFirst = 0, onlySecond = 0;
        for (int i = 0; i < difference.Length; i++)
        {
            difference[i] = a.Outcomes[i] - b.Outcomes[i];
            if (difference[i] > 0) onlyFirst++;
            if (difference[i] < 0) onlySecond++;
        }
        Estimate estimate = Estimate.Mean(difference, a.Units, a.Options.Resamples, a.Options.Seed);
        // From 30 units on the normal quantiles; below, those of Student's t.
        double quantiles = a.Units.Count >= Estimate.FewestForBootstrap ? 1.959963984540054 + 0.8416212335729143
            : a.Units.Count < 2 ? double.NaN : StudentT.Quantile(0.975, a.Units.Count - 1) + StudentT.Quantile(0.8, a.Units.Count - 1);
        return new(first, second, estimate, new McNemar(onlyFirst, onlySecond), quantiles * estimate.Error);
    }

    /// <summary><c>warm - rm-1: 0.020 ± 0.007 (n = 3,311 pairs, 8 topics), 95 % [0.005, 0.034]; McNemar 210 : 150, p = 0.0018 (mid-p 0.0016); detectable 0.019</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"{A} - {B}: {Difference}, 95 % [{Difference.Low:F3}, {Difference.High:F3}]; McNemar {McNemar}; detectable {SmallestDetectable:F3}; {Verdict}");
}
