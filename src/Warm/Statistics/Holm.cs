namespace Warm;

/// <summary>
/// Holm's correction: p values of several comparisons shown side by side, raised so that the chance of even one false "better" among all of them stays below the level (Holm 1979). Needs no
/// assumption about how the comparisons hang together, and is never less powerful than Bonferroni's.
/// </summary>
public static class Holm
{
    /// <summary>
    /// The adjusted values in the order given: with p sorted ascending, <c>max over j up to i of min(1, (n - j) p_j)</c>, j from 0.
    /// </summary>
    /// <param name="p">From 0 to 1 each; none gives none.</param>
    public static IReadOnlyList<double> Adjust(IReadOnlyList<double> p)
    {
        ArgumentNullException.ThrowIfNull(p);
        if (p.Any(value => !(value is >= 0 and <= 1))) throw new ArgumentOutOfRangeException(nameof(p), "A p value lies from 0 to 1.");
        var adjusted = new double[p.Count];
        double most = 0;
        int rank = 0;
        foreach (int i in Enumerable.Range(0, p.Count).OrderBy(i => p[i])) adjusted[i] = most = Math.Max(most, Math.Min(1, (p.Count - rank++) * p[i]));
        return adjusted;
    }
}
