namespace Warm.Transformers;

/// <summary>
/// A decoder as all of its kind are built: an embedding, layers one after another, and what follows the last. Families say what each of the three computes; the way through them,
/// the trace and the rows that are not wanted are told here once.
/// </summary>
/// <typeparam name="TLayer">The weights of one layer.</typeparam>
internal abstract class DecoderStack<TLayer> : Architecture where TLayer : class
{
    private const int MlpRows = 16384; // of a text of very many tokens, so that what is as wide as the MLP stays small

    private readonly ModelWeights _weights;
    private readonly string _path;
    private readonly WeightGroup<TLayer>[] _layers;
    private readonly List<IDisposable> _groups = [];

    /// <summary>Asks for the layers' weights.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weights">Where the weights come from.</param>
    /// <param name="shape">Sizes, as config.json has them.</param>
    /// <param name="layers">Path of the layers below the model's prefix: <c>layers</c>, <c>h</c>.</param>
    /// <param name="layer">Asks for the weights of the layer at a path.</param>
    protected DecoderStack(Engine engine, ModelWeights weights, DecoderShape shape, string layers, Func<WeightScope, string, TLayer> layer)
    {
        (Engine, _weights, Shape, _path) = (engine, weights, shape, weights.Prefix + layers);
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(i => Group(w => layer(w, $"{_path}.{i}")))];
    }

    protected Engine Engine { get; }

    protected DecoderShape Shape { get; }

    public override int HiddenSize => Shape.Hidden;

    public override int VocabularySize => Shape.Vocabulary;

    public override bool Causal => true;

    public override bool SharesBeginnings => true;

    public override int? PositionTable => null;

    public override int? TrainedPositions => Shape.Positions;

    /// <summary>Asks for weights outside the layers.</summary>
    protected WeightGroup<T> Group<T>(Func<WeightScope, T> build) where T : class
    {
        WeightGroup<T> group = _weights.Group(build);
        _groups.Add(group);
        return group;
    }

    /// <summary>What enters the first layer: [rows, hidden].</summary>
    protected abstract EngineTensor Embed(BatchLayout layout, ModulePath model);

    /// <summary>One layer. Where only some rows are wanted, gives only those.</summary>
    protected abstract EngineTensor Block(EngineTensor x, TLayer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path);

    /// <summary>What follows the last layer, whose states are disposed of or given back.</summary>
    protected abstract EngineTensor Finish(EngineTensor x, ModulePath model);

    public sealed override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        var model = new ModulePath(trace, _weights.Prefix);
        int[]? wanted = rows is null ? null : [.. rows];
        EngineTensor x = Embed(layout, model);
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            EngineTensor next = Block(x, layer.Value, i, layout, trace is null && i == _layers.Length - 1 ? wanted : null, new ModulePath(trace, $"{_path}.{i}."));
            trace?.Invoke($"{_path}.{i}", next);
            x.Dispose();
            x = next;
        }
        EngineTensor hidden = Finish(x, model);
        if (wanted is null || trace is null) return hidden;
        using EngineTensor all = hidden;
        return Engine.Rows(all, wanted);
    }

    /// <summary>The rows that go on, to be disposed, or null where all do. After attention a row depends on no other: where only some are wanted, only those go on.</summary>
    protected EngineTensor? Some(EngineTensor x, int[]? wanted) => wanted is null ? null : Engine.Rows(x, wanted);

    /// <summary><c>down(act(gate(x)) up(x))</c></summary>
    protected EngineTensor GatedMlp(EngineTensor x, LinearWeight gateWeight, LinearWeight upWeight, LinearWeight downWeight, Activation activation, ModulePath path)
    {
        if (x.Rows > MlpRows && !path.Traced)
        {
            EngineTensor? all = null;
            for (int first = 0; first < x.Rows; first += MlpRows)
            {
                using EngineTensor rows = Engine.Rows(x, [.. Enumerable.Range(first, Math.Min(MlpRows, x.Rows - first))]), some = GatedMlp(rows, gateWeight, upWeight, downWeight, activation, path);
                all = Engine.CacheAppend(all, some);
            }
            return all!;
        }
        using EngineTensor gate = path.Out("gate_proj", Engine.Linear(x, gateWeight)), up = path.Out("up_proj", Engine.Linear(x, upWeight)); // [rows, intermediate]
        if (path.Traced) path.Out("act_fn", Engine.Activate(gate, activation)).Dispose();
        using EngineTensor gated = Engine.ActivateGated(gate, up, activation);
        return path.Out("down_proj", Engine.Linear(gated, downWeight));
    }

    public override void Dispose()
    {
        foreach (IDisposable group in _groups) group.Dispose();
    }
}
