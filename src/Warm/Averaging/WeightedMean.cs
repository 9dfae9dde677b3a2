using System.Text.Json.Nodes;

namespace Warm;

/// <summary>The weighted sum as a method, so that <see cref="ByTensor"/> can give each tensor weights of its own: <c>sum c_i theta_i</c>, divided by <c>sum c_i</c> where normalised.</summary>
/// <remarks>The same bits as <see cref="AverageOptions.Weights"/> for the same weights. Memory: a few blocks a thread.</remarks>
public sealed record WeightedMean : AverageMethod
{
    /// <summary>A weighted sum.</summary>
    /// <param name="weights">One a member, in member order; any finite numbers.</param>
    public WeightedMean(IReadOnlyList<double> weights) => Weights = weights;

    /// <summary>One coefficient a member.</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>Whether the sum is divided by the sum of the weights; default true.</summary>
    public bool Normalise { get; init; } = true;

    /// <inheritdoc/>
    public override string Name => "weighted";

    /// <inheritdoc/>
    public override string Formula => Normalise ? "sum c_i theta_i / sum c_i" : "sum c_i theta_i";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2401.12187";

    internal override void Check(int members) => DemandWeights(Weights, members, Normalise);

    internal override double[] Shares(int members)
    {
        double divisor = Normalise ? WeightedSum.Divisor(Weights) : 1;
        return [.. Weights.Select(w => w / divisor)];
    }

    internal override JsonObject Dials() => new() { ["weights"] = new JsonArray([.. Weights.Select(w => JsonValue.Create(w))]), ["normalise"] = Normalise };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        double[] c = [.. Weights.Select(w => R.Of(w))];
        double divisor = Normalise ? R.Of(WeightedSum.Divisor(Weights)) : 1;
        return (_, members, _, result) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                double sum = 0;
                for (int m = 0; m < c.Length; m++) sum = R.Of(sum + R.Of(c[m] * members[m][i]));
                result[i] = R.Of(sum / divisor);
            }
        };
    }
}
