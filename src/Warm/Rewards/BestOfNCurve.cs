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
/// <param name="Proxy">By the model that chooses; a draft whose proxy reward is not finite never wins and is left out.</param>
/// <param name="Gold">By the one that judges, as many; null where nobody does.</param>
public sealed record DraftRewards(IReadOnlyList<double> Proxy, IReadOnlyList<double>? Gold = null);

/// <summary>
/// What choosing the best of n by a proxy brings, for every n, from N scored drafts a prompt: the exact mean over all choices of n among the N (Nakano et al. 2021, Gao et al. 2022). With
/// drafts sorted by proxy, k from 0, the value of rank k weighs <c>C(k, n-1) / C(N, n)</c>. Among equal proxies the lowest index wins. A prompt with fewer than n drafts has no part in that point.
/// </summary>
public sealed class BestOfNCurve
{
    private readonly Ranked[] _ranked;

    private BestOfNCurve(IReadOnlyList<BestOfNPoint> points, Ranked[] ranked)
    {
        (Points, _ranked) = (points, ranked);
        if (points[0].Gold is not null)
            Fit = OverOptimisation.Fit([.. points.Select(point => point.Kl)], [.. points.Select(point => Gain(point.N, r => r.Gold!).Average())]);
    }

    /// <summary>n = 1, 2, ... in order.</summary>
    [JsonPropertyName("curve")]
    public IReadOnlyList<BestOfNPoint> Points { get; }

    /// <summary>Number of prompts in which the proxy gives two drafts or more the same reward: there the lowest index wins, and the curve depends on the order of the drafts.</summary>
    [JsonPropertyName("ties")]
    public int Ties { get; private init; }

    /// <summary>Number of drafts that were left out because their proxy reward is not finite.</summary>
    [JsonPropertyName("notFinite")]
    public int NotFinite { get; private init; }

    /// <summary>
    /// The law of over-optimisation fitted to gold, measured from one draft at random, by the root of the KL upper bound; null without gold or with too few points. As the bound is no divergence,
    /// compare alpha and beta only with others of the same bound.
    /// </summary>
    [JsonPropertyName("fit")]
    public OverOptimisation? Fit { get; }

    /// <summary>What a reader of the curve should know. Empty where nothing is odd.</summary>
    [JsonPropertyName("remarks")]
    public IReadOnlyList<string> Remarks =>
    [
        .. Ties == 0 ? [] : new[] { FormattableString.Invariant($"in {Ties:N0} of {_ranked.Length:N0} prompts the proxy ties; the lowest index wins, so the curve depends on the drafts' order") },
        .. NotFinite == 0 ? [] : new[] { FormattableString.Invariant($"{NotFinite:N0} drafts have a proxy reward that is not finite: they never win and are left out") },
        .. _ranked.Length > 1 ? [] : new[] { "there is one prompt only: no interval can be given, and nothing can be told about other prompts" },
        .. Points.Count > 1 ? [] : new[] { "n is 1 only: nothing is chosen" },
        .. _ranked.All(r => r.Proxy[0] == r.Proxy[^1]) && _ranked.Any(r => r.Proxy.Length > 1) ? new[] { "in every prompt all drafts have the same proxy reward: the proxy does not choose" } : [],
    ];

