namespace Warm;

/// <summary>How the rewards that several models give one candidate become one.</summary>
/// <remarks>
/// Coste et al., Reward model ensembles help mitigate overoptimization, ICLR 2024: mean, worst case (WCO), and mean less uncertainty (UWO). Which variance is meant differs even within one public
/// code base, so the rule says it: <c>divisor n</c> divides the squares by the number of members, <c>divisor n-1</c> by one less.
/// </remarks>
public sealed record EnsembleRule
{
    private enum Kind { Mean, Worst, Median, LessVariance, LessDeviation }

    private readonly Kind _kind;
    private readonly bool _sample;

    private EnsembleRule(Kind kind, double coefficient = 0, bool sample = false) => (_kind, Coefficient, _sample) = (kind, coefficient, sample);

    /// <summary>The mean of the members' rewards.</summary>
    public static EnsembleRule Mean { get; } = new(Kind.Mean);

    /// <summary>The lowest of the members' rewards.</summary>
    public static EnsembleRule Worst { get; } = new(Kind.Worst);

    /// <summary>The middle of the members' rewards; of an even number the mean of the two in the middle.</summary>
    public static EnsembleRule Median { get; } = new(Kind.Median);

    /// <summary>The mean less lambda times the variance.</summary>
    /// <param name="lambda">Finite; default 0.5.</param>
    /// <param name="sample">Whether squares are divided by n - 1 (at least two members) instead of by n (default).</param>
    public static EnsembleRule LessVariance(double lambda = 0.5, bool sample = false) => new(Kind.LessVariance, Finite(lambda), sample);

    /// <summary>The mean less lambda times the standard deviation.</summary>
    /// <param name="lambda">Finite; default 0.5.</param>
    /// <param name="sample">Whether squares are divided by n - 1 (at least two members) instead of by n (default).</param>
    public static EnsembleRule LessDeviation(double lambda = 0.5, bool sample = false) => new(Kind.LessDeviation, Finite(lambda), sample);

    /// <summary>Lambda; 0 where the rule has none.</summary>
    public double Coefficient { get; }

    /// <summary>Fewest members that the rule is defined for: 1, and 2 where squares are divided by n - 1.</summary>
    public int FewestMembers => _sample ? 2 : 1;

    /// <summary>The one reward of one candidate.</summary>
    /// <param name="rewards">One a member.</param>
    public double Of(ReadOnlySpan<double> rewards)
    {
        if (rewards.Length < FewestMembers) throw new WarmException("ensemble", FormattableString.Invariant($"there are {rewards.Length} members"), FormattableString.Invariant($"at least {FewestMembers} for {this}"));
        double mean = 0, squares = 0;
        foreach (double reward in rewards) mean += reward;
        mean /= rewards.Length;
        switch (_kind)
        {
            case Kind.Mean:
                return mean;
            case Kind.Worst:
                double worst = rewards[0];
                foreach (double reward in rewards) worst = Math.Min(worst, reward);
                return worst;
            case Kind.Median:
                double[] sorted = rewards.ToArray();
                Array.Sort(sorted);
                int half = sorted.Length / 2;
                return sorted.Length % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
        }
        foreach (double reward in rewards) squares += (reward - mean) * (reward - mean);
        double variance = squares / (rewards.Length - (_sample ? 1 : 0));
        return mean - Coefficient * (_kind == Kind.LessVariance ? variance : Math.Sqrt(variance));
    }

    /// <summary><c>mean - 0.5 x variance (divisor n)</c></summary>
    public override string ToString() => _kind switch
    {
        Kind.Mean => "mean",
        Kind.Worst => "worst",
        Kind.Median => "median",
        _ => FormattableString.Invariant($"mean - {Coefficient} x {(_kind == Kind.LessVariance ? "variance" : "standard deviation")} (divisor {(_sample ? "n-1" : "n")})"),
    };

    private static double Finite(double lambda) => double.IsFinite(lambda) ? lambda : throw new ArgumentOutOfRangeException(nameof(lambda));
}
