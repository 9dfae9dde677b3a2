namespace Warm;

/// <summary>How a quantile between two values is taken: the definitions that numpy knows.</summary>
public enum QuantileRule
{
    /// <summary>On the straight line between its neighbours, at q (n - 1) (default; type 7).</summary>
    Linear,
    /// <summary>The neighbour below that position.</summary>
    Lower,
    /// <summary>The neighbour above it.</summary>
    Higher,
    /// <summary>The nearer neighbour; of two as near the one at the even place.</summary>
    Nearest,
    /// <summary>The mean of its neighbours.</summary>
    Midpoint,
    /// <summary>On the line at n q + 1/2 (type 5).</summary>
    Hazen,
    /// <summary>On the line at (n + 1/3) q + 1/3 (type 8): median-unbiased whatever the distribution.</summary>
    MedianUnbiased,
    /// <summary>The first value that at least a share q lies at or below (type 1).</summary>
    InvertedCdf,
}

/// <summary>The distribution of rewards: what a trainer needs to set thresholds, to normalise, and to see that two models' rewards are not of one size. Two passes, so that rewards far from 0 lose nothing.</summary>
public sealed class RewardSummary
{
    private readonly double[] _sorted;

    private RewardSummary(double[] sorted, double mean, double squares, double cubes, double fourths)
    {
        (_sorted, Mean) = (sorted, mean);
        int n = sorted.Length;
        Std = Math.Sqrt(squares / n);
        SampleStd = n > 1 ? Math.Sqrt(squares / (n - 1)) : double.NaN;
        Skewness = cubes / n / Math.Pow(squares / n, 1.5);
        ExcessKurtosis = fourths / n / Math.Pow(squares / n, 2) - 3;
    }

    /// <summary>Number of rewards.</summary>
    public int Count => _sorted.Length;

    /// <summary>The mean.</summary>
    public double Mean { get; }

    /// <summary>Standard deviation, the squares divided by n.</summary>
    public double Std { get; }

    /// <summary>Standard deviation, the squares divided by n - 1; NaN for one reward.</summary>
    public double SampleStd { get; }

    /// <summary>Third standardised moment; 0 for symmetric rewards, NaN where all are equal.</summary>
    public double Skewness { get; }

    /// <summary>Fourth standardised moment less 3; 0 for normal rewards, NaN where all are equal.</summary>
    public double ExcessKurtosis { get; }

    /// <summary>The lowest.</summary>
    public double Min => _sorted[0];

    /// <summary>The highest.</summary>
    public double Max => _sorted[^1];

    /// <summary>Describes rewards.</summary>
    /// <param name="rewards">At least one; finite.</param>
    /// <exception cref="WarmException">There are none, or one is not finite.</exception>
    public static RewardSummary Of(IEnumerable<double> rewards)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        double[] sorted = [.. rewards];
        if (sorted.Length == 0) throw new WarmException("rewards", "there are none", "at least one");
        int odd = Array.FindIndex(sorted, value => !double.IsFinite(value));
        if (odd >= 0) throw new WarmException(FormattableString.Invariant($"reward {odd}"), FormattableString.Invariant($"is {sorted[odd]}"), "a finite number");
        Array.Sort(sorted);
        // Differences from the middle one first: the sum of large numbers would round.
        double middle = sorted[sorted.Length / 2], mean = middle + sorted.Sum(value => value - middle) / sorted.Length, squares = 0, cubes = 0, fourths = 0;
        foreach (double value in sorted)
        {
            double d = value - mean;
            squares += d * d;
            cubes += d * d * d;
            fourths += d * d * d * d;
        }
        return new(sorted, mean, squares, cubes, fourths);
    }

    /// <summary>The reward that a share of the rewards lies below.</summary>
    /// <param name="share">0 to 1.</param>
    /// <param name="rule">What is taken between two rewards; default <see cref="QuantileRule.Linear"/>.</param>
    public double Quantile(double share, QuantileRule rule = QuantileRule.Linear)
    {
        if (!(share is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(share));
        int n = _sorted.Length;
        double at = rule switch // counted from 0
        {
            QuantileRule.Hazen => n * share - 0.5,
            QuantileRule.MedianUnbiased => (n + 1.0 / 3) * share + 1.0 / 3 - 1,
            QuantileRule.InvertedCdf => Math.Ceiling(n * share - 1e-12 * n) - 1,
            _ => share * (n - 1),
        };
        at = Math.Clamp(at, 0, n - 1);
        int below = (int)Math.Floor(at), above = (int)Math.Ceiling(at);
        return rule switch
        {
            QuantileRule.Lower => _sorted[below],
            QuantileRule.Higher => _sorted[above],
            QuantileRule.Nearest => _sorted[(int)Math.Round(at, MidpointRounding.ToEven)],
            QuantileRule.Midpoint => 0.5 * (_sorted[below] + _sorted[above]),
            _ => _sorted[below] + (at - below) * (_sorted[above] - _sorted[below]),
        };
    }

    /// <summary><c>0.636 ± 0.996, -1.354 to 3.156 (n = 50)</c>: mean and standard deviation, lowest and highest.</summary>
    public override string ToString() => FormattableString.Invariant($"{Mean:F3} ± {Std:F3}, {Min:F3} to {Max:F3} (n = {Count:N0})");
}
