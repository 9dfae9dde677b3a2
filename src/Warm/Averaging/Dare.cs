using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// DARE: of each member's differences from the base a random share is kept and made larger by as much as went: <c>base + lambda sum c_i m_i d_i / density</c>; or with the elected signs of TIES.
/// </summary>
/// <remarks>
/// Yu et al., Language Models are Super Mario, arXiv:2311.03099. Whether an entry is kept is a function of the seed, the tensor's name, the member's number and the entry's index alone, so the
/// bits are the same with any number of threads. Rescaling by the L1 norm needs one pass over base and members before a tensor's first value. Memory: a few blocks a thread.
/// </remarks>
public sealed record Dare : DeltaMethod
{
    /// <summary>DARE on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Dare(Weights @base) : base(@base) { }

    /// <summary>The share that is kept (1 - p of the paper), above 0 up to 1; default 0.5.</summary>
    public double Density { get; init; } = 0.5;

    /// <summary>Where the random masks begin; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Given masks instead of random ones, one a member: BOOL tensors of the members' names and shapes, true where an entry is kept. Null (default) for random ones.</summary>
    public IReadOnlyList<Weights>? KeepMasks { get; init; }

    /// <summary>Whether what is kept is rescaled to the L1 norm that the tensor's differences had (mergekit), instead of divided by the density (the paper, default).</summary>
    public bool RescaleToL1 { get; init; }

    /// <summary>What the sum is multiplied by; default 1.</summary>
    public double Lambda { get; init; } = 1;

    /// <summary>Whether only entries that agree in sign are added (dare-ties); default false.</summary>
    public bool Signs { get; init; }

    /// <summary>Whether the sum is divided by the sum of the weights, with signs of those that agree; default false.</summary>
    public bool Normalise { get; init; }

    /// <inheritdoc/>
    public override string Name => Signs ? "dare-ties" : "dare-linear";

    /// <inheritdoc/>
    public override string Formula => $"base + lambda sum c_i d_i{(Signs ? " over the members that agree in sign" : "")}, d_i a random share of theta_i - base, rescaled";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2311.03099";

    internal override IReadOnlyList<Weights> Masks => KeepMasks ?? [];

    private protected override double Scale => Lambda;

    private protected override bool Divides => Normalise;

    private protected override bool Elects => Signs;

    private protected override void CheckDials(int members)
    {
        Demand(Density is > 0 and <= 1, "density", Density, "above 0, up to 1");
        if (KeepMasks is { } masks && masks.Count != members) throw new WarmException("masks", $"there are {masks.Count}", $"one for each of the {members} members");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["density"] = Density;
        if (KeepMasks is null) dials["seed"] = Seed;
        dials["rescale"] = RescaleToL1 ? "l1" : "paper";
        dials["lambda"] = Lambda;
        dials["normalise"] = Normalise;
        return dials;
    }

    private protected override TrimRun? Trim(TensorValues tensor, int member)
    {
        TrimRun keep = KeepMasks is { } masks ? Given(tensor, masks[member]) : Random(tensor, member);
        if (!RescaleToL1) return Then(keep, value => value / Density);
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
        return Then(keep, value => value * factor);
    }

    private TrimRun Random(TensorValues tensor, int member)
    {
        ulong stream = CountedRandom.Stream(Seed, tensor.Name, member);
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (!(CountedRandom.At(stream, start + i) < Density)) delta[i] = 0;
        };
    }

    private static TrimRun Given(TensorValues tensor, Weights mask) => (start, delta) =>
    {
        byte[] bits = System.Buffers.ArrayPool<byte>.Shared.Rent(delta.Length);
        mask.ReadRaw(tensor.Name, start, bits.AsSpan(0, delta.Length));
        for (int i = 0; i < delta.Length; i++)
            if (bits[i] == 0) delta[i] = 0;
        System.Buffers.ArrayPool<byte>.Shared.Return(bits);
    };

    private static TrimRun Then(TrimRun keep, Func<double, double> rescale) => (start, delta) =>
    {
        keep(start, delta);
        for (int i = 0; i < delta.Length; i++) delta[i] = rescale(delta[i]);
    };
}
