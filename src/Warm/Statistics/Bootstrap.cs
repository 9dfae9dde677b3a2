using System.Numerics.Tensors;

namespace Warm;

/// <summary>
/// The bootstrap over units: as many units as there are, drawn with replacement, again and again. The draws come from a counter (SplitMix64 of seed, resample and place), so that they are the same
/// on every machine, on any number of threads, and for every value measured on the same units: a difference of two models sees the same resamples as the two.
/// </summary>
public static class Bootstrap
{
    /// <summary>
    /// The mean of all values; its standard error, the standard deviation of the resampled means; and the 95 % interval, their 2.5 and 97.5 percentiles (linear between neighbours).
    /// </summary>
    /// <param name="values">One value an observation.</param>
    /// <param name="units">Which observations are drawn together.</param>
    /// <param name="resamples">Default 10,000: standard error within about 1 %, ends of the interval within about 3 % of it.</param>
    /// <param name="seed">Other seeds give other draws; default 0.</param>
    public static Estimate Mean(ReadOnlySpan<double> values, Units units, int resamples = 10_000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(units);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 2);
        if (values.Length == 0) throw new ArgumentException("There are no values.", nameof(values));
        double total = 0;
        foreach (double value in values) total += value;
        return Of(total / values.Length, Means(values, units, resamples, seed), values.Length, units);
    }

    /// <summary>The same of several lists of values at once, to the same bits: every draw serves all of them.</summary>
    internal static Estimate[] Each(IReadOnlyList<double[]> values, Units units, int resamples, ulong seed)
    {
        if (values.Count < 2 || units.And.Length > 0) return [.. values.Select(list => Mean(list, units, resamples, seed))];
        int lists = values.Count;
        var rows = new double[units.Count * lists]; // [unit, list]: what a draw adds lies together
        int[] counts = [];
        for (int list = 0; list < lists; list++)
        {
            (double[] sums, counts) = units.Totals(values[list]);
            for (int unit = 0; unit < sums.Length; unit++) rows[unit * lists + list] = sums[unit];
        }
        double[][] means = [.. values.Select(_ => new double[resamples])];
        ulong key = Mix(seed ^ Salt);
        Parallel.For(0, resamples, () => new double[lists], (resample, _, sum) =>
        {
            Array.Clear(sum);
            long count = 0;
            for (int place = 0; place < units.Count; place++)
            {
                int unit = At(key, resample, place, units.Count);
                TensorPrimitives.Add(sum, rows.AsSpan(unit * lists, lists), sum);
                count += counts[unit];
            }
            for (int list = 0; list < lists; list++) means[list][resample] = sum[list] / count;
            return sum;
        }, _ => { });
        return [.. values.Select((list, i) => Of(list.Sum() / list.Length, means[i], list.Length, units))];
    }

    private static Estimate Of(double value, double[] means, int observations, Units units)
    {
        double centre = means.Average(), error = Math.Sqrt(means.Sum(m => (m - centre) * (m - centre)) / (means.Length - 1));
        Array.Sort(means);
        return new Estimate(value, error, Percentile(means, 0.025), Percentile(means, 0.975), observations, units.Count, units.Name);
    }

    /// <summary>The resampled means in the order of the draws.</summary>
    internal static double[] Means(ReadOnlySpan<double> values, Units units, int resamples, ulong seed)
    {
        var means = new double[resamples];
        ulong key = Mix(seed ^ Salt);
        if (units.And.Length > 0) return CrossedMeans(values.ToArray(), units, means, key);
        (double[] sums, int[] counts) = units.Totals(values);
        Parallel.For(0, resamples, resample =>
        {
            double sum = 0;
            long count = 0;
            for (int place = 0; place < sums.Length; place++)
            {
                int unit = At(key, resample, place, sums.Length);
                sum += sums[unit];
                count += counts[unit];
            }
            means[resample] = sum / count;
        });
        return means;
    }

    /// <summary>Each observation weighs the product of how often its two units were drawn.</summary>
    private static double[] CrossedMeans(double[] values, Units units, double[] means, ulong key)
    {
        Parallel.For(0, means.Length, () => new int[units.Count], (resample, _, drawn) =>
        {
            Array.Clear(drawn);
            for (int place = 0; place < drawn.Length; place++) drawn[At(key, resample, place, drawn.Length)]++;
            ReadOnlySpan<int> first = units.Of, second = units.And;
            double sum = 0;
            long weight = 0;
            for (int i = 0; i < values.Length; i++)
            {
                long weighs = (long)drawn[first[i]] * drawn[second[i]];
                sum += weighs * values[i];
                weight += weighs;
            }
            means[resample] = weight == 0 ? double.NaN : sum / weight;
            return drawn;
        }, _ => { });
        // Of very few units some draws hold no pair at all; they say nothing.
        double[] said = Array.FindAll(means, mean => !double.IsNaN(mean));
        return said.Length >= 2 ? said : [double.NaN, double.NaN];
    }

    /// <summary>The unit drawn at a place of a resample, 0 to <paramref name="units"/> - 1; a bias of 2^-32 at most.</summary>
    internal static int Draw(ulong seed, int resample, int place, int units) => At(Mix(seed ^ Salt), resample, place, units);

    private const ulong Salt = 0x5741524D00000000; // "WARM"

    private static int At(ulong key, int resample, int place, int units) => (int)((Mix(key + ((ulong)(uint)resample << 32 | (uint)place)) >> 32) * (ulong)units >> 32);

    /// <summary>SplitMix64 (Steele, Lea and Flood 2014): a step and its finaliser.</summary>
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
        x = (x ^ x >> 27) * 0x94D049BB133111EB;
        return x ^ x >> 31;
    }

    private static double Percentile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 >= sorted.Length ? sorted[^1] : sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
    }
}
