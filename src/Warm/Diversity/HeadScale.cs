using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The scale of each member's rewards on the same pairs, and the weights that make it equal. A Bradley-Terry model's rewards are only compared within a prompt, so members may differ in scale; in an
/// average the one with the larger scale counts more, as if it had a larger weight.
/// </summary>
/// <remarks>The scale is the root mean square of chosen less rejected, which no shift changes. Weights are <c>share_i / scale_i</c>, divided by their sum, to six decimals: what lies beyond is the kernel's. Memory: one loaded model at a time.</remarks>
public sealed class HeadScale
{
    private HeadScale(string pairs, IReadOnlyList<string> names, IReadOnlyList<RewardStatistics> members) => (Pairs, Names, Members) = (pairs, names, members);

    /// <summary>The file of the pairs, or what the program called them.</summary>
    public string Pairs { get; }

    /// <summary>The members' names, in their order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Each member's figures.</summary>
    public IReadOnlyList<RewardStatistics> Members { get; }

    /// <summary>Loads each member, scores the pairs and lets it go.</summary>
    /// <param name="members">At least one.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">What the rewards are measured on. Report accuracies on other pairs: the weights were fitted to these.</param>
    /// <param name="scoring">Null for the defaults.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<HeadScale> MeasureAsync(IReadOnlyList<Weights> members, Func<Weights, IRewardModel> load, SelectionPairs pairs, ScoringOptions? scoring = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(pairs);
        PairSet set = pairs.Set(scoring);
        var figures = new RewardStatistics[members.Count];
        for (int i = 0; i < figures.Length; i++)
        {
            IRewardModel model = load(members[i]);
            using (model as IDisposable) figures[i] = await RewardStatistics.MeasureAsync(model, set, cancellation).ConfigureAwait(false);
        }
        return new(pairs.Name, [.. members.Select(m => m.Name)], figures);
    }

    /// <summary>One weight a member with the sum 1 (but for rounding), under which the members' rewards spread in the proportion of <paramref name="shares"/>; null for alike.</summary>
    /// <exception cref="WarmException">A member gives both sides of every pair the same reward: no weight makes up for that.</exception>
    public IReadOnlyList<double> Weights(IReadOnlyList<double>? shares = null)
    {
        if (shares is not null && shares.Count != Members.Count) throw new WarmException("weights", $"there are {shares.Count}", $"one for each of the {Members.Count} members");
        for (int i = 0; i < Members.Count; i++)
            if (!(Members[i].Scale > 0)) throw new WarmException(Names[i], "gives both sides of every pair the same reward", $"rewards that tell the pairs of {Pairs} apart", "Leave the member out.");
        double[] weights = [.. Members.Select((m, i) => (shares?[i] ?? 1) / m.Scale)];
        double sum = weights.Sum();
        if (sum == 0 || !double.IsFinite(sum)) throw new WarmException("weights", $"their sum is {sum}", "a sum other than 0 to divide by");
        return [.. weights.Select(w => Math.Round(w / sum, 6))];
    }

    /// <summary>Pairs, and each member's figures and weight.</summary>
    public JsonObject ToJson()
    {
        double[]? weights = Members.All(m => m.Scale > 0) ? [.. Weights()] : null;
        return new()
        {
            ["pairs"] = Pairs,
            ["n"] = Members.Count > 0 ? Members[0].Pairs : 0,
            ["members"] = new JsonArray([.. Members.Select((m, i) => new JsonObject { ["path"] = Names[i], ["scale"] = Rounded(m.Scale), ["mean"] = Rounded(m.Mean), ["std"] = Rounded(m.Std), ["weight"] = weights?[i] })]),
        };
    }

    private static double Rounded(double value) => double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary><c>scales 2.4, 2.2, 0.9 on dev.jsonl</c></summary>
    public override string ToString() => FormattableString.Invariant($"scales {string.Join(", ", Members.Select(m => FormattableString.Invariant($"{m.Scale:G4}")))} on {Pairs}");
}
