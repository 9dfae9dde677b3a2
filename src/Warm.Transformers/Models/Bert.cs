namespace Warm.Transformers;

/// <summary>
/// BERT, an encoder. With LN the layer norm and a bias in every linear layer:
/// <code>
/// x = LN(word[id] + position[p] + type[t])                 p = 0 .. T-1
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// Every token sees every attended token. The pooler belongs to the head.
/// </summary>
internal sealed class Bert : Architecture
{
    private readonly TokenEmbeddings _embeddings;
    private readonly PostNormLayers _layers;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "bert.";

    public Bert(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        EncoderSizes.RefuseOtherFunctions(config);
        config.Ignore("directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type");
        EncoderSizes sizes = EncoderSizes.Of(config, weights, new(12, 768, 3072, 12, 30522, 512, 2));
        double epsilon = config.Number("layer_norm_eps", 1e-12);
        (HiddenSize, VocabularySize, PositionTable, TokenTypes) = (sizes.Hidden, sizes.Vocabulary, sizes.Positions, sizes.Types);
        _embeddings = new(weights, engine, "bert.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, sizes.Types, epsilon);
        _layers = new(weights, engine, "bert.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon);
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override int TokenTypes { get; }

    public override bool Causal => false;

    public override bool SharesBeginnings => false;

    public override int? PositionTable { get; }

    public override int? TrainedPositions => null;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default) =>
        _layers.Run(_embeddings.Embed(layout, layout.Positions, trace), layout, rows, trace, cancellation);

    public override void Dispose()
    {
        _embeddings.Dispose();
        _layers.Dispose();
    }
}
