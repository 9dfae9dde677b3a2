using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// ModernBERT, an encoder with rotary positions, norms before each part and windows in most layers. With LN the layer norm, without bias unless config.json asks for one:
/// <code>
/// x = LN(E[id]; embeddings.norm)
/// each layer:  h = x in layer 0, else LN(x; attn_norm);  q, k, v = thirds of Wqkv(h);  rotate q and k;  x = x + attn.Wo(attention(q, k, v))
///              g, u = halves of Wi(LN(x; mlp_norm));  x = x + mlp.Wo(act(g) * u)
/// hidden = LN(x; final_norm)
/// </code>
/// Full layers see all tokens and rotate with the global theta; the others see |i - j| &lt;= local_attention div 2, both ends included, and rotate with the local one.
/// </summary>
internal sealed class ModernBert : Encoder
{
    private readonly double _epsilon;
    private readonly Activation _activation;
    private readonly AttentionForm _full, _local;
    private readonly RotaryForm _rotateFull, _rotateLocal;
    private readonly bool[] _isFull;
    private readonly WeightGroup<Embeddings> _embeddings;
    private readonly WeightGroup<Norm> _finalNorm;
    private readonly WeightGroup<Layer>[] _layers;

    private sealed record Norm(EngineWeight Weight, EngineWeight? Bias);

    private sealed record Embeddings(EngineWeight Words, Norm Norm);

    private sealed record Layer(Norm? AttentionNorm, LinearWeight Wqkv, LinearWeight AttentionOutput, Norm MlpNorm, LinearWeight Wi, LinearWeight Wo);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public ModernBert(ConfigKeys config, ModelWeights weights, Engine engine) : base(engine, EncoderSizes.Of(config, weights, new(22, 768, 1152, 12, 50368, 8192, Types: 0)))
    {
        bool normBias = config.Flag("norm_bias", false), attentionBias = config.Flag("attention_bias", false), mlpBias = config.Flag("mlp_bias", false);
        _epsilon = config.Number("norm_eps", 1e-5);
        _activation = config.Activation("hidden_activation", "gelu");
        if (config.Text("classifier_pooling") is { } pooling and not ("cls" or "mean")) throw config.Refusal("classifier_pooling", $"is \"{pooling}\"", "cls or mean");
        _isFull = FullLayers(config, Sizes.Layers);
        config.Ignore("deterministic_flash_attn", "sparse_prediction", "sparse_pred_ignore_index", "decoder_bias", "reference_compile", "repad_logits_with_grad", "mlp_dropout", "embedding_dropout",
            "classifier_dropout", "initializer_cutoff_factor", "gradient_checkpointing", "position_embedding_type", "layer_norm_eps");

        int window = config.Size("local_attention", 128) / 2;
        config.Refuse("sliding_window", $"half of local_attention ({window})", value => value is { ValueKind: JsonValueKind.Number } && value.GetDouble() == window);
        _full = new() { Heads = Sizes.Heads, KeyHeads = Sizes.Heads, HeadSize = Sizes.HeadSize, Scale = 1 / Math.Sqrt(Sizes.HeadSize), Causal = false };
        _local = _full with { WindowLeft = window, WindowRight = window };
        _rotateFull = Rope.Of(config, Sizes.HeadSize, Sizes.Positions, new() { LayerType = "full_attention", Theta = "global_rope_theta", DefaultTheta = 160_000 }).Form(Sizes.Heads, Sizes.HeadSize);
        _rotateLocal = Rope.Of(config, Sizes.HeadSize, Sizes.Positions, new() { LayerType = "sliding_attention", Theta = "local_rope_theta", DefaultTheta = 10_000 }).Form(Sizes.Heads, Sizes.HeadSize);

        Norm NormOf(WeightScope w, string path) => new(w.Weight($"{path}.weight", Sizes.Hidden), normBias ? w.Weight($"{path}.bias", Sizes.Hidden) : null);
        _embeddings = weights.Group(w => new Embeddings(w.Weight("model.embeddings.tok_embeddings.weight", Sizes.Vocabulary, Sizes.Hidden), NormOf(w, "model.embeddings.norm")));
        _layers = [.. Enumerable.Range(0, Sizes.Layers).Select(i => weights.Group(w => new Layer(
            i == 0 ? null : NormOf(w, $"model.layers.{i}.attn_norm"), // Trap: the embeddings' norm is layer 0's
            w.Linear($"model.layers.{i}.attn.Wqkv", Sizes.Hidden, 3 * Sizes.Hidden, attentionBias),
            w.Linear($"model.layers.{i}.attn.Wo", Sizes.Hidden, Sizes.Hidden, attentionBias),
            NormOf(w, $"model.layers.{i}.mlp_norm"),
            w.Linear($"model.layers.{i}.mlp.Wi", Sizes.Hidden, 2 * Sizes.Inner, mlpBias),
            w.Linear($"model.layers.{i}.mlp.Wo", Sizes.Inner, Sizes.Hidden, mlpBias))))];
        _finalNorm = weights.Group(w => NormOf(w, "model.final_norm"));
    }

