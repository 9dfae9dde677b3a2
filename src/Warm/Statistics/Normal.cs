namespace Warm;

/// <summary>The normal distribution: tails and quantiles for tests and intervals.</summary>
internal static class Normal
{
    /// <summary>P(Z &gt; z); about 1e-14 relative. Below 3 by the series of erf, above by the continued fraction of its tail.</summary>
    public static double Tail(double z)
    {
        if (double.IsNaN(z)) return double.NaN;
        if (z < 0) return 1 - Tail(-z);
        double density = Math.Exp(-0.5 * z * z) / Math.Sqrt(2 * Math.PI);
        if (z < 3)
        {
            double sum = z, term = z;
            for (int k = 1; term > 1e-18 * sum; k++) sum += term *= z * z / (2 * k + 1);
            return 0.5 - density * sum;
        }
        double fraction = 0;
        for (int k = 200; k >= 1; k--) fraction = k / (z + fraction);
        return density / (z + fraction);
    }

    /// <summary>Two-sided p of a statistic that is standard normal if there is nothing.</summary>
    public static double TwoSided(double z) => Math.Min(1, 2 * Tail(Math.Abs(z)));

    /// <summary>The value that a share (0 to 1, exclusive) lies below, by halving.</summary>
    public static double Quantile(double probability)
    {
        if (!(probability is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(probability));
        if (probability == 0.5) return 0;
        if (probability < 0.5) return -Quantile(1 - probability);
        double tail = 1 - probability, low = 0, high = 40;
        for (int i = 0; i < 200; i++)
        {
            double middle = 0.5 * (low + high);
            if (Tail(middle) > tail) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }
}
