namespace Warm;

/// <summary>Rewards of one model moved to mean 0 and standard deviation 1, so that models whose rewards have other sizes can be compared or pooled. It depends on the list: a candidate alone has none.</summary>
public static class StandardScores
{
    /// <summary><c>(r - mean) / sd</c>, the squares divided by n; zeros where all rewards are equal.</summary>
    /// <param name="rewards">Finite; none gives none.</param>
    public static double[] Of(IReadOnlyList<double> rewards)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        if (rewards.Count == 0) return [];
        if (!rewards.All(double.IsFinite)) throw new ArgumentException("A reward is not finite.", nameof(rewards));
        double mean = rewards.Sum() / rewards.Count, deviation = Math.Sqrt(rewards.Sum(r => (r - mean) * (r - mean)) / rewards.Count);
        return [.. rewards.Select(r => deviation == 0 ? 0 : (r - mean) / deviation)];
    }
}
