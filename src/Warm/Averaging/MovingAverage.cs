using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The exponential moving average of one run's checkpoints, members in order of time: <c>e_1 = theta_1; e_k = d e_(k-1) + (1 - d) theta_k</c>. Corrected: <c>e_0 = 0</c>, and the end is divided
/// by <c>1 - d^n</c>, so that the first checkpoint does not outweigh the others.
/// </summary>
/// <remarks>Polyak and Juditsky 1992; as torch's AveragedModel does it (not corrected). Memory: a few blocks a thread.</remarks>
/// <param name="Decay">d, at least 0 and below 1: how much of the average stays at each step.</param>
public sealed record MovingAverage(double Decay) : AverageMethod
{
    /// <summary>Whether it starts at zero and is corrected for that; default false.</summary>
    public bool Corrected { get; init; }

    /// <inheritdoc/>
    public override string Name => "ema";

    /// <inheritdoc/>
    public override string Formula => Corrected ? "e_k = d e_(k-1) + (1 - d) theta_k from 0, divided by 1 - d^n" : "e_1 = theta_1; e_k = d e_(k-1) + (1 - d) theta_k";

    /// <inheritdoc/>
    public override string Paper => "doi:10.1137/0330046";

    internal override void Check(int members) => Demand(Decay is >= 0 and < 1, "decay", Decay, "at least 0 and below 1");

    internal override double[] Shares(int members) =>
        [.. Enumerable.Range(1, members).Select(k => (Corrected ? (1 - Decay) / (1 - Math.Pow(Decay, members)) : k == 1 ? 1 : 1 - Decay) * Math.Pow(Decay, members - k))];

    internal override JsonObject Dials() => new() { ["decay"] = Decay, ["corrected"] = Corrected };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        int n = tensor.Members;
        double keep = R.Of(Decay), take = R.Of(1 - Decay), divisor = R.Of(1 - Math.Pow(Decay, n));
        return (_, members, _, result) =>
        {
            if (Corrected) result.Clear();
            else members[0].AsSpan(0, result.Length).CopyTo(result);
            for (int m = Corrected ? 0 : 1; m < n; m++)
                for (int i = 0; i < result.Length; i++) result[i] = R.Of(R.Of(keep * result[i]) + R.Of(take * members[m][i]));
            if (!Corrected) return;
            for (int i = 0; i < result.Length; i++) result[i] = R.Of(result[i] / divisor);
        };
    }
}
