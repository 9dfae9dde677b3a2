namespace Warm.Transformers;

/// <summary>
/// DistilBERT: BERT without token types, under names of its own.
/// <code>
/// x = LN(word[id] + position[p])                           p = 0 .. T-1
/// each layer:  x = sa_layer_norm(x + out_lin(attention(q_lin, k_lin, v_lin)));  x = output_layer_norm(x + lin2(act(lin1(x))))
/// </code>
/// The norms' epsilon is 1e-12 whatever config.json says.
/// </summary>
internal sealed class DistilBert : BertKind
{
    private const double Epsilon = 1e-12;

    private static readonly PostNormNames Names = new("attention.q_lin", "attention.k_lin", "attention.v_lin", null, "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.activation", "ffn.lin2", "output_layer_norm");

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "distilbert.";

    public DistilBert(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, SizesOf(config, weights)) { }

    private DistilBert(ConfigKeys config, ModelWeights weights, Engine engine, EncoderSizes sizes) : base(engine, sizes,
        new(weights, engine, "distilbert.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, types: 0, Epsilon),
        new(weights, engine, "distilbert.transformer.layer", Names, sizes, config.Activation("activation", "gelu"), Epsilon)) =>
        config.Ignore("dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds");

    private static EncoderSizes SizesOf(ConfigKeys config, ModelWeights weights) =>
        new EncoderSizes(config.Size("n_layers", "num_hidden_layers", 6), config.Size("dim", "hidden_size", 768), config.Size("hidden_dim", 3072), config.Size("n_heads", "num_attention_heads", 12),
            config.Size("vocab_size", 30522), config.Size("max_position_embeddings", 512), Types: 0).Checked(config, weights, "n_heads", "n_layers");
}
