namespace Warm;

/// <summary>
/// Spherical interpolation of two members' differences from a base: <c>base + slerp(x - base, y - base)</c>, which keeps how far fine-tuning went where a straight line would cut across. The
/// straight line only where the differences are parallel or opposite to the last bit.
/// </summary>
/// <remarks>Ramé et al., WARP, arXiv:2406.16768. One angle a tensor (default) or one for the model: one pass before the first value. Memory: a few blocks a thread.</remarks>
public sealed record SlerpDeltas : SphericalMethod
{
    /// <summary>The arc from the first member to the second around a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    /// <param name="t">0 is the first member, 1 the second; any finite number.</param>
    public SlerpDeltas(Weights @base, double t) : base(t, MethodScope.Tensor) => Base = @base;

    /// <summary>The model that the members were fine-tuned from.</summary>
    public Weights Base { get; }

    /// <inheritdoc/>
    public override string Name => "slerp-deltas";

    /// <inheritdoc/>
    public override string Formula => "base + (sin((1 - t) a) p + sin(t a) q) / sin a, p and q the differences from the base, a their angle";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2406.16768";

    internal override Weights Origin => Base;

    private protected override (MethodScope[] Scopes, string Otherwise) Has => ([MethodScope.Tensor, MethodScope.Model], "One angle a vector is nuslerp.");

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        Arc arc = Arc.UnlessParallel(Products(tensor, deltas: true), T);
        return (_, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++) result[i] = R.Of(origin[i] + arc.Between<R>(R.Of(members[0][i] - origin[i]), R.Of(members[1][i] - origin[i])));
        };
    }
}
