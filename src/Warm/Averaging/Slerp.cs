using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Spherical interpolation of two members: <c>(sin((1 - t) a) x + sin(t a) y) / sin a</c>, a the angle between them. The coefficients multiply the vectors as they are, lengths and all
/// (mergekit's rule); nearly parallel or opposite vectors, <c>|cos| &gt; 0.9995</c>, take the straight line, and a length up to 1e-8 counts as 1.
/// </summary>
/// <remarks>Shoemake 1985; as mergekit does it (arXiv:2403.13257). One pass over the members before the first value. Memory: a few blocks a thread.</remarks>
/// <param name="T">0 is the first member, 1 the second; any finite number.</param>
public sealed record Slerp(double T) : AverageMethod
{
    /// <summary>One angle a tensor (default) or one for the model.</summary>
    public MethodScope Scope { get; init; } = MethodScope.Tensor;

    /// <inheritdoc/>
    public override string Name => "slerp";

    /// <inheritdoc/>
    public override string Formula => "(sin((1 - t) a) x + sin(t a) y) / sin a, a the angle between x and y";

    /// <inheritdoc/>
    public override string Paper => "doi:10.1145/325334.325242";

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
        double[,] products = Scope == MethodScope.Model ? tensor.Model.Once(this, () => InnerProducts.Of(tensor.Model, deltas: false)) : InnerProducts.Of(tensor, deltas: false);
        double cosine = Arc.Cosine(products, length => length > 1e-8 ? length : 1);
        Arc arc = Math.Abs(cosine) > 0.9995 ? Arc.Straight(T) : Arc.Round(cosine, T);
        return (_, members, _, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = arc.Between(members[0][i], members[1][i]);
        };
    }
}
