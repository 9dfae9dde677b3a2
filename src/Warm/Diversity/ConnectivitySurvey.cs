using System.Text.Json.Serialization;

namespace Warm;

/// <summary>A weighted average of all members, somewhere in the simplex between them.</summary>
/// <param name="Weights">One a member, at least 0, together 1.</param>
/// <param name="Accuracy">Of the average.</param>
/// <param name="Loss">Its mean Bradley-Terry loss.</param>
/// <param name="Straight">The members' accuracies with the same weights.</param>
/// <param name="Gain">Accuracy less <see cref="Straight"/>, paired over the same units.</param>
/// <param name="Holds">Whether it is not negative, up to 1e-12.</param>
public sealed record SimplexPoint(
    [property: JsonPropertyName("weights")] IReadOnlyList<double> Weights,
    [property: JsonPropertyName("accuracy")] Estimate Accuracy,
    [property: JsonPropertyName("loss")] double Loss,
    [property: JsonPropertyName("straight")] double Straight,
    [property: JsonPropertyName("gain")] Estimate Gain,
    [property: JsonPropertyName("holds")] bool Holds);

/// <summary>One line of a <see cref="ConnectivitySurvey"/>.</summary>
/// <param name="A">Place of the member at lambda 0.</param>
/// <param name="B">Place of the member at lambda 1.</param>
/// <param name="Line">What was found between them.</param>
public sealed record MemberLine(int A, int B, Connectivity Line);

/// <summary>
/// Whether a whole family is linearly mode connected: the line between every two members, and weighted averages of all of them at points drawn evenly from the simplex between. The members themselves
/// are measured once.
/// </summary>
public sealed class ConnectivitySurvey
{
    private ConnectivitySurvey(IReadOnlyList<PairwiseAccuracy> members, IReadOnlyList<MemberLine> lines, IReadOnlyList<SimplexPoint> simplex) => (Members, Lines, Simplex) = (members, lines, simplex);

    /// <summary>The members alone.</summary>
    [JsonIgnore]
    public IReadOnlyList<PairwiseAccuracy> Members { get; }

    /// <summary>Every two members, in order.</summary>
    [JsonIgnore]
    public IReadOnlyList<MemberLine> Lines { get; }

    /// <summary>The points of the simplex; empty where none was asked for.</summary>
    [JsonPropertyName("simplex")]
    public IReadOnlyList<SimplexPoint> Simplex { get; }

    /// <summary>The most that accuracy falls below what the inequality asks for, anywhere; 0 where it never does.</summary>
    [JsonPropertyName("barrier")]
    public double Barrier => Math.Max(Lines.Max(line => line.Line.Barrier), Simplex.Select(point => point.Straight - point.Accuracy.Value).DefaultIfEmpty(0).Max());

    /// <summary>Whether the inequality holds everywhere as measured.</summary>
    [JsonPropertyName("connected")]
    public bool Connected => Lines.All(line => line.Line.Connected) && Simplex.All(point => point.Holds);

    /// <summary>Measures a family.</summary>
    /// <param name="members">At least two that fit together.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="pairs">What is measured on.</param>
    /// <param name="names">What the members are called; null (default) for the names of their weights.</param>
    /// <param name="steps">Points of every line, both ends included: 2 to 1001; default 11.</param>
    /// <param name="points">Points of the simplex; default 0.</param>
    /// <param name="seed">Of the draw; default 0.</param>
    /// <param name="averaging">Number type of the averages and allowed rules; null keeps the members' type.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<ConnectivitySurvey> MeasureAsync(IReadOnlyList<Weights> members, Func<Weights, IRewardModel> load, PairSet pairs, IReadOnlyList<string>? names = null, int steps = 11, int points = 0, int seed = 0, AverageOptions? averaging = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(pairs);
        if (members.Count < 2) throw new WarmException("members", FormattableString.Invariant($"there {(members.Count == 1 ? "is one" : "are none")}"), "at least two");
        if (steps is < 2 or > 1001) throw new WarmException("steps", FormattableString.Invariant($"is {steps}"), "2 to 1001 points, both ends included");
        if (points < 0) throw new WarmException("simplex", FormattableString.Invariant($"is {points}"), "0 points or more");
        double[] lambdas = [.. Enumerable.Range(0, steps).Select(i => i / (steps - 1.0))];
        var alone = new List<PairwiseAccuracy>();
        for (int m = 0; m < members.Count; m++) alone.Add(await One(members[m], names?[m] ?? members[m].Name).ConfigureAwait(false));
        var lines = new List<MemberLine>();
        for (int a = 0; a < members.Count; a++)
            for (int b = a + 1; b < members.Count; b++)
            {
                var measured = new List<PairwiseAccuracy> { alone[a] };
                foreach (double lambda in lambdas[1..^1]) measured.Add(await One(Interpolation.Of(members[a], members[b], lambda, averaging), FormattableString.Invariant($"lambda {lambda}")).ConfigureAwait(false));
                measured.Add(alone[b]);
                lines.Add(new(a, b, Connectivity.Of(lambdas, measured)));
            }
        var random = new Random(seed);
        var simplex = new List<SimplexPoint>();
        for (int point = 0; point < points; point++)
        {
            // Exponential variates over their sum lie evenly in the simplex.
            double[] drawn = [.. members.Select(_ => -Math.Log(1 - random.NextDouble()))], weights = [.. drawn.Select(w => w / drawn.Sum())];
            PairwiseAccuracy mixed = await One(WeightAverage.Of(members, (averaging ?? AverageOptions.Default) with { Weights = weights }), FormattableString.Invariant($"point {point}")).ConfigureAwait(false);
            var gains = new double[pairs.Count];
            for (int pair = 0; pair < gains.Length; pair++)
            {
                double straight = 0;
                for (int m = 0; m < weights.Length; m++) straight += weights[m] * alone[m].Outcomes[pair];
                gains[pair] = mixed.Outcomes[pair] - straight;
            }
            Estimate gain = Estimate.Mean(gains, pairs.Units, pairs.Options.Resamples, pairs.Options.Seed);
            simplex.Add(new(weights, mixed.Accuracy, mixed.Loss, mixed.Accuracy.Value - gain.Value, gain, gain.Value >= -1e-12));
        }
        return new(alone, lines, simplex);

