using System.Runtime.Intrinsics;

namespace Warm;

/// <summary>
/// Inner products of the members' vectors, or of their differences from the base: from them come lengths, angles, and every method that is a sum of the members with coefficients that
/// depend on angles. One reading, a block of each member in memory. Eight sums side by side, added in a fixed order: the same bits on any machine.
/// </summary>
internal static class InnerProducts
{
    /// <summary>Of a whole tensor: symmetric, one row a member.</summary>
    public static double[,] Of(TensorValues tensor, bool deltas)
    {
        var products = new double[tensor.Members, tensor.Members];
        Rows(tensor, Math.Max(1, tensor.Count), deltas, (_, row) => products = row);
        return products;
    }

    /// <summary>Of the whole model: those of the tensors, added in their order.</summary>
    public static double[,] Of(ModelValues model, bool deltas)
    {
        int n = model.Tensors.Count == 0 ? 0 : model.Tensors[0].Members;
        var sum = new double[n, n];
        foreach (TensorValues tensor in model.Tensors)
        {
            double[,] own = Of(tensor, deltas);
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) sum[i, j] += own[i, j];
        }
        return sum;
    }

    /// <summary>Of each run of so many values: <paramref name="use"/> is told the run's index and its products.</summary>
    public static void Rows(TensorValues tensor, long length, bool deltas, Action<long, double[,]> use)
    {
        int n = tensor.Members;
        double[][] values = [.. Enumerable.Range(0, n).Select(_ => new double[(int)Math.Min(length, TensorValues.Block)])];
        for (long row = 0; row * length < tensor.Count; row++)
        {
            var products = new double[n, n];
            for (long start = 0; start < length; start += TensorValues.Block)
            {
                int count = (int)Math.Min(TensorValues.Block, length - start);
                if (deltas) tensor.ReadDeltas(row * length + start, count, values);
                for (int i = 0; i < n; i++)
                {
                    Span<double> own = values[i].AsSpan(0, count);
                    if (!deltas) tensor.Read(i, row * length + start, own);
                    for (int j = 0; j <= i; j++) products[i, j] += Dot(own, values[j].AsSpan(0, count));
                }
            }
            for (int i = 0; i < n; i++)
                for (int j = 0; j < i; j++) products[j, i] = products[i, j];
            use(row, products);
        }
    }

    /// <summary>Of two vectors of one length: eight sums side by side, then those in order, then what is left.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        Vector512<double> lanes = default;
        int i = 0;
        for (; i <= a.Length - 8; i += 8) lanes += Vector512.Create(a.Slice(i, 8)) * Vector512.Create(b.Slice(i, 8));
        double sum = 0;
        for (int lane = 0; lane < 8; lane++) sum += lanes[lane];
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
