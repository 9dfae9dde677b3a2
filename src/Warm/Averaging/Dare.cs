using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// DARE: of each member's differences from the base a random share is kept and made larger by as much as went: <c>base + lambda sum c_i m_i d_i / density</c>; or with the elected signs of TIES.
/// </summary>
/// <remarks>
/// Yu et al., Language Models are Super Mario, arXiv:2311.03099. Whether an entry is kept is a function of the seed, the tensor's name, the member's number and the entry's index alone, so the
/// bits are the same with any number of threads. The density is 1 - p of the paper. Memory: a few blocks a thread.
/// </remarks>
public sealed record Dare : SparseMethod
{
    /// <summary>DARE on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Dare(Weights @base) : base(@base, density: 0.5) { }

    /// <summary>Where the random masks begin; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Given masks instead of random ones, one a member: BOOL tensors of the members' names and shapes, true where an entry is kept. Null (default) for random ones.</summary>
    public IReadOnlyList<Weights>? KeepMasks { get; init; }

    /// <summary>Whether only entries that agree in sign are added (dare-ties); default false.</summary>
    public bool Signs { get; init; }

    /// <inheritdoc/>
    public override string Name => Signs ? "dare-ties" : "dare-linear";

    /// <inheritdoc/>
    public override string Formula => $"base + lambda sum c_i d_i{(Signs ? " over the members that agree in sign" : "")}, d_i a random share of theta_i - base, rescaled";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2311.03099";

    internal override IReadOnlyList<Weights> Masks => KeepMasks ?? [];

    private protected override bool Elects => Signs;

    private protected override void CheckOwn(int members)
    {
        if (KeepMasks is { } masks && masks.Count != members) throw new WarmException("masks", $"there are {masks.Count}", $"one for each of the {members} members");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        if (KeepMasks is null) dials["seed"] = Seed;
        return dials;
    }

    private protected override TrimRun? Keep(TensorValues tensor, int member, bool grow)
    {
        double density = Density[member];
        TrimRun keep = KeepMasks is { } masks ? Given(tensor, masks[member]) : Random(tensor, member, density);
        return !grow ? keep : (start, delta) =>
        {
            keep(start, delta);
            for (int i = 0; i < delta.Length; i++) delta[i] /= density;
        };
    }

    private TrimRun Random(TensorValues tensor, int member, double density)
    {
        ulong stream = CountedRandom.Stream(Seed, tensor.Name, member);
        return (start, delta) =>
        {
            for (int i = 0; i < delta.Length; i++)
                if (!(CountedRandom.At(stream, start + i) < density)) delta[i] = 0;
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
}
