using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// NuSLERP: spherical interpolation of two members with an angle for each vector along the last axis, or for each tensor; with a base, of their differences from it
/// (<c>base + slerp(x - base, y - base)</c>). The straight line only where vectors are parallel or opposite to the last bit.
/// </summary>
/// <remarks>As mergekit does it (arXiv:2403.13257). One pass before the first value. Memory: a few blocks a thread, and three numbers for each vector.</remarks>
/// <param name="T">0 is the first member, 1 the second; any finite number.</param>
public sealed record NuSlerp(double T) : AverageMethod
{
    /// <summary>One angle a vector of the last axis (default), or one a tensor.</summary>
    public MethodScope Scope { get; init; } = MethodScope.Vector;

    /// <summary>The model that the members were fine-tuned from; null (default) to turn the weights themselves.</summary>
    public Weights? Base { get; init; }

    /// <inheritdoc/>
    public override string Name => "nuslerp";

    /// <inheritdoc/>
    public override string Formula => Base is null ? "(sin((1 - t) a) x + sin(t a) y) / sin a, a the angle of each vector" : "base + the same of x - base and y - base";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2403.13257";

    internal override Weights? Origin => Base;

    internal override IEnumerable<string> Remarks => Outside(T);

    internal override void Check(int members)
    {
        DemandMembers(members == 2, members, "exactly two");
        Demand(double.IsFinite(T), "t", T, "a finite number");
        if (Scope == MethodScope.Model) throw new WarmException("--scope", "is model", "vector or tensor", "One angle for the model is slerp or slerp-deltas.");
    }

    internal override double[] Shares(int members) => [1 - T, T];

    internal override JsonObject Dials() => new() { ["t"] = T, ["scope"] = Scope.ToString().ToLowerInvariant() };

    internal override RunAverage Prepare(TensorValues tensor)
    {
        long length = Scope == MethodScope.Tensor ? Math.Max(1, tensor.Count) : tensor.RowLength;
        var arcs = new Arc[tensor.Count / length];
        InnerProducts.Rows(tensor, length, Base is not null, (row, products) => arcs[row] = Arc.UnlessParallel(products, T));
        return (start, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = origin[i] + arcs[(start + i) / length].Between(members[0][i] - origin[i], members[1][i] - origin[i]);
        };
    }
}
