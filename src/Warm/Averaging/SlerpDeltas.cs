using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Spherical interpolation of two members' differences from a base: <c>base + slerp(x - base, y - base)</c>, which keeps how far fine-tuning went where a straight line would cut across. The
/// straight line only where the differences are parallel or opposite to the last bit.
/// </summary>
/// <remarks>Ramé et al., WARP, arXiv:2406.16768. One pass before the first value. Memory: a few blocks a thread.</remarks>
public sealed record SlerpDeltas : AverageMethod
{
    /// <summary>The arc from the first member to the second around a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    /// <param name="t">0 is the first member, 1 the second; any finite number.</param>
    public SlerpDeltas(Weights @base, double t) => (Base, T) = (@base, t);

    /// <summary>The model that the members were fine-tuned from.</summary>
    public Weights Base { get; }

    /// <summary>The place on the arc.</summary>
    public double T { get; }

    /// <summary>One angle a tensor (default) or one for the model.</summary>
    public MethodScope Scope { get; init; } = MethodScope.Tensor;

    /// <inheritdoc/>
    public override string Name => "slerp-deltas";

    /// <inheritdoc/>
    public override string Formula => "base + (sin((1 - t) a) p + sin(t a) q) / sin a, p and q the differences from the base, a their angle";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2406.16768";

    internal override Weights Origin => Base;

    internal override IEnumerable<string> Remarks => Outside(T);

    internal override void Check(int members)
    {
        DemandMembers(members == 2, members, "exactly two");
        Demand(double.IsFinite(T), "t", T, "a finite number");
        if (Scope == MethodScope.Vector) throw new WarmException("--scope", "is vector", "tensor or model", "One angle a vector is nuslerp.");
    }

    internal override double[] Shares(int members) => [1 - T, T];

    internal override JsonObject Dials() => new() { ["t"] = T, ["scope"] = Scope.ToString().ToLowerInvariant() };

    internal override RunAverage Prepare(TensorValues tensor)
    {
        double[,] products = Scope == MethodScope.Model ? tensor.Model.Once(this, () => InnerProducts.Of(tensor.Model, deltas: true)) : InnerProducts.Of(tensor, deltas: true);
        Arc arc = Arc.UnlessParallel(products, T);
        return (_, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = origin[i] + arc.Between(members[0][i] - origin[i], members[1][i] - origin[i]);
        };
    }
}
