using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// DeBERTa v2 and v3: BERT's layers with disentangled attention. What is in brackets depends on config.json.
/// <code>
/// x = LN(embed_proj(word[id] (+ position[p]) (+ type[t])))
/// r(i, j) = i - j, by the logarithm in position_buckets;  c = clamp(r + span, 0 .. 2 span - 1);  R = rel_embeddings [2 span, H] (through encoder.LayerNorm)
/// each layer:  s_ij = (q_i . k_j (+ q_i . KR_c) (+ k_j . QR_c)) / sqrt(d (1 + number of brackets))        KR, QR: R through key_proj and query_proj, or matrices of their own
///              x = LN(x + attention.output.dense(attention));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// after layer 0 (v2-xlarge):  x = LN(x + act(conv over the tokens of the embeddings))
/// </code>
/// </summary>
internal sealed class DebertaV2 : Encoder
{
    private static readonly PostNormNames Names = PostNormNames.Bert with { Query = "attention.self.query_proj", Key = "attention.self.key_proj", Value = "attention.self.value_proj" };

    private readonly double _epsilon, _scale;
    private readonly Activation _activation, _convolutionActivation;
    private readonly int _buckets, _reach, _span;
    private readonly bool _positioned, _contentToPosition, _positionToContent, _shared;
    private readonly TokenEmbeddings _embeddings;
    private readonly WeightGroup<Relative>? _relative;
    private readonly WeightGroup<Convolution>? _convolution;
    private readonly WeightGroup<Layer>[] _layers;

    private sealed record Relative(EngineWeight Table, EngineWeight? Norm, EngineWeight? NormBias);

    private sealed record Convolution(LinearWeight Kernel, EngineWeight Norm, EngineWeight NormBias);

    /// <summary>A layer, and what makes KR and QR: its own matrices, or those of its keys and queries.</summary>
    private sealed record Layer(PostNormLayer Block, LinearWeight? PositionKey, LinearWeight? PositionQuery);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "deberta.";

