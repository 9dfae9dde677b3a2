using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// TIES: of each member's differences from the base only the largest are kept, the members elect a sign at every place, and those that agree are averaged:
/// <c>base + lambda sum c_i d_i / sum c_i</c> over the agreeing.
/// </summary>
/// <remarks>
/// Yadav et al., TIES-Merging, arXiv:2306.01708. Kept are <c>max(1, floor(density n))</c> entries of a tensor, or of the model as in the paper's own code; of equal magnitudes the lowest index first.
/// A sum of 0 elects +. Two or three passes over base and members before a tensor's first value. Memory: a few blocks and at most 9 MB a thread.
/// </remarks>
public sealed record Ties : DeltaMethod
{
    /// <summary>TIES on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Ties(Weights @base) : base(@base) { }

    /// <summary>The share of entries that is kept, above 0 up to 1; default 0.2.</summary>
    public double Density { get; init; } = 0.2;

    /// <summary>What the merged differences are multiplied by; default 1.</summary>
    public double Lambda { get; init; } = 1;

    /// <summary>Whether the sum is divided by the sum of the agreeing members' weights; default true.</summary>
    public bool Normalise { get; init; } = true;

    /// <summary>Whether the largest are taken of each tensor (default) or of the model.</summary>
    public MethodScope Scope { get; init; } = MethodScope.Tensor;

    /// <inheritdoc/>
    public override string Name => "ties";

    /// <inheritdoc/>
    public override string Formula => "base + lambda sum c_i d_i / sum c_i over the members that agree in sign, d_i the largest of theta_i - base";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2306.01708";

    private protected override double Scale => Lambda;

    private protected override bool Divides => Normalise;

    private protected override bool Elects => true;

    private protected override void CheckDials(int members)
    {
        Demand(Density is > 0 and <= 1, "density", Density, "above 0, up to 1");
        if (Scope == MethodScope.Vector) throw new WarmException("--scope", "is vector", "tensor or model");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["density"] = Density;
        dials["lambda"] = Lambda;
        dials["normalise"] = Normalise;
        dials["scope"] = Scope.ToString().ToLowerInvariant();
        return dials;
    }

    private protected override TrimRun? Trim(TensorValues tensor, int member)
    {
        if (Density >= 1) return null;
        bool whole = Scope == MethodScope.Model;
        long offset = whole ? tensor.Offset : 0;
        MagnitudeCut.Cut cut = whole
            ? tensor.Model.Once((this, member), () => MagnitudeCut.Largest(tensor.Model.Count, Kept(tensor.Model.Count), (start, values) => tensor.Model.ReadDelta(member, start, values)))
            : MagnitudeCut.Largest(tensor.Count, Kept(tensor.Count), (start, values) => tensor.ReadDelta(member, start, values));
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (!cut.IsAmongLargest(delta[i], offset + start + i)) delta[i] = 0;
        };
    }

    private long Kept(long count) => Math.Max(1, (long)(Density * count));
}
