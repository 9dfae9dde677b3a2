namespace Warm;

/// <summary>
/// Spherical interpolation of two members: <c>(sin((1 - t) a) x + sin(t a) y) / sin a</c>, a the angle between them. The coefficients multiply the vectors as they are, lengths and all
/// (mergekit's rule); nearly parallel or opposite vectors, <c>|cos| &gt; 0.9995</c>, take the straight line, and a length up to 1e-8 counts as 1.
/// </summary>
/// <remarks>Shoemake 1985; as mergekit does it (arXiv:2403.13257). One angle a tensor (default) or one for the model: one pass over the members before the first value. Memory: a few blocks a thread.</remarks>
public sealed record Slerp : SphericalMethod
{
    /// <summary>A place on the arc between two members.</summary>
    /// <param name="t">0 is the first member, 1 the second; any finite number.</param>
    public Slerp(double t) : base(t, MethodScope.Tensor) { }

    /// <inheritdoc/>
    public override string Name => "slerp";

    /// <inheritdoc/>
    public override string Formula => "(sin((1 - t) a) x + sin(t a) y) / sin a, a the angle between x and y";

    /// <inheritdoc/>
    public override string Paper => "doi:10.1145/325334.325242";

    private protected override (MethodScope[] Scopes, string Otherwise) Has => ([MethodScope.Tensor, MethodScope.Model], "One angle a vector is nuslerp.");

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        double cosine = Arc.Cosine(Products(tensor, deltas: false), length => length > 1e-8 ? length : 1);
        Arc arc = Math.Abs(cosine) > 0.9995 ? Arc.Straight(T) : Arc.Round(cosine, T);
        return (_, members, _, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = arc.Between<R>(members[0][i], members[1][i]);
        };
    }
}
