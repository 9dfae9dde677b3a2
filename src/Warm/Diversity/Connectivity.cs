using System.Text.Json.Serialization;

namespace Warm;

/// <summary>One point of the straight line between two models.</summary>
/// <param name="Lambda">0 is the first model, 1 the second.</param>
/// <param name="Accuracy">Of the interpolated weights.</param>
/// <param name="Loss">Their mean Bradley-Terry loss.</param>
/// <param name="Straight">The interpolated accuracy, (1 - lambda) of the first plus lambda of the second.</param>
/// <param name="Gain">Accuracy less <see cref="Straight"/>, paired over the same units: the paper's inequality says it is not negative.</param>
/// <param name="Holds">Whether it is not, up to 1e-12.</param>
public sealed record ConnectivityPoint(
    [property: JsonPropertyName("lambda")] double Lambda,
    [property: JsonPropertyName("accuracy")] Estimate Accuracy,
    [property: JsonPropertyName("loss")] double Loss,
    [property: JsonPropertyName("straight")] double Straight,
    [property: JsonPropertyName("gain")] Estimate Gain,
    [property: JsonPropertyName("holds")] bool Holds);

/// <summary>
/// Whether two models are linearly mode connected: accuracy and loss along <c>(1 - lambda) a + lambda b</c>, and the inequality of the paper point by point: the accuracy of the interpolated model is
/// at least the interpolated accuracy (Ramé et al., WARM, arXiv:2401.12187, observation 1). With few pairs accuracy moves in coarse steps: read the loss barrier and the intervals beside it.
/// </summary>
public sealed class Connectivity
{
    private readonly IReadOnlyList<PairwiseAccuracy> _measured;

    private Connectivity(IReadOnlyList<double> lambdas, IReadOnlyList<PairwiseAccuracy> measured)
    {
        _measured = measured;
        PairwiseAccuracy first = measured[0], last = measured[^1];
        var path = new List<ConnectivityPoint>();
        for (int i = 0; i < lambdas.Count; i++)
        {
            double share = lambdas[i], straight = (1 - share) * first.Accuracy.Value + share * last.Accuracy.Value;
            var gains = new double[first.Outcomes.Length];
            for (int pair = 0; pair < gains.Length; pair++) gains[pair] = measured[i].Outcomes[pair] - ((1 - share) * first.Outcomes[pair] + share * last.Outcomes[pair]);
            Estimate gain = Estimate.Mean(gains, first.Units, first.Options.Resamples, first.Options.Seed);
            path.Add(new(share, measured[i].Accuracy, measured[i].Loss, straight, gain, measured[i].Accuracy.Value >= straight - 1e-12));
        }
        Path = path;
        Barrier = path.Max(point => point.Straight - point.Accuracy.Value);
        LossBarrier = path.Max(point => point.Loss - ((1 - point.Lambda) * first.Loss + point.Lambda * last.Loss));
    }

    /// <summary>The points, from the first model to the second.</summary>
    [JsonPropertyName("path")]
    public IReadOnlyList<ConnectivityPoint> Path { get; }

    /// <summary>The most that accuracy falls below the straight line between the ends; 0 where it never does.</summary>
    [JsonPropertyName("barrier")]
    public double Barrier { get; }

    /// <summary>The most that the loss rises above the straight line between the ends; 0 where it never does.</summary>
    [JsonPropertyName("lossBarrier")]
    public double LossBarrier { get; }

    /// <summary>Whether the inequality holds at every point as measured.</summary>
    [JsonPropertyName("connected")]
    public bool Connected => Path.All(point => point.Holds);

    /// <summary>What the intervals allow to say.</summary>
    [JsonPropertyName("verdict")]
    public string Verdict
    {
        get
        {
            int below = Path.Count(point => !point.Holds), clearly = Path.Count(point => !point.Holds && point.Gain.IsBelow);
            return below == 0 ? "connected: no point falls below the line between the ends"
                : clearly > 0 ? FormattableString.Invariant($"not connected: {clearly} of {Path.Count} points fall below the line between the ends by more than chance would")
                : FormattableString.Invariant($"cannot tell with this many {Path[0].Gain.Unit}s: {below} of {Path.Count} points fall below the line between the ends, none by more than chance would");
        }
    }

    /// <summary>Measures along the line.</summary>
    /// <param name="a">At lambda 0.</param>
    /// <param name="b">At lambda 1; must fit together with <paramref name="a"/>.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">Enumerated once a point.</param>
    /// <param name="steps">Number of points, both ends included: 2 or more; default 11.</param>
    /// <param name="options">Ties, units, scoring; null for the defaults.</param>
    /// <param name="averaging">Number type of the points and allowed rules; null keeps the members' type.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<Connectivity> MeasureAsync(Weights a, Weights b, Func<Weights, IRewardModel> load, IEnumerable<Preference> pairs, int steps = 11, AccuracyOptions? options = null,
        AverageOptions? averaging = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(pairs);
        if (steps is < 2 or > 1001) throw new WarmException("steps", FormattableString.Invariant($"is {steps}"), "2 to 1001 points, both ends included");
        double[] lambdas = [.. Enumerable.Range(0, steps).Select(i => i / (steps - 1.0))];
        var measured = new List<PairwiseAccuracy>();
        foreach (double lambda in lambdas)
        {
            IRewardModel model = load(Interpolation.Of(a, b, lambda, averaging));
            using (model as IDisposable)
                measured.Add(await PairwiseAccuracy.MeasureAsync(model, pairs, options, FormattableString.Invariant($"lambda {lambda}"), null, cancellation).ConfigureAwait(false));
        }
        return new(lambdas, measured);
    }

    /// <summary>The same from measurements that are there already, of the same pairs in the same order; the first is lambda 0, the last 1.</summary>
    public static Connectivity Of(IReadOnlyList<double> lambdas, IReadOnlyList<PairwiseAccuracy> measured)
    {
        ArgumentNullException.ThrowIfNull(lambdas);
        ArgumentNullException.ThrowIfNull(measured);
        if (lambdas.Count < 2 || lambdas.Count != measured.Count || lambdas[0] != 0 || lambdas[^1] != 1) throw new WarmException("path", "does not go from lambda 0 to 1 with a measurement each", "at least both ends, in order");
        return new(lambdas, measured);
    }

    /// <summary>The measurements behind the points.</summary>
    [JsonIgnore]
    public IReadOnlyList<PairwiseAccuracy> Measured => _measured;

    /// <summary><c>11 points, barrier 0.004, loss barrier 0.000: cannot tell with this many prompts ..</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Path.Count} points, barrier {Barrier:F4}, loss barrier {LossBarrier:F4}: {Verdict}");
}
