using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Rewards;

public class BestOfNCurveTests
{
    /// <summary>The clear twin: every choice of n among N.</summary>
    private static double ByEnumeration(double[] proxy, double[] gold, int n)
    {
        double sum = 0;
        int choices = 0;
        for (int set = 0; set < 1 << proxy.Length; set++)
        {
            if (int.PopCount(set) != n) continue;
            int best = -1;
            for (int i = 0; i < proxy.Length; i++) if ((set >> i & 1) == 1 && (best < 0 || proxy[i] > proxy[best])) best = i;
            sum += gold[best];
            choices++;
        }
        return sum / choices;
    }

    [Fact]
    public void Of_is_the_mean_over_all_choices()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 20; trial++)
        {
            double[] proxy = [.. Enumerable.Range(0, 9).Select(_ => (double)random.Next(4))], gold = [.. proxy.Select(_ => random.NextDouble())];
            BestOfNCurve curve = BestOfNCurve.Of([new(proxy, gold)]);
            Assert.Equal(9, curve.Points.Count);
            foreach (BestOfNPoint point in curve.Points)
            {
                Assert.Equal(ByEnumeration(proxy, gold, point.N), point.Gold!.Value, 12);
                Assert.Equal(ByEnumeration(proxy, proxy, point.N), point.Proxy.Value, 12);
                Assert.True(double.IsNaN(point.Gold.Error));
            }
        }
    }

    [Fact]
    public void Of_win_rate_is_that_of_the_expected_rank()
    {
        BestOfNCurve curve = BestOfNCurve.Of([new([.. Enumerable.Range(0, 100).Select(i => (double)i)])]);
        Assert.Equal(0.5, curve.Points[0].WinRate.Value, 12);
        // The highest of n among N has rank n (N + 1) / (n + 1) on average.
        Assert.All(curve.Points, point => Assert.Equal((point.N * 101 / (point.N + 1.0) - 0.5) / 100, point.WinRate.Value, 12));
        Assert.Equal("best of 1 to 100 over 1 prompt: proxy 49.500 at n = 1, 99.000 at n = 100 (highest 99.000 at n = 100)", curve.ToString());
    }

    [Fact]
    public void Of_leaves_out_prompts_with_fewer_drafts()
    {
        BestOfNCurve curve = BestOfNCurve.Of([new([1, 2, 3]), new([5])]);
        Assert.Equal([2, 1, 1], curve.Points.Select(p => p.Proxy.N));
        Assert.Equal(3.5, curve.Points[0].Proxy.Value);
    }

    [Fact]
    public void Of_refuses()
    {
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([]));
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([])]));
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([1], [1, 2])]));
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([1], [double.NaN])]));
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([1], [1]), new([1])]));
        Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([1, 2])], maxN: 3));
    }

    [Fact]
    public void Of_counts_ties_and_leaves_out_what_is_not_finite()
    {
        BestOfNCurve curve = BestOfNCurve.Of([new([1, 1, 0], [5, 7, 3]), new([2, double.NaN, double.PositiveInfinity, 1], [1, 100, 100, 2])]);
        Assert.Equal((1, 2), (curve.Ties, curve.NotFinite));
        Assert.Equal(3, curve.Points.Count); // of the second prompt two drafts can win
        Assert.Equal([2, 2, 1], curve.Points.Select(p => p.Gold!.N));
        Assert.Equal(((5 + 5 + 7) / 3.0 + 1) / 2, curve.Points[1].Gold!.Value, 12); // of the tied two the first wins, and infinity never
        Assert.Equal(5, curve.Points[2].Gold!.Value, 12);
        Assert.Contains(curve.Remarks, remark => remark.Contains("1 of 2 prompts the proxy ties"));
        Assert.Contains(curve.Remarks, remark => remark.Contains("2 drafts have a proxy reward that is not finite"));
        Assert.Contains("none of its 2 proxy rewards is finite", Assert.Throws<WarmException>(() => BestOfNCurve.Of([new([double.NaN, double.NegativeInfinity])])).Message);
        BestOfNCurve one = BestOfNCurve.Of([new([3, 3], [1, 2])], maxN: 1);
        Assert.Equal(3, one.Remarks.Count(remark => remark.Contains("one prompt only") || remark.Contains("n is 1 only") || remark.Contains("does not choose")));
        Assert.Null(one.Fit);
    }

    [Fact]
    public void Of_fits_the_law_of_over_optimisation_to_gold()
    {
        // Gold that is the proxy up to a place and falls after it.
        var random = new Random(4);
        BestOfNCurve curve = BestOfNCurve.Of(Enumerable.Range(0, 60).Select(_ =>
        {
            double[] proxy = [.. Enumerable.Range(0, 40).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
            return new DraftRewards(proxy, [.. proxy.Select(p => p - 0.5 * p * p)]);
        }));
        Assert.InRange(curve.Fit!.Alpha, 0.1, 2);
        Assert.True(curve.Fit.Beta > 0);
        Assert.InRange(curve.Fit.PeakD!.Value, 0.2, curve.Fit.FarthestD);
        Assert.Contains("highest", curve.Fit.ToString());
        // The twin: gains over one draft against the root of the bound.
        OverOptimisation fit = OverOptimisation.Fit([.. curve.Points.Select(p => p.Kl)], [.. curve.Points.Select(p => p.Gold!.Value - curve.Points[0].Gold!.Value)])!;
        Assert.Equal(fit.Alpha, curve.Fit.Alpha, 9);
        Assert.Equal(fit.Beta, curve.Fit.Beta, 9);
        string chart = curve.Chart("drafts.jsonl").ToSvg();
        Assert.Contains("n = 60 prompts of drafts.jsonl", chart);
        Assert.Equal(4, chart.Split("<polyline").Length - 1); // two in the legend, two lines
    }

    [Fact]
    public async Task MeasureAsync_scores_each_draft_once()
    {
        var model = new LambdaModel(text => text.Length);
        PromptDrafts[] prompts = [new([Candidate.OfResponse("p", "a"), Candidate.OfResponse("p", "bbb"), Candidate.OfResponse("p", "a")]), new([Candidate.OfResponse("q", "a"), Candidate.OfResponse("q", "cc")])];
        IReadOnlyList<PromptDrafts> judged = await PromptDrafts.JudgeAsync(new LambdaModel(text => -text.Length), prompts);
        Assert.Equal([-1.0, -3, -1], judged[0].Gold!);
        BestOfNCurve curve = await BestOfNCurve.MeasureAsync(model, judged, maxN: 2);
        Assert.Equal(4, model.Asked.Count);
        Assert.Equal((5 / 3.0 + 1.5) / 2, curve.Points[0].Proxy.Value, 12);
        Assert.Equal(-curve.Points[1].Proxy.Value, curve.Points[1].Gold!.Value, 12);
    }

    [ReferenceFact]
    public void Of_agrees_with_the_reference()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Reference.Path("evaluation", "best_of_n.json")));
        int cases = 0;
        foreach (JsonElement c in reference.RootElement.GetProperty("curves").EnumerateArray())
        {
            BestOfNCurve curve = BestOfNCurve.Of([new([.. c.GetProperty("proxy").EnumerateArray().Select(v => v.GetDouble())], [.. c.GetProperty("gold_thousandths").EnumerateArray().Select(v => v.GetInt32() / 1000.0)])]);
            foreach (JsonElement point in c.GetProperty("points").EnumerateArray())
            {
                BestOfNPoint mine = curve.Points[point.GetProperty("n").GetInt32() - 1];
                Assert.Equal(point.GetProperty("first").GetProperty("value").GetDouble(), mine.Gold!.Value, 11);
                Assert.Equal(point.GetProperty("kl_bound").GetDouble(), mine.Kl, 11);
                cases += 2;
            }
        }
        Reference.Count("best-of-n points", cases);
    }
}
