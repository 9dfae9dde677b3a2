using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// Llama. With RMS(x; w) = x / sqrt(mean(x^2) + epsilon) w and no bias unless config.json asks for one:
/// <code>
/// x = E[id]
/// each layer:  h = RMS(x; input_layernorm)
///              q, k, v = Linear(h);  rotate q and k;  x = x + o_proj(attention(q, k, v))
///              h = RMS(x; post_attention_layernorm);  x = x + down_proj(act(gate_proj(h)) * up_proj(h))
/// hidden = RMS(x; norm)
/// </code>
/// </summary>
internal sealed class Llama : Architecture
{
    private readonly Engine _engine;
    private readonly double _epsilon;
    private readonly Activation _activation;
    private readonly AttentionForm _attention;
    private readonly RotaryForm _rotateQueries, _rotateKeys;
    private readonly WeightGroup<EngineWeight> _embedding, _norm;
    private readonly WeightGroup<Layer>[] _layers;

    private sealed record Layer(EngineWeight InputNorm, LinearWeight Query, LinearWeight Key, LinearWeight Value, LinearWeight Output,
        EngineWeight PostAttentionNorm, LinearWeight Gate, LinearWeight Up, LinearWeight Down);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Llama(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        _engine = engine;
        int layers = config.Size("num_hidden_layers"), hidden = config.Size("hidden_size"), inner = config.Size("intermediate_size"), vocabulary = config.Size("vocab_size");
        int heads = config.Size("num_attention_heads"), keyHeads = config.Size("num_key_value_heads", heads);
        if (heads % keyHeads != 0) throw config.Refusal("num_key_value_heads", $"is {keyHeads}", $"a divisor of num_attention_heads ({heads})");
        if (!config.Has("head_dim") && hidden % heads != 0) throw config.Refusal("num_attention_heads", $"is {heads}", $"a divisor of hidden_size ({hidden})");
        int headSize = config.Size("head_dim", hidden / heads);
        if ((long)heads * headSize > int.MaxValue) throw config.Refusal("head_dim", $"is {headSize}", $"heads that fit in a matrix ({heads} of them)");
        if (layers > weights.Tensors) throw config.Refusal("num_hidden_layers", $"is {layers}", $"no more layers than the file has tensors ({weights.Tensors})");
        int positions = config.Size("max_position_embeddings", 2048);
        bool attentionBias = config.Flag("attention_bias", false), mlpBias = config.Flag("mlp_bias", false);
        _epsilon = config.Number("rms_norm_eps", 1e-6);
        _activation = config.Activation("hidden_act", "silu");
        Rope rope = Rope.Of(config, headSize, positions);
        RefuseOtherFunctions(config);

        _attention = new() { Heads = heads, KeyHeads = keyHeads, HeadSize = headSize, Scale = 1 / Math.Sqrt(headSize), Causal = true };
        (_rotateQueries, _rotateKeys) = (rope.Form(heads, headSize), rope.Form(keyHeads, headSize));
        (HiddenSize, VocabularySize, TrainedPositions, SharesBeginnings) = (hidden, vocabulary, positions, !rope.DependsOnLength);

        _embedding = weights.Group(w => w.Weight("model.embed_tokens.weight", vocabulary, hidden));
        _layers = [.. Enumerable.Range(0, layers).Select(i => weights.Group(w => new Layer(
            w.Weight($"model.layers.{i}.input_layernorm.weight", hidden),
            w.Linear($"model.layers.{i}.self_attn.q_proj", hidden, heads * headSize, attentionBias),
            w.Linear($"model.layers.{i}.self_attn.k_proj", hidden, keyHeads * headSize, attentionBias),
            w.Linear($"model.layers.{i}.self_attn.v_proj", hidden, keyHeads * headSize, attentionBias),
            w.Linear($"model.layers.{i}.self_attn.o_proj", heads * headSize, hidden, attentionBias),
            w.Weight($"model.layers.{i}.post_attention_layernorm.weight", hidden),
            w.Linear($"model.layers.{i}.mlp.gate_proj", hidden, inner, mlpBias),
            w.Linear($"model.layers.{i}.mlp.up_proj", hidden, inner, mlpBias),
            w.Linear($"model.layers.{i}.mlp.down_proj", inner, hidden, mlpBias))))];
        _norm = weights.Group(w => w.Weight("model.norm.weight", hidden));
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override bool Causal => true;

    public override bool SharesBeginnings { get; }

    public override int? PositionTable => null;

    public override int? TrainedPositions { get; }

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        EngineTensor x;
        using (var embedding = _embedding.Use()) x = _engine.Embed(embedding.Value, layout.Ids); // [rows, hidden]
        trace?.Invoke("model.embed_tokens", x);
        for (int i = 0; i < _layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var layer = _layers[i].Use();
            EngineTensor next = Block(x, layer.Value, layout, trace is null && i == _layers.Length - 1 ? rows : null, trace, $"model.layers.{i}");
            x.Dispose();
            x = next;
        }
        using EngineTensor last = x;
        using var norm = _norm.Use();
        EngineTensor hidden = _engine.RmsNorm(last, norm.Value, _epsilon);
        if (trace is null) return hidden;
        trace("model.norm", hidden);
        if (rows is null) return hidden;
        using EngineTensor all = hidden;
        return _engine.Rows(all, [.. rows]);
    }

