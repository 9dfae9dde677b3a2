using System.Numerics.Tensors;

namespace Warm.Transformers;

/// <summary>
/// L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4) for the objective of <see cref="LinearProbe"/>. With D the rows, m = D w the margins and s = sigmoid(-m):
/// <code>
/// f(w) = mean softplus(-m) + ridge/2 |w|^2
/// g(w) = -D^T s / n + ridge w
/// along p, with z = D p:  f'(t) = mean(-sigmoid(-(m + t z)) z) + ridge (w p + t p p), which rises with t
/// </code>
/// So a step costs two products with D, and the search along a line is the root of a rising function of one number that needs D no more: it is found exactly.
/// </summary>
/// <remarks>
/// The same bits for any number of threads: a margin is one chain over the features in eight fixed lanes, a number of the gradient one chain over the pairs, and neither is ever split.
/// </remarks>
internal sealed class BradleyTerrySolver
{
    private const int History = 20, RowsAtOnce = 64, ColumnsAtOnce = 256;

    private readonly double[][] _rows;
    private readonly LinearProbeOptions _options;
    private readonly int _width, _threads;

    public BradleyTerrySolver(double[][] rows, LinearProbeOptions options)
    {
        (_rows, _options, _width) = (rows, options, rows[0].Length);
        _threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
    }

    public LinearProbe Solve(CancellationToken cancellation)
    {
        using PassCancellation.Scope scope = PassCancellation.By(cancellation);
        double[] w = new double[_width], gradient = new double[_width], margins = new double[_rows.Length], along = new double[_rows.Length];
        Gradient(w, margins, gradient);
        double norm = Norm(gradient), best = norm;
        var bestWeights = (double[])w.Clone();
        var memory = new List<(double[] Step, double[] Change, double Inverse)>();
        int iteration = 0, stale = 0;
        while (norm > Enough(w) && iteration < _options.Iterations && stale < 50)
        {
            double[] direction = Direction(gradient, memory);
            double slope = InnerProducts.Dot(gradient, direction);
            if (!(slope < 0)) // rounding has spoilt what was remembered
            {
                memory.Clear();
                direction = Direction(gradient, memory);
                slope = InnerProducts.Dot(gradient, direction);
            }
            Times(direction, along);
            double length = Search(margins, along, InnerProducts.Dot(w, direction), InnerProducts.Dot(direction, direction), slope);
            var step = new double[_width];
            for (int j = 0; j < _width; j++) w[j] += step[j] = length * direction[j];
            Times(w, margins);
            double[] before = gradient;
            gradient = new double[_width];
            Gradient(w, margins, gradient);
            double[] change = new double[_width];
            for (int j = 0; j < _width; j++) change[j] = gradient[j] - before[j];
            double curvature = InnerProducts.Dot(step, change);
            if (curvature > 0)
            {
                if (memory.Count == History) memory.RemoveAt(0);
                memory.Add((step, change, 1 / curvature));
            }
            norm = Norm(gradient);
            iteration++;
            stale = norm < best ? 0 : stale + 1;
            if (norm < best) (best, bestWeights) = (norm, (double[])w.Clone());
        }
        Times(bestWeights, margins);
        double loss = 0;
        foreach (double margin in margins) loss += PairwiseAccuracy.SoftPlus(-margin);
        return new(bestWeights, _rows.Length, _options.Ridge, loss / margins.Length, best, iteration, best <= Enough(bestWeights));
    }

    /// <summary>The gradient that proves w near enough: f bends at least as much as the penalty, so |w - optimum| &lt;= |g| / ridge.</summary>
    private double Enough(double[] w) => _options.Tolerance * _options.Ridge * Math.Max(1, Norm(w));

    /// <summary>Minus the gradient through the inverse of what the last steps told of the curvature.</summary>
    private static double[] Direction(double[] gradient, List<(double[] Step, double[] Change, double Inverse)> memory)
    {
        double[] q = [.. gradient.Select(g => -g)];
        Span<double> shares = stackalloc double[History];
        for (int k = memory.Count - 1; k >= 0; k--)
        {
            shares[k] = memory[k].Inverse * InnerProducts.Dot(memory[k].Step, q);
            Add(q, -shares[k], memory[k].Change);
        }
        if (memory.Count > 0)
        {
            (double[] step, double[] change, _) = memory[^1];
            double scale = InnerProducts.Dot(step, change) / InnerProducts.Dot(change, change);
            for (int j = 0; j < q.Length; j++) q[j] *= scale;
        }
        for (int k = 0; k < memory.Count; k++) Add(q, shares[k] - memory[k].Inverse * InnerProducts.Dot(memory[k].Change, q), memory[k].Step);
        return q;
    }

    /// <summary>How far to go: where the slope, which rises, has all but vanished. Newton's steps, kept within the bracket by halving.</summary>
    private double Search(double[] margins, double[] along, double wp, double pp, double slope)
    {
        double low = 0, high = double.PositiveInfinity, t = 1;
        for (int i = 0; i < 100; i++)
        {
            double first = 0, second = 0;
            for (int k = 0; k < margins.Length; k++)
            {
                double s = PairwiseAccuracy.Sigmoid(-(margins[k] + t * along[k]));
                first -= s * along[k];
                second += s * (1 - s) * along[k] * along[k];
            }
            first = first / margins.Length + _options.Ridge * (wp + t * pp);
            second = second / margins.Length + _options.Ridge * pp;
            if (Math.Abs(first) <= 1e-3 * -slope) break;
            if (first < 0) low = t;
            else high = t;
            double next = t - first / second;
            t = next > low && next < high ? next : double.IsPositiveInfinity(high) ? 4 * t : 0.5 * (low + high);
            if (t == low || t == high) break;
        }
        return t;
    }

    /// <summary>margins = D v.</summary>
    private void Times(double[] v, double[] margins) => Work.Run(_threads, (_rows.Length + RowsAtOnce - 1) / RowsAtOnce, block =>
    {
        for (int i = block * RowsAtOnce; i < Math.Min(_rows.Length, (block + 1) * RowsAtOnce); i++) margins[i] = InnerProducts.Dot(_rows[i], v);
    });

    /// <summary>gradient = -D^T sigmoid(-margins) / n + ridge w.</summary>
    private void Gradient(double[] w, double[] margins, double[] gradient)
    {
        double[] shares = [.. margins.Select(margin => -PairwiseAccuracy.Sigmoid(-margin) / margins.Length)];
        Work.Run(_threads, (_width + ColumnsAtOnce - 1) / ColumnsAtOnce, block =>
        {
            int from = block * ColumnsAtOnce, to = Math.Min(_width, from + ColumnsAtOnce);
            Span<double> sums = gradient.AsSpan(from, to - from), product = stackalloc double[to - from];
            TensorPrimitives.Multiply(w.AsSpan(from, to - from), _options.Ridge, sums);
            for (int i = 0; i < _rows.Length; i++)
            {
                TensorPrimitives.Multiply(_rows[i].AsSpan(from, to - from), shares[i], product); // each lane is a column of its own: no order to choose
                TensorPrimitives.Add(sums, product, sums);
            }
        });
    }

    private static void Add(double[] to, double times, double[] what)
    {
        for (int j = 0; j < to.Length; j++) to[j] += times * what[j];
    }

    private static double Norm(double[] v) => Math.Sqrt(InnerProducts.Dot(v, v));
}
