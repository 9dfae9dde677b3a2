namespace Warm.Transformers;

/// <summary>
/// BERT, an encoder. With LN the layer norm and a bias in every linear layer:
/// <code>
/// x = LN(word[id] + position[p] + type[t])                 p = 0 .. T-1
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// Every token sees every attended token. The pooler belongs to the head.
/// </summary>
internal sealed class Bert : BertKind
{
    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "bert.";

    public Bert(ConfigKeys config, ModelWeights weights, Engine engine)
        : this(config, weights, engine, EncoderSizes.OfBertKind(config, weights, new(12, 768, 3072, 12, 30522, 512, 2)), config.Number("layer_norm_eps", 1e-12)) { }

    private Bert(ConfigKeys config, ModelWeights weights, Engine engine, EncoderSizes sizes, double epsilon) : base(engine, sizes,
        new(weights, engine, "bert.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, sizes.Types, epsilon),
        new(weights, engine, "bert.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon)) =>
        config.Ignore("directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type");
}
