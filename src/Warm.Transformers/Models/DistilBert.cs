namespace Warm.Transformers;

/// <summary>
/// DistilBERT: BERT without token types, under names of its own.
/// <code>
/// x = LN(word[id] + position[p])                           p = 0 .. T-1
/// each layer:  x = sa_layer_norm(x + out_lin(attention(q_lin, k_lin, v_lin)));  x = output_layer_norm(x + lin2(act(lin1(x))))
/// </code>
/// The norms' epsilon is 1e-12 whatever config.json says.
/// </summary>
internal sealed class DistilBert : Architecture
{
    private const double Epsilon = 1e-12;

    private static readonly PostNormNames Names = new("attention.q_lin", "attention.k_lin", "attention.v_lin", null, "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.activation", "ffn.lin2", "output_layer_norm");

    private readonly TokenEmbeddings _embeddings;
    private readonly PostNormLayers _layers;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "distilbert.";

    public DistilBert(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        // transformers knows these sizes by two names each, and takes either.
        int Size(string own, string common, int fallback) => config.Has(own) ? config.Size(own) : config.Size(common, fallback);
        EncoderSizes sizes = new EncoderSizes(Size("n_layers", "num_hidden_layers", 6), Size("dim", "hidden_size", 768), config.Size("hidden_dim", 3072), Size("n_heads", "num_attention_heads", 12),
            config.Size("vocab_size", 30522), config.Size("max_position_embeddings", 512), Types: 0).Checked(config, weights, "n_heads", "n_layers");
        config.Ignore("num_hidden_layers", "hidden_size", "num_attention_heads", "dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds");
        (HiddenSize, VocabularySize, PositionTable) = (sizes.Hidden, sizes.Vocabulary, sizes.Positions);
        _embeddings = new(weights, engine, "distilbert.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, types: 0, Epsilon);
        _layers = new(weights, engine, "distilbert.transformer.layer", Names, sizes, config.Activation("activation", "gelu"), Epsilon);
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

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
