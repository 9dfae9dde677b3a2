namespace Warm.Transformers;

/// <summary>
/// The operations that transformers are written in. An architecture is written once against this class and runs on any engine; an engine never knows an architecture.
/// An engine has no state of its own, keeps nothing, and serves many threads. Rows of every matrix are the rows of a <see cref="BatchLayout"/>, or one for each text.
/// </summary>
/// <remarks>
/// Gradients belong to the engine: a recording engine is an <see cref="Engine"/> that remembers what runs on it (each operation's backward pass lies beside its forward pass).
/// An engine that promises bits (the CPU) gives a row the same bits whatever other rows are computed with it and on however many threads.
/// </remarks>
public abstract class Engine
{
    /// <summary>What runs: <c>cpu avx512, 2 threads</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Takes a weight over, in its stored type. The engine may keep the view (and disposes it with the weight) or copy it.</summary>
    public abstract EngineWeight Load(TensorView view);

    /// <summary>Makes activations [rows, columns] of row-major values.</summary>
    public abstract EngineTensor Upload(ReadOnlySpan<float> values, int rows, int columns);

    /// <summary>Copies activations out, row-major, rounded to single where the engine is wider.</summary>
    public abstract void Download(EngineTensor tensor, Span<float> destination);

    /// <summary>Copies activations out, row-major, unrounded.</summary>
    public abstract void Download(EngineTensor tensor, Span<double> destination);

    /// <summary>Row <c>ids[i]</c> of a table for each i: [ids, columns].</summary>
    public abstract EngineTensor Embed(EngineWeight table, ReadOnlySpan<int> ids);

    /// <summary><c>x W^T + b</c>: [rows, inputs] to [rows, outputs].</summary>
    public abstract EngineTensor Linear(EngineTensor x, LinearWeight weight);

    /// <summary><c>x / sqrt(mean(x^2) + epsilon) (offset + w)</c> over groups of w's width (a whole row, or each head of it). Offset is 0, or 1 for Gemma.</summary>
    public abstract EngineTensor RmsNorm(EngineTensor x, EngineWeight weight, double epsilon, double offset = 0);

    /// <summary><c>(x - mean) / sqrt(var + epsilon) w + b</c> over groups of w's width, with the population variance.</summary>
    public abstract EngineTensor LayerNorm(EngineTensor x, EngineWeight weight, EngineWeight? bias, double epsilon);

    /// <summary>Rotates each head of each row by the row's position.</summary>
    public abstract EngineTensor Rotary(EngineTensor x, RotaryForm form, BatchLayout layout);

