using System.Text.Json.Nodes;

namespace Warm;

/// <summary>LITI, linear interpolation towards the initialisation: <c>(1 - eta) base + eta mean</c>. Below 1 it gives back some of what fine-tuning forgot, above 1 it extrapolates.</summary>
/// <remarks>Ramé et al., WARP, arXiv:2406.16768, after Wortsman et al., arXiv:2109.01903. Memory: a few blocks a thread.</remarks>
public sealed record Liti : AverageMethod
{
    /// <summary>LITI between a base and the members' mean.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    /// <param name="eta">Any finite number; 0 is the base, 1 the mean.</param>
    public Liti(Weights @base, double eta) => (Base, Eta) = (@base, eta);

    /// <summary>The model that the members were fine-tuned from.</summary>
    public Weights Base { get; }

    /// <summary>How far from the base to the mean.</summary>
    public double Eta { get; }

    /// <inheritdoc/>
    public override string Name => "liti";

    /// <inheritdoc/>
    public override string Formula => "(1 - eta) base + eta mean(theta_i)";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2406.16768";

    internal override Weights Origin => Base;

    internal override IEnumerable<string> Remarks => Outside(Eta).Select(remark => remark.Replace("t is", "eta is", StringComparison.Ordinal));

    internal override void Check(int members) => Demand(double.IsFinite(Eta), "eta", Eta, "a finite number");

    internal override double[] Shares(int members) => [.. Enumerable.Repeat(Eta / members, members)];

    internal override JsonObject Dials() => new() { ["eta"] = Eta };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        int n = tensor.Members;
        return (_, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                double sum = 0;
                for (int m = 0; m < n; m++) sum = R.Of(sum + members[m][i]);
                result[i] = R.Of(R.Of(R.Of(1 - Eta) * origin[i]) + R.Of(R.Of(Eta) * R.Of(sum / n)));
            }
        };
    }
}
