namespace Warm;

/// <summary>
/// NuSLERP: spherical interpolation of two members with an angle for each vector along the last axis (default), or for each tensor; with a base, of their differences from it
/// (<c>base + slerp(x - base, y - base)</c>). The straight line only where vectors are parallel or opposite to the last bit.
/// </summary>
/// <remarks>As mergekit does it (arXiv:2403.13257). One pass before the first value. Memory: a few blocks a thread, and three numbers for each vector.</remarks>
public sealed record NuSlerp : SphericalMethod
{
    /// <summary>A place on the arcs between two members.</summary>
    /// <param name="t">0 is the first member, 1 the second; any finite number.</param>
    public NuSlerp(double t) : base(t, MethodScope.Vector) { }

    /// <summary>The model that the members were fine-tuned from; null (default) to turn the weights themselves.</summary>
    public Weights? Base { get; init; }

    /// <inheritdoc/>
    public override string Name => "nuslerp";

    /// <inheritdoc/>
    public override string Formula => Base is null ? "(sin((1 - t) a) x + sin(t a) y) / sin a, a the angle of each vector" : "base + the same of x - base and y - base";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2403.13257";

    internal override Weights? Origin => Base;

    private protected override (MethodScope Scope, string Instead) Lacks => (MethodScope.Model, "One angle for the model is slerp or slerp-deltas.");

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        long length = Scope == MethodScope.Tensor ? Math.Max(1, tensor.Count) : tensor.RowLength;
        var arcs = new Arc[tensor.Count / length];
        InnerProducts.Rows(tensor, length, Base is not null, (row, products) => arcs[row] = Arc.UnlessParallel(products, T));
        return (start, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = R.Of(origin[i] + arcs[(start + i) / length].Between<R>(R.Of(members[0][i] - origin[i]), R.Of(members[1][i] - origin[i])));
        };
    }
}