    public DebertaV2(ConfigKeys config, ModelWeights weights, Engine engine)
        : base(engine, EncoderSizes.Of(config, weights, new(24, 1536, 6144, 24, 128100, 512, Types: 0)) with { Types = config.Index("type_vocab_size", 0) })
    {
        int hidden = Sizes.Hidden;
        int width = config.Size("embedding_size", hidden);
        _epsilon = config.Number("layer_norm_eps", 1e-7);
        _activation = config.Activation("hidden_act", "gelu");
        config.Refuse("attention_head_size", $"hidden_size / num_attention_heads ({Sizes.HeadSize})", value => IsNumber(value, Sizes.HeadSize));
        config.Refuse("pooler_hidden_size", $"hidden_size ({hidden})", value => IsNumber(value, hidden));
        config.Ignore("legacy", "pooler_dropout", "cls_dropout", "attention_probs_dropout_prob", "hidden_dropout_prob", "gradient_checkpointing", "z_steps", "pos_proj", "pad_token_id");

        string[] kinds = Kinds(config, "pos_att_type");
        foreach (string kind in kinds)
            if (kind is not ("c2p" or "p2c" or "")) throw config.Refusal("pos_att_type", $"names \"{kind}\"", "c2p and p2c");
        // Trap: the scale counts the kinds even where relative_attention is false.
        _scale = 1 / Math.Sqrt(Sizes.HeadSize * (1.0 + (kinds.Contains("c2p") ? 1 : 0) + (kinds.Contains("p2c") ? 1 : 0)));
        _shared = config.Flag("share_att_key", false);
        bool relative = config.Flag("relative_attention", false);
        _positioned = config.Flag("position_biased_input", true);
        (_contentToPosition, _positionToContent) = (relative && kinds.Contains("c2p"), relative && kinds.Contains("p2c"));
        _buckets = config.Whole("position_buckets", -1);
        _reach = config.Whole("max_relative_positions", -1) is >= 1 and var reach ? reach : Sizes.Positions;
        _span = _buckets > 0 ? _buckets : _reach;
        if (relative && _buckets > 0 && (_buckets < 2 || _reach - 1 <= _buckets / 2))
            throw config.Refusal("position_buckets", $"is {_buckets}", $"2 or more, and half of it less than the farthest position ({_reach - 1})");

        _embeddings = new(weights, engine, "deberta.embeddings", Sizes.Vocabulary, width, _positioned ? Sizes.Positions : 0, Sizes.Types, _epsilon, width == hidden ? null : hidden);
        _layers = [.. Enumerable.Range(0, Sizes.Layers).Select(i => weights.Group(w =>
        {
            string path = $"deberta.encoder.layer.{i}";
            PostNormLayer block = PostNormLayer.Of(w, path, Names, hidden, Sizes.Inner);
            LinearWeight Own(string name) => w.Linear($"{path}.attention.self.{name}", hidden, hidden, bias: true);
            return new Layer(block, !_contentToPosition ? null : _shared ? block.Key : Own("pos_key_proj"), !_positionToContent ? null : _shared ? block.Query : Own("pos_query_proj"));
        }))];
        if (_contentToPosition || _positionToContent)
        {
            string[] norms = Kinds(config, "norm_rel_ebd");
            foreach (string norm in norms)
                if (norm is not ("layer_norm" or "none" or "")) throw config.Refusal("norm_rel_ebd", $"names \"{norm}\"", "layer_norm or none");
            bool normed = norms.Contains("layer_norm");
            _relative = weights.Group(w => new Relative(w.Weight("deberta.encoder.rel_embeddings.weight", 2L * _span, hidden),
                normed ? w.Weight("deberta.encoder.LayerNorm.weight", hidden) : null, normed ? w.Weight("deberta.encoder.LayerNorm.bias", hidden) : null));
        }
        else config.Ignore("norm_rel_ebd");
        config.Ignore("conv_kernel_size", "conv_act", "conv_groups");
        if (config.Whole("conv_kernel_size", 0) is > 0 and var kernel)
        {
            if (kernel % 2 == 0) throw config.Refusal("conv_kernel_size", $"is {kernel}", "an odd number");
            config.Refuse("conv_groups", "1: grouped convolutions are not built", value => IsNumber(value, 1));
            _convolutionActivation = config.Activation("conv_act", "tanh");
            _convolution = weights.Group(w => new Convolution(new(w.Weight("deberta.encoder.conv.conv.weight", hidden, hidden, kernel), w.Weight("deberta.encoder.conv.conv.bias", hidden)),
                w.Weight("deberta.encoder.conv.LayerNorm.weight", hidden), w.Weight("deberta.encoder.conv.LayerNorm.bias", hidden)));
        }
    }

    public override int? PositionTable => _positioned ? Sizes.Positions : null;

