namespace Warm.Transformers;

/// <summary>
/// Gemma 1, 2 and 3 (text); <see cref="GemmaKind"/> says what each does. With RMS(x; w) = x / sqrt(mean(x^2) + epsilon) (1 + w):
/// <code>
/// x = E[id] sqrt(hidden)
/// each layer, Gemma 1:     x = x + attention(RMS(x; input_layernorm));  x = x + mlp(RMS(x; post_attention_layernorm))
///             Gemma 2, 3:  x = x + RMS(attention(RMS(x; input_layernorm)); post_attention_layernorm)
///                          x = x + RMS(mlp(RMS(x; pre_feedforward_layernorm)); post_feedforward_layernorm)
/// hidden = RMS(x; norm)
/// </code>
/// mlp(h) = down_proj(act(gate_proj(h)) * up_proj(h)). Gemma 2 bounds its scores (softcap) and windows every second layer. Gemma 3 normalises q and k head by head,
/// windows all layers but every sixth, and rotates windowed layers with a theta of their own. final_logit_softcapping is a language model's: no reward passes it.
/// </summary>
internal sealed class Gemma : RmsNormStack<Gemma.Layer>
{
    private readonly double _embeddingScale;
    private readonly Activation _activation;
    private readonly AttentionForm[] _attention;
    private readonly (RotaryForm Queries, RotaryForm Keys)[] _rotary; // one for each layer

    internal sealed record Layer(EngineWeight InputNorm, LinearWeight Query, LinearWeight Key, LinearWeight Value, EngineWeight? QueryNorm, EngineWeight? KeyNorm, LinearWeight Output,
        EngineWeight PostAttentionNorm, EngineWeight? PreMlpNorm, EngineWeight? PostMlpNorm, LinearWeight Gate, LinearWeight Up, LinearWeight Down);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Gemma(ConfigKeys config, ModelWeights weights, Engine engine, GemmaKind kind) : this(config, weights, engine, kind, DecoderShape.Of(config, weights, kind.Defaults), config.Flag("attention_bias", false)) { }

    private Gemma(ConfigKeys config, ModelWeights weights, Engine engine, GemmaKind kind, DecoderShape shape, bool bias) : base(engine, weights, shape, config.Number("rms_norm_eps", 1e-6), (w, path) => new Layer(
        w.Weight($"{path}.input_layernorm.weight", shape.Hidden),
        w.Linear($"{path}.self_attn.q_proj", shape.Hidden, shape.Queries, bias),
        w.Linear($"{path}.self_attn.k_proj", shape.Hidden, shape.Keys, bias),
        w.Linear($"{path}.self_attn.v_proj", shape.Hidden, shape.Keys, bias),
        kind.HeadNorms ? w.Weight($"{path}.self_attn.q_norm.weight", shape.HeadSize) : null,
        kind.HeadNorms ? w.Weight($"{path}.self_attn.k_norm.weight", shape.HeadSize) : null,
        w.Linear($"{path}.self_attn.o_proj", shape.Queries, shape.Hidden, bias),
        w.Weight($"{path}.post_attention_layernorm.weight", shape.Hidden),
        kind.FourNorms ? w.Weight($"{path}.pre_feedforward_layernorm.weight", shape.Hidden) : null,
        kind.FourNorms ? w.Weight($"{path}.post_feedforward_layernorm.weight", shape.Hidden) : null,
        w.Linear($"{path}.mlp.gate_proj", shape.Hidden, shape.Inner, bias: false),
        w.Linear($"{path}.mlp.up_proj", shape.Hidden, shape.Inner, bias: false),
        w.Linear($"{path}.mlp.down_proj", shape.Inner, shape.Hidden, bias: false)), offset: 1)
    {
        _activation = kind.Activation(config);
        _embeddingScale = Math.Sqrt(shape.Hidden); // an engine in single rounds it to single, as transformers does for widened weights
        double? scale = kind.ScoreScale is { } usual ? 1 / Math.Sqrt(config.Number("query_pre_attn_scalar", usual)) : null;
        double? softcap = kind.Softcap(config);
        int?[] windows = kind.Windows(config, shape.Layers);
        _attention = [.. windows.Select(window => shape.Attention(window, scale, softcap))];
        Rope full = Rope.Of(config, shape.HeadSize, shape.Positions, kind.FullRope), local = kind.LocalRope is null ? full : Rope.Of(config, shape.HeadSize, shape.Positions, kind.LocalRope);
        _rotary = [.. windows.Select(window => Rotation(window is null ? full : local))];
        RotatesByLength = full.DependsOnLength || local.DependsOnLength;
        config.Refuse("use_bidirectional_attention", "false: only the causal model is built");
        DecoderShape.RefuseOtherFunctions(config);
        config.Ignore("_sliding_window_pattern", "sliding_window_pattern", "cache_implementation");
    }

    protected override EngineTensor FromWords(EngineTensor words)
    {
        using (words) return Engine.Scale(words, _embeddingScale);
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor h = path.Out("input_layernorm", Norm(x, layer.InputNorm));
        using EngineTensor mixed = Attention(h, layer, index, layout, path.Below("self_attn"));
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("self_attn.o_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor? normedOutput = layer.PreMlpNorm is null ? null : path.Out("post_attention_layernorm", Norm(output, layer.PostAttentionNorm));
        using EngineTensor attended = Engine.Add(someX ?? x, normedOutput ?? output);

        using EngineTensor h2 = layer.PreMlpNorm is null ? path.Out("post_attention_layernorm", Norm(attended, layer.PostAttentionNorm)) : path.Out("pre_feedforward_layernorm", Norm(attended, layer.PreMlpNorm));
        using EngineTensor down = GatedMlp(h2, layer.Gate, layer.Up, layer.Down, _activation, path.Below("mlp"));
        using EngineTensor? normedDown = layer.PostMlpNorm is null ? null : path.Out("post_feedforward_layernorm", Norm(down, layer.PostMlpNorm));
        return Engine.Add(attended, normedDown ?? down);
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, int index, BatchLayout layout, ModulePath path)
    {
        using EngineTensor q = path.Out("q_proj", Engine.Linear(h, layer.Query)); // [rows, heads x size]
        using EngineTensor k = path.Out("k_proj", Engine.Linear(h, layer.Key)); // [rows, key heads x size]
        using EngineTensor v = path.Out("v_proj", Engine.Linear(h, layer.Value));
        using EngineTensor? normedQ = layer.QueryNorm is null ? null : path.Out("q_norm", Norm(q, layer.QueryNorm)), normedK = layer.KeyNorm is null ? null : path.Out("k_norm", Norm(k, layer.KeyNorm));
        using EngineTensor rotatedQ = Engine.Rotary(normedQ ?? q, _rotary[index].Queries, layout), rotatedK = Engine.Rotary(normedK ?? k, _rotary[index].Keys, layout);
        return Engine.SelfAttention(rotatedQ, rotatedK, v, _attention[index], layout);
    }
}
