namespace Warm;

/// <summary>
/// The exact sign-flip test of paired differences: the share of all ways to give each difference either sign whose sum lies at least as far from 0. Asks nothing of the differences but that either
/// sign is as likely. Of differences of 1 and -1 it is McNemar's exact test.
/// </summary>
public static class SignFlip
{
    /// <summary>Two-sided p; 1 where every difference is 0.</summary>
    /// <param name="differences">Finite; at most 24 that are not 0, or any number of whole ones whose sizes sum to at most a million.</param>
    public static double Exact(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (!differences.All(double.IsFinite)) throw new ArgumentException("A difference is not finite.", nameof(differences));
        double[] sizes = [.. differences.Where(d => d != 0).Select(Math.Abs)];
        double seen = Math.Abs(differences.Sum()), total = sizes.Sum();
        if (sizes.All(size => size == Math.Floor(size)) && total <= 1e6) return OfWhole([.. sizes.Select(size => (int)size)], (int)seen, (int)total);
        if (sizes.Length > 24) throw new ArgumentException($"There are {sizes.Length} differences; at most 24 can be enumerated.", nameof(differences));
        long far = 0;
        for (long signs = 0; signs < 1L << sizes.Length; signs++)
        {
            double sum = 0;
            for (int i = 0; i < sizes.Length; i++) sum += (signs >> i & 1) == 1 ? sizes[i] : -sizes[i];
            if (Math.Abs(sum) >= seen - 1e-12 * total) far++;
        }
        return (double)far / (1L << sizes.Length);
    }

    /// <summary>The distribution of the sum of those that stay positive, one difference at a time.</summary>
    private static double OfWhole(int[] sizes, int seen, int total)
    {
        var chance = new double[total + 1];
        chance[0] = 1;
        int most = 0;
        foreach (int size in sizes)
        {
            most += size;
            for (int sum = most; sum >= 0; sum--) chance[sum] = 0.5 * chance[sum] + (sum >= size ? 0.5 * chance[sum - size] : 0);
        }
        double far = 0;
        for (int sum = 0; sum <= total; sum++) if (Math.Abs(2 * sum - total) >= seen) far += chance[sum];
        return Math.Min(1, far);
    }
}
