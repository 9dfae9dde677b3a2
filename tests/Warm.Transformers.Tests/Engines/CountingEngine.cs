namespace Warm.Transformers.Tests;

/// <summary>Another engine, with a record of what was multiplied: the weight's name and the rows it was multiplied with, in order; and of the weights that were loaded.</summary>
internal sealed class CountingEngine(Engine inner) : Engine
{
    public List<(string Weight, int Rows)> Products { get; } = [];
    public List<string> Loads { get; } = [];

    public override string Name => inner.Name;

    public override EngineWeight Load(TensorView view)
    {
        lock (Loads) Loads.Add(view.Info.Name);
        return inner.Load(view);
    }

    public override EngineTensor Linear(EngineTensor x, LinearWeight weight)
    {
        lock (Products) Products.Add((weight.Weight.Info.Name, x.Rows));
        return inner.Linear(x, weight);
    }

    public override EngineTensor Embed(EngineWeight table, ReadOnlySpan<int> ids)
    {
        lock (Products) Products.Add((table.Info.Name, ids.Length));
        return inner.Embed(table, ids);
    }

    public override EngineTensor Upload(ReadOnlySpan<float> values, int rows, int columns) => inner.Upload(values, rows, columns);
    public override void Download(EngineTensor tensor, Span<float> destination) => inner.Download(tensor, destination);
    public override void Download(EngineTensor tensor, Span<double> destination) => inner.Download(tensor, destination);
    public override EngineTensor RmsNorm(EngineTensor x, EngineWeight weight, double epsilon, double offset = 0) => inner.RmsNorm(x, weight, epsilon, offset);
    public override EngineTensor LayerNorm(EngineTensor x, EngineWeight weight, EngineWeight? bias, double epsilon) => inner.LayerNorm(x, weight, bias, epsilon);
    public override EngineTensor Rotary(EngineTensor x, RotaryForm form, BatchLayout layout) => inner.Rotary(x, form, layout);
    public override EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout) =>
        inner.Attention(queries, keys, values, form, queryLayout, keyLayout);
    public override EngineTensor CacheAppend(EngineTensor? past, EngineTensor rows) => inner.CacheAppend(past, rows);
    public override EngineTensor TokenLogProbabilities(EngineTensor x, LinearWeight head, ReadOnlySpan<int> ids, double? softcap = null) => inner.TokenLogProbabilities(x, head, ids, softcap);
    public override EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout) =>
        inner.DisentangledAttention(queries, keys, values, positionKeys, positionQueries, form, layout);
    public override EngineTensor TokenConvolution(EngineTensor x, LinearWeight weight, BatchLayout layout) => inner.TokenConvolution(x, weight, layout);
    public override EngineTensor Activate(EngineTensor x, Activation activation) => inner.Activate(x, activation);
    public override EngineTensor ActivateGated(EngineTensor gate, EngineTensor up, Activation activation) => inner.ActivateGated(gate, up, activation);
    public override EngineTensor Add(EngineTensor a, EngineTensor b) => inner.Add(a, b);
    public override EngineTensor Multiply(EngineTensor a, EngineTensor b) => inner.Multiply(a, b);
    public override EngineTensor Scale(EngineTensor x, double factor) => inner.Scale(x, factor);
    public override EngineTensor Rows(EngineTensor x, ReadOnlySpan<int> rows) => inner.Rows(x, rows);
    public override EngineTensor Columns(EngineTensor x, int start, int count, int groups = 1) => inner.Columns(x, start, count, groups);
    public override EngineTensor MeanRows(EngineTensor x, BatchLayout layout) => inner.MeanRows(x, layout);
}
