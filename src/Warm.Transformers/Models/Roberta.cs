namespace Warm.Transformers;

/// <summary>
/// RoBERTa, XLM-RoBERTa and CamemBERT: BERT's layers with other positions.
/// <code>
/// x = LN(word[id] + position[p] + type[t])                 p = pad + 1, pad + 2 ... over the ids that are not pad_token_id; a pad id itself takes pad
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// Trap: positions come from the ids, not from the mask, and the longest text has max_position_embeddings - pad - 1 tokens.
/// </summary>
internal sealed class Roberta : BertKind
{
    private readonly int _pad;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "roberta.";

    public Roberta(ConfigKeys config, ModelWeights weights, Engine engine)
        : this(config, weights, engine, EncoderSizes.OfBertKind(config, weights, new(12, 768, 3072, 12, 50265, 512, 2)), config.Index("pad_token_id", 1), config.Number("layer_norm_eps", 1e-12)) { }

    private Roberta(ConfigKeys config, ModelWeights weights, Engine engine, EncoderSizes sizes, int pad, double epsilon) : base(engine, sizes,
        new(weights, engine, "roberta.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, sizes.Types, epsilon),
        new(weights, engine, "roberta.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon), firstPosition: pad + 1)
    {
        _pad = pad;
        if (pad >= sizes.Positions - 1) throw config.Refusal("pad_token_id", $"is {pad}", $"less than max_position_embeddings - 1 ({sizes.Positions - 1}): positions are counted from it");
    }

    protected override ReadOnlySpan<int> Positions(BatchLayout layout) => TokenEmbeddings.PositionsAfterPad(layout, _pad);
}
