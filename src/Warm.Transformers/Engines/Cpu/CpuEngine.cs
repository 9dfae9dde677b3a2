using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Warm.Transformers;

/// <summary>
/// The engine that runs everywhere: managed code, single precision, all cores, the widest vectors of the processor. Weights stay in their stored type and are widened as they are used.
/// </summary>
/// <remarks>
/// Bits: on one machine and within one <see cref="CpuKernel"/> a row of a result is the same to the last bit whatever other rows are computed with it, on however many threads, and with or without
/// shared beginnings. Sums are single precision in a fixed order; exponentials and their kin are Warm's own, so that a new runtime does not change them.
/// </remarks>
public sealed unsafe class CpuEngine : Engine
{
    private const int Stretch = 16384; // values of one piece of an operation that goes value by value: 64 KB, a multiple of every vector

    private readonly CpuKernels _kernels;
    private readonly int _threads;

    /// <summary>Makes an engine; default: all cores, the best instructions. A kernel that this processor lacks is a <see cref="WarmException"/>.</summary>
    public CpuEngine(CpuOptions? options = null)
    {
        options ??= new CpuOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1, nameof(options.Threads));
        _threads = options.Threads;
        Kernel = options.Kernel == CpuKernel.Best ? Best : options.Kernel;
        if (!Supports(Kernel)) throw new WarmException("kernel", $"{Kernel} was asked for and this processor does not have it", $"{Best} or Portable");
        _kernels = Kernel switch
        {
            CpuKernel.Vector512 => new CpuKernels<Simd512, Vector512<float>>(),
            CpuKernel.Vector256 => new CpuKernels<Simd256, Vector256<float>>(),
            _ => new CpuKernels<Simd128, Vector128<float>>(),
        };
    }

    /// <summary>The instructions that this engine computes with; never <see cref="CpuKernel.Best"/>.</summary>
    public CpuKernel Kernel { get; }

    /// <summary>Number of threads an operation uses.</summary>
    public int Threads => _threads;

    /// <inheritdoc/>
    public override string Name => $"cpu {Kernel switch { CpuKernel.Vector512 => "avx512", CpuKernel.Vector256 => "avx2", _ => "portable" }}, {_threads} thread{(_threads == 1 ? "" : "s")}";

    /// <summary>Whether this processor has what a kernel needs.</summary>
    public static bool Supports(CpuKernel kernel) => kernel switch
    {
        CpuKernel.Vector512 => Avx512F.IsSupported && Vector512.IsHardwareAccelerated,
        CpuKernel.Vector256 => Avx2.IsSupported && Fma.IsSupported && Vector256.IsHardwareAccelerated,
        _ => true,
    };

    private static CpuKernel Best => Supports(CpuKernel.Vector512) ? CpuKernel.Vector512 : Supports(CpuKernel.Vector256) ? CpuKernel.Vector256 : CpuKernel.Portable;

    /// <summary>Takes a weight over as it is stored: nothing is copied.</summary>
    public override EngineWeight Load(TensorView view)
    {
        if (!view.Info.DType.IsFloat() || view.Info.DType.Bits() % 8 != 0)
            throw new WarmException(view.Info.Name, $"its type is {view.Info.DType.Name()}", "a float type of whole bytes", "Convert the model with `warm average DIR --dtype bf16 --out OTHER`.");
        return new CpuWeight(view);
    }

    /// <inheritdoc/>
    public override EngineTensor Upload(ReadOnlySpan<float> values, int rows, int columns)
    {
        if (values.Length != (long)rows * columns) throw new ArgumentException($"[{rows}, {columns}] holds {(long)rows * columns} values, not {values.Length}.", nameof(values));
        var y = new CpuTensor(rows, columns);
        values.CopyTo(new Span<float>(y.Pointer, values.Length));
        return y;
    }

    /// <inheritdoc/>
    public override void Download(EngineTensor tensor, Span<float> destination)
    {
        CpuTensor x = Own(tensor);
        if (destination.Length != x.Count) throw new ArgumentException($"{x} holds {x.Count} values, not {destination.Length}.", nameof(destination));
        new ReadOnlySpan<float>(x.Pointer, destination.Length).CopyTo(destination);
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override void Download(EngineTensor tensor, Span<double> destination)
    {
        CpuTensor x = Own(tensor);
        if (destination.Length != x.Count) throw new ArgumentException($"{x} holds {x.Count} values, not {destination.Length}.", nameof(destination));
        for (int i = 0; i < destination.Length; i++) destination[i] = x.Pointer[i];
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override EngineTensor Embed(EngineWeight table, ReadOnlySpan<int> ids)
    {
        CpuWeight weight = Own(table);
        var y = new CpuTensor(ids.Length, weight.Columns);
        Embedding.Forward(weight, ids, y.Pointer);
        GC.KeepAlive(weight);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor Linear(EngineTensor x, LinearWeight weight)
    {
        (CpuTensor input, CpuWeight w) = (Own(x), Own(weight.Weight));
        if (input.Columns != weight.Inputs) throw new ArgumentException($"{x} does not fit {weight}: {weight.Inputs} inputs.", nameof(x));
        using CpuMemory? bias = weight.Bias is null ? null : Vector(weight.Bias, weight.Outputs);
        var y = new CpuTensor(input.Rows, weight.Outputs);
        _kernels.Linear(input, w, weight.Transposed, bias is null ? null : bias.Pointer, y, _threads);
        GC.KeepAlive(input);
        GC.KeepAlive(w);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor RmsNorm(EngineTensor x, EngineWeight weight, double epsilon, double offset = 0)
    {
        CpuTensor input = Own(x);
        using CpuMemory w = Vector(weight, weight.Columns);
        return Groups(input, weight.Columns, (from, to, groups) => _kernels.RmsNorm(from, w.Pointer, to, groups, weight.Columns, epsilon, (float)offset));
    }

    /// <inheritdoc/>
    public override EngineTensor LayerNorm(EngineTensor x, EngineWeight weight, EngineWeight? bias, double epsilon)
    {
        CpuTensor input = Own(x);
        using CpuMemory w = Vector(weight, weight.Columns);
        using CpuMemory? b = bias is null ? null : Vector(bias, weight.Columns);
        return Groups(input, weight.Columns, (from, to, groups) => _kernels.LayerNorm(from, w.Pointer, b is null ? null : b.Pointer, to, groups, weight.Columns, epsilon));
    }

    /// <inheritdoc/>
    public override EngineTensor Rotary(EngineTensor x, RotaryForm form, BatchLayout layout)
    {
        CpuTensor input = Own(x);
        if (input.Rows != layout.Rows || input.Columns != form.Heads * form.HeadSize)
            throw new ArgumentException($"{x} is not [{layout.Rows}, {form.Heads} x {form.HeadSize}].", nameof(x));
        var y = new CpuTensor(input.Rows, input.Columns);
        if (input.Rows > 0) _kernels.Rotary(input, y, form, layout, _threads);
        GC.KeepAlive(input);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout)
    {
        (CpuTensor q, CpuTensor k, CpuTensor v) = (Own(queries), Own(keys), Own(values));
        CheckAttention(q, k, v, form, queryLayout, keyLayout);
        if (form.Buckets is { } buckets) Own(buckets.Table);
        var y = new CpuTensor(q.Rows, q.Columns);
        _kernels.Attention(q, k, v, y, form, queryLayout, keyLayout, _threads);
        GC.KeepAlive(q);
        GC.KeepAlive(k);
        GC.KeepAlive(v);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor CacheAppend(EngineTensor? past, EngineTensor rows)
    {
        CpuTensor below = Own(rows);
        if (past is not null && past.Columns != below.Columns) throw new ArgumentException($"{below} does not fit below {past}.", nameof(rows));
        CpuTensor y = past is null ? new CpuTensor(below.Rows, below.Columns) : Own(past).Grow(below.Rows);
        Buffer.MemoryCopy(below.Pointer, y.Pointer + y.Count - below.Count, below.Count * sizeof(float), below.Count * sizeof(float));
        GC.KeepAlive(below);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor TokenLogProbabilities(EngineTensor x, LinearWeight head, ReadOnlySpan<int> ids, double? softcap = null)
    {
        (CpuTensor input, CpuWeight w) = (Own(x), Own(head.Weight));
        if (head.Transposed || input.Columns != head.Inputs) throw new ArgumentException($"{head} is no head [vocabulary, {input.Columns}] of {x}.", nameof(head));
        if (ids.Length != input.Rows) throw new ArgumentException($"{ids.Length} ids for {input.Rows} rows.", nameof(ids));
        foreach (int id in ids)
            if ((uint)id >= (uint)w.Rows) throw new ArgumentOutOfRangeException(nameof(ids), id, $"{head} has {w.Rows} rows.");
        using CpuMemory? bias = head.Bias is null ? null : Vector(head.Bias, head.Outputs);
        var y = new CpuTensor(input.Rows, 1);
        _kernels.TokenLogProbabilities(input, w, bias is null ? null : bias.Pointer, softcap, ids.ToArray(), y, _threads);
        GC.KeepAlive(input);
        GC.KeepAlive(w);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout)
    {
        (CpuTensor q, CpuTensor k, CpuTensor v) = (Own(queries), Own(keys), Own(values));
        (CpuTensor? kr, CpuTensor? qr) = (positionKeys is null ? null : Own(positionKeys), positionQueries is null ? null : Own(positionQueries));
        CheckDisentangled(q, k, v, kr, qr, form, layout);
        var y = new CpuTensor(q.Rows, q.Columns);
        _kernels.DisentangledAttention(q, k, v, kr, qr, y, form, layout, _threads);
        foreach (CpuTensor? x in (CpuTensor?[])[q, k, v, kr, qr]) GC.KeepAlive(x);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor TokenConvolution(EngineTensor x, LinearWeight weight, BatchLayout layout)
    {
        (CpuTensor input, CpuWeight w) = (Own(x), Own(weight.Weight));
        CheckConvolution(input, weight, layout);
        using var unfolded = new CpuTensor(input.Rows, w.Columns);
        Transformers.TokenConvolution.Unfold(input, (int)w.Info.Shape[2], layout, unfolded.Pointer, _threads);
        GC.KeepAlive(input);
        return Linear(unfolded, weight);
    }

    /// <inheritdoc/>
    public override EngineTensor Activate(EngineTensor x, Activation activation)
    {
        CpuTensor input = Own(x);
        return Values(input, (y, at, count) => _kernels.Activate(activation, input.Pointer + at, y + at, count));
    }

    /// <inheritdoc/>
    public override EngineTensor ActivateGated(EngineTensor gate, EngineTensor up, Activation activation)
    {
        (CpuTensor g, CpuTensor u) = (Own(gate), Own(up));
        Same(g, u);
        return Values(g, (y, at, count) => _kernels.ActivateGated(activation, g.Pointer + at, u.Pointer + at, y + at, count));
    }

    /// <inheritdoc/>
    public override EngineTensor Add(EngineTensor a, EngineTensor b)
    {
        (CpuTensor left, CpuTensor right) = (Own(a), Own(b));
        Same(left, right);
        return Values(left, (y, at, count) => _kernels.Add(left.Pointer + at, right.Pointer + at, y + at, count));
    }

    /// <inheritdoc/>
    public override EngineTensor Multiply(EngineTensor a, EngineTensor b)
    {
        (CpuTensor left, CpuTensor right) = (Own(a), Own(b));
        Same(left, right);
        return Values(left, (y, at, count) => _kernels.Multiply(left.Pointer + at, right.Pointer + at, y + at, count));
    }

    /// <inheritdoc/>
    public override EngineTensor Scale(EngineTensor x, double factor)
    {
        CpuTensor input = Own(x);
        return Values(input, (y, at, count) => _kernels.Scale(input.Pointer + at, (float)factor, y + at, count));
    }

    /// <inheritdoc/>
    public override EngineTensor Rows(EngineTensor x, ReadOnlySpan<int> rows)
    {
        CpuTensor input = Own(x);
        foreach (int row in rows)
            if ((uint)row >= (uint)input.Rows) throw new ArgumentOutOfRangeException(nameof(rows), row, $"{x} has {input.Rows} rows.");
        var y = new CpuTensor(rows.Length, input.Columns);
        for (int i = 0; i < rows.Length; i++)
            new ReadOnlySpan<float>(input.Pointer + (long)rows[i] * input.Columns, input.Columns).CopyTo(new Span<float>(y.Pointer + (long)i * input.Columns, input.Columns));
        GC.KeepAlive(input);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor Columns(EngineTensor x, int start, int count, int groups = 1)
    {
        CpuTensor input = Own(x);
        if (groups < 1 || input.Columns % groups != 0) throw new ArgumentOutOfRangeException(nameof(groups), groups, $"{x} does not fall into so many parts.");
        int part = input.Columns / groups;
        if (start < 0 || count < 0 || (long)start + count > part) throw new ArgumentOutOfRangeException(nameof(start), $"Columns {start} .. {start + count - 1} of {part}.");
        var y = new CpuTensor(input.Rows, groups * count);
        Work.Run(_threads, input.Rows, 512, (first, rows) =>
        {
            for (long at = first * groups; at < (first + rows) * groups; at++)
                new ReadOnlySpan<float>(input.Pointer + at * part + start, count).CopyTo(new Span<float>(y.Pointer + at * count, count));
        });
        GC.KeepAlive(input);
        return y;
    }

    /// <inheritdoc/>
    public override EngineTensor MeanRows(EngineTensor x, BatchLayout layout)
    {
        CpuTensor input = Own(x);
        if (input.Rows != layout.Rows) throw new ArgumentException($"{x} has not the layout's {layout.Rows} rows.", nameof(x));
        var y = new CpuTensor(layout.Texts, input.Columns);
        Transformers.MeanRows.Forward(input.Pointer, layout, input.Columns, y.Pointer);
        GC.KeepAlive(input);
        return y;
    }

    /// <summary>A result as large as the argument, computed stretch by stretch.</summary>
    private CpuTensor Values(CpuTensor like, ValueKernel kernel)
    {
        var y = new CpuTensor(like.Rows, like.Columns);
        Work.Run(_threads, like.Count, Stretch, (at, count) => kernel(y.Pointer, at, count)); // the closures keep the arguments alive
        return y;
    }

    private delegate void ValueKernel(float* y, long at, int count);

    /// <summary>A result as large as the argument, computed some groups of a norm at a time.</summary>
    private CpuTensor Groups(CpuTensor x, int width, GroupKernel kernel)
    {
        if (x.Columns % width != 0) throw new ArgumentException($"{x} does not fall into groups of {width}.", nameof(x));
        var y = new CpuTensor(x.Rows, x.Columns);
        Work.Run(_threads, x.Count / width, Math.Max(1, Stretch / width), (first, groups) => kernel(x.Pointer + first * width, y.Pointer + first * width, groups));
        return y;
    }

    private delegate void GroupKernel(float* x, float* y, int groups);

    private static CpuMemory Vector(EngineWeight weight, int count)
    {
        CpuWeight own = Own(weight);
        if (own.Info.Count != count) throw new ArgumentException($"{weight} does not have {count} values.", nameof(weight));
        CpuMemory memory = own.Vector();
        GC.KeepAlive(own);
        return memory;
    }

    private static void Same(CpuTensor a, CpuTensor b)
    {
        if (a.Rows != b.Rows || a.Columns != b.Columns) throw new ArgumentException($"{a} and {b} are not of one shape.");
    }

    private static CpuTensor Own(EngineTensor tensor) => tensor as CpuTensor ?? throw new ArgumentException($"{tensor} is on another engine.");

    private static CpuWeight Own(EngineWeight weight) => weight as CpuWeight ?? throw new ArgumentException($"{weight} is on another engine.");

    /// <inheritdoc/>
    public override string ToString() => Name;
}
