using TorchSharp;
using Warm.Transformers;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <summary>
/// The engine that runs on libtorch, on the CPU or on CUDA: <c>RewardModel.Load(average, new TorchEngine("cuda"))</c>. Every architecture runs on it. A program adds the native library itself:
/// libtorch-cpu or TorchSharp-cuda-linux.
/// </summary>
/// <remarks>
/// Weights stay in their stored type and are brought to the engine's as they are used. Sums run in libtorch's order: rewards agree with <see cref="CpuEngine"/> within 2e-5 in single precision, not to the bit, and a
/// text's reward may differ in its last digits between batches. Each operation frees what it made on the way; results belong to no dispose scope of the caller's.
/// <para>Shapes are checked before libtorch sees them. Memory: a weight is copied once, to the device; attention takes 512 queries at a time.</para>
/// </remarks>
public sealed partial class TorchEngine : Engine
{
    private const int QueriesAtOnce = 512, VocabularyAtOnce = 8192;

    private readonly Device _device;
    private readonly ScalarType _type;

    /// <summary>Makes an engine.</summary>
    /// <param name="device"><c>cpu</c> (default), <c>cuda</c>, <c>cuda:1</c> ...</param>
    /// <param name="type">What activations are computed in: F32, BF16, F16 or F64; null (default) for F32 on the CPU, BF16 on CUDA. Softmax, norms and rotations are computed in at least F32.</param>
    /// <exception cref="WarmException">The device is not there, or the type is none of these.</exception>
    public TorchEngine(string device = "cpu", DType? type = null)
    {
        bool isCuda = device == "cuda" || device.StartsWith("cuda:", StringComparison.Ordinal);
        if (!isCuda && device != "cpu") throw new WarmException("device", $"\"{device}\" is not known", "cpu, cuda or cuda:N");
        if (isCuda && (!cuda.is_available() || device.Length > 5 && (!int.TryParse(device[5..], out int index) || index < 0 || index >= cuda.device_count())))
            throw new WarmException("device", $"\"{device}\" is not there", "cpu, or a CUDA device of this machine", "Add the package TorchSharp-cuda-linux, and see that the driver runs.");
        if (type is not (null or DType.F32 or DType.BF16 or DType.F16 or DType.F64)) throw new WarmException("type", $"{type.Value.Name()} was asked for", "F32, BF16, F16 or F64");
        _device = torch.device(device);
        _type = type is { } asked ? TorchDType.Of(asked, "type") : isCuda ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <inheritdoc/>
    public override string Name => FormattableString.Invariant($"libtorch {_device}, {TorchDType.Of(_type, "type").Name()}");

    /// <summary>The type of sums that single precision is needed for.</summary>
    private ScalarType Wide => _type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    /// <summary>Copies a weight to the device, in its stored type. The view is disposed.</summary>
    public override unsafe EngineWeight Load(TensorView view)
    {
        TensorInfo info = view.Info;
        if (!info.DType.IsFloat()) throw new WarmException(info.Name, $"its type is {info.DType.Name()}", "F32, BF16, F16 or F64");
        ScalarType type = TorchDType.Of(info.DType, info.Name);
        using (view)
        {
            byte* bits = (byte*)view.Address;
            long[] shape = info.Shape.Rank <= 1 ? [info.Count] : [info.Shape[0], info.Count / Math.Max(1, info.Shape[0])];
            Tensor host = TorchDType.Fill(shape, type, info.Bytes, (start, destination) => new ReadOnlySpan<byte>(bits + start, destination.Length).CopyTo(destination)).DetachFromDisposeScope();
            if (_device.type == DeviceType.CPU) return new TorchWeight(info, host);
            using (host) return new TorchWeight(info, host.to(_device).DetachFromDisposeScope());
        }
    }

    /// <inheritdoc/>
    public override EngineTensor Upload(ReadOnlySpan<float> values, int rows, int columns)
    {
        if (values.Length != (long)rows * columns) throw new ArgumentException($"[{rows}, {columns}] holds {(long)rows * columns} values, not {values.Length}.", nameof(values));
        float[] copy = values.ToArray();
        return Run(() => tensor(copy, [rows, columns], dtype: ScalarType.Float32).to(_type, _device));
    }

    /// <inheritdoc/>
    public override void Download(EngineTensor tensor, Span<float> destination)
    {
        using var scope = NewDisposeScope();
        Own(tensor, destination.Length).to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray().CopyTo(destination);
    }

    /// <inheritdoc/>
    public override void Download(EngineTensor tensor, Span<double> destination)
    {
        using var scope = NewDisposeScope();
        Own(tensor, destination.Length).to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray().CopyTo(destination);
    }

    /// <inheritdoc/>
    public override EngineTensor Embed(EngineWeight table, ReadOnlySpan<int> ids)
    {
        Tensor weight = Own(table);
        foreach (int id in ids)
            if ((uint)id >= (uint)table.Rows) throw new ArgumentOutOfRangeException(nameof(ids), id, $"{table} has {table.Rows} rows.");
        long[] places = Longs(ids);
        return Run(() => weight.view(table.Rows, table.Columns).index_select(0, Index(places)).to(_type)); // there is no F.embedding
    }

    /// <inheritdoc/>
    public override EngineTensor Linear(EngineTensor x, LinearWeight weight)
    {
        Tensor input = Own(x);
        if (x.Columns != weight.Inputs) throw new ArgumentException($"{x} does not fit {weight}: {weight.Inputs} inputs.", nameof(x));
        if (weight.Bias is { } b && b.Info.Count != weight.Outputs) throw new ArgumentException($"{b} does not have {weight.Outputs} values.", nameof(weight));
        return Run(() => Product(input, weight));
    }

    private Tensor Product(Tensor x, LinearWeight weight)
    {
        Tensor w = Matrix(weight.Weight), y = x.matmul(weight.Transposed ? w : w.t());
        return weight.Bias is null ? y : y + Own(weight.Bias).view(-1).to(_type);
    }

    /// <inheritdoc/>
    public override EngineTensor RmsNorm(EngineTensor x, EngineWeight weight, double epsilon, double offset = 0)
    {
        (Tensor input, Tensor w) = (Own(x), Own(weight));
        CheckGroups(x, weight);
        return Run(() =>
        {
            Tensor groups = input.to(Wide).view(-1, weight.Columns);
            Tensor y = groups * (groups.square().mean([-1L], keepdim: true) + epsilon).rsqrt() * (w.view(-1).to(Wide) + offset);
            return y.to(_type).view(x.Rows, x.Columns);
        });
    }

    /// <inheritdoc/>
    public override EngineTensor LayerNorm(EngineTensor x, EngineWeight weight, EngineWeight? bias, double epsilon)
    {
        (Tensor input, Tensor w, Tensor? b) = (Own(x), Own(weight), bias is null ? null : Own(bias));
        CheckGroups(x, weight);
        if (bias is not null && bias.Info.Count != weight.Info.Count) throw new ArgumentException($"{bias} does not have {weight.Info.Count} values.", nameof(bias));
        return Run(() =>
        {
            Tensor groups = input.to(Wide).view(-1, weight.Columns), centred = groups - groups.mean([-1L], keepdim: true);
            Tensor y = centred * (centred.square().mean([-1L], keepdim: true) + epsilon).rsqrt() * w.view(-1).to(Wide);
            if (b is not null) y = y + b.view(-1).to(Wide);
            return y.to(_type).view(x.Rows, x.Columns);
        });
    }

    /// <inheritdoc/>
    public override EngineTensor Rotary(EngineTensor x, RotaryForm form, BatchLayout layout)
    {
        Tensor input = Own(x);
        if (x.Rows != layout.Rows || x.Columns != form.Heads * form.HeadSize) throw new ArgumentException($"{x} is not [{layout.Rows}, {form.Heads} x {form.HeadSize}].", nameof(x));
        double[] angles = Angles(form, layout, out int half);
        return Run(() =>
        {
            Tensor angle = tensor(angles, [layout.Rows, 1, half], dtype: ScalarType.Float64).to(_device);
            Tensor cos = (angle.cos() * form.AttentionFactor).to(Wide), sin = (angle.sin() * form.AttentionFactor).to(Wide);
            Tensor heads = input.to(Wide).view(layout.Rows, form.Heads, form.HeadSize), rotated = heads.narrow(2, 0, 2 * half), rest = heads.narrow(2, 2 * half, form.HeadSize - 2 * half);
            Tensor y;
            if (form.Interleaved)
            {
                Tensor pairs = rotated.reshape(layout.Rows, form.Heads, half, 2), a = pairs.select(3, 0), b = pairs.select(3, 1);
                y = stack([a * cos - b * sin, b * cos + a * sin], 3).view(layout.Rows, form.Heads, 2 * half);
            }
            else
            {
                Tensor a = rotated.narrow(2, 0, half), b = rotated.narrow(2, half, half);
                y = cat([a * cos - b * sin, b * cos + a * sin], 2);
            }
            return cat([y, rest], 2).reshape(x.Rows, x.Columns).to(_type);
        });
    }

    /// <summary>Position times frequency, for each row.</summary>
    private static double[] Angles(RotaryForm form, BatchLayout layout, out int half)
    {
        IReadOnlyList<double[]> frequencies = form.FrequenciesOf(layout);
        half = frequencies.Count == 0 ? 0 : frequencies[0].Length;
        double[] angles = new double[layout.Rows * half];
        for (int s = 0; s < frequencies.Count; s++)
        {
            BatchLayout.Segment segment = layout.Segments[s];
            for (int row = segment.Row; row < segment.Row + segment.Length; row++)
                for (int i = 0; i < half; i++) angles[row * half + i] = layout.Positions[row] * frequencies[s][i];
        }
        return angles;
    }

    /// <inheritdoc/>
    public override EngineTensor CacheAppend(EngineTensor? past, EngineTensor rows)
    {
        Tensor below = Own(rows);
        if (past is null) return Run(() => below.clone());
        if (past.Columns != rows.Columns) throw new ArgumentException($"{rows} does not fit below {past}.", nameof(rows));
        using (past) return Run(() => cat([Own(past), below], 0));
    }

    /// <inheritdoc/>
    public override EngineTensor TokenLogProbabilities(EngineTensor x, LinearWeight head, ReadOnlySpan<int> ids, double? softcap = null)
    {
        Tensor input = Own(x);
        if (head.Transposed || x.Columns != head.Inputs) throw new ArgumentException($"{head} is no head [vocabulary, {x.Columns}] of {x}.", nameof(head));
        if (ids.Length != x.Rows) throw new ArgumentException($"{ids.Length} ids for {x.Rows} rows.", nameof(ids));
        foreach (int id in ids)
            if ((uint)id >= (uint)head.Outputs) throw new ArgumentOutOfRangeException(nameof(ids), id, $"{head} has {head.Outputs} rows.");
        long[] chosenIds = Longs(ids);
        return Run(() =>
        {
            Tensor chosen = Index(chosenIds), sum = full([x.Rows], double.NegativeInfinity, Wide, _device), logit = zeros([x.Rows], Wide, _device);
            for (int first = 0; first < head.Outputs; first += VocabularyAtOnce)
            {
                using var part = NewDisposeScope();
                int count = Math.Min(VocabularyAtOnce, head.Outputs - first);
                Tensor logits = input.matmul(Own(head.Weight).narrow(0, first, count).to(_type).t()).to(Wide);
                if (head.Bias is not null) logits = logits + Own(head.Bias).view(-1).narrow(0, first, count).to(Wide);
                if (softcap is { } cap) logits = (logits / cap).tanh() * cap;
                Tensor inside = chosen.ge(first).logical_and(chosen.lt(first + count)), place = (chosen - first).clamp(0, count - 1);
                logit = where(inside, logits.gather(1, place.unsqueeze(1)).squeeze(1), logit).MoveToOuterDisposeScope();
                sum = logaddexp(sum, logits.logsumexp(1)).MoveToOuterDisposeScope();
            }
            return (logit - sum).view(-1, 1).to(_type);
        });
    }

    /// <inheritdoc/>
    public override EngineTensor TokenConvolution(EngineTensor x, LinearWeight weight, BatchLayout layout)
    {
        Tensor input = Own(x);
        CheckConvolution(x, weight, layout);
        int kernel = (int)weight.Weight.Info.Shape[2];
        long[] places = new long[layout.Rows * kernel]; // the row for each step of the kernel; one past the last row is all zeros
        foreach (BatchLayout.Segment text in layout.Segments)
            for (int t = 0; t < text.Length; t++)
                for (int k = 0; k < kernel; k++)
                {
                    int at = t + k - kernel / 2, row = text.Row + at;
                    places[(text.Row + t) * kernel + k] = at < 0 || at >= text.Length || !layout.Attended.IsEmpty && !layout.Attended[row] ? layout.Rows : row;
                }
        return Run(() =>
        {
            Tensor padded = cat([input, zeros([1, x.Columns], _type, _device)], 0);
            Tensor unfolded = padded.index_select(0, Index(places)).view(layout.Rows, kernel, x.Columns).transpose(1, 2).reshape(layout.Rows, (long)x.Columns * kernel); // [rows, inputs x kernel]
            return Product(unfolded, weight);
        });
    }

    /// <inheritdoc/>
    public override EngineTensor Activate(EngineTensor x, Activation activation)
    {
        Tensor input = Own(x);
        return Run(() => Activated(input, activation));
    }

    /// <inheritdoc/>
    public override EngineTensor ActivateGated(EngineTensor gate, EngineTensor up, Activation activation)
    {
        (Tensor g, Tensor u) = (Own(gate), Own(up));
        Same(gate, up);
        return Run(() => Activated(g, activation) * u);
    }

    private static Tensor Activated(Tensor x, Activation activation) => activation switch
    {
        Activation.Gelu => x * ((x * Math.Sqrt(0.5)).erf() + 1) * 0.5,
        Activation.GeluTanh => x * (((x + x.pow(3) * 0.044715) * Math.Sqrt(2 / Math.PI)).tanh() + 1) * 0.5,
        Activation.GeluFast => x * ((x * 0.7978845608 * (x * x * 0.044715 + 1)).tanh() + 1) * 0.5,
        Activation.GeluQuick => x * (x * 1.702).sigmoid(),
        Activation.Silu => x * x.sigmoid(),
        Activation.Relu => x.relu(),
        Activation.Relu2 => x.relu().square(),
        Activation.Tanh => x.tanh(),
        Activation.Sigmoid => x.sigmoid(),
        Activation.Mish => x * nn.functional.softplus(x).tanh(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };

    /// <inheritdoc/>
    public override EngineTensor Add(EngineTensor a, EngineTensor b)
    {
        (Tensor left, Tensor right) = (Own(a), Own(b));
        Same(a, b);
        return Run(() => left + right);
    }

    /// <inheritdoc/>
    public override EngineTensor Multiply(EngineTensor a, EngineTensor b)
    {
        (Tensor left, Tensor right) = (Own(a), Own(b));
        Same(a, b);
        return Run(() => left * right);
    }

    /// <inheritdoc/>
    public override EngineTensor Scale(EngineTensor x, double factor)
    {
        Tensor input = Own(x);
        return Run(() => input * factor);
    }

    /// <inheritdoc/>
    public override EngineTensor Rows(EngineTensor x, ReadOnlySpan<int> rows)
    {
        Tensor input = Own(x);
        foreach (int row in rows)
            if ((uint)row >= (uint)x.Rows) throw new ArgumentOutOfRangeException(nameof(rows), row, $"{x} has {x.Rows} rows.");
        long[] places = Longs(rows);
        return Run(() => input.index_select(0, Index(places)));
    }

    /// <inheritdoc/>
    public override EngineTensor Columns(EngineTensor x, int start, int count, int groups = 1)
    {
        Tensor input = Own(x);
        if (groups < 1 || x.Columns % groups != 0) throw new ArgumentOutOfRangeException(nameof(groups), groups, $"{x} does not fall into so many parts.");
        int part = x.Columns / groups;
        if (start < 0 || count < 0 || (long)start + count > part) throw new ArgumentOutOfRangeException(nameof(start), $"Columns {start} .. {start + count - 1} of {part}.");
        return Run(() => input.view(x.Rows, groups, part).narrow(2, start, count).reshape(x.Rows, (long)groups * count).clone());
    }

    /// <inheritdoc/>
    public override EngineTensor MeanRows(EngineTensor x, BatchLayout layout)
    {
        Tensor input = Own(x);
        if (x.Rows != layout.Rows) throw new ArgumentException($"{x} has not the layout's {layout.Rows} rows.", nameof(x));
        bool[]? attended = layout.Attended.IsEmpty ? null : layout.Attended.ToArray();
        return Run(() => stack([.. Enumerable.Range(0, layout.Texts).Select(text =>
        {
            Tensor rows = RowsOf(input, layout, text, layout.Length(text)).to(Wide);
            if (attended is null) return rows.mean([0L]).to(_type);
            Tensor seen = RowsOf(tensor(attended, dtype: ScalarType.Bool).to(_device), layout, text, layout.Length(text)).view(-1, 1);
            return (rows.masked_fill(seen.logical_not(), 0).sum(0) / seen.sum().clamp(1)).to(_type); // no attended row: zeros
        })]));
    }

    /// <summary>Runs an operation without gradients, frees what it made on the way, and keeps its result out of any scope of the caller's.</summary>
    private static TorchTensor Run(Func<Tensor> operation)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        return new TorchTensor(operation().contiguous().DetachFromDisposeScope());
    }

    private Tensor Index(long[] places) => tensor(places, dtype: ScalarType.Int64).to(_device);

    private static long[] Longs(ReadOnlySpan<int> values)
    {
        long[] longs = new long[values.Length];
        for (int i = 0; i < longs.Length; i++) longs[i] = values[i];
        return longs;
    }

    private Tensor Matrix(EngineWeight weight) => Own(weight).view(weight.Rows, weight.Columns).to(_type);

    private static void CheckGroups(EngineTensor x, EngineWeight weight)
    {
        if (weight.Info.Count != weight.Columns || weight.Columns == 0 || x.Columns % weight.Columns != 0) throw new ArgumentException($"{x} does not fall into groups of {weight}.", nameof(x));
    }

    private static void Same(EngineTensor a, EngineTensor b)
    {
        if (a.Rows != b.Rows || a.Columns != b.Columns) throw new ArgumentException($"{a} and {b} are not of one shape.");
    }

    private static Tensor Own(EngineTensor tensor, int count)
    {
        if ((long)tensor.Rows * tensor.Columns != count) throw new ArgumentException($"{tensor} holds {(long)tensor.Rows * tensor.Columns} values, not {count}.", nameof(count));
        return Own(tensor);
    }

    private static Tensor Own(EngineTensor tensor) => (tensor as TorchTensor ?? throw new ArgumentException($"{tensor} is on another engine.")).Value;

    private static Tensor Own(EngineWeight weight) => (weight as TorchWeight ?? throw new ArgumentException($"{weight} is on another engine.")).Value;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
