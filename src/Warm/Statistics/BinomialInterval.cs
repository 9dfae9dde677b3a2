namespace Warm;

/// <summary>
/// The exact interval of a share (Clopper and Pearson 1934): the true shares that would not make the count an outlier. For independent observations only; where pairs share
/// prompts it is too narrow, and an <see cref="Estimate"/> over units is the honest one.
/// </summary>
/// <param name="Low">Lower end; exactly 0 where nothing was counted.</param>
/// <param name="High">Upper end; exactly 1 where everything was counted.</param>
public sealed record BinomialInterval(double Low, double High)
{
    /// <summary>The interval of <paramref name="count"/> of <paramref name="n"/>; both ends about 1e-12 relative.</summary>
    /// <param name="count">0 to <paramref name="n"/>.</param>
    /// <param name="n">At least 1.</param>
    /// <param name="level">How often such intervals hold the true share, at least; default 0.95.</param>
    public static BinomialInterval Exact(int count, int n, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, n);
        if (!(level is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(level));
        double tail = (1 - level) / 2;
        // P(X >= k | p) = I_p(k, n - k + 1) grows with p. The upper end asks for P(X <= k | p) = I_(1-p)(n - k, k + 1), which falls.
        return new(count == 0 ? 0 : Solve(p => StudentT.IncompleteBeta(count, n - count + 1, p, 1 - p) < tail),
            count == n ? 1 : Solve(p => StudentT.IncompleteBeta(n - count, count + 1, 1 - p, p) > tail));
    }

    /// <summary>Wilson's score interval, without continuity correction: close to its level on average where the exact one is cautious. Exactly 0 or 1 at the outer ends.</summary>
    /// <inheritdoc cref="Exact"/>
    public static BinomialInterval Wilson(int count, int n, double level = 0.95)
    {
        (double p, double z) = Share(count, n, level);
        double middle = (p + z * z / (2 * n)) / (1 + z * z / n), reach = z / (1 + z * z / n) * Math.Sqrt(p * (1 - p) / n + z * z / (4.0 * n * n));
        return new(count == 0 ? 0 : middle - reach, count == n ? 1 : middle + reach);
    }

    /// <summary>Wald's interval, the share and so many standard errors: for comparing only. It has no width at 0 and 1, and may reach beyond them.</summary>
    /// <inheritdoc cref="Exact"/>
    public static BinomialInterval Wald(int count, int n, double level = 0.95)
    {
        (double p, double z) = Share(count, n, level);
        double reach = z * Math.Sqrt(p * (1 - p) / n);
        return new(p - reach, p + reach);
    }

    private static (double Share, double Z) Share(int count, int n, double level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, n);
        if (!(level is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(level));
        return ((double)count / n, Normal.Quantile(0.5 + level / 2));
    }

    /// <summary><c>0.348 to 0.933</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Low:F3} to {High:F3}");

    /// <summary>Where a condition that holds from 0 on ends, by halving down to neighbouring doubles.</summary>
    private static double Solve(Func<double, bool> below)
    {
        double low = 0, high = 1;
        for (int i = 0; i < 2000; i++)
        {
            double middle = 0.5 * (low + high);
            if (middle == low || middle == high) break;
            if (below(middle)) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }
}
