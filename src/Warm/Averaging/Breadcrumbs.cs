using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Model breadcrumbs: of each member's differences from the base the largest (outliers) and the smallest (noise) are dropped, the middle is added:
/// <c>base + sum c_i middle(theta_i - base)</c>; or with the elected signs of TIES.
/// </summary>
/// <remarks>
/// Davari and Belilovsky, Model Breadcrumbs, arXiv:2312.06795. Of a tensor's n entries the <c>floor(gamma n)</c> largest go and the next <c>floor(density n)</c> stay, lowest index first among equals;
/// density 1 keeps all. Two to four passes over base and members before a tensor's first value. Memory: a few blocks and at most 9 MB a thread.
/// </remarks>
public sealed record Breadcrumbs : DeltaMethod
{
    /// <summary>Breadcrumbs on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Breadcrumbs(Weights @base) : base(@base) { }

    /// <summary>The share of entries that is kept, above 0 up to 1; default 0.9.</summary>
    public double Density { get; init; } = 0.9;

    /// <summary>The share of entries, the largest, that is dropped, from 0 to below 1; default 0.01.</summary>
    public double Gamma { get; init; } = 0.01;

    /// <summary>Whether only entries that agree in sign are added (breadcrumbs-ties); default false.</summary>
    public bool Signs { get; init; }

    /// <summary>Whether the sum is divided by the sum of the weights, with signs of those that agree; default false.</summary>
    public bool Normalise { get; init; }

    /// <inheritdoc/>
    public override string Name => Signs ? "breadcrumbs-ties" : "breadcrumbs";

    /// <inheritdoc/>
    public override string Formula => $"base + sum c_i d_i{(Signs ? " over the members that agree in sign" : "")}, d_i the middle of theta_i - base by magnitude";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2312.06795";

    private protected override bool Divides => Normalise;

    private protected override bool Elects => Signs;

    private protected override void CheckDials(int members)
    {
        Demand(Density is > 0 and <= 1, "density", Density, "above 0, up to 1");
        Demand(Gamma is >= 0 and < 1, "gamma", Gamma, "at least 0, below 1");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["density"] = Density;
        dials["gamma"] = Gamma;
        dials["normalise"] = Normalise;
        return dials;
    }

    private protected override TrimRun? Trim(TensorValues tensor, int member)
    {
        if (Density >= 1) return null;
        long n = tensor.Count, target = (long)(Density * n), bottom = Math.Max(0, n - target - (long)(Gamma * n));
        void Read(long start, Span<double> values) => tensor.ReadDelta(member, start, values);
        MagnitudeCut.Cut small = MagnitudeCut.Smallest(n, bottom, Read), notLarge = MagnitudeCut.Smallest(n, bottom + target, Read);
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (small.IsAmongSmallest(delta[i], start + i) || !notLarge.IsAmongSmallest(delta[i], start + i)) delta[i] = 0;
        };
    }
}