    public override int? TrainedPositions => Sizes.Positions;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        EngineTensor x = _embeddings.Embed(layout, layout.Positions, trace); // [rows, hidden]
        using EngineTensor? convolved = _convolution is null ? null : Convolve(x, layout, trace);
        (int first, int count) = UsedPositions(layout, all: trace is not null);
        using EngineTensor? relative = RelativePositions(first, count, trace); // [relative positions, hidden]
        bool picked = false;
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            string path = $"deberta.encoder.layer.{i}";
            picked = rows is not null && trace is null && i == _layers.Length - 1 && (i > 0 || convolved is null);
            using (EngineTensor input = x)
                x = layer.Value.Block.Forward(Engine, input, (q, k, v) => Attention(q, k, v, layer.Value, relative, first, layout, trace, path), _activation, _epsilon, picked ? rows : null, trace, path);
            if (i == 0 && convolved is not null)
            {
                using EngineTensor output = x;
                x = AddConvolution(output, convolved, trace);
            }
        }
        if (rows is null || picked) return x;
        using EngineTensor every = x;
        return Engine.Rows(every, [.. rows]);
    }

    private EngineTensor Attention(EngineTensor q, EngineTensor k, EngineTensor v, Layer layer, EngineTensor? relative, int first, BatchLayout layout, Trace? trace, string path)
    {
        if (relative is null)
            return Engine.Attention(q, k, v, new() { Heads = Sizes.Heads, KeyHeads = Sizes.Heads, HeadSize = Sizes.HeadSize, Scale = _scale, Causal = false }, layout, layout);
        using EngineTensor? kr = Position(layer.PositionKey, layer.Block.Key, "key"), qr = Position(layer.PositionQuery, layer.Block.Query, "query");
        if (trace is not null && _shared) // PyTorch computes both where they are shared, also what is not used
        {
            if (kr is null) Position(layer.Block.Key, layer.Block.Key, "key")!.Dispose();
            if (qr is null) Position(layer.Block.Query, layer.Block.Query, "query")!.Dispose();
        }
        return Engine.DisentangledAttention(q, k, v, kr, qr, new() { Heads = Sizes.Heads, HeadSize = Sizes.HeadSize, Scale = _scale, RowOf = distance => PositionOf(distance) - first }, layout);

        EngineTensor? Position(LinearWeight? weight, LinearWeight ofContent, string name)
        {
            if (weight is null) return null;
            EngineTensor position = Engine.Linear(relative, weight);
            trace?.Invoke(weight == ofContent ? $"{path}.attention.self.{name}_proj#1" : $"{path}.attention.self.pos_{name}_proj", position); // #1: the module's second call
            return position;
        }
    }

    /// <summary>The row of rel_embeddings for a distance, query - key. Trap: k . QR reads clamp(-bucket(j - i) + span), which is the same row, for buckets are odd.</summary>
    private int PositionOf(int distance) => (int)Math.Clamp((long)RelativeBuckets.Deberta(distance, _buckets, _reach) + _span, 0, 2L * _span - 1);

    /// <summary>The rows of rel_embeddings that the texts' distances fall on.</summary>
    private (int First, int Count) UsedPositions(BatchLayout layout, bool all)
    {
        if (all) return (0, 2 * _span);
        int first = PositionOf(-layout.Longest), last = PositionOf(layout.Longest); // buckets do not fall as the distance grows
        return (first, last - first + 1);
    }

    private EngineTensor? RelativePositions(int first, int count, Trace? trace)
    {
        if (_relative is null) return null;
        using var relative = _relative.Use();
        EngineTensor table = Engine.Embed(relative.Value.Table, [.. Enumerable.Range(first, count)]);
        if (relative.Value.Norm is null) return table;
        using EngineTensor before = table;
        EngineTensor normed = Engine.LayerNorm(before, relative.Value.Norm, relative.Value.NormBias, _epsilon); // once, not in every layer
        trace?.Invoke("deberta.encoder.LayerNorm", normed);
        return normed;
    }

    private EngineTensor Convolve(EngineTensor embedded, BatchLayout layout, Trace? trace)
    {
        using var convolution = _convolution!.Use();
        using EngineTensor y = Engine.TokenConvolution(embedded, convolution.Value.Kernel, layout);
        trace?.Invoke("deberta.encoder.conv.conv", y);
        return Engine.Activate(y, _convolutionActivation);
    }

    private EngineTensor AddConvolution(EngineTensor x, EngineTensor convolved, Trace? trace)
    {
        using var convolution = _convolution!.Use();
        using EngineTensor sum = Engine.Add(x, convolved);
        EngineTensor y = Engine.LayerNorm(sum, convolution.Value.Norm, convolution.Value.NormBias, _epsilon);
        trace?.Invoke("deberta.encoder.conv.LayerNorm", y);
        return y;
    }

    /// <summary>Words joined by bars, or a list of them.</summary>
    private static string[] Kinds(ConfigKeys config, string key) => config.Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.String } text => [.. text.GetString()!.ToLowerInvariant().Split('|').Select(kind => kind.Trim())],
        { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(kind => kind.ValueKind == JsonValueKind.String) => [.. list.EnumerateArray().Select(kind => kind.GetString()!)],
        { } other => throw config.Refusal(key, $"is {JsonText.Show(other)}", "a text or a list of texts"),
    };

    private static bool IsNumber(JsonElement value, int number) => value.ValueKind == JsonValueKind.Number && value.GetDouble() == number;

    public override void Dispose()
    {
        _embeddings.Dispose();
        _relative?.Dispose();
        _convolution?.Dispose();
        foreach (WeightGroup<Layer> layer in _layers) layer.Dispose();
    }
}
