namespace Warm.Transformers;

/// <summary>
/// MPNet: RoBERTa's positions, no token types, and one table of biases by distance for all layers.
/// <code>
/// x = LN(word[id] + position[p])                           p = 2, 3 ... over the ids that are not 1; id 1 takes 1
/// each layer:  s_ij = q_i . k_j / sqrt(d) + relative_attention_bias[bucket(j - i)]
///              x = LN(x + attn.o(attention));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// Traps: there are 32 buckets up to a distance of 128 whatever config.json says, and the padding that positions are counted from is id 1 whatever pad_token_id is.
/// </summary>
internal sealed class MpNet : Architecture
{
    private const int Pad = 1, Buckets = 32, Distance = 128;

    private static readonly PostNormNames Names = new("attention.attn.q", "attention.attn.k", "attention.attn.v", null, "attention.attn.o", "attention.LayerNorm",
        "intermediate.dense", "intermediate.intermediate_act_fn", "output.dense", "output.LayerNorm");

    private readonly Engine _engine;
    private readonly TokenEmbeddings _embeddings;
    private readonly WeightGroup<EngineWeight> _bias;
    private readonly PostNormLayers _layers;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "mpnet.";

    public MpNet(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        _engine = engine;
        EncoderSizes.RefuseOtherFunctions(config);
        EncoderSizes sizes = EncoderSizes.Of(config, weights, new(12, 768, 3072, 12, 30527, 512, Types: 0));
        int buckets = config.Size("relative_attention_num_buckets", Buckets);
        if (buckets < Buckets) throw config.Refusal("relative_attention_num_buckets", $"is {buckets}", $"at least {Buckets}: that many are looked up");
        if (sizes.Positions <= Pad + 1) throw config.Refusal("max_position_embeddings", $"is {sizes.Positions}", $"more than {Pad + 1}: positions are counted from there");
        double epsilon = config.Number("layer_norm_eps", 1e-12);
        (HiddenSize, VocabularySize, PositionTable) = (sizes.Hidden, sizes.Vocabulary, sizes.Positions - Pad - 1);
        _embeddings = new(weights, engine, "mpnet.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, types: 0, epsilon);
        _bias = weights.Group(w => w.Weight("mpnet.encoder.relative_attention_bias.weight", buckets, sizes.Heads));
        _layers = new(weights, engine, "mpnet.encoder.layer", Names, sizes, config.Activation("hidden_act", "gelu"), epsilon);
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override bool Causal => false;

    public override bool SharesBeginnings => false;

    public override int? PositionTable { get; }

    public override int? TrainedPositions => null;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        using var bias = _bias.Use();
        AttentionForm attention = _layers.Attention with { Buckets = new(bias.Value, BucketOf) };
        if (trace is not null)
        {
            int length = layout.Length(0); // PyTorch's module puts out the first text's biases: [query, key, head]
            using EngineTensor table = _engine.Embed(bias.Value, [.. Enumerable.Range(0, length * length).Select(at => BucketOf(at % length - at / length))]);
            trace("mpnet.encoder.relative_attention_bias", table);
        }
        return _layers.Run(_embeddings.Embed(layout, TokenEmbeddings.PositionsAfterPad(layout, Pad), trace), layout, rows, trace, cancellation, attention);
    }

    /// <summary>The row of the table for a distance, key - query.</summary>
    private static int BucketOf(int distance) => RelativeBuckets.T5(distance, Buckets, Distance, bothWays: true);

    public override void Dispose()
    {
        _embeddings.Dispose();
        _bias.Dispose();
        _layers.Dispose();
    }
}
