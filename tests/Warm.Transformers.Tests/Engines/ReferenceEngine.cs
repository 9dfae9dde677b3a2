namespace Warm.Transformers.Tests;

/// <summary>
/// The twin of every engine: each operation as its formula says, in double, one number after the other. Slow, and meant to be seen to be right.
/// A token that may attend to no key at all gives zeros.
/// </summary>
internal sealed class ReferenceEngine : Engine
{
    public override string Name => "reference, double";

    private sealed class Tensor(int rows, int columns) : EngineTensor(rows, columns)
    {
        public readonly double[] Values = new double[rows * columns];
        public ref double this[int row, int column] => ref Values[row * Columns + column];
        public override void Dispose() { }
    }

    private sealed class Weight(TensorInfo info, double[] values) : EngineWeight(info)
    {
        public double this[int row, int column] => values[row * Columns + column];
        public double this[int index] => values[index];
        public override void Dispose() { }
    }

    public override EngineWeight Load(TensorView view)
    {
        TensorInfo info = view.Info;
        double[] values = new double[info.Count];
        int size = info.DType.Bits() / 8;
        for (int i = 0; i < values.Length; i++)
        {
            ReadOnlySpan<byte> bytes = view.Bytes((long)i * size, size);
            values[i] = info.DType switch
            {
                DType.F64 => BitConverter.ToDouble(bytes),
                DType.F32 => BitConverter.ToSingle(bytes),
                DType.F16 => (double)BitConverter.ToHalf(bytes),
                DType.BF16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes) << 16),
                _ => throw new NotSupportedException($"{info} is no float that engines load."),
            };
        }
        view.Dispose();
        return new Weight(info, values);
    }

    public override EngineTensor Upload(ReadOnlySpan<float> values, int rows, int columns)
    {
        Assert.Equal(rows * columns, values.Length);
        var result = new Tensor(rows, columns);
        for (int i = 0; i < values.Length; i++) result.Values[i] = values[i];
        return result;
    }

    /// <summary>Makes activations of doubles, unrounded.</summary>
    public EngineTensor Upload(ReadOnlySpan<double> values, int rows, int columns)
    {
        Assert.Equal(rows * columns, values.Length);
        var result = new Tensor(rows, columns);
        values.CopyTo(result.Values);
        return result;
    }

    public override void Download(EngineTensor tensor, Span<float> destination)
    {
        double[] values = ((Tensor)tensor).Values;
        Assert.Equal(values.Length, destination.Length);
        for (int i = 0; i < values.Length; i++) destination[i] = (float)values[i];
    }

    public override void Download(EngineTensor tensor, Span<double> destination)
    {
        double[] values = ((Tensor)tensor).Values;
        Assert.Equal(values.Length, destination.Length);
        values.CopyTo(destination);
    }

    public override EngineTensor Embed(EngineWeight table, ReadOnlySpan<int> ids)
    {
        var w = (Weight)table;
        var y = new Tensor(ids.Length, w.Columns);
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)w.Rows) throw new ArgumentOutOfRangeException(nameof(ids), ids[i], $"The table has {w.Rows} rows.");
            for (int c = 0; c < w.Columns; c++) y[i, c] = w[ids[i], c];
        }
        return y;
    }

    public override EngineTensor Linear(EngineTensor input, LinearWeight weight)
    {
        var (x, w, b) = ((Tensor)input, (Weight)weight.Weight, (Weight?)weight.Bias);
        Assert.Equal(weight.Inputs, x.Columns);
        if (b is not null) Assert.Equal(weight.Outputs, b.Columns);
        var y = new Tensor(x.Rows, weight.Outputs);
        for (int r = 0; r < x.Rows; r++)
            for (int o = 0; o < weight.Outputs; o++)
            {
                double sum = 0;
                for (int k = 0; k < x.Columns; k++) sum += x[r, k] * (weight.Transposed ? w[k, o] : w[o, k]);
                y[r, o] = sum + (b?[o] ?? 0);
            }
        return y;
    }

    public override EngineTensor RmsNorm(EngineTensor input, EngineWeight weight, double epsilon, double offset = 0)
    {
        var (x, w) = ((Tensor)input, (Weight)weight);
        var y = new Tensor(x.Rows, x.Columns);
        foreach ((int r, int start) in Groups(x, w.Columns))
        {
            double squares = 0;
            for (int c = 0; c < w.Columns; c++) squares += x[r, start + c] * x[r, start + c];
            double root = Math.Sqrt(squares / w.Columns + epsilon);
            for (int c = 0; c < w.Columns; c++) y[r, start + c] = x[r, start + c] / root * (offset + w[c]);
        }
        return y;
    }

    public override EngineTensor LayerNorm(EngineTensor input, EngineWeight weight, EngineWeight? bias, double epsilon)
    {
        var (x, w, b) = ((Tensor)input, (Weight)weight, (Weight?)bias);
        var y = new Tensor(x.Rows, x.Columns);
        foreach ((int r, int start) in Groups(x, w.Columns))
        {
            double mean = 0, variance = 0;
            for (int c = 0; c < w.Columns; c++) mean += x[r, start + c] / w.Columns;
            for (int c = 0; c < w.Columns; c++) variance += (x[r, start + c] - mean) * (x[r, start + c] - mean) / w.Columns;
            double root = Math.Sqrt(variance + epsilon);
            for (int c = 0; c < w.Columns; c++) y[r, start + c] = (x[r, start + c] - mean) / root * w[c] + (b?[c] ?? 0);
        }
        return y;
    }

    private static IEnumerable<(int Row, int Start)> Groups(Tensor x, int width)
    {
        Assert.Equal(0, x.Columns % width);
        for (int r = 0; r < x.Rows; r++)
            for (int start = 0; start < x.Columns; start += width) yield return (r, start);
    }

    public override EngineTensor Rotary(EngineTensor input, RotaryForm form, BatchLayout layout)
    {
        var x = (Tensor)input;
        Assert.Equal(layout.Rows, x.Rows);
        Assert.Equal(form.Heads * form.HeadSize, x.Columns);
        var y = new Tensor(x.Rows, x.Columns);
        x.Values.CopyTo(y.Values, 0);
        for (int text = 0; text < layout.Texts; text++)
        {
            int length = 0; // the largest position plus one: the number of tokens, unless positions are given
            for (int i = layout.First(text); i < layout.Length(text); i++) length = Math.Max(length, layout.Positions[layout.RowOf(text, i)] + 1);
            double[] frequencies = form.Frequencies(length);
            int half = frequencies.Length;
            for (int i = layout.First(text); i < layout.Length(text); i++)
            {
                int row = layout.RowOf(text, i);
                for (int head = 0; head < form.Heads; head++)
                    for (int f = 0; f < half; f++)
                    {
                        double angle = layout.Positions[row] * frequencies[f];
                        double cos = Math.Cos(angle) * form.AttentionFactor, sin = Math.Sin(angle) * form.AttentionFactor;
                        int a = head * form.HeadSize + (form.Interleaved ? 2 * f : f), b = form.Interleaved ? a + 1 : a + half;
                        y[row, a] = x[row, a] * cos - x[row, b] * sin;
                        y[row, b] = x[row, b] * cos + x[row, a] * sin;
                    }
            }
        }
        return y;
    }

    public override EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout)
    {
        var (q, k, v) = ((Tensor)queries, (Tensor)keys, (Tensor)values);
        Assert.Equal((queryLayout.Rows, form.Heads * form.HeadSize), (q.Rows, q.Columns));
        Assert.Equal((keyLayout.Rows, form.KeyHeads * form.HeadSize), (k.Rows, k.Columns));
        Assert.Equal((k.Rows, k.Columns), (v.Rows, v.Columns));
        Assert.Equal(queryLayout.Texts, keyLayout.Texts);
        var y = new Tensor(q.Rows, q.Columns);
        for (int text = 0; text < queryLayout.Texts; text++) // a shared row is computed again for each text: the same each time, for what it sees is shared too
        {
            int length = keyLayout.Length(text);
            for (int i = queryLayout.First(text); i < queryLayout.Length(text); i++)
                for (int head = 0; head < form.Heads; head++)
                {
                    int row = queryLayout.RowOf(text, i), at = head * form.HeadSize, keyAt = head / (form.Heads / form.KeyHeads) * form.HeadSize;
                    double[] scores = new double[length];
                    for (int j = 0; j < length; j++)
                    {
                        int keyRow = keyLayout.RowOf(text, j);
                        bool allowed = (!form.Causal || j <= i) && (form.WindowLeft is not { } left || j >= i - left) && (form.WindowRight is not { } right || j <= i + right)
                            && (keyLayout.Attended.IsEmpty || keyLayout.Attended[keyRow]);
                        double s = 0;
                        for (int c = 0; c < form.HeadSize; c++) s += q[row, at + c] * k[keyRow, keyAt + c];
                        s *= form.Scale;
                        if (form.Softcap is { } cap) s = cap * Math.Tanh(s / cap);
                        if (!form.AlibiSlopes.IsEmpty) s += (double)form.AlibiSlopes.Span[head] * j;
                        if (form.Buckets is { } buckets) s += ((Weight)buckets.Table)[buckets.BucketOf(j - i), head];
                        scores[j] = allowed ? s : double.NegativeInfinity;
                    }
                    double largest = scores.Max(), sum = 0;
                    if (double.IsNegativeInfinity(largest)) continue;
                    for (int j = 0; j < length; j++) sum += Math.Exp(scores[j] - largest);
                    for (int c = 0; c < form.HeadSize; c++)
                    {
                        double mixed = 0;
                        for (int j = 0; j < length; j++)
                            if (!double.IsNegativeInfinity(scores[j])) mixed += Math.Exp(scores[j] - largest) / sum * v[keyLayout.RowOf(text, j), keyAt + c];
                        y[row, at + c] = mixed;
                    }
                }
        }
        return y;
    }

    public override EngineTensor CacheAppend(EngineTensor? past, EngineTensor rows)
    {
        var (above, below) = ((Tensor?)past, (Tensor)rows);
        var y = new Tensor((above?.Rows ?? 0) + below.Rows, below.Columns);
        above?.Values.CopyTo(y.Values, 0);
        below.Values.CopyTo(y.Values, above?.Values.Length ?? 0);
        return y;
    }

    public override EngineTensor TokenLogProbabilities(EngineTensor x, LinearWeight head, ReadOnlySpan<int> ids, double? softcap = null)
    {
        var logits = (Tensor)Linear(x, head);
        var y = new Tensor(x.Rows, 1);
        for (int r = 0; r < x.Rows; r++)
        {
            double[] row = [.. Enumerable.Range(0, logits.Columns).Select(v => softcap is { } cap ? cap * Math.Tanh(logits[r, v] / cap) : logits[r, v])];
            double max = row.Max();
            y[r, 0] = row[ids[r]] - max - Math.Log(row.Sum(l => Math.Exp(l - max)));
        }
        return y;
    }

    public override EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout)
    {
        var (q, k, v, kr, qr) = ((Tensor)queries, (Tensor)keys, (Tensor)values, (Tensor?)positionKeys, (Tensor?)positionQueries);
        foreach (Tensor x in (Tensor[])[q, k, v]) Assert.Equal((layout.Rows, form.Heads * form.HeadSize), (x.Rows, x.Columns));
        var y = new Tensor(q.Rows, q.Columns);
        for (int text = 0; text < layout.Texts; text++)
            for (int i = 0; i < layout.Length(text); i++)
                for (int head = 0; head < form.Heads; head++)
                {
                    int row = layout.RowOf(text, i), at = head * form.HeadSize;
                    double[] scores = new double[layout.Length(text)];
                    for (int j = 0; j < scores.Length; j++)
                    {
                        int keyRow = layout.RowOf(text, j), c = form.RowOf(i - j);
                        double s = 0;
                        for (int d = at; d < at + form.HeadSize; d++)
                            s += q[row, d] * k[keyRow, d] + (kr is null ? 0 : q[row, d] * kr[c, d]) + (qr is null ? 0 : k[keyRow, d] * qr[c, d]);
                        scores[j] = layout.Attended.IsEmpty || layout.Attended[keyRow] ? form.Scale * s : double.NegativeInfinity;
                    }
                    double largest = scores.Max(), sum = 0;
                    if (double.IsNegativeInfinity(largest)) continue;
                    foreach (double s in scores) sum += Math.Exp(s - largest);
                    double[] shares = [.. scores.Select(s => Math.Exp(s - largest) / sum)];
                    for (int d = at; d < at + form.HeadSize; d++)
                        for (int j = 0; j < scores.Length; j++) y[row, d] += shares[j] * v[layout.RowOf(text, j), d];
                }
        return y;
    }

    public override EngineTensor TokenConvolution(EngineTensor input, LinearWeight weight, BatchLayout layout)
    {
        var (x, w, b) = ((Tensor)input, (Weight)weight.Weight, (Weight?)weight.Bias);
        int kernel = (int)w.Info.Shape[2];
        var y = new Tensor(x.Rows, w.Rows);
        for (int text = 0; text < layout.Texts; text++)
            for (int t = 0; t < layout.Length(text); t++)
                for (int o = 0; o < w.Rows; o++)
                {
                    double sum = b?[o] ?? 0;
                    for (int k = 0; k < kernel; k++)
                    {
                        int from = t + k - kernel / 2;
                        if (from < 0 || from >= layout.Length(text) || (!layout.Attended.IsEmpty && !layout.Attended[layout.RowOf(text, from)])) continue;
                        for (int c = 0; c < x.Columns; c++) sum += w[o, c * kernel + k] * x[layout.RowOf(text, from), c];
                    }
                    y[layout.RowOf(text, t), o] = sum;
                }
        return y;
    }

    public override EngineTensor Activate(EngineTensor x, Activation activation) => Map(x, value => Of(activation, value));

    public override EngineTensor ActivateGated(EngineTensor gate, EngineTensor up, Activation activation) => Map(gate, up, (g, u) => Of(activation, g) * u);

    public override EngineTensor Add(EngineTensor a, EngineTensor b) => Map(a, b, (x, y) => x + y);

    public override EngineTensor Multiply(EngineTensor a, EngineTensor b) => Map(a, b, (x, y) => x * y);

    public override EngineTensor Scale(EngineTensor x, double factor) => Map(x, value => value * factor);

    public override EngineTensor Rows(EngineTensor input, ReadOnlySpan<int> rows)
    {
        var x = (Tensor)input;
        var y = new Tensor(rows.Length, x.Columns);
        for (int i = 0; i < rows.Length; i++)
            for (int c = 0; c < x.Columns; c++) y[i, c] = x[rows[i], c];
        return y;
    }

    public override EngineTensor Columns(EngineTensor input, int start, int count, int groups = 1)
    {
        var x = (Tensor)input;
        int part = x.Columns / groups;
        Assert.Equal(x.Columns, part * groups);
        Assert.InRange(start + count, 0, part);
        var y = new Tensor(x.Rows, groups * count);
        for (int r = 0; r < x.Rows; r++)
            for (int g = 0; g < groups; g++)
                for (int c = 0; c < count; c++) y[r, g * count + c] = x[r, g * part + start + c];
        return y;
    }

    public override EngineTensor MeanRows(EngineTensor input, BatchLayout layout)
    {
        var x = (Tensor)input;
        Assert.Equal(layout.Rows, x.Rows);
        var y = new Tensor(layout.Texts, x.Columns);
        for (int text = 0; text < layout.Texts; text++)
        {
            int[] rows = [.. Enumerable.Range(0, layout.Length(text)).Select(i => layout.RowOf(text, i)).Where(row => layout.Attended.IsEmpty || layout.Attended[row])];
            for (int c = 0; c < x.Columns; c++)
            {
                double sum = 0;
                foreach (int row in rows) sum += x[row, c];
                y[text, c] = sum / rows.Length;
            }
        }
        return y;
    }

    private static Tensor Map(EngineTensor x, Func<double, double> f)
    {
        var y = new Tensor(x.Rows, x.Columns);
        for (int i = 0; i < y.Values.Length; i++) y.Values[i] = f(((Tensor)x).Values[i]);
        return y;
    }

    private static Tensor Map(EngineTensor a, EngineTensor b, Func<double, double, double> f)
    {
        Assert.Equal((a.Rows, a.Columns), (b.Rows, b.Columns));
        var y = new Tensor(a.Rows, a.Columns);
        for (int i = 0; i < y.Values.Length; i++) y.Values[i] = f(((Tensor)a).Values[i], ((Tensor)b).Values[i]);
        return y;
    }

    /// <summary>The scalar functions.</summary>
    public static double Of(Activation activation, double x) => activation switch
    {
        Activation.Gelu => 0.5 * x * (1 + Erf(x / Math.Sqrt(2))),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        Activation.GeluFast => 0.5 * x * (1 + Math.Tanh(0.7978845608 * x * (1 + 0.044715 * x * x))),
        Activation.GeluQuick => x * Sigmoid(1.702 * x),
        Activation.Silu => x * Sigmoid(x),
        Activation.Relu => Math.Max(x, 0),
        Activation.Relu2 => Math.Max(x, 0) * Math.Max(x, 0),
        Activation.Tanh => Math.Tanh(x),
        Activation.Sigmoid => Sigmoid(x),
        Activation.Mish => x * Math.Tanh(x > 30 ? x : Math.Log(1 + Math.Exp(x))),
        _ => throw new NotSupportedException(activation.ToString()),
    };

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>The error function: 2/sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (1 3 5 .. (2n+1)), all terms of one sign; 1 from 6 on.</summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x)) return x;
        if (Math.Abs(x) >= 6) return Math.Sign(x);
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
