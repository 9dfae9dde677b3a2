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
public sealed record Breadcrumbs : SparseMethod
{
    /// <summary>Breadcrumbs on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Breadcrumbs(Weights @base) : base(@base, density: 0.9) { }

    /// <summary>The share of entries, the largest, that is dropped, from 0 to below 1; default 0.01.</summary>
    public PerMember Gamma { get; init; } = 0.01;

    /// <summary>Whether only entries that agree in sign are added (breadcrumbs-ties); default false.</summary>
    public bool Signs { get; init; }

    /// <inheritdoc/>
    public override string Name => Signs ? "breadcrumbs-ties" : "breadcrumbs";

    /// <inheritdoc/>
    public override string Formula => $"base + sum c_i d_i{(Signs ? " over the members that agree in sign" : "")}, d_i the middle of theta_i - base by magnitude";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2312.06795";

    private protected override bool Elects => Signs;

    private protected override void CheckOwn(int members) => DemandEach("gamma", Gamma, members, gamma => gamma is >= 0 and < 1, "at least 0, below 1");

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["gamma"] = Gamma.ToJson();
        return dials;
    }

    private protected override TrimRun? Keep(TensorValues tensor, int member, bool grow)
    {
        double density = Density[member];
        if (density >= 1) return null;
        long n = tensor.Count, target = (long)(density * n), bottom = Math.Max(0, n - target - (long)(Gamma[member] * n));
        void Read(long start, Span<double> values) => tensor.ReadDelta(member, start, values);
        MagnitudeCut.Cut small = MagnitudeCut.Smallest(n, bottom, Read), notLarge = MagnitudeCut.Smallest(n, bottom + target, Read);
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (small.IsAmongSmallest(delta[i], start + i) || !notLarge.IsAmongSmallest(delta[i], start + i)) delta[i] = 0;
        };
    }
}
