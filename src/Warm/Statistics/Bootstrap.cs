using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

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
    public static Estimate Mean(ReadOnlySpan<double> values, Units units, int resamples = 10_000, ulong seed = 0) => Each([values.ToArray()], units, resamples, seed)[0];

    /// <summary>The same of several lists of values at once, to the same bits: every draw serves all of them.</summary>
    internal static Estimate[] Each(IReadOnlyList<double[]> values, Units units, int resamples, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(units);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 2);
        if (values.Any(list => list.Length == 0)) throw new ArgumentException("There are no values.", nameof(values));
        if (values.Count == 0) return [];
        double[][] means = Means(values, units, resamples, seed);
        return [.. values.Select((list, i) => Of(Mean(list), means[i], list.Length, units))];
    }

    private static double Mean(double[] values)
    {
        double total = 0;
        foreach (double value in values) total += value;
        return total / values.Length;
    }

    private static Estimate Of(double value, double[] means, int observations, Units units)
    {
        double centre = Mean(means), squares = 0;
        foreach (double mean in means) squares += (mean - centre) * (mean - centre);
        Array.Sort(means);
        return new Estimate(value, Math.Sqrt(squares / (means.Length - 1)), Percentile(means, 0.025), Percentile(means, 0.975), observations, units.Count, units.Name);
    }

    /// <summary>
    /// The resampled means of every list, in the order of the draws. A resample is a vector of weights, how often each unit was drawn, so that a mean is two inner products with it: of the units' sums
    /// and of their numbers of observations. Where an observation has two units, it weighs the product of how often the two were drawn.
    /// </summary>
    internal static double[][] Means(IReadOnlyList<double[]> values, Units units, int resamples, ulong seed)
    {
        bool crossed = units.And.Length > 0;
        double[][] sums = [.. values.Select(list => crossed ? list : units.Sums(list))];
        double[] counts = crossed ? [.. units.Of.ToArray().Select(_ => 1.0)] : units.Sizes();
        double[][] means = [.. values.Select(_ => new double[resamples])];
        ulong key = Mix(seed ^ Salt);
        // Trap: Parallel.For begins a new part several times a second, each with a state of its own, and of a million units a state has 8 MB. What one part leaves, the next takes up.
        ArrayPool<double> pool = ArrayPool<double>.Shared;
        Parallel.For(0, resamples, () => (Drawn: pool.Rent(units.Count), Weights: pool.Rent(crossed ? counts.Length : 0)), (resample, _, rented) =>
        {
            Span<double> drawn = rented.Drawn.AsSpan(0, units.Count), weights = crossed ? rented.Weights.AsSpan(0, counts.Length) : drawn;
            Draw(key, resample, drawn);
            if (crossed) Cross(drawn, units.Of, units.And, weights);
            double all = Dot(weights, counts);
            for (int list = 0; list < sums.Length; list++) means[list][resample] = all == 0 ? double.NaN : Dot(weights, sums[list]) / all;
            return rented;
        }, rented =>
        {
            pool.Return(rented.Drawn);
            pool.Return(rented.Weights);
        });
        // Of very few units that are crossed some draws hold no observation at all; they say nothing.
        return crossed ? [.. means.Select(list => Array.FindAll(list, mean => !double.IsNaN(mean)) is { Length: >= 2 } said ? said : [double.NaN, double.NaN])] : means;
    }

    // Compiled at full strength at once: a measurement is over before the runtime would have thought of it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Draw(ulong key, int resample, Span<double> drawn)
    {
        drawn.Clear();
        for (int place = 0; place < drawn.Length; place++) drawn[At(key, resample, place, drawn.Length)]++;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Cross(ReadOnlySpan<double> drawn, ReadOnlySpan<int> first, ReadOnlySpan<int> second, Span<double> weights)
    {
        for (int i = 0; i < weights.Length; i++) weights[i] = drawn[first[i]] * drawn[second[i]];
    }

    /// <summary>The inner product in sixteen chains, whatever the machine's vectors: the same bits everywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.Length, b.Length);
        ref double x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        Vector256<double> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i + 16 <= a.Length; i += 16)
        {
            s0 += Vector256.LoadUnsafe(ref x, (nuint)i) * Vector256.LoadUnsafe(ref y, (nuint)i);
            s1 += Vector256.LoadUnsafe(ref x, (nuint)i + 4) * Vector256.LoadUnsafe(ref y, (nuint)i + 4);
            s2 += Vector256.LoadUnsafe(ref x, (nuint)i + 8) * Vector256.LoadUnsafe(ref y, (nuint)i + 8);
            s3 += Vector256.LoadUnsafe(ref x, (nuint)i + 12) * Vector256.LoadUnsafe(ref y, (nuint)i + 12);
        }
        Vector256<double> s = s0 + s1 + (s2 + s3);
        double sum = s[0] + s[1] + (s[2] + s[3]);
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>The unit drawn at a place of a resample, 0 to <paramref name="units"/> - 1; a bias of 2^-32 at most.</summary>
    internal static int Drawn(ulong seed, int resample, int place, int units) => At(Mix(seed ^ Salt), resample, place, units);

    private const ulong Salt = 0x5741524D00000000; // "WARM"

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int At(ulong key, int resample, int place, int units) => (int)((Mix(key + ((ulong)(uint)resample << 32 | (uint)place)) >> 32) * (ulong)units >> 32);

    /// <summary>SplitMix64 (Steele, Lea and Flood 2014): a step and its finaliser.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
