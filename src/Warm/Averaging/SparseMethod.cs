using System.Text.Json.Nodes;

namespace Warm;

/// <summary>How large the differences are made that a <see cref="SparseMethod"/> keeps.</summary>
public enum Rescaling
{
    /// <summary>As the method's paper has it (default): dare divides by the density, della each entry by its chance to be kept, the others change nothing.</summary>
    Paper,

    /// <summary>Nothing is changed.</summary>
    None,

    /// <summary>The tensor's differences get the L1 norm back that they had, as mergekit rescales.</summary>
    L1,
}

/// <summary>
/// The methods that keep a share of each member's differences from a base, by size or by chance, and add them: all that are kept, or those that agree in sign
/// (<see cref="SignElection"/>).
/// </summary>
/// <remarks>Rescaling to the L1 norm needs one more pass over base and members before a tensor's first value.</remarks>
public abstract record SparseMethod : DeltaMethod
{
    private readonly bool? _normalise;

    private protected SparseMethod(Weights @base, double density) : base(@base) => Density = density;

    /// <summary>The share of entries that is kept, above 0 up to 1; 1 keeps all.</summary>
    public PerMember Density { get; init; }

    /// <summary>What the merged differences are multiplied by; default 1.</summary>
    public double Lambda { get; init; } = 1;

    /// <summary>How large the kept ones are made; default <see cref="Rescaling.Paper"/>.</summary>
    public Rescaling Rescale { get; init; }

    /// <summary>Whether the sum is divided by the sum of the weights, with signs of those that agree; default true for ties and della, else false.</summary>
    public bool Normalise { get => _normalise ?? NormalisesByDefault; init => _normalise = value; }

    private protected virtual bool NormalisesByDefault => false;

    private protected sealed override double Scale => Lambda;

    private protected sealed override bool Divides => Normalise;

    /// <summary>What keeps a member's share, the rest becoming 0; null where all is kept.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="member">The member.</param>
    /// <param name="grow">Whether what is kept by chance is divided by that chance.</param>
    private protected abstract TrimRun? Keep(TensorValues tensor, int member, bool grow);

    /// <summary>Refuses dials of its own.</summary>
    private protected virtual void CheckOwn(int members) { }

    private protected sealed override void CheckDials(int members)
    {
        DemandEach("density", Density, members, density => density is > 0 and <= 1, "above 0, up to 1");
        CheckOwn(members);
    }

    /// <summary>Refuses a dial that has not one value, or one a member, or of which one does not hold.</summary>
    private protected static void DemandEach(string dial, PerMember values, int members, Func<double, bool> holds, string expected)
    {
        if (values.Values.Count > 1 && values.Values.Count != members) throw new WarmException($"--{dial}", $"there are {values.Values.Count} values", $"one, or one for each of the {members} members");
        foreach (double value in values.Values) Demand(holds(value), dial, value, expected);
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["density"] = Density.ToJson();
        dials["rescale"] = Rescale.ToString().ToLowerInvariant();
        dials["lambda"] = Lambda;
        dials["normalise"] = Normalise;
        return dials;
    }

    private protected sealed override TrimRun? Trim(TensorValues tensor, int member)
    {
        TrimRun? keep = Keep(tensor, member, grow: Rescale == Rescaling.Paper);
        if (keep is null || Rescale != Rescaling.L1) return keep;
        double all = 0, kept = 0;
        var block = new double[TensorValues.Block];
        for (long start = 0; start < tensor.Count; start += block.Length)
        {
            Span<double> deltas = block.AsSpan(0, (int)Math.Min(block.Length, tensor.Count - start));
            tensor.ReadDelta(member, start, deltas);
            foreach (double delta in deltas) all += Math.Abs(delta);
            keep(start, deltas);
            foreach (double delta in deltas) kept += Math.Abs(delta);
        }
        double factor = all < 1e-7 || kept < 1e-7 ? 1 : all / kept;
        return (start, delta) =>
        {
            keep(start, delta);
            for (int i = 0; i < delta.Length; i++) delta[i] *= factor;
        };
    }
}
