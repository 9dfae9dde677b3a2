namespace Warm.Transformers;

/// <summary>
/// OLMo 2: norms after attention and MLP instead of before them, and q and k normalised over their full width. With RMS(x; w) = x / sqrt(mean(x^2) + epsilon) w:
/// <code>
/// x = E[id]
/// each layer:  q = RMS(q_proj(x); q_norm), k = RMS(k_proj(x); k_norm), v = v_proj(x);  rotate q and k
///              x = x + RMS(o_proj(attention(q, k, v)); post_attention_layernorm)
///              x = x + RMS(down_proj(act(gate_proj(x)) * up_proj(x)); post_feedforward_layernorm)
/// hidden = RMS(x; norm)
/// </code>
/// </summary>
internal sealed class Olmo2 : RmsNormStack<Olmo2.Layer>
{
    private readonly Activation _activation;
    private readonly AttentionForm _attention;
    private readonly (RotaryForm Queries, RotaryForm Keys) _rotary;

    internal sealed record Layer(LinearWeight Query, LinearWeight Key, LinearWeight Value, EngineWeight QueryNorm, EngineWeight KeyNorm, LinearWeight Output, EngineWeight PostAttentionNorm,
        LinearWeight Gate, LinearWeight Up, LinearWeight Down, EngineWeight PostMlpNorm);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Olmo2(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, DecoderShape.Of(config, weights), config.Flag("attention_bias", false)) { }

    private Olmo2(ConfigKeys config, ModelWeights weights, Engine engine, DecoderShape shape, bool bias) : base(engine, weights, shape, config.Number("rms_norm_eps", 1e-5), (w, path) => new Layer(
        w.Linear($"{path}.self_attn.q_proj", shape.Hidden, shape.Queries, bias),
        w.Linear($"{path}.self_attn.k_proj", shape.Hidden, shape.Keys, bias),
        w.Linear($"{path}.self_attn.v_proj", shape.Hidden, shape.Keys, bias),
        w.Weight($"{path}.self_attn.q_norm.weight", shape.Queries),
        w.Weight($"{path}.self_attn.k_norm.weight", shape.Keys),
        w.Linear($"{path}.self_attn.o_proj", shape.Queries, shape.Hidden, bias),
        w.Weight($"{path}.post_attention_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.mlp.gate_proj", shape.Hidden, shape.Inner, bias: false),
        w.Linear($"{path}.mlp.up_proj", shape.Hidden, shape.Inner, bias: false),
        w.Linear($"{path}.mlp.down_proj", shape.Inner, shape.Hidden, bias: false),
        w.Weight($"{path}.post_feedforward_layernorm.weight", shape.Hidden)))
    {
        _activation = config.Activation("hidden_act", "silu");
        Rope rope = Rope.Of(config, shape.HeadSize, shape.Positions);
        _attention = shape.Attention();
        DecoderShape.RefuseOtherFunctions(config);
        (_rotary, RotatesByLength) = (Rotation(rope), rope.DependsOnLength);
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor mixed = Attention(x, layer, layout, path.Below("self_attn"));
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("self_attn.o_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor normedOutput = path.Out("post_attention_layernorm", Norm(output, layer.PostAttentionNorm));
        using EngineTensor attended = Engine.Add(someX ?? x, normedOutput);

        using EngineTensor down = GatedMlp(attended, layer.Gate, layer.Up, layer.Down, _activation, path.Below("mlp"));
        using EngineTensor normedDown = path.Out("post_feedforward_layernorm", Norm(down, layer.PostMlpNorm));
        return Engine.Add(attended, normedDown);
    }

    private EngineTensor Attention(EngineTensor x, Layer layer, BatchLayout layout, ModulePath path)
    {
        using EngineTensor q = path.Out("q_proj", Engine.Linear(x, layer.Query)), k = path.Out("k_proj", Engine.Linear(x, layer.Key)), v = path.Out("v_proj", Engine.Linear(x, layer.Value));
        using EngineTensor normedQ = path.Out("q_norm", Norm(q, layer.QueryNorm)), normedK = path.Out("k_norm", Norm(k, layer.KeyNorm));
        using EngineTensor rotatedQ = Engine.Rotary(normedQ, _rotary.Queries, layout), rotatedK = Engine.Rotary(normedK, _rotary.Keys, layout);
        return Engine.SelfAttention(rotatedQ, rotatedK, v, _attention, layout);
    }
}