        async Task<PairwiseAccuracy> One(Weights weights, string name)
        {
            cancellation.ThrowIfCancellationRequested();
            IRewardModel model = load(weights);
            using (model as IDisposable) return pairs.Measure(await pairs.ScoreAsync(model, name, null, cancellation).ConfigureAwait(false), name);
        }
    }

    /// <summary>Accuracy along one line with its band and the straight line between the ends; of several lines what each has above that straight line, in points, with the points of the simplex as dots.</summary>
    /// <param name="data">What the pairs are called.</param>
    public LineChart Chart(string data)
    {
        Estimate sample = Members[0].Accuracy;
        string note = FormattableString.Invariant($"n = {sample.N:N0} pairs of {data}; intervals: {sample.IntervalInWords}");
        if (Lines.Count == 1 && Simplex.Count == 0)
        {
            IReadOnlyList<ConnectivityPoint> path = Lines[0].Line.Path;
            return new()
            {
                Title = $"Accuracy along the line from {Members[0].Name} to {Members[1].Name}",
                Note = FormattableString.Invariant($"{note}, of the paired difference from the interpolated accuracy; loss barrier {Lines[0].Line.LossBarrier:F4}; {Lines[0].Line.Verdict}"),
                X = "lambda",
                Y = "pairwise accuracy",
                Series =
                [
                    new("interpolated weights", [.. path.Select(p => new ChartPoint(p.Lambda, p.Accuracy.Value, p.Straight + p.Gain.Low, p.Straight + p.Gain.High))]),
                    new("interpolated accuracy of the ends", [.. path.Select(p => new ChartPoint(p.Lambda, p.Straight))]),
                ],
            };
        }
        // Bands of many lines would hide each other.
        bool bands = Lines.Count <= 3;
        return new()
        {
            Title = "Accuracy above the interpolated accuracy of the members",
            Note = $"{note}, of the paired difference; below 0 the paper's inequality fails{(Simplex.Count == 0 ? "" : FormattableString.Invariant($"; {Simplex.Count} points of the simplex stand at 1 less their largest weight"))}",
            X = "lambda",
            Y = "points (hundredths of accuracy)",
            Series =
            [
                .. Lines.Select(line => new ChartSeries($"{Members[line.A].Name} to {Members[line.B].Name}", [.. line.Line.Path.Select(p => new ChartPoint(p.Lambda, 100 * p.Gain.Value, bands ? 100 * p.Gain.Low : double.NaN, bands ? 100 * p.Gain.High : double.NaN))])),
                .. Simplex.Count == 0 ? [] : new[] { new ChartSeries("points of the simplex", [.. Simplex.Select(p => new ChartPoint(1 - p.Weights.Max(), 100 * p.Gain.Value, 100 * p.Gain.Low, 100 * p.Gain.High))]) { Joined = false } },
            ],
            Marks = [new("no gain", 0)],
        };
    }

    /// <summary><c>15 lines and 20 points: barrier 0.004, connected</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Lines.Count} line{(Lines.Count == 1 ? "" : "s")}{(Simplex.Count == 0 ? "" : $" and {Simplex.Count} points")}: barrier {Barrier:F4}, the inequality {(Connected ? "holds everywhere" : "does not hold everywhere")}");
}
