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
internal sealed class MpNet : BertKind
{
    private const int Pad = 1, Buckets = 32, Distance = 128;

    private static readonly PostNormNames Names = new("attention.attn.q", "attention.attn.k", "attention.attn.v", null, "attention.attn.o", "attention.LayerNorm",
        "intermediate.dense", "intermediate.intermediate_act_fn", "output.dense", "output.LayerNorm");

    private readonly WeightGroup<EngineWeight> _bias;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "mpnet.";

    public MpNet(ConfigKeys config, ModelWeights weights, Engine engine)
        : this(config, weights, engine, EncoderSizes.OfBertKind(config, weights, new(12, 768, 3072, 12, 30527, 512, Types: 0)), config.Number("layer_norm_eps", 1e-12)) { }

    private MpNet(ConfigKeys config, ModelWeights weights, Engine engine, EncoderSizes sizes, double epsilon) : base(engine, sizes,
        new(weights, engine, "mpnet.embeddings", sizes.Vocabulary, sizes.Hidden, sizes.Positions, types: 0, epsilon),
        new(weights, engine, "mpnet.encoder.layer", Names, sizes, config.Activation("hidden_act", "gelu"), epsilon), firstPosition: Pad + 1)
    {
        int buckets = config.Size("relative_attention_num_buckets", Buckets);
        if (buckets < Buckets) throw config.Refusal("relative_attention_num_buckets", $"is {buckets}", $"at least {Buckets}: that many are looked up");
        if (sizes.Positions <= Pad + 1) throw config.Refusal("max_position_embeddings", $"is {sizes.Positions}", $"more than {Pad + 1}: positions are counted from there");
        _bias = weights.Group(w => w.Weight("mpnet.encoder.relative_attention_bias.weight", buckets, sizes.Heads));
    }

    protected override ReadOnlySpan<int> Positions(BatchLayout layout) => TokenEmbeddings.PositionsAfterPad(layout, Pad);

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        using var bias = _bias.Use();
        if (trace is not null)
        {
            int length = layout.Length(0); // PyTorch's module puts out the first text's biases: [query, key, head]
            using EngineTensor table = Engine.Embed(bias.Value, [.. Enumerable.Range(0, length * length).Select(at => BucketOf(at % length - at / length))]);
            trace("mpnet.encoder.relative_attention_bias", table);
        }
        return Layers.Run(Embed(layout, trace), layout, rows, trace, cancellation, Layers.Attention with { Buckets = new(bias.Value, BucketOf) });
    }

    /// <summary>The row of the table for a distance, key - query.</summary>
    private static int BucketOf(int distance) => RelativeBuckets.T5(distance, Buckets, Distance, bothWays: true);

    public override void Dispose()
    {
        base.Dispose();
        _bias.Dispose();
    }
}
