namespace Warm;

/// <summary>Ranks of values, 1 for the lowest; equal values share the mean of their ranks.</summary>
public static class Ranks
{
    /// <summary>The ranks in the order of the values. NaN has no rank and is refused.</summary>
    public static double[] Of(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Any(double.IsNaN)) throw new ArgumentException("NaN has no rank.", nameof(values));
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        var ranks = new double[values.Count];
        for (int first = 0, next; first < order.Length; first = next)
        {
            for (next = first + 1; next < order.Length && values[order[next]] == values[order[first]];) next++;
            for (int i = first; i < next; i++) ranks[order[i]] = 0.5 * (first + 1 + next); // the mean of first + 1 .. next
        }
        return ranks;
    }
}
