using System.Text.Json.Serialization;

namespace Warm;

/// <summary>One point of a best-of-n curve.</summary>
/// <param name="N">Number of drafts that are drawn.</param>
/// <param name="Kl">ln n - (n - 1)/n, an upper bound of the divergence from the drafts' own distribution, in nats; reached only where rewards never tie and no draft is likely.</param>
/// <param name="Proxy">Expected proxy reward of the draft that the proxy chooses, over prompts.</param>
/// <param name="Gold">Its expected gold reward; null without gold rewards.</param>
/// <param name="WinRate">How often it beats a draft drawn at random, by gold where there is gold, else by the proxy; equals count half. Near n / (n + 1) where nothing ties and the proxy is the judge.</param>
public sealed record BestOfNPoint(
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("kl")] double Kl,
    [property: JsonPropertyName("proxy")] Estimate Proxy,
    [property: JsonPropertyName("gold")] Estimate? Gold,
    [property: JsonPropertyName("winRate")] Estimate WinRate);

/// <summary>The rewards of one prompt's drafts.</summary>
/// <param name="Proxy">By the model that chooses; finite.</param>
/// <param name="Gold">By the one that judges, as many; null where nobody does.</param>
public sealed record DraftRewards(IReadOnlyList<double> Proxy, IReadOnlyList<double>? Gold = null);

/// <summary>
/// What choosing the best of n by a proxy brings, for every n, from N scored drafts a prompt: the exact mean over all choices of n among the N (Nakano et al. 2021, Gao et al. 2022). With
/// drafts sorted by proxy, k from 0, the value of rank k weighs <c>C(k, n-1) / C(N, n)</c>. Among equal proxies the lowest index wins. A prompt with fewer than n drafts has no part in that point.
/// </summary>
public sealed class BestOfNCurve
{
    private BestOfNCurve(IReadOnlyList<BestOfNPoint> points) => Points = points;

    /// <summary>n = 1, 2, ... in order.</summary>
    [JsonPropertyName("curve")]
    public IReadOnlyList<BestOfNPoint> Points { get; }

    /// <summary>Computes the curve. The errors are over prompts; of one prompt they are NaN.</summary>
    /// <param name="prompts">At least one, each with at least one draft; all with gold rewards or none.</param>
    /// <param name="maxN">Last n; null (default) for the most drafts that a prompt has, at most 1,000.</param>
    /// <param name="resamples">Of the bootstrap over prompts; default 2,000.</param>
    /// <exception cref="WarmException">There are no prompts or drafts, a reward is not finite, gold rewards are there for some prompts only or are not as many, or no prompt has <paramref name="maxN"/> drafts.</exception>
    public static BestOfNCurve Of(IEnumerable<DraftRewards> prompts, int? maxN = null, int resamples = 2_000)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        Ranked[] ranked = [.. prompts.Select(Rank)];
        if (ranked.Length == 0) throw new WarmException("prompts", "there are none", "at least one prompt with its rewards");
        if (ranked.Any(r => r.Gold is null != ranked[0].Gold is null)) throw new WarmException("prompts", "some have gold rewards and some have none", "gold rewards for all or none");
        int most = ranked.Max(r => r.Proxy.Length), last = maxN ?? Math.Min(most, 1000);
        if (last < 1 || last > most) throw new WarmException("max-n", $"is {last}", FormattableString.Invariant($"1 to {most}, the most drafts that a prompt has"));
        var points = new List<BestOfNPoint>();
        for (int n = 1; n <= last; n++)
        {
            Ranked[] enough = [.. ranked.Where(r => r.Proxy.Length >= n)];
            Units units = Units.Each(enough.Length, "prompt");
            points.Add(new(n, Math.Log(n) - (n - 1.0) / n, Over(r => r.Proxy), enough[0].Gold is null ? null : Over(r => r.Gold!), Over(r => r.Wins)));

            Estimate Over(Func<Ranked, double[]> values) => Estimate.Mean([.. enough.Select(r => Expected(values(r), n))], units, resamples);
        }
        return new(points);
    }

    /// <summary><c>best of 1 to 56 over 805 prompts: gold 0.120 at n = 1, 0.512 at n = 56 (highest 0.530 at n = 21)</c></summary>
    public override string ToString()
    {
        string what = Points[0].Gold is null ? "proxy" : "gold";
        BestOfNPoint best = Points.MaxBy(Value)!;
        return FormattableString.Invariant($"best of 1 to {Points[^1].N} over {Points[0].Proxy.N:N0} prompt{(Points[0].Proxy.N == 1 ? "" : "s")}: {what} {Value(Points[0]):F3} at n = 1, {Value(Points[^1]):F3} at n = {Points[^1].N} (highest {Value(best):F3} at n = {best.N})");

        static double Value(BestOfNPoint point) => (point.Gold ?? point.Proxy).Value;
    }

    /// <summary>Values in ascending order of the proxy.</summary>
    private sealed record Ranked(double[] Proxy, double[]? Gold, double[] Wins);

    private static Ranked Rank(DraftRewards drafts, int prompt)
    {
        string where = FormattableString.Invariant($"prompt {prompt}");
        if (drafts.Proxy.Count == 0) throw new WarmException(where, "there are no drafts", "at least one");
        if (drafts.Gold is { } judged && judged.Count != drafts.Proxy.Count) throw new WarmException(where, $"there are {drafts.Proxy.Count} proxy and {judged.Count} gold rewards", "as many of both");
        if (drafts.Proxy.Concat(drafts.Gold ?? []).Any(value => !double.IsFinite(value))) throw new WarmException(where, "a reward is not finite", "finite numbers");
        // Ascending, and among equals the lowest index last: it is the one that wins.
        int[] order = [.. Enumerable.Range(0, drafts.Proxy.Count).OrderBy(i => drafts.Proxy[i] + 0.0).ThenByDescending(i => i)];
        IReadOnlyList<double> judge = drafts.Gold ?? drafts.Proxy;
        double[] sorted = [.. judge.Order()];
        return new([.. order.Select(i => drafts.Proxy[i])], drafts.Gold is null ? null : [.. order.Select(i => drafts.Gold[i])],
            [.. order.Select(i => (Below(sorted, judge[i], orEqual: false) + Below(sorted, judge[i], orEqual: true)) / (2.0 * sorted.Length))]);
    }

    /// <summary>How many of the sorted values are below (or at) a value.</summary>
    private static int Below(double[] sorted, double value, bool orEqual)
    {
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (sorted[middle] < value || (orEqual && sorted[middle] == value)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// <summary>sum_k C(k, n-1) / C(N, n) value_k. The weight of the top rank is n / N, and w_(k-1) = w_k (k - n + 1) / k: no factorial, nothing overflows.</summary>
    private static double Expected(double[] ascending, int n)
    {
        double sum = 0, weight = (double)n / ascending.Length;
        for (int k = ascending.Length - 1; k >= n - 1; k--)
        {
            sum += weight * ascending[k];
            weight *= (double)(k - n + 1) / k;
        }
        return sum;
    }
}
