using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// SCE, select, calculate, erase: of a tensor's places those are selected where the members' differences from the base vary most, each member counts by its mean squared difference there, and
/// differences against the sign of their sum are erased: <c>base + sum w_i d_i / sum w_i</c> over those left.
/// </summary>
/// <remarks>
/// Wan et al., FuseChat, arXiv:2408.07990. Selected are <c>floor(top-k times the number of places whose variance is not 0)</c>, of equal variances the lowest index first; a sum of 0 elects +. Up to
/// five passes over base and members before a tensor's first value. Memory: a few blocks and at most 9 MB a thread.
/// </remarks>
public sealed record Sce : AverageMethod
{
    /// <summary>SCE on a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public Sce(Weights @base) => Base = @base;

    /// <summary>The model that the members were fine-tuned from.</summary>
    public Weights Base { get; }

    /// <summary>The share of places that is selected, above 0 up to 1; 1 (default) selects all.</summary>
    public double TopK { get; init; } = 1;

    /// <inheritdoc/>
    public override string Name => "sce";

    /// <inheritdoc/>
    public override string Formula => "base + sum w_i d_i / sum w_i over the members that agree in sign, w_i the mean square of d_i where the members vary most";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2408.07990";

    internal override Weights Origin => Base;

    internal override void Check(int members) => Demand(TopK is > 0 and <= 1, "top-k", TopK, "above 0, up to 1");

    internal override JsonObject Dials() => new() { ["topK"] = TopK };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        int n = tensor.Members;
        MagnitudeCut.Cut? cut = TopK < 1 ? Select(tensor) : null;
        double[] weights = Squares(tensor, cut);
        double sum = weights.Sum();
        for (int m = 0; m < n; m++) weights[m] = Math.Abs(sum) < 1e-6 ? 1.0 / n : weights[m] / sum;
        return (start, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                double all = 0, agreeing = 0, divisor = 0;
                for (int m = 0; m < n; m++) all += members[m][i] -= origin[i];
                if (cut is not { } selected || selected.IsAmongLargest(Variance(members, i, n), start + i))
                    for (int m = 0; m < n; m++)
                    {
                        double delta = members[m][i];
                        if (all >= 0 ? !(delta > 0) : !(delta < 0)) continue;
                        agreeing = R.Of(agreeing + R.Of(R.Of(delta) * R.Of(weights[m])));
                        divisor = R.Of(divisor + R.Of(weights[m]));
                    }
                result[i] = R.Of(origin[i] + R.Of(agreeing / Math.Max(divisor, 1e-6)));
            }
        };
    }

    private MagnitudeCut.Cut Select(TensorValues tensor)
    {
        double[][] deltas = Blocks(tensor);
        void Variances(long start, Span<double> values)
        {
            tensor.ReadDeltas(start, values.Length, deltas);
            for (int i = 0; i < values.Length; i++) values[i] = Variance(deltas, i, deltas.Length);
        }
        var block = new double[TensorValues.Block];
        long varying = 0;
        for (long start = 0; start < tensor.Count; start += block.Length)
        {
            Span<double> values = block.AsSpan(0, (int)Math.Min(block.Length, tensor.Count - start));
            Variances(start, values);
            foreach (double value in values) varying += value != 0 ? 1 : 0;
        }
        return MagnitudeCut.Largest(tensor.Count, (long)(varying * TopK), Variances);
    }

    /// <summary>Each member's mean squared difference, those that are not selected counting 0.</summary>
    private static double[] Squares(TensorValues tensor, MagnitudeCut.Cut? cut)
    {
        double[][] deltas = Blocks(tensor);
        var squares = new double[deltas.Length];
        for (long start = 0; start < tensor.Count; start += TensorValues.Block)
        {
            int count = (int)Math.Min(TensorValues.Block, tensor.Count - start);
            tensor.ReadDeltas(start, count, deltas);
            for (int i = 0; i < count; i++)
                if (cut is not { } selected || selected.IsAmongLargest(Variance(deltas, i, deltas.Length), start + i))
                    for (int m = 0; m < deltas.Length; m++) squares[m] += deltas[m][i] * deltas[m][i];
        }
        for (int m = 0; m < squares.Length; m++) squares[m] /= tensor.Count;
        return squares;
    }

    private static double[][] Blocks(TensorValues tensor) => [.. Enumerable.Range(0, tensor.Members).Select(_ => new double[TensorValues.Block])];

    /// <summary>The variance of the members at one place, value by value (Welford), so that equal values give exactly 0.</summary>
    private static double Variance(double[][] values, int at, int members)
    {
        double mean = 0, squares = 0;
        for (int m = 0; m < members; m++)
        {
            double from = values[m][at] - mean;
            mean += from / (m + 1);
            squares += from * (values[m][at] - mean);
        }
        return squares / members;
    }
}
