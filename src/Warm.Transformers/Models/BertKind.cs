namespace Warm.Transformers;

/// <summary>BERT and its nearest relatives: a sum of embeddings, and <see cref="PostNormLayers"/>. Families say what stands under which name, and what comes between the two or into the attention.</summary>
internal abstract class BertKind(Engine engine, EncoderSizes sizes, TokenEmbeddings embeddings, PostNormLayers layers, int firstPosition = 0) : Encoder(engine, sizes, firstPosition)
{
    /// <summary>The layers.</summary>
    protected PostNormLayers Layers => layers;

    /// <summary>Positions of the rows in the table.</summary>
    protected virtual ReadOnlySpan<int> Positions(BatchLayout layout) => layout.Positions;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default) =>
        layers.Run(Embed(layout, trace), layout, rows, trace, cancellation);

    /// <summary>What enters the first layer: [rows, hidden].</summary>
    protected virtual EngineTensor Embed(BatchLayout layout, Trace? trace) => embeddings.Embed(layout, Positions(layout), trace);

    public override void Dispose()
    {
        embeddings.Dispose();
        layers.Dispose();
    }
}
