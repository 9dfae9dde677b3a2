using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Statistics;

public class StatisticsTests
{
    private static void Close(double expected, double actual, double relative = 1e-10) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Max(1e-300, Math.Abs(expected)), $"{actual:R} instead of {expected:R}");

    // scipy 1.15.3, scipy.stats.t.ppf(p, df)
    [Theory]
    [InlineData(0.975, 7, 2.3646242515927844)]
    [InlineData(0.975, 15, 2.131449545559323)]
    [InlineData(0.975, 28, 2.048407141795244)]
    [InlineData(0.8, 7, 0.8960296443135947)]
    [InlineData(0.025, 399, -1.9659272959208226)]
    [InlineData(0.5, 3, 0)]
    public void StudentT_quantiles(double probability, double degrees, double expected) => Close(expected, StudentT.Quantile(probability, degrees), 1e-11);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void StudentT_closed_forms(double degrees)
    {
        foreach (double p in new[] { 0.51, 0.6, 0.9, 0.975, 0.999, 0.0001 })
            Close(degrees == 1 ? Math.Tan(Math.PI * (p - 0.5)) : (2 * p - 1) / Math.Sqrt(2 * p * (1 - p)), StudentT.Quantile(p, degrees), 1e-9);
    }

    [Fact]
    public void Units_in_order_of_appearance()
    {
        Units units = Units.By("prompt", ["b", "a", null, "b", null]);
        Assert.Equal([0, 1, 2, 0, 3], units.Of.ToArray());
        Assert.Equal("4 prompts", units.ToString());
        Assert.Equal("pair", Units.By("prompt", [null, null]).Name);
    }

    [Fact]
    public void Jackknife_of_single_values_is_the_standard_error_of_the_mean()
    {
        double[] values = [1, 0, 1, 1, 0, 0.5, 1];
        Estimate estimate = Jackknife.Mean(values, Units.Each(7));
        double mean = values.Average(), error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / 6 / 7);
        Close(mean, estimate.Value);
        Close(error, estimate.Error);
        Close(mean - 2.4469118511449692 * error, estimate.Low);
    }

    [Fact]
    public void Jackknife_of_one_unit_says_nothing_of_the_error()
    {
        Estimate estimate = Estimate.Mean([1, 0, 1], Units.By("prompt", ["a", "a", "a"]));
        Assert.Equal((2.0 / 3, 3, 1), (estimate.Value, estimate.N, estimate.Units));
        Assert.True(double.IsNaN(estimate.Error) && double.IsNaN(estimate.Low));
    }

    [Fact]
    public void Bootstrap_draws_are_the_same_everywhere()
    {
        // Computed by the same few lines in Python 3.11 integers: a change of the draws changes every published interval.
        Assert.Equal([5, 9, 9, 4, 9, 7, 1, 2], Enumerable.Range(0, 8).Select(place => Bootstrap.Drawn(0, 0, place, 10)));
        var counts = new int[7];
        for (int resample = 0; resample < 1000; resample++) for (int place = 0; place < 70; place++) counts[Bootstrap.Drawn(5, resample, place, 7)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
        double[] values = [.. Enumerable.Range(0, 50).Select(i => i % 3 == 0 ? 1.0 : 0)];
        Assert.Equal(Bootstrap.Means([values], Units.Each(50), 100, 1)[0], Bootstrap.Means([values], Units.Each(50), 200, 1)[0][..100]);
        Assert.NotEqual(Bootstrap.Means([values], Units.Each(50), 100, 1)[0], Bootstrap.Means([values], Units.Each(50), 100, 2)[0]);
    }

    /// <summary>The resampled means as they are told: every drawn unit brings its observations along.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(37)]
    [InlineData(300)]
    public void Bootstrap_means_are_those_of_the_drawn_observations(int count)
    {
        var random = new Random(count);
        int[] of = [.. Enumerable.Range(0, 3 * count).Select(i => i < count ? i : random.Next(count))];
        double[][] lists = [.. Enumerable.Range(0, 4).Select(list => of.Select(_ => list < 2 ? random.Next(3) / 2.0 : random.NextDouble()).ToArray())];
        double[][] means = Bootstrap.Means(lists, Units.By("prompt", of.Select(unit => $"{unit}")), 20, 7);
        for (int list = 0; list < lists.Length; list++)
            for (int resample = 0; resample < 20; resample++)
            {
                double[] drawn = [.. Enumerable.Range(0, count).SelectMany(place => Enumerable.Range(0, of.Length).Where(i => of[i] == Bootstrap.Drawn(7, resample, place, count))).Select(i => lists[list][i])];
                if (list < 2) Assert.Equal(drawn.Sum() / drawn.Length, means[list][resample]); // halves add up without rounding
                else Assert.Equal(drawn.Average(), means[list][resample], 1e-13);
            }
        Assert.Equal(means[3], Bootstrap.Means([lists[3]], Units.By("prompt", of.Select(unit => $"{unit}")), 20, 7)[0]);
    }

    [Fact]
    public void Bootstrap_draws_units_whole()
    {
        double[] values = [1, 1, 1, 0];
        double[] means = Bootstrap.Means([values], Units.By("prompt", ["a", "a", "a", "b"]), 4000, 0)[0];
        Assert.Equal([0, 0.75, 1], means.Distinct().Order());
        Assert.InRange(means.Count(m => m == 0.75) / 4000.0, 0.47, 0.53);
    }

    /// <summary>Groups with a common part and own parts: an interval that took observations for independent would cover about 70 %.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(60)]
    public void Interval_covers_the_truth(int groups)
    {
        const int trials = 800;
        int covered = 0, naive = 0;
        Parallel.For(0, trials, trial =>
        {
            var random = new Random(1000 * groups + trial);
            var values = new List<double>();
            var keys = new List<string?>();
            for (int g = 0; g < groups; g++)
            {
                double chance = 0.4 + 0.5 * random.NextDouble(); // mean 0.65
                int size = 5 + random.Next(11);
                for (int i = 0; i < size; i++)
                {
                    values.Add(random.NextDouble() < chance ? 1 : 0);
                    keys.Add($"{g}");
                }
            }
            double[] all = [.. values];
            Estimate estimate = Estimate.Mean(all, Units.By("prompt", keys), 800);
            if (estimate.Low <= 0.65 && 0.65 <= estimate.High) Interlocked.Increment(ref covered);
            Estimate apart = Jackknife.Mean(all, Units.Each(all.Length));
            if (apart.Low <= 0.65 && 0.65 <= apart.High) Interlocked.Increment(ref naive);
        });
        Assert.InRange(covered / (double)trials, 0.92, 0.98);
        Assert.True(naive < covered);
    }

    [Fact]
    public void McNemar_does_not_overflow()
    {
        Assert.Equal(0, new McNemar(40_000, 0).Exact);
        Assert.Equal(1, new McNemar(30_000, 30_000).Exact);
        Assert.Equal((1, 1), (new McNemar(0, 0).Exact, new McNemar(0, 0).MidP));
        Close(2 * Math.Pow(0.5, 30), new McNemar(0, 30).Exact);
    }

    [ReferenceFact]
    public void McNemar_agrees_with_the_reference()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Reference.Path("evaluation", "significance.json")));
        int cases = 0;
        foreach (JsonElement c in reference.RootElement.GetProperty("mcnemar").EnumerateArray().Append(reference.RootElement.GetProperty("paired").GetProperty("mcnemar")))
        {
            var test = new McNemar(c.GetProperty("b").GetInt32(), c.GetProperty("c").GetInt32());
            Close(c.GetProperty("exact").GetDouble(), test.Exact);
            Close(c.GetProperty("mid_p").GetDouble(), test.MidP);
            cases += 2;
        }
        Reference.Count("mcnemar", cases);
    }

    [ReferenceFact]
    public void Bootstrap_agrees_with_the_enumerated_distributions()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Reference.Path("evaluation", "significance.json")));
        int cases = 0;
        foreach (JsonElement c in reference.RootElement.GetProperty("bootstrap_exact").EnumerateArray())
        {
            double[] values = [.. c.GetProperty("values").EnumerateArray().Select(v => v.GetDouble())];
            double[] means = Bootstrap.Means([values], Units.Each(values.Length), 10_000, 0)[0];
            foreach (JsonElement point in c.GetProperty("distribution").EnumerateArray())
            {
                double share = means.Count(m => Math.Abs(m - point.GetProperty("mean").GetDouble()) < 1e-12) / 10_000.0;
                Assert.InRange(share - point.GetProperty("probability").GetDouble(), -0.015, 0.015);
                cases++;
            }
        }
        JsonElement paired = reference.RootElement.GetProperty("paired");
        double[] first = Vector("first"), second = Vector("second"), difference = [.. first.Zip(second, (a, b) => a - b)];
        Estimate estimate = Estimate.Mean(difference, Units.Each(400));
        Close(paired.GetProperty("difference").GetDouble(), estimate.Value);
        Close(paired.GetProperty("bootstrap").GetProperty("exact_standard_error").GetDouble(), estimate.Error, 0.03);
        Assert.InRange(estimate.Low, -0.0075, -0.0025);
        Assert.InRange(estimate.High, 0.05, 0.055);
        Estimate jackknife = Jackknife.Mean(difference, Units.Each(400));
        Close(paired.GetProperty("standard_error_of_difference").GetDouble(), jackknife.Error);
        Close(paired.GetProperty("paired_t").GetProperty("interval_95")[0].GetDouble(), jackknife.Low);
        Close(paired.GetProperty("paired_t").GetProperty("interval_95")[1].GetDouble(), jackknife.High);
        Reference.Count("bootstrap and jackknife", cases + 7);

        double[] Vector(string name) => [.. paired.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
    }
}
