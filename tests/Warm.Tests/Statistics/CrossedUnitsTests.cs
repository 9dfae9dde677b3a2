namespace Warm.Tests.Statistics;

public class CrossedUnitsTests
{
    [Fact]
    public void Bootstrap_weighs_a_pair_by_how_often_its_two_texts_were_drawn()
    {
        // Three texts, three pairs: every draw of three texts, enumerated.
        (int A, int B)[] pairs = [(10, 20), (20, 30), (30, 10)];
        double[] values = [1, 0, 0.5];
        Units units = Units.Crossed("text", [.. pairs.Select(p => p.A)], [.. pairs.Select(p => p.B)]);
        Assert.Equal((3, "3 texts"), (units.Count, units.ToString()));
        var means = new List<double>();
        for (int draw = 0; draw < 27; draw++)
        {
            int[] drawn = new int[3];
            for (int place = 0, rest = draw; place < 3; place++, rest /= 3) drawn[rest % 3]++;
            double[] weights = [drawn[0] * drawn[1], drawn[1] * drawn[2], drawn[2] * drawn[0]];
            if (weights.Sum() > 0) means.Add(weights.Zip(values, (w, v) => w * v).Sum() / weights.Sum());
        }
        double centre = means.Average(), error = Math.Sqrt(means.Average(m => (m - centre) * (m - centre)));
        Estimate estimate = Bootstrap.Mean(values, units, 40_000);
        Assert.Equal(0.5, estimate.Value);
        Assert.Equal(error, estimate.Error, 0.03 * error);
        Assert.Equal(3, estimate.Units);
    }

    [Fact]
    public void Interval_is_as_wide_as_shared_texts_ask_for()
    {
        // Nothing but the texts differs: with every text in 20 pairs, the pairs alone would say far too little.
        var random = new Random(2);
        double[] quality = [.. Enumerable.Range(0, 60).Select(_ => random.NextDouble() - 0.5)];
        (int, int)[] pairs = [.. Enumerable.Range(0, 60).SelectMany(a => Enumerable.Range(1, 10).Select(d => (a, (a + 3 * d) % 60)))];
        double[] values = [.. pairs.Select(p => quality[p.Item1] + quality[p.Item2])];
        double byPair = Bootstrap.Mean(values, Units.Each(values.Length), 4000).Error, byText = Bootstrap.Mean(values, Units.Crossed("text", [.. pairs.Select(p => p.Item1)], [.. pairs.Select(p => p.Item2)]), 4000).Error;
        double truth = 2 * Math.Sqrt(1.0 / 12 / 60);
        Assert.True(byPair < 0.4 * truth, $"{byPair} of {truth}");
        Assert.InRange(byText, 0.8 * truth, 1.5 * truth);
        double jackknife = Jackknife.Mean(values, Units.Crossed("text", [.. pairs.Select(p => p.Item1)], [.. pairs.Select(p => p.Item2)])).Error;
        Assert.InRange(jackknife, 0.8 * truth, 1.5 * truth);
    }

    [Theory]
    [InlineData(40), InlineData(9)]
    public void Estimates_of_several_lists_have_the_bits_of_each_alone(int prompts)
    {
        var random = new Random(6);
        double[][] lists = [.. Enumerable.Range(0, 5).Select(_ => Enumerable.Range(0, 150).Select(_ => random.NextDouble()).ToArray())];
        foreach (Units units in new[] { Units.By("prompt", Enumerable.Range(0, 150).Select(i => $"{i % prompts}")), Units.Crossed("text", [.. Enumerable.Range(0, 150).Select(i => i % prompts)], [.. Enumerable.Range(0, 150).Select(i => (i + 1) % prompts)]) })
            Assert.Equal(lists.Select(list => Estimate.Mean(list, units, 300, 7)), Estimate.Means(lists, units, 300, 7));
    }

    [Fact]
    public void One_text_in_every_pair_has_no_error() =>
        Assert.True(double.IsNaN(Estimate.Mean([1, 0, 1], Units.Crossed("text", [0, 0, 0], [1, 2, 3])).Error));
}