    /// <summary>Computes the curve. The errors are over prompts; of one prompt they are NaN.</summary>
    /// <param name="prompts">At least one, each with at least one draft; all with gold rewards or none.</param>
    /// <param name="maxN">Last n; null (default) for the most drafts that a prompt has, at most 1,000.</param>
    /// <param name="resamples">Of the bootstrap over prompts; default 2,000.</param>
    /// <exception cref="WarmException">There are no prompts or drafts, a gold reward is not finite, a prompt has no finite proxy reward, gold rewards are there for some prompts only or are not as many, or no prompt has <paramref name="maxN"/> drafts.</exception>
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
        return new(points, ranked) { Ties = ranked.Count(r => r.Proxy.Distinct().Count() < r.Proxy.Length), NotFinite = ranked.Sum(r => r.Left) };
    }

    /// <summary>Scores drafts and computes the curve: each distinct draft of a prompt once.</summary>
    /// <param name="proxy">The model that chooses.</param>
    /// <param name="prompts">At least one.</param>
    /// <param name="maxN">Last n; null (default) for the most drafts that a prompt has, at most 1,000.</param>
    /// <param name="scoring">How drafts are read; null for the model's own way.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<BestOfNCurve> MeasureAsync(IRewardModel proxy, IReadOnlyList<PromptDrafts> prompts, int? maxN = null, ScoringOptions? scoring = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<IReadOnlyList<double>> rewards = await PromptDrafts.ScoreAsync(proxy, prompts, scoring, cancellation).ConfigureAwait(false);
        return Of(prompts.Select((prompt, i) => new DraftRewards(rewards[i], prompt.Gold)), maxN);
    }

    /// <summary>
    /// Proxy and gold by n, each above one draft at random and in standard deviations of all drafts' rewards, so that the two can be compared; with bands of the paired gain, at up to forty values of n.
    /// </summary>
    /// <param name="data">What the drafts are called.</param>
    /// <param name="name">What the proxy is called; null (default) for <c>proxy</c>.</param>
    public LineChart Chart(string data, string? name = null) => new()
    {
        Title = $"Best of n{(name is null ? "" : $" by {name}")}",
        Note = FormattableString.Invariant($"n = {_ranked.Length:N0} prompts of {data}; {(_ranked.Length > 1 ? "bands: 95 % over prompts" : "no interval from one prompt")}; unbiased over all choices; {(Fit is null ? "" : $"fit of gold: {Fit}; ")}KL is at most {Points[^1].Kl:F2} nats at n = {Points[^1].N}"),
        X = "n, drafts to choose from",
        Y = "gain over a random draft, standard deviations",
        LogX = true,
        Series = [.. Points[0].Gold is null ? [Line("proxy", r => r.Proxy)] : new[] { Line("proxy (chooses)", r => r.Proxy), Line("gold (judges)", r => r.Gold!) }],
        Marks = [new("a random draft", 0)],
    };

    private ChartSeries Line(string name, Func<Ranked, double[]> values)
    {
        double[] all = [.. _ranked.SelectMany(values)];
        double mean = all.Average(), deviation = Math.Sqrt(all.Average(v => (v - mean) * (v - mean)));
        if (deviation == 0) deviation = 1;
        int[] shown = [.. Points.Select(p => p.N).Where(n => Points.Count <= 40 || n <= 10 || n == Points.Count || (int)(10 * Math.Log2(n) / 2) != (int)(10 * Math.Log2(n - 1) / 2))];
        return new(name, [.. shown.Select(n =>
        {
            double[] gain = Gain(n, values);
            Estimate estimate = Estimate.Mean(gain, Units.Each(gain.Length, "prompt"), 1000);
            return new ChartPoint(n, estimate.Value / deviation, estimate.Low / deviation, estimate.High / deviation);
        })]);
    }

    /// <summary>What choosing among n brings over one draft at random, for every prompt that has n.</summary>
    private double[] Gain(int n, Func<Ranked, double[]> values) => [.. _ranked.Where(r => r.Proxy.Length >= n).Select(r => Expected(values(r), n) - Expected(values(r), 1))];

    /// <summary><c>best of 1 to 56 over 805 prompts: gold 0.120 at n = 1, 0.512 at n = 56 (highest 0.530 at n = 21)</c></summary>
    public override string ToString()
    {
        string what = Points[0].Gold is null ? "proxy" : "gold";
        BestOfNPoint best = Points.MaxBy(Value)!;
        return FormattableString.Invariant($"best of 1 to {Points[^1].N} over {Points[0].Proxy.N:N0} prompt{(Points[0].Proxy.N == 1 ? "" : "s")}: {what} {Value(Points[0]):F3} at n = 1, {Value(Points[^1]):F3} at n = {Points[^1].N} (highest {Value(best):F3} at n = {best.N})");

        static double Value(BestOfNPoint point) => (point.Gold ?? point.Proxy).Value;
    }

    /// <summary>Values in ascending order of the proxy.</summary>
    private sealed record Ranked(double[] Proxy, double[]? Gold, double[] Wins, int Left);

    private static Ranked Rank(DraftRewards drafts, int prompt)
    {
        string where = FormattableString.Invariant($"prompt {prompt}");
        if (drafts.Proxy.Count == 0) throw new WarmException(where, "there are no drafts", "at least one");
        if (drafts.Gold is { } judged && judged.Count != drafts.Proxy.Count) throw new WarmException(where, $"there are {drafts.Proxy.Count} proxy and {judged.Count} gold rewards", "as many of both");
        if (drafts.Gold?.Any(value => !double.IsFinite(value)) == true) throw new WarmException(where, "a gold reward is not finite", "finite numbers");
        // Ascending, and among equals the lowest index last: it is the one that wins.
        int[] order = [.. Enumerable.Range(0, drafts.Proxy.Count).Where(i => double.IsFinite(drafts.Proxy[i])).OrderBy(i => drafts.Proxy[i] + 0.0).ThenByDescending(i => i)];
        if (order.Length == 0) throw new WarmException(where, FormattableString.Invariant($"none of its {drafts.Proxy.Count} proxy rewards is finite"), "at least one finite reward");
        IReadOnlyList<double> judge = drafts.Gold ?? drafts.Proxy;
        double[] sorted = [.. order.Select(i => judge[i]).Order()];
        return new([.. order.Select(i => drafts.Proxy[i])], drafts.Gold is null ? null : [.. order.Select(i => drafts.Gold[i])],
            [.. order.Select(i => (Below(sorted, judge[i], orEqual: false) + Below(sorted, judge[i], orEqual: true)) / (2.0 * sorted.Length))], drafts.Proxy.Count - order.Length);
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
