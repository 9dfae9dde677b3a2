using System.Text.Json.Serialization;

namespace Warm;

/// <summary>
/// How two lists of numbers go together, with the two-sided p of there being nothing. NaN where a list does not vary, and the p where there are too few to say.
/// </summary>
/// <param name="Value">-1 to 1.</param>
/// <param name="P">Two-sided p.</param>
/// <param name="N">Number of pairs of numbers.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed record Correlation(
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("p")] double P,
    [property: JsonPropertyName("n")] int N)
{
    /// <summary>Pearson's: of the values, linear; p by Student's t with n - 2 degrees.</summary>
    public static Correlation Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        int n = x.Count;
        double meanX = x.Sum() / n, meanY = y.Sum() / n, xx = 0, yy = 0, xy = 0;
        for (int i = 0; i < n; i++)
        {
            double a = x[i] - meanX, b = y[i] - meanY;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        return xx > 0 && yy > 0 ? ByStudent(Math.Clamp(xy / Math.Sqrt(xx) / Math.Sqrt(yy), -1, 1), n, n - 2) : new(double.NaN, double.NaN, n);
    }

    /// <summary>Spearman's: Pearson's of the ranks, ties sharing theirs.</summary>
    public static Correlation Spearman(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        return Pearson(Ranks.Of(x), Ranks.Of(y));
    }

    /// <summary>
    /// Kendall's tau-b: pairs in the same order less pairs in the other, over the root of those that could be. Its p is exact for up to 33 values without ties, else by the normal distribution with
    /// the variance that ties leave (Kendall 1970).
    /// </summary>
    public static Correlation Kendall(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        int n = x.Count;
        long same = 0, other = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++)
            {
                int sign = x[i].CompareTo(x[j]) * y[i].CompareTo(y[j]);
                if (sign > 0) same++;
                else if (sign < 0) other++;
            }
        double all = n * (n - 1.0) / 2, net = same - other;
        double[] tiesX = Ties(x), tiesY = Ties(y);
        double pairsX = tiesX.Sum(t => t * (t - 1) / 2), pairsY = tiesY.Sum(t => t * (t - 1) / 2);
        if (all == pairsX || all == pairsY) return new(double.NaN, double.NaN, n);
        double tau = Math.Clamp(net / Math.Sqrt(all - pairsX) / Math.Sqrt(all - pairsY), -1, 1);
        if (pairsX == 0 && pairsY == 0 && n <= 33) return new(tau, Exact(n, (int)Math.Min(other, same)), n);
        double m = n * (n - 1.0);
        double variance = (m * (2 * n + 5) - tiesX.Sum(t => t * (t - 1) * (2 * t + 5)) - tiesY.Sum(t => t * (t - 1) * (2 * t + 5))) / 18 + 2 * pairsX * pairsY / m
            + (n > 2 ? tiesX.Sum(t => t * (t - 1) * (t - 2)) * tiesY.Sum(t => t * (t - 1) * (t - 2)) / (9 * m * (n - 2)) : 0);
        return new(tau, Normal.TwoSided(net / Math.Sqrt(variance)), n);
    }

    /// <summary>What is left of Pearson's correlation of x and y once a third thing, length for example, is taken out of both; p by Student's t with n - 3 degrees.</summary>
    public static Correlation Partial(IReadOnlyList<double> x, IReadOnlyList<double> y, IReadOnlyList<double> given)
    {
        double xy = Pearson(x, y).Value, xz = Pearson(x, given).Value, yz = Pearson(y, given).Value;
        return ByStudent((xy - xz * yz) / Math.Sqrt((1 - xz * xz) * (1 - yz * yz)), x.Count, x.Count - 3);
    }

    /// <summary>The area under the ROC curve: how often a value of the one kind lies above one of the other, ties counting half; NaN where a kind is missing.</summary>
    public static double AreaUnderCurve(IReadOnlyList<double> values, IReadOnlyList<bool> positive)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(positive);
        if (values.Count != positive.Count) throw new ArgumentException("There must be as many labels as values.", nameof(positive));
        double[] ranks = Ranks.Of(values);
        double ones = positive.Count(label => label), zeros = positive.Count - ones;
        return ones == 0 || zeros == 0 ? double.NaN : (Enumerable.Range(0, ranks.Length).Where(i => positive[i]).Sum(i => ranks[i]) - ones * (ones + 1) / 2) / (ones * zeros);
    }

    /// <summary><c>0.976 (n = 518)</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Value:F3} (n = {N:N0})");

    private static Correlation ByStudent(double r, int n, int degrees) =>
        new(r, double.IsNaN(r) || degrees < 1 ? double.NaN : Math.Abs(r) >= 1 ? 0 : Math.Min(1, 2 * StudentT.Tail(Math.Abs(r) * Math.Sqrt(degrees / ((1 - r) * (1 + r))), degrees)), n);

    /// <summary>Share of the permutations of n with at most so many inversions, on both sides: counts of inversions by one more element at a time.</summary>
    private static double Exact(int n, int inversions)
    {
        if (4 * inversions >= n * (n - 1)) return 1; // half of all pairs
        double[] counts = [1];
        for (int size = 2; size <= n; size++)
        {
            var next = new double[Math.Min(inversions + 1, counts.Length + size - 1)];
            for (int i = 0; i < next.Length; i++)
                for (int moved = Math.Max(0, i - counts.Length + 1); moved < size && moved <= i; moved++) next[i] += counts[i - moved] / size;
            counts = next;
        }
        return Math.Min(1, 2 * counts.Sum());
    }

    private static double[] Ties(IReadOnlyList<double> values) => [.. values.GroupBy(value => value).Select(group => (double)group.Count()).Where(count => count > 1)];

    private static void Check(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Count != y.Count) throw new ArgumentException($"There are {x.Count} and {y.Count} values.", nameof(y));
        if (x.Count == 0) throw new ArgumentException("There are no values.", nameof(x));
        if (!x.All(double.IsFinite) || !y.All(double.IsFinite)) throw new ArgumentException("A value is not finite.", nameof(x));
    }
}