    /// <summary>
    /// Attention of queries [rows of <paramref name="queryLayout"/>, heads x size] over keys and values [rows of <paramref name="keyLayout"/>, key heads x size], each text over itself:
    /// [query rows, heads x size]. With shared beginnings a row sees the rows of its own segment and of that segment's ancestors. A row that may see no key at all gives zeros.
    /// </summary>
    public abstract EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout);

    /// <summary>
    /// <see cref="Attention"/> of each text over itself, as a model that can go on with its texts asks for it: where the layout has a <see cref="BatchLayout.Cache"/>, keys and values are added to it,
    /// and the queries see all that it holds of their texts.
    /// </summary>
    public EngineTensor SelfAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout layout)
    {
        if (layout.Cache is not { } cache) return Attention(queries, keys, values, form, layout, layout);
        (EngineTensor allKeys, EngineTensor allValues) = cache.Add(keys, values);
        return Attention(queries, allKeys, allValues, form, layout, cache.Layout);
    }

    /// <summary>
    /// <paramref name="past"/> with <paramref name="rows"/> below it: [past rows + rows, columns]; a copy of the rows where there is no past. The engine may reuse the past's memory:
    /// the past is disposed, the rows are not.
    /// </summary>
    public abstract EngineTensor CacheAppend(EngineTensor? past, EngineTensor rows);

    /// <summary>
    /// For each row the log-probability of one token: <c>l_id - log sum_v e^(l_v)</c> with <c>l = x W^T + b</c>, bounded by <c>softcap tanh(l / softcap)</c> where there is one: [rows, 1].
    /// Computed over some of the vocabulary at a time: [rows, vocabulary] is never in memory.
    /// </summary>
    /// <param name="x">Final hidden states [rows, hidden].</param>
    /// <param name="head">[vocabulary, hidden], not transposed.</param>
    /// <param name="ids">One token id for each row.</param>
    /// <param name="softcap">Bound of a logit (Gemma 2), or null.</param>
    public abstract EngineTensor TokenLogProbabilities(EngineTensor x, LinearWeight head, ReadOnlySpan<int> ids, double? softcap = null);

    /// <summary>
    /// Disentangled attention of [rows, heads x size] queries, keys and values, each text over itself: [rows, heads x size]. <paramref name="positionKeys"/> (KR) and <paramref name="positionQueries"/> (QR)
    /// are [relative positions, heads x size]; a term whose matrix is null drops out. Texts share no beginnings. A row that may see no key at all gives zeros.
    /// </summary>
    public abstract EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout);

    /// <summary>
    /// A convolution over the tokens of each text: <c>y_t = sum_k W_k x_(t + k - middle) + b</c>, for a weight stored as [outputs, inputs, kernel] with an odd kernel. Beyond a text's ends, and where a
    /// token is not attended, x counts as 0. Texts share no beginnings.
    /// </summary>
    public abstract EngineTensor TokenConvolution(EngineTensor x, LinearWeight weight, BatchLayout layout);

    /// <summary>A function of each value.</summary>
    public abstract EngineTensor Activate(EngineTensor x, Activation activation);

    /// <summary><c>activation(gate) up</c>, value by value.</summary>
    public abstract EngineTensor ActivateGated(EngineTensor gate, EngineTensor up, Activation activation);

    /// <summary>a + b, value by value.</summary>
    public abstract EngineTensor Add(EngineTensor a, EngineTensor b);

    /// <summary>a b, value by value.</summary>
    public abstract EngineTensor Multiply(EngineTensor a, EngineTensor b);

    /// <summary>x times a number.</summary>
    public abstract EngineTensor Scale(EngineTensor x, double factor);

    /// <summary>Row <c>rows[i]</c> of x for each i.</summary>
    public abstract EngineTensor Rows(EngineTensor x, ReadOnlySpan<int> rows);

    /// <summary>Columns <paramref name="start"/> .. start + count - 1 of each of <paramref name="groups"/> equal parts of a row: [rows, groups x count]. (Fused weights that are ordered head by head.)</summary>
    public abstract EngineTensor Columns(EngineTensor x, int start, int count, int groups = 1);

    /// <summary>For each text the mean over its attended rows: [texts, columns].</summary>
    public abstract EngineTensor MeanRows(EngineTensor x, BatchLayout layout);

    /// <summary>Refuses arguments of <see cref="Attention"/> that do not fit together.</summary>
    protected static void CheckAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout)
    {
        if (form.KeyHeads < 1 || form.Heads % form.KeyHeads != 0) throw new ArgumentException($"{form.KeyHeads} key heads do not divide {form.Heads} heads.", nameof(form));
        if (!form.AlibiSlopes.IsEmpty && form.AlibiSlopes.Length != form.Heads) throw new ArgumentException($"{form.AlibiSlopes.Length} slopes for {form.Heads} heads.", nameof(form));
        if (form.Buckets is { } buckets && buckets.Table.Columns != form.Heads) throw new ArgumentException($"{buckets.Table} does not have a column for each of {form.Heads} heads.", nameof(form));
        if (queries.Rows != queryLayout.Rows || queries.Columns != form.Heads * form.HeadSize) throw new ArgumentException($"Queries {queries} are not [{queryLayout.Rows}, {form.Heads} x {form.HeadSize}].", nameof(queries));
        if (keys.Rows != keyLayout.Rows || keys.Columns != form.KeyHeads * form.HeadSize) throw new ArgumentException($"Keys {keys} are not [{keyLayout.Rows}, {form.KeyHeads} x {form.HeadSize}].", nameof(keys));
        if (values.Rows != keys.Rows || values.Columns != keys.Columns) throw new ArgumentException($"Values {values} are not {keys} as the keys.", nameof(values));
        if (queryLayout.Texts != keyLayout.Texts) throw new ArgumentException($"{keyLayout.Texts} texts of keys for {queryLayout.Texts} of queries.", nameof(keyLayout));
    }

    /// <summary>Refuses arguments of <see cref="DisentangledAttention"/> that do not fit together.</summary>
    protected static void CheckDisentangled(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout)
    {
        int columns = form.Heads * form.HeadSize;
        foreach (EngineTensor x in (EngineTensor[])[queries, keys, values])
            if (x.Rows != layout.Rows || x.Columns != columns) throw new ArgumentException($"{x} is not [{layout.Rows}, {form.Heads} x {form.HeadSize}].", nameof(queries));
        EngineTensor one = positionKeys ?? positionQueries ?? throw new ArgumentException("Neither positions of keys nor of queries are given: that is plain attention.", nameof(positionKeys));
        EngineTensor other = positionQueries ?? one;
        if (one.Columns != columns || other.Columns != columns || one.Rows != other.Rows) throw new ArgumentException($"Positions {positionKeys} and {positionQueries} do not fit {queries}.", nameof(positionKeys));
        RefuseSharing(layout);
    }

    /// <summary>Refuses arguments of <see cref="TokenConvolution"/> that do not fit together.</summary>
    protected static void CheckConvolution(EngineTensor x, LinearWeight weight, BatchLayout layout)
    {
        Shape shape = weight.Weight.Info.Shape;
        if (shape.Rank != 3 || shape[1] != x.Columns || shape[2] % 2 == 0 || weight.Transposed) throw new ArgumentException($"{weight} is no convolution [outputs, {x.Columns}, odd] of {x}.", nameof(weight));
        if (x.Rows != layout.Rows) throw new ArgumentException($"{x} has not the layout's {layout.Rows} rows.", nameof(x));
        RefuseSharing(layout);
    }

    private static void RefuseSharing(BatchLayout layout)
    {
        foreach (BatchLayout.Segment segment in layout.Segments)
            if (segment.Start > 0) throw new ArgumentException("Texts share beginnings, and every token here sees what follows it.", nameof(layout));
    }
}