    public override int? PositionTable => null;

    public override int? TrainedPositions => Sizes.Positions;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        EngineTensor x = Embed(layout, trace); // [rows, hidden]
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            using EngineTensor input = x;
            x = Block(input, layer.Value, _isFull[i], layout, trace is null && i == _layers.Length - 1 ? rows : null, trace, $"model.layers.{i}");
        }
        using EngineTensor last = x;
        using var norm = _finalNorm.Use();
        EngineTensor hidden = LayerNorm(last, norm.Value);
        trace?.Invoke("model.final_norm", hidden);
        if (rows is null || trace is null) return hidden;
        using EngineTensor all = hidden;
        return Engine.Rows(all, [.. rows]);
    }

    private EngineTensor Embed(BatchLayout layout, Trace? trace)
    {
        using var embeddings = _embeddings.Use();
        using EngineTensor words = Engine.Embed(embeddings.Value.Words, layout.Ids);
        trace?.Invoke("model.embeddings.tok_embeddings", words);
        EngineTensor x = LayerNorm(words, embeddings.Value.Norm);
        trace?.Invoke("model.embeddings.norm", x);
        return x;
    }

    private EngineTensor Block(EngineTensor x, Layer layer, bool full, BatchLayout layout, IReadOnlyList<int>? rows, Trace? trace, string path)
    {
        using EngineTensor? normed = layer.AttentionNorm is null ? null : Say("attn_norm", LayerNorm(x, layer.AttentionNorm));
        using EngineTensor mixed = Attention(normed ?? x, layer, full, layout, Say);
        // From here on a row depends on no other: where only some are wanted, only those go on.
        using EngineTensor? wantedMixed = rows is null ? null : Engine.Rows(mixed, [.. rows]), wantedX = rows is null ? null : Engine.Rows(x, [.. rows]);
        using EngineTensor output = Say("attn.Wo", Engine.Linear(wantedMixed ?? mixed, layer.AttentionOutput));
        using EngineTensor attended = Engine.Add(wantedX ?? x, output);

        using EngineTensor h = Say("mlp_norm", LayerNorm(attended, layer.MlpNorm));
        using EngineTensor inner = Say("mlp.Wi", Engine.Linear(h, layer.Wi)); // [rows, 2 intermediate]
        using EngineTensor gate = Engine.Columns(inner, 0, inner.Columns / 2), up = Engine.Columns(inner, inner.Columns / 2, inner.Columns / 2);
        if (trace is not null) Say("mlp.act", Engine.Activate(gate, _activation)).Dispose();
        using EngineTensor gated = Engine.ActivateGated(gate, up, _activation);
        using EngineTensor down = Say("mlp.Wo", Engine.Linear(gated, layer.Wo));
        EngineTensor result = Engine.Add(attended, down);
        trace?.Invoke(path, result);
        return result;

        EngineTensor Say(string module, EngineTensor output)
        {
            trace?.Invoke($"{path}.{module}", output);
            return output;
        }
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, bool full, BatchLayout layout, Func<string, EngineTensor, EngineTensor> say)
    {
        using EngineTensor qkv = say("attn.Wqkv", Engine.Linear(h, layer.Wqkv)); // [rows, 3 hidden]
        using EngineTensor q = Engine.Columns(qkv, 0, HiddenSize), k = Engine.Columns(qkv, HiddenSize, HiddenSize), v = Engine.Columns(qkv, 2 * HiddenSize, HiddenSize);
        RotaryForm rotate = full ? _rotateFull : _rotateLocal;
        using EngineTensor rotatedQ = Engine.Rotary(q, rotate, layout), rotatedK = Engine.Rotary(k, rotate, layout);
        return Engine.Attention(rotatedQ, rotatedK, v, full ? _full : _local, layout, layout);
    }

    private EngineTensor LayerNorm(EngineTensor x, Norm norm) => Engine.LayerNorm(x, norm.Weight, norm.Bias, _epsilon);

    /// <summary>Which layers see all tokens: <c>layer_types</c> in the new spelling, each <c>global_attn_every_n_layers</c>-th in the old one.</summary>
    private static bool[] FullLayers(ConfigKeys config, int layers)
    {
        int every = config.Size("global_attn_every_n_layers", 3);
        if (config.Find("layer_types") is not { } types) return [.. Enumerable.Range(0, layers).Select(i => i % every == 0)];
        if (types.ValueKind != JsonValueKind.Array || types.GetArrayLength() != layers) throw config.Refusal("layer_types", $"is {JsonText.Show(types)}", $"one entry for each of {layers} layers");
        return [.. types.EnumerateArray().Select(type => type.ValueKind == JsonValueKind.String ? type.GetString() : null).Select(type => type switch
        {
            "full_attention" => true,
            "sliding_attention" => false,
            _ => throw config.Refusal("layer_types", $"names \"{type}\"", "full_attention and sliding_attention"),
        })];
    }

    public override void Dispose()
    {
        _embeddings.Dispose();
        foreach (WeightGroup<Layer> layer in _layers) layer.Dispose();
        _finalNorm.Dispose();
    }
}