    private EngineTensor Block(EngineTensor x, Layer layer, BatchLayout layout, IReadOnlyList<int>? rows, Trace? trace, string path)
    {
        using EngineTensor h = Say("input_layernorm", _engine.RmsNorm(x, layer.InputNorm, _epsilon));
        using EngineTensor mixed = Attention(h, layer, layout, Say);
        // From here on a row depends on no other: where only some are wanted, only those go on.
        using EngineTensor? wantedMixed = rows is null ? null : _engine.Rows(mixed, [.. rows]), wantedX = rows is null ? null : _engine.Rows(x, [.. rows]);
        using EngineTensor output = Say("self_attn.o_proj", _engine.Linear(wantedMixed ?? mixed, layer.Output));
        using EngineTensor attended = _engine.Add(wantedX ?? x, output);

        using EngineTensor h2 = Say("post_attention_layernorm", _engine.RmsNorm(attended, layer.PostAttentionNorm, _epsilon));
        using EngineTensor gate = Say("mlp.gate_proj", _engine.Linear(h2, layer.Gate)); // [rows, intermediate]
        using EngineTensor up = Say("mlp.up_proj", _engine.Linear(h2, layer.Up));
        using EngineTensor gated = _engine.ActivateGated(gate, up, _activation);
        using EngineTensor down = Say("mlp.down_proj", _engine.Linear(gated, layer.Down));
        EngineTensor result = _engine.Add(attended, down);
        trace?.Invoke(path, result);
        return result;

        EngineTensor Say(string module, EngineTensor output)
        {
            trace?.Invoke($"{path}.{module}", output);
            return output;
        }
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, BatchLayout layout, Func<string, EngineTensor, EngineTensor> say)
    {
        using EngineTensor q = say("self_attn.q_proj", _engine.Linear(h, layer.Query)); // [rows, heads x size]
        using EngineTensor k = say("self_attn.k_proj", _engine.Linear(h, layer.Key)); // [rows, key heads x size]
        using EngineTensor v = say("self_attn.v_proj", _engine.Linear(h, layer.Value));
        using EngineTensor rotatedQ = _engine.Rotary(q, _rotateQueries, layout), rotatedK = _engine.Rotary(k, _rotateKeys, layout);
        return _engine.Attention(rotatedQ, rotatedK, v, _attention, layout, layout);
    }

    /// <summary>Keys that change what a Llama computes and are not built here; and those that are known and change nothing.</summary>
    private static void RefuseOtherFunctions(ConfigKeys config)
    {
        if (config.Flag("use_sliding_window", true)) config.Refuse("sliding_window", "none: windows are not built for this architecture");
        config.Refuse("layer_types", "full_attention in every layer", types => types.ValueKind == JsonValueKind.Array
            && types.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String && t.GetString() == "full_attention"));
        config.Refuse("no_rope_layers", "none: layers without rotation are not built for this architecture");
        foreach (string one in (string[])["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"])
            config.Refuse(one, "none or 1: multipliers are not built", value => value is { ValueKind: JsonValueKind.Number } && value.GetDouble() == 1);
        foreach (string other in (string[])["attn_logit_softcapping", "query_pre_attn_scalar", "clip_qkv", "num_local_experts", "num_experts", "use_qk_norm", "qk_layernorm", "use_parallel_residual"])
            config.Refuse(other, "none: it makes another architecture than Llama");
        config.Ignore("rope_theta", "pretraining_tp", "final_logit_softcapping");
    }

    public override void Dispose()
    {
        _embedding.Dispose();
        foreach (WeightGroup<Layer> layer in _layers) layer.Dispose();
        _norm.Dispose();
    }
}
