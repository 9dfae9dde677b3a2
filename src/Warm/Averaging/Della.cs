using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// DELLA: as DARE, but the chance to be kept grows with an entry's rank by magnitude in its row, from <c>density - epsilon</c> to <c>density + epsilon</c>; what is kept is divided by its own
/// chance: <c>base + sum c_i m_i d_i / p_i</c>, of the entries that agree in sign (della) or of all (della-linear).
/// </summary>
/// <remarks>
/// Deep et al., DELLA-Merging, arXiv:2406.11617 (MAGPRUNE). A row is a vector along the last axis; a vector is one row; of equal magnitudes the lower index has the lower rank. The random choice is
/// <see cref="Dare"/>'s: a function of seed, tensor, member and index. Memory: two rows a member and thread. Reads every row again where its runs are computed.
/// </remarks>
public sealed record Della : SparseMethod
{
    /// <summary>DELLA on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Della(Weights @base) : base(@base, density: 0.5) { }

    /// <summary>How far the chance to be kept goes below and above the density, which stays above 0 and at most 1; default 0.1.</summary>
    public PerMember Epsilon { get; init; } = 0.1;

    /// <summary>Where the random choice begins; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Whether only entries that agree in sign are added (della, default), or all (della-linear).</summary>
    public bool Signs { get; init; } = true;

    /// <inheritdoc/>
    public override string Name => Signs ? "della" : "della-linear";

    /// <inheritdoc/>
    public override string Formula => Signs ? "base + sum c_i d_i / sum c_i over the members that agree in sign, d_i a random share of theta_i - base, the larger the likelier, rescaled"
        : "base + sum c_i d_i, d_i a random share of theta_i - base, the larger the likelier, rescaled";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2406.11617";

    private protected override bool Elects => Signs;

    private protected override bool NormalisesByDefault => Signs;

    private protected override void CheckOwn(int members)
    {
        DemandEach("epsilon", Epsilon, members, epsilon => epsilon >= 0, "0 or more");
        for (int m = 0; m < members; m++)
            Demand(Density[m] - Epsilon[m] > 0 && Density[m] + Epsilon[m] <= 1, "epsilon", Epsilon[m], $"so much that density {Density[m].ToString(CultureInfo.InvariantCulture)} - epsilon is above 0 and density + epsilon at most 1");
    }

    internal override JsonObject Dials()
    {
        JsonObject dials = base.Dials();
        dials["epsilon"] = Epsilon.ToJson();
        dials["seed"] = Seed;
        return dials;
    }

    /// <summary>The chance of each entry of a row to be kept.</summary>
    internal static double[] KeepProbabilities(ReadOnlySpan<double> row, double density, double epsilon)
    {
        var magnitudes = new double[row.Length];
        for (int i = 0; i < row.Length; i++) magnitudes[i] = Math.Abs(row[i]);
        int[] order = [.. Enumerable.Range(0, row.Length).OrderBy(i => magnitudes[i])]; // stable
        var chances = new double[row.Length];
        for (int rank = 0; rank < order.Length; rank++) chances[order[rank]] = density - epsilon + (double)rank / Math.Max(1, row.Length - 1) * 2 * epsilon;
        return chances;
    }

    private protected override TrimRun? Keep(TensorValues tensor, int member, bool grow)
    {
        (double density, double epsilon) = (Density[member], Epsilon[member]);
        ulong stream = CountedRandom.Stream(Seed, tensor.Name, member);
        long length = tensor.RowLength;
        var last = new ThreadLocal<(long Row, double[] Chances)>(() => (-1, []));
        return (start, delta) =>
        {
            // A run may begin and end in the middle of a row.
            for (int done = 0; done < delta.Length;)
            {
                (long row, long column) = Math.DivRem(start + done, length);
                if (last.Value.Row != row)
                {
                    var whole = new double[length];
                    tensor.ReadDelta(member, row * length, whole);
                    last.Value = (row, KeepProbabilities(whole, density, epsilon));
                }
                Span<double> part = delta.Slice(done, (int)Math.Min(length - column, delta.Length - done));
                ReadOnlySpan<double> chances = last.Value.Chances.AsSpan((int)column, part.Length);
                for (int i = 0; i < part.Length; i++) part[i] = CountedRandom.At(stream, start + done + i) < chances[i] ? grow ? part[i] / chances[i] : part[i] : 0;
                done += part.Length;
            }
        };
    }
}
