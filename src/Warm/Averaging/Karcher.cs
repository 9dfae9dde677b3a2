using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The Karcher mean on the sphere, tensor by tensor: the direction from which the angles to the members' directions sum to nothing, found by steps along the mean tangent, times the
/// members' mean length.
/// </summary>
/// <remarks>
/// Karcher 1977; as mergekit does it (arXiv:2403.13257). The mean is a sum of the members whose coefficients need only their inner products: one pass before a tensor's first value. Members of
/// length up to the tolerance give no direction, but count in the mean length. Memory: a few blocks a thread.
/// </remarks>
public sealed record Karcher : AverageMethod
{
    /// <summary>Most steps, at least 0; default 10.</summary>
    public int MaxIterations { get; init; } = 10;

    /// <summary>A step (an angle) shorter than this is the last; above 0; default 1e-5.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <inheritdoc/>
    public override string Name => "karcher";

    /// <inheritdoc/>
    public override string Formula => "mean |theta_i| times the Karcher mean of theta_i/|theta_i|";

    /// <inheritdoc/>
    public override string Paper => "doi:10.1002/cpa.3160300502";

    internal override void Check(int members)
    {
        Demand(MaxIterations >= 0, "max-iterations", MaxIterations, "0 or more");
        Demand(double.IsFinite(Tolerance) && Tolerance > 0, "tolerance", Tolerance, "above 0");
    }

    internal override JsonObject Dials() => new() { ["maxIterations"] = MaxIterations, ["tolerance"] = Tolerance };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        double[] c = Coefficients(InnerProducts.Of(tensor, deltas: false));
        return (_, members, _, result) =>
        {
            result.Clear();
            for (int m = 0; m < c.Length; m++)
                for (int i = 0; i < result.Length; i++) result[i] = R.Of(result[i] + R.Of(R.Of(c[m]) * members[m][i]));
        };
    }

    /// <summary>The members' coefficients. A vector <c>sum b_i u_i</c> of their directions u is held as its b; its length is <c>sqrt(b' G b)</c>, G the directions' cosines.</summary>
    private double[] Coefficients(double[,] products)
    {
        int n = products.GetLength(0);
        double[] lengths = [.. Enumerable.Range(0, n).Select(i => Math.Sqrt(products[i, i]))];
        int[] kept = [.. Enumerable.Range(0, n).Where(i => lengths[i] > Tolerance)];
        if (kept.Length == 0) return new double[n];
        double Cosine(int i, double[] b) => kept.Sum(j => b[j] * products[i, j] / (lengths[i] * lengths[j]));
        double Length(double[] b) => Math.Sqrt(Math.Max(0, kept.Sum(i => b[i] * Cosine(i, b))));
        void Divide(double[] b, double by)
        {
            for (int i = 0; i < n; i++) b[i] /= by;
        }

        double share = 1.0 / kept.Length;
        var mean = new double[n];
        foreach (int i in kept) mean[i] = share;
        if (Length(mean) is var start && start < Tolerance)
        {
            mean = new double[n];
            mean[kept[0]] = 1;
        }
        else Divide(mean, start);
        for (int step = 0; step < MaxIterations; step++)
        {
            var tangent = new double[n];
            foreach (int i in kept)
            {
                double cosine = Math.Clamp(Cosine(i, mean), -1, 1), angle = Math.Acos(cosine);
                if (angle < Tolerance) continue;
                double scale = share * (angle / Math.Sin(angle));
                tangent[i] += scale;
                for (int j = 0; j < n; j++) tangent[j] -= scale * cosine * mean[j];
            }
            double length = Length(tangent);
            if (length < Tolerance) break;
            for (int j = 0; j < n; j++) mean[j] = Math.Cos(length) * mean[j] + Math.Sin(length) * tangent[j] / length;
            Divide(mean, Length(mean));
        }
        foreach (int i in kept) mean[i] *= lengths.Sum() / n / lengths[i];
        return mean;
    }
}
