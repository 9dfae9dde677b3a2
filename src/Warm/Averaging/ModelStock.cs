using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Model Stock: <c>t mean + (1 - t) base</c> with <c>t = k cos / (1 + (k - 1) cos)</c>, cos the mean cosine between the k members' differences from the base: the more they agree, the closer to their mean.
/// </summary>
/// <remarks>
/// Jang et al., Model Stock, arXiv:2403.19522. Trap: t is negative or above 1 where the mean cosine is negative; it is not clamped. Where <c>|1 + (k - 1) cos| &lt; 1e-6</c> the base is taken.
/// One pass over base and members before a tensor's first value. Memory: a few blocks a thread, and a number for each row.
/// </remarks>
public sealed record ModelStock : AverageMethod
{
    /// <summary>Model Stock around a base.</summary>
    /// <param name="base">The model that the members were fine-tuned from.</param>
    public ModelStock(Weights @base) => Base = @base;

    /// <summary>The model that the members were fine-tuned from.</summary>
    public Weights Base { get; }

    /// <summary>One t a vector along the last axis (mergekit's filter_wise) instead of one a tensor; default false.</summary>
    public bool Rows { get; init; }

    /// <inheritdoc/>
    public override string Name => "model-stock";

    /// <inheritdoc/>
    public override string Formula => "t mean(theta_i) + (1 - t) base, t = k cos / (1 + (k - 1) cos)";

    /// <inheritdoc/>
    public override string Paper => "arXiv:2403.19522";

    internal override Weights Origin => Base;

    internal override void Check(int members) => DemandMembers(members >= 2, members, "two or more: an angle lies between two");

    internal override JsonObject Dials() => new() { ["rows"] = Rows };

    internal override RunAverage Prepare<R>(TensorValues tensor)
    {
        int k = tensor.Members;
        long length = Rows ? tensor.RowLength : Math.Max(1, tensor.Count);
        var t = new double[tensor.Count / length];
        InnerProducts.Rows(tensor, length, deltas: true, (row, products) => t[row] = Ratio(products, k));
        return (start, members, origin, result) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                double sum = 0, ratio = t[(start + i) / length];
                for (int m = 0; m < k; m++) sum = R.Of(sum + members[m][i]);
                result[i] = R.Of(R.Of(R.Of(ratio) * R.Of(sum / k)) + R.Of(R.Of(1 - ratio) * origin[i]));
            }
        };
    }

    private static double Ratio(double[,] products, int k)
    {
        double cosines = 0;
        for (int i = 0; i < k; i++)
            for (int j = i + 1; j < k; j++)
                cosines += Math.Clamp(products[i, j] / Math.Max(Math.Sqrt(products[i, i]) * Math.Sqrt(products[j, j]), 1e-6), -1, 1);
        double cosine = cosines / (k * (k - 1) / 2), below = 1 + (k - 1) * cosine;
        return Math.Abs(below) < 1e-6 ? 0 : k * cosine / below;
    }
}
