namespace Warm;

/// <summary>How a model's raw rewards lie on some pairs: their mean and standard deviation, and how far the two sides of a pair are apart.</summary>
/// <remarks>Bradley-Terry training leaves a reward free up to a shift, so <see cref="Mean"/> says nothing of quality; <see cref="Scale"/> does not depend on any shift.</remarks>
public sealed record RewardStatistics
{
    /// <summary>Number of pairs.</summary>
    public required int Pairs { get; init; }

    /// <summary>Mean of the rewards, both sides of every pair counted once a pair.</summary>
    public required double Mean { get; init; }

    /// <summary>Their standard deviation, n - 1 below (what OpenRLHF writes as <c>std</c>).</summary>
    public required double Std { get; init; }

    /// <summary>Root mean square of chosen less rejected.</summary>
    public required double Scale { get; init; }

    /// <summary>Scores pairs and takes the figures. A reward that is not finite is refused with its text.</summary>
    public static async Task<RewardStatistics> MeasureAsync(IRewardModel model, IEnumerable<Preference> pairs, ScoringOptions? scoring = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        return await MeasureAsync(model, PairSet.Of(pairs, new() { Resample = "pair", Scoring = scoring }), cancellation).ConfigureAwait(false);
    }

    /// <summary>The same on pairs that other models are measured on as well.</summary>
    internal static async Task<RewardStatistics> MeasureAsync(IRewardModel model, PairSet pairs, CancellationToken cancellation) =>
        Of([.. pairs.Sides(await pairs.ScoreAsync(model, null, null, cancellation).ConfigureAwait(false))]);

    /// <summary>The figures of rewards that are there already.</summary>
    /// <param name="rewards">Chosen and rejected of each pair, at least one.</param>
    public static RewardStatistics Of(IReadOnlyList<(double Chosen, double Rejected)> rewards)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        if (rewards.Count == 0) throw new WarmException("pairs", "there are none", "at least one pair to measure rewards on");
        int n = 2 * rewards.Count;
        double mean = rewards.Sum(r => r.Chosen + r.Rejected) / n;
        return new()
        {
            Pairs = rewards.Count,
            Mean = mean,
            Std = Math.Sqrt(rewards.Sum(r => (r.Chosen - mean) * (r.Chosen - mean) + (r.Rejected - mean) * (r.Rejected - mean)) / (n - 1)),
            Scale = Math.Sqrt(rewards.Sum(r => (r.Chosen - r.Rejected) * (r.Chosen - r.Rejected)) / rewards.Count),
        };
    }

    /// <summary><c>mean -3.2, std 1.71, scale 2.4 (n = 1,200 pairs)</c></summary>
    public override string ToString() => FormattableString.Invariant($"mean {Mean:G4}, std {Std:G4}, scale {Scale:G4} (n = {Pairs:N0} pairs)");
}
