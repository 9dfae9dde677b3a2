namespace Warm.Transformers;

/// <summary>
/// RoBERTa, XLM-RoBERTa and CamemBERT: BERT's layers with other positions.
/// <code>
/// x = LN(word[id] + position[p] + type[t])                 p = pad + 1, pad + 2 ... over the ids that are not pad_token_id; a pad id itself takes pad
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// Trap: positions come from the ids, not from the mask, and the longest text has max_position_embeddings - pad - 1 tokens.
/// </summary>
internal sealed class Roberta : Architecture
{
    private readonly TokenEmbeddings _embeddings;
    private readonly PostNormLayers _layers;
    private readonly int _pad;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "roberta.";

    public Roberta(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        EncoderSizes.RefuseOtherFunctions(config);
        EncoderSizes sizes = EncoderSizes.Of(config, weights, new(12, 768, 3072, 12, 50265, 512, 2));
        double epsilon = config.Number("layer_norm_eps", 1e-12);
        _pad = config.Index("pad_token_id", 1);
        if (_pad >= sizes.Positions - 1) throw config.Refusal("pad_token_id", $"is {_pad}", $"less than max_position_embeddings - 1 ({sizes.Positions - 1}): positions are counted from it");
        (HiddenSize, VocabularySize, PositionTable, TokenTypes) = (sizes.Hidden, sizes.Vocabulary, sizes.Positions - _pad - 1, sizes.Types);
        _embeddings = new(weights, engine, "roberta.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, sizes.Types, epsilon);
        _layers = new(weights, engine, "roberta.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon);
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override int TokenTypes { get; }

    public override bool Causal => false;

    public override bool SharesBeginnings => false;

    public override int? PositionTable { get; }

    public override int? TrainedPositions => null;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default) =>
        _layers.Run(_embeddings.Embed(layout, TokenEmbeddings.PositionsAfterPad(layout, _pad), trace), layout, rows, trace, cancellation);

    public override void Dispose()
    {
        _embeddings.Dispose();
        _layers.Dispose();
    }
}
