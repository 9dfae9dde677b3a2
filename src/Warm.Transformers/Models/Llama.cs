namespace Warm.Transformers;

/// <summary>
/// Llama, Mistral, Qwen2 and Qwen3; <see cref="LlamaKind"/> says what each does otherwise. With RMS(x; w) = x / sqrt(mean(x^2) + epsilon) w:
/// <code>
/// x = E[id]
/// each layer:  h = RMS(x; input_layernorm)
///              q, k, v = Linear(h);  Qwen3: q = RMS(q; q_norm), k = RMS(k; k_norm) head by head
///              rotate q and k;  x = x + o_proj(attention(q, k, v))
///              h = RMS(x; post_attention_layernorm);  x = x + down_proj(act(gate_proj(h)) * up_proj(h))
/// hidden = RMS(x; norm)
/// </code>
/// </summary>
internal sealed class Llama : RmsNormStack<Llama.Layer>
{
    private readonly Activation _activation;
    private readonly AttentionForm[] _attention; // one for each layer: windows differ
    private readonly (RotaryForm Queries, RotaryForm Keys) _rotary;

    internal sealed record Layer(EngineWeight InputNorm, LinearWeight Query, LinearWeight Key, LinearWeight Value, EngineWeight? QueryNorm, EngineWeight? KeyNorm, LinearWeight Output,
        EngineWeight PostAttentionNorm, LinearWeight Gate, LinearWeight Up, LinearWeight Down);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Llama(ConfigKeys config, ModelWeights weights, Engine engine, LlamaKind kind) : this(config, weights, engine, kind, DecoderShape.Of(config, weights, kind.Defaults), kind.Biases(config)) { }

    private Llama(ConfigKeys config, ModelWeights weights, Engine engine, LlamaKind kind, DecoderShape shape, LlamaKind.Bias bias) : base(engine, weights, shape, config.Number("rms_norm_eps", 1e-6), (w, path) => new Layer(
        w.Weight($"{path}.input_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.self_attn.q_proj", shape.Hidden, shape.Queries, bias.QueryKeyValue),
        w.Linear($"{path}.self_attn.k_proj", shape.Hidden, shape.Keys, bias.QueryKeyValue),
        w.Linear($"{path}.self_attn.v_proj", shape.Hidden, shape.Keys, bias.QueryKeyValue),
        kind.HeadNorms ? w.Weight($"{path}.self_attn.q_norm.weight", shape.HeadSize) : null,
        kind.HeadNorms ? w.Weight($"{path}.self_attn.k_norm.weight", shape.HeadSize) : null,
        w.Linear($"{path}.self_attn.o_proj", shape.Queries, shape.Hidden, bias.Output),
        w.Weight($"{path}.post_attention_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.mlp.gate_proj", shape.Hidden, shape.Inner, bias.Mlp),
        w.Linear($"{path}.mlp.up_proj", shape.Hidden, shape.Inner, bias.Mlp),
        w.Linear($"{path}.mlp.down_proj", shape.Inner, shape.Hidden, bias.Mlp)))
    {
        _activation = config.Activation("hidden_act", "silu");
        Rope rope = Rope.Of(config, shape.HeadSize, shape.Positions);
        _attention = [.. kind.Windows(config, shape.Layers).Select(window => shape.Attention(window))];
        DecoderShape.RefuseOtherFunctions(config);
        (_rotary, RotatesByLength) = (Rotation(rope), rope.DependsOnLength);
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor h = path.Out("input_layernorm", Norm(x, layer.InputNorm));
        using EngineTensor mixed = Attention(h, layer, _attention[index], layout, path.Below("self_attn"));
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("self_attn.o_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor attended = Engine.Add(someX ?? x, output);

        using EngineTensor h2 = path.Out("post_attention_layernorm", Norm(attended, layer.PostAttentionNorm));
        using EngineTensor down = GatedMlp(h2, layer.Gate, layer.Up, layer.Down, _activation, path.Below("mlp"));
        return Engine.Add(attended, down);
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, AttentionForm form, BatchLayout layout, ModulePath path)
    {
        using EngineTensor q = path.Out("q_proj", Engine.Linear(h, layer.Query)); // [rows, heads x size]
        using EngineTensor k = path.Out("k_proj", Engine.Linear(h, layer.Key)); // [rows, key heads x size]
        using EngineTensor v = path.Out("v_proj", Engine.Linear(h, layer.Value));
        using EngineTensor? normedQ = layer.QueryNorm is null ? null : path.Out("q_norm", Norm(q, layer.QueryNorm));
        using EngineTensor? normedK = layer.KeyNorm is null ? null : path.Out("k_norm", Norm(k, layer.KeyNorm));
        using EngineTensor rotatedQ = Engine.Rotary(normedQ ?? q, _rotary.Queries, layout), rotatedK = Engine.Rotary(normedK ?? k, _rotary.Keys, layout);
        return Engine.SelfAttention(rotatedQ, rotatedK, v, form, layout);
    }
}
