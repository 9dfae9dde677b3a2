namespace Warm.Transformers;

/// <summary>The layers of BERT or a relative, one after the other, with plain attention: every token sees every attended token.</summary>
internal sealed class PostNormLayers : IDisposable
{
    private readonly Engine _engine;
    private readonly Activation _activation;
    private readonly double _epsilon;
    private readonly string _path;
    private readonly WeightGroup<PostNormLayer>[] _layers;

    /// <summary>Asks for the weights of the layers at <paramref name="path"/>.0, .1 ...</summary>
    public PostNormLayers(ModelWeights weights, Engine engine, string path, PostNormNames names, EncoderSizes sizes, Activation activation, double epsilon)
    {
        (_engine, _path, _activation, _epsilon) = (engine, path, activation, epsilon);
        Attention = new() { Heads = sizes.Heads, KeyHeads = sizes.Heads, HeadSize = sizes.HeadSize, Scale = 1 / Math.Sqrt(sizes.HeadSize), Causal = false };
        _layers = [.. Enumerable.Range(0, sizes.Layers).Select(i => weights.Group(w => PostNormLayer.Of(w, $"{path}.{i}", names, sizes.Hidden, sizes.Inner)))];
    }

    /// <summary>The attention of all layers.</summary>
    public AttentionForm Attention { get; }

    /// <summary>The last layer's states of first states [rows, hidden], which are disposed of.</summary>
    /// <param name="x">The first states.</param>
    /// <param name="layout">The texts.</param>
    /// <param name="rows">The rows that are wanted, or null for all.</param>
    /// <param name="trace">Told what each module puts out.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <param name="attention">What takes the place of <see cref="Attention"/>, or null.</param>
    public EngineTensor Run(EngineTensor x, BatchLayout layout, IReadOnlyList<int>? rows, Trace? trace, CancellationToken cancellation, AttentionForm? attention = null)
    {
        attention ??= Attention;
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            using EngineTensor input = x;
            x = layer.Value.Forward(_engine, input, (q, k, v) => _engine.Attention(q, k, v, attention, layout, layout), _activation, _epsilon,
                trace is null && i == _layers.Length - 1 ? rows : null, trace, $"{_path}.{i}");
        }
        if (rows is null || trace is null) return x;
        using EngineTensor all = x;
        return _engine.Rows(all, [.. rows]);
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose()
    {
        foreach (WeightGroup<PostNormLayer> layer in _layers) layer.Dispose();
    }
}
