namespace Warm;

/// <summary>
/// NuSLERP: spherical interpolation of two members with an angle for each vector along the last axis (default), along the first axis, or for each tensor; with a base, of their differences from it
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

    private protected override (MethodScope[] Scopes, string Otherwise) Has => ([MethodScope.Vector, MethodScope.Column, MethodScope.Tensor], "One angle for the model is slerp or slerp-deltas.");

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        long length = 0;
        Arc[] arcs = Scope == MethodScope.Column ? Columns(tensor) : Runs(tensor, out length);
        return (start, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                Arc arc = arcs[Scope == MethodScope.Column ? (start + i) % arcs.Length : (start + i) / length];
                result[i] = R.Of(origin[i] + arc.Between<R>(R.Of(members[0][i] - origin[i]), R.Of(members[1][i] - origin[i])));
            }
        };
    }

    /// <summary>The arc of each run of so many values that lie one after the other.</summary>
    private Arc[] Runs(TensorValues tensor, out long length)
    {
        length = Scope == MethodScope.Tensor ? Math.Max(1, tensor.Count) : tensor.RowLength;
        var arcs = new Arc[tensor.Count / length];
        if (length == 1) Array.Fill(arcs, Arc.Straight(T)); // numbers have no angle, only a rounding error of one
        else InnerProducts.Rows(tensor, length, Base is not null, (row, products) => arcs[row] = Arc.UnlessParallel(products, T));
        return arcs;
    }

    /// <summary>The arc of each vector along the first axis, whose values lie a whole row apart; a vector, a tensor of rank 1, is one.</summary>
    private Arc[] Columns(TensorValues tensor)
    {
        long columns = tensor.Shape.Rank == 0 ? 1 : tensor.Count / Math.Max(1, tensor.Shape[0]);
        if (columns == tensor.Count && columns > 1) return [.. Enumerable.Repeat(Arc.Straight(T), (int)columns)];
        var products = new (double XX, double XY, double YY)[columns];
        double[][] values = [new double[TensorValues.Block], new double[TensorValues.Block]];
        for (long start = 0; start < tensor.Count; start += TensorValues.Block)
        {
            int count = (int)Math.Min(TensorValues.Block, tensor.Count - start);
            tensor.ReadDeltas(start, count, values); // without a base the values themselves
            for (int i = 0; i < count; i++)
            {
                (double x, double y) = (values[0][i], values[1][i]);
                ref (double XX, double XY, double YY) own = ref products[(start + i) % columns];
                own = (own.XX + x * x, own.XY + x * y, own.YY + y * y);
            }
        }
        return [.. products.Select(p => Arc.UnlessParallel(new[,] { { p.XX, p.XY }, { p.XY, p.YY } }, T))];
    }
}
