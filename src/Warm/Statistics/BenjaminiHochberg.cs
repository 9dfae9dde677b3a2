namespace Warm;

/// <summary>
/// Benjamini and Hochberg's correction (1995): p values raised so that of the comparisons that are called different no more than the level are so by chance, on average. Weaker than <see cref="Holm"/>,
/// for screening many members or subsets.
/// </summary>
public static class BenjaminiHochberg
{
    /// <summary>The adjusted values in the order given: with p sorted ascending, <c>min over j from i of min(1, n p_j / (j + 1))</c>, j from 0.</summary>
    /// <param name="p">From 0 to 1 each; none gives none.</param>
    public static IReadOnlyList<double> Adjust(IReadOnlyList<double> p)
    {
        ArgumentNullException.ThrowIfNull(p);
        if (p.Any(value => !(value is >= 0 and <= 1))) throw new ArgumentOutOfRangeException(nameof(p), "A p value lies from 0 to 1.");
        var adjusted = new double[p.Count];
        double least = 1;
        int rank = p.Count;
        foreach (int i in Enumerable.Range(0, p.Count).OrderByDescending(i => p[i])) adjusted[i] = least = Math.Min(least, p.Count * p[i] / rank--);
        return adjusted;
    }
}
