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
    private readonly Engine _engine;
    private readonly double _epsilon;
    private readonly Activation _activation;
    private readonly AttentionForm _attention;
    private readonly WeightGroup<Embeddings> _embeddings;
    private readonly WeightGroup<Layer>[] _layers;

    private sealed record Embeddings(EngineWeight Words, EngineWeight Positions, EngineWeight Types, EngineWeight Norm, EngineWeight NormBias);

    private sealed record Layer(LinearWeight Query, LinearWeight Key, LinearWeight Value, LinearWeight AttentionOutput, EngineWeight AttentionNorm, EngineWeight AttentionNormBias,
        LinearWeight Intermediate, LinearWeight Output, EngineWeight OutputNorm, EngineWeight OutputNormBias);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "bert.";

    public Bert(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        _engine = engine;
        // Trap: transformers 5 ignores this key and computes absolute positions, which is not what such a model was trained with.
        if (config.Text("position_embedding_type") is { } positionType and not "absolute")
            throw config.Refusal("position_embedding_type", $"is \"{positionType}\"", "absolute: relative positions are not built", "No library that is current computes this model as it was trained.");
        config.Refuse("is_decoder", "false: only the encoder is built");
        config.Refuse("add_cross_attention", "false: only the encoder is built");
        int layers = config.Size("num_hidden_layers", 12), hidden = config.Size("hidden_size", 768), inner = config.Size("intermediate_size", 3072), heads = config.Size("num_attention_heads", 12);
        int vocabulary = config.Size("vocab_size", 30522), positions = config.Size("max_position_embeddings", 512), types = config.Size("type_vocab_size", 2);
        if (hidden % heads != 0) throw config.Refusal("num_attention_heads", $"is {heads}", $"a divisor of hidden_size ({hidden})");
        if (layers > weights.Tensors) throw config.Refusal("num_hidden_layers", $"is {layers}", $"no more layers than the file has tensors ({weights.Tensors})");
        _epsilon = config.Number("layer_norm_eps", 1e-12);
        _activation = config.Activation("hidden_act", "gelu");
        config.Ignore("attention_probs_dropout_prob", "hidden_dropout_prob", "classifier_dropout", "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
            "pooler_size_per_head", "pooler_type", "gradient_checkpointing");

        int headSize = hidden / heads;
        _attention = new() { Heads = heads, KeyHeads = heads, HeadSize = headSize, Scale = 1 / Math.Sqrt(headSize), Causal = false };
        (HiddenSize, VocabularySize, PositionTable, TokenTypes) = (hidden, vocabulary, positions, types);

        _embeddings = weights.Group(w => new Embeddings(
            w.Weight("bert.embeddings.word_embeddings.weight", vocabulary, hidden),
            w.Weight("bert.embeddings.position_embeddings.weight", positions, hidden),
            w.Weight("bert.embeddings.token_type_embeddings.weight", types, hidden),
            w.Weight("bert.embeddings.LayerNorm.weight", hidden), w.Weight("bert.embeddings.LayerNorm.bias", hidden)));
        _layers = [.. Enumerable.Range(0, layers).Select(i => weights.Group(w => new Layer(
            w.Linear($"bert.encoder.layer.{i}.attention.self.query", hidden, hidden, bias: true),
            w.Linear($"bert.encoder.layer.{i}.attention.self.key", hidden, hidden, bias: true),
            w.Linear($"bert.encoder.layer.{i}.attention.self.value", hidden, hidden, bias: true),
            w.Linear($"bert.encoder.layer.{i}.attention.output.dense", hidden, hidden, bias: true),
            w.Weight($"bert.encoder.layer.{i}.attention.output.LayerNorm.weight", hidden), w.Weight($"bert.encoder.layer.{i}.attention.output.LayerNorm.bias", hidden),
            w.Linear($"bert.encoder.layer.{i}.intermediate.dense", hidden, inner, bias: true),
            w.Linear($"bert.encoder.layer.{i}.output.dense", inner, hidden, bias: true),
            w.Weight($"bert.encoder.layer.{i}.output.LayerNorm.weight", hidden), w.Weight($"bert.encoder.layer.{i}.output.LayerNorm.bias", hidden))))];
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override int TokenTypes { get; }

    public override bool Causal => false;

    public override bool SharesBeginnings => false;

    public override int? PositionTable { get; }

    public override int? TrainedPositions => null;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        EngineTensor x = Embed(layout, trace); // [rows, hidden]
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            EngineTensor next = Block(x, layer.Value, layout, trace is null && i == _layers.Length - 1 ? rows : null, trace, $"bert.encoder.layer.{i}");
            x.Dispose();
            x = next;
        }
        if (rows is null || trace is null) return x;
        using EngineTensor all = x;
        return _engine.Rows(all, [.. rows]);
    }

    private EngineTensor Embed(BatchLayout layout, Trace? trace)
    {
        using var loan = _embeddings.Use();
        Embeddings w = loan.Value;
        using EngineTensor words = Say("word_embeddings", _engine.Embed(w.Words, layout.Ids)), positions = Say("position_embeddings", _engine.Embed(w.Positions, layout.Positions));
        using EngineTensor types = Say("token_type_embeddings", _engine.Embed(w.Types, layout.TypeIds));
        using EngineTensor typed = _engine.Add(words, types), sum = _engine.Add(typed, positions);
        return Say("LayerNorm", _engine.LayerNorm(sum, w.Norm, w.NormBias, _epsilon));

        EngineTensor Say(string module, EngineTensor output)
        {
            trace?.Invoke($"bert.embeddings.{module}", output);
            return output;
        }
    }

    private EngineTensor Block(EngineTensor x, Layer layer, BatchLayout layout, IReadOnlyList<int>? rows, Trace? trace, string path)
    {
        using EngineTensor q = Say("attention.self.query", _engine.Linear(x, layer.Query)), k = Say("attention.self.key", _engine.Linear(x, layer.Key));
        using EngineTensor v = Say("attention.self.value", _engine.Linear(x, layer.Value));
        using EngineTensor mixed = Say("attention.self", _engine.Attention(q, k, v, _attention, layout, layout));
        // From here on a row depends on no other: where only some are wanted, only those go on.
        using EngineTensor? wantedMixed = rows is null ? null : _engine.Rows(mixed, [.. rows]), wantedX = rows is null ? null : _engine.Rows(x, [.. rows]);
        using EngineTensor dense = Say("attention.output.dense", _engine.Linear(wantedMixed ?? mixed, layer.AttentionOutput));
        using EngineTensor attendedSum = _engine.Add(wantedX ?? x, dense);
        using EngineTensor attended = Say("attention.output.LayerNorm", _engine.LayerNorm(attendedSum, layer.AttentionNorm, layer.AttentionNormBias, _epsilon));

        using EngineTensor inner = Say("intermediate.dense", _engine.Linear(attended, layer.Intermediate)); // [rows, intermediate]
        using EngineTensor active = Say("intermediate.intermediate_act_fn", _engine.Activate(inner, _activation));
        using EngineTensor output = Say("output.dense", _engine.Linear(active, layer.Output));
        using EngineTensor sum = _engine.Add(attended, output);
        EngineTensor result = Say("output.LayerNorm", _engine.LayerNorm(sum, layer.OutputNorm, layer.OutputNormBias, _epsilon));
        trace?.Invoke(path, result);
        return result;

        EngineTensor Say(string module, EngineTensor output)
        {
            trace?.Invoke($"{path}.{module}", output);
            return output;
        }
    }

    public override void Dispose()
    {
        _embeddings.Dispose();
        foreach (WeightGroup<Layer> layer in _layers) layer.Dispose();
    }
}
