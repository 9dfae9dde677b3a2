using System.Text.Json.Nodes;

namespace Warm;

/// <summary>Task arithmetic: <c>base + lambda sum c_i (theta_i - base)</c>, divided by <c>sum c_i</c> where normalised. Negative weights unlearn.</summary>
/// <remarks>Ilharco et al., Editing Models with Task Arithmetic, arXiv:2212.04089. Memory: a few blocks a thread.</remarks>
public sealed record TaskArithmetic : DeltaMethod
{
    /// <summary>Task arithmetic on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public TaskArithmetic(Weights @base) : base(@base) { }

    /// <summary>What the sum of differences is multiplied by; default 1.</summary>
    public double Lambda { get; init; } = 1;

    /// <summary>Whether the sum is divided by the sum of the weights; default false.</summary>
    public bool Normalise { get; init; }

    /// <inheritdoc/>
    public override string Name => "task-arithmetic";

    /// <inheritdoc/>
    public override string Formula => "base + lambda sum c_i (theta_i - base)";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2212.04089";

    private protected override double Scale => Lambda;

    private protected override bool Divides => Normalise;

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["lambda"] = Lambda;
        dials["normalise"] = Normalise;
        return dials;
    }
}
