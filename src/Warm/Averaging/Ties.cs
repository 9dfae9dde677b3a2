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
public sealed record Ties : SparseMethod
{
    /// <summary>TIES on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Ties(Weights @base) : base(@base, density: 0.2) { }

    /// <summary>Whether the largest are taken of each tensor (default) or of the model.</summary>
    public MethodScope Scope { get; init; } = MethodScope.Tensor;

    /// <inheritdoc/>
    public override string Name => "ties";

    /// <inheritdoc/>
    public override string Formula => "base + lambda sum c_i d_i / sum c_i over the members that agree in sign, d_i the largest of theta_i - base";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2306.01708";

    private protected override bool NormalisesByDefault => true;

    private protected override bool Elects => true;

    private protected override void CheckOwn(int members)
    {
        if (Scope is not (MethodScope.Tensor or MethodScope.Model)) throw new WarmException("--scope", $"is {Scope.ToString().ToLowerInvariant()}", "tensor or model");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["scope"] = Scope.ToString().ToLowerInvariant();
        return dials;
    }

    private protected override TrimRun? Keep(TensorValues tensor, int member, bool grow)
    {
        double density = Density[member];
        if (density >= 1) return null;
        bool whole = Scope == MethodScope.Model;
        long offset = whole ? tensor.Offset : 0;
        MagnitudeCut.Cut cut = whole
            ? tensor.Model.Once((this, member), () => MagnitudeCut.Largest(tensor.Model.Count, Kept(density, tensor.Model.Count), (start, values) => tensor.Model.ReadDelta(member, start, values)))
            : MagnitudeCut.Largest(tensor.Count, Kept(density, tensor.Count), (start, values) => tensor.ReadDelta(member, start, values));
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (!cut.IsAmongLargest(delta[i], offset + start + i)) delta[i] = 0;
        };
    }

    private static long Kept(double density, long count) => Math.Max(1, (long)(density * count));
}
