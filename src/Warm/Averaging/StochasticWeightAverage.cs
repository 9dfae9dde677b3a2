using System.Text.Json.Nodes;

namespace Warm;

/// <summary>SWA, the running mean of one run's checkpoints, members in order of time: <c>m_k = m_(k-1) + (theta_k - m_(k-1))/k</c>. The uniform mean but for the last bits.</summary>
/// <remarks>Izmailov et al., Averaging Weights Leads to Wider Optima, arXiv:1803.05407. Memory: a few blocks a thread.</remarks>
public sealed record StochasticWeightAverage : AverageMethod
{
    /// <inheritdoc/>
    public override string Name => "swa";

    /// <inheritdoc/>
    public override string Formula => "m_k = m_(k-1) + (theta_k - m_(k-1))/k";

    /// <inheritdoc/>
    public override string Paper => "arXiv:1803.05407";

    internal override void Check(int members) { }

    internal override JsonObject Dials() => [];

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        int n = tensor.Members;
        return (_, members, _, result) =>
        {
            members[0].AsSpan(0, result.Length).CopyTo(result);
            for (int m = 1; m < n; m++)
                for (int i = 0; i < result.Length; i++) result[i] = R.Of(result[i] + R.Of(R.Of(members[m][i] - result[i]) / (m + 1)));
        };
    }
}
