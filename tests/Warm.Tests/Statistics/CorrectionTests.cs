using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Statistics;

public class CorrectionTests
{
    [ReferenceFact]
    public void Holm_and_exact_intervals_are_the_reference_ones()
    {
        JsonElement reference = JsonText.Read(Reference.Path("evaluation", "significance.json"));
        int cases = 0;
        foreach (JsonElement one in reference.GetProperty("corrections").EnumerateArray())
        {
            double[] expected = [.. one.GetProperty("holm").EnumerateArray().Select(p => p.GetDouble())];
            IReadOnlyList<double> adjusted = Holm.Adjust([.. one.GetProperty("p").EnumerateArray().Select(p => p.GetDouble())]);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], adjusted[i], 12);
            cases++;
        }
        foreach (JsonElement one in reference.GetProperty("intervals").EnumerateArray())
        {
            BinomialInterval interval = BinomialInterval.Exact(one.GetProperty("k").GetInt32(), one.GetProperty("n").GetInt32(), one.GetProperty("level").GetDouble());
            JsonElement expected = one.GetProperty("clopper_pearson");
            Close(expected[0].GetDouble(), interval.Low);
            Close(expected[1].GetDouble(), interval.High);
            cases++;
        }
        Reference.Count("Holm and exact binomial intervals", cases);

        static void Close(double expected, double actual) => Assert.InRange(Math.Abs(actual - expected), 0, 1e-10 * Math.Abs(expected));
    }

    [Fact]
    public void Holm_by_hand()
    {
        Assert.Equal([0.03, 0.06, 0.06, 0.02], Holm.Adjust([0.01, 0.04, 0.03, 0.005]).Select(p => Math.Round(p, 12)));
        Assert.Empty(Holm.Adjust([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Holm.Adjust([double.NaN]));
    }

    [Fact]
    public void Exact_interval_by_hand()
    {
        // Nothing of n: the upper end solves (1 - p)^n = 0.025.
        BinomialInterval none = BinomialInterval.Exact(0, 10), all = BinomialInterval.Exact(10, 10);
        Assert.Equal(0, none.Low);
        Assert.Equal(1 - Math.Pow(0.025, 0.1), none.High, 12);
        Assert.Equal((1 - none.High, 1.0), (Math.Round(all.Low, 14), all.High), new Near(1e-12));
        Assert.Throws<ArgumentOutOfRangeException>(() => BinomialInterval.Exact(2, 1));
    }

    private sealed class Near(double tolerance) : IEqualityComparer<(double, double)>
    {
        public bool Equals((double, double) x, (double, double) y) => Math.Abs(x.Item1 - y.Item1) <= tolerance && Math.Abs(x.Item2 - y.Item2) <= tolerance;
        public int GetHashCode((double, double) of) => 0;
    }
}
