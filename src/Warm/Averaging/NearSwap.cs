using System.Text.Json.Nodes;

namespace Warm;

/// <summary>Nearswap: where the second member's value is within t of the first's it takes its place, and the farther away it is the less it counts: <c>w y + (1 - w) x</c>, <c>w = t/|x - y|</c>, at most 1.</summary>
/// <remarks>From mergekit (arXiv:2403.13257); differences below 1e-6 count as 1e-6. Memory: a few blocks a thread.</remarks>
/// <param name="T">The distance, at least 0.</param>
public sealed record NearSwap(double T) : AverageMethod
{
    /// <inheritdoc/>
    public override string Name => "nearswap";

    /// <inheritdoc/>
    public override string Formula => "w y + (1 - w) x, w = min(1, t/|x - y|)";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2403.13257";

    internal override void Check(int members)
    {
        DemandMembers(members == 2, members, "exactly two, the first of them the base");
        Demand(double.IsFinite(T) && T >= 0, "t", T, "a distance: 0 or more");
    }

    internal override JsonObject Dials() => new() { ["t"] = T };

    internal override RunAverage Prepare<R>(TensorValues tensor) => (_, members, _, result) =>
    {
        for (int i = 0; i < result.Length; i++)
        {
            double x = members[0][i], y = members[1][i], w = R.Of(Math.Clamp(T / Math.Max(Math.Abs(x - y), 1e-6), 0, 1));
            result[i] = R.Of(R.Of(w * y) + R.Of(R.Of(1 - w) * x));
        }
    };
}
