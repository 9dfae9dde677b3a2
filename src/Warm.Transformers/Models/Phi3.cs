namespace Warm.Transformers;

/// <summary>
/// Phi-3 and Phi-4: Llama with fused weights, windows in every layer and, in the long models, rotation by the text's length. No biases.
/// <code>
/// x = E[id]
/// each layer:  h = RMS(x; input_layernorm)
///              q, k, v = columns of qkv_proj(h);  rotate q and k;  x = x + o_proj(attention(q, k, v))
///              h = RMS(x; post_attention_layernorm);  gate, up = halves of gate_up_proj(h);  x = x + down_proj(act(gate) * up)
/// hidden = RMS(x; norm)
/// </code>
/// </summary>
internal sealed class Phi3 : RmsNormStack<Phi3.Layer>
{
    private readonly Activation _activation;
    private readonly AttentionForm _attention;
    private readonly (RotaryForm Queries, RotaryForm Keys) _rotary;

    internal sealed record Layer(EngineWeight InputNorm, LinearWeight QueryKeyValue, LinearWeight Output, EngineWeight PostAttentionNorm, LinearWeight GateUp, LinearWeight Down);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Phi3(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, DecoderShape.Of(config, weights, new(Positions: 4096))) { }

    private Phi3(ConfigKeys config, ModelWeights weights, Engine engine, DecoderShape shape) : base(engine, weights, shape, config.Number("rms_norm_eps", 1e-5), (w, path) => new Layer(
        w.Weight($"{path}.input_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.self_attn.qkv_proj", shape.Hidden, shape.Queries + 2 * shape.Keys, bias: false),
        w.Linear($"{path}.self_attn.o_proj", shape.Queries, shape.Hidden, bias: false),
        w.Weight($"{path}.post_attention_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.mlp.gate_up_proj", shape.Hidden, 2 * shape.Inner, bias: false),
        w.Linear($"{path}.mlp.down_proj", shape.Inner, shape.Hidden, bias: false)))
    {
        _activation = config.Activation("hidden_act", "silu");
        Rope rope = Rope.Of(config, shape.HeadSize, shape.Positions, new RopeKeys { DefaultShare = 1, OtherLongrope = ["su", "yarn"], DefaultOriginal = 4096 });
        _attention = shape.Attention(LayerWindows.Everywhere(config, shape.Layers, missing: null)[0]);
        DecoderShape.RefuseOtherFunctions(config);
        config.Ignore("embd_pdrop", "resid_pdrop", "original_max_position_embeddings", "attention_bias");
        (_rotary, RotatesByLength) = (Rotation(rope), rope.DependsOnLength);
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor h = path.Out("input_layernorm", Norm(x, layer.InputNorm));
        using EngineTensor mixed = Attention(h, layer, layout, path);
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("self_attn.o_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor attended = Engine.Add(someX ?? x, output);

        using EngineTensor h2 = path.Out("post_attention_layernorm", Norm(attended, layer.PostAttentionNorm));
        using EngineTensor gateUp = path.Out("mlp.gate_up_proj", Engine.Linear(h2, layer.GateUp)); // [rows, 2 x intermediate]
        using EngineTensor gate = Engine.Columns(gateUp, 0, Shape.Inner), up = Engine.Columns(gateUp, Shape.Inner, Shape.Inner);
        if (path.Traced) path.Out("mlp.activation_fn", Engine.Activate(gate, _activation)).Dispose();
        using EngineTensor gated = Engine.ActivateGated(gate, up, _activation);
        using EngineTensor down = path.Out("mlp.down_proj", Engine.Linear(gated, layer.Down));
        return Engine.Add(attended, down);
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, BatchLayout layout, ModulePath path)
    {
        using EngineTensor fused = path.Out("self_attn.qkv_proj", Engine.Linear(h, layer.QueryKeyValue)); // [rows, heads x size | key heads x size | key heads x size]
        using EngineTensor q = Engine.Columns(fused, 0, Shape.Queries), k = Engine.Columns(fused, Shape.Queries, Shape.Keys), v = Engine.Columns(fused, Shape.Queries + Shape.Keys, Shape.Keys);
        using EngineTensor rotatedQ = Engine.Rotary(q, _rotary.Queries, layout), rotatedK = Engine.Rotary(k, _rotary.Keys, layout);
        return Engine.SelfAttention(rotatedQ, rotatedK, v, _attention, layout);
    }
}
