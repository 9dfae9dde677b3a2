namespace Warm;

/// <summary>The leave-one-unit-out jackknife: error bars where units are few.</summary>
public static class Jackknife
{
    /// <summary>
    /// The mean of all values; its standard error <c>sqrt((g-1)/g sum_u (m_u - mean(m))^2)</c>, where m_u is the mean of the values outside unit u and g the number of units;
    /// and the 95 % interval <c>mean +- t(0.975, g-1) error</c> with Student's t. One unit alone says nothing about the error: NaN.
    /// </summary>
    public static Estimate Mean(ReadOnlySpan<double> values, Units units)
    {
        ArgumentNullException.ThrowIfNull(units);
        if (values.Length == 0) throw new ArgumentException("There are no values.", nameof(values));
        double[] sums = units.Sums(values), sizes = units.Sizes();
        double total = 0;
        foreach (double value in values) total += value;
        double mean = total / values.Length;
        int g = units.Count;
        // Neither from one unit, nor where one is in every observation: a text that all pairs share.
        if (g < 2 || sizes.Contains(values.Length)) return new Estimate(mean, double.NaN, double.NaN, double.NaN, values.Length, g, units.Name);
        var without = new double[g];
        double centre = 0;
        for (int u = 0; u < g; u++) centre += without[u] = (total - sums[u]) / (values.Length - sizes[u]);
        centre /= g;
        double squares = 0;
        foreach (double m in without) squares += (m - centre) * (m - centre);
        double error = Math.Sqrt((g - 1.0) / g * squares), reach = StudentT.Quantile(0.975, g - 1) * error;
        return new Estimate(mean, error, mean - reach, mean + reach, values.Length, g, units.Name);
    }
}
