namespace Warm.Transformers;

/// <summary>
/// GPT-NeoX and Pythia: layer norms, a bias everywhere, rotation of a share of each head, attention and MLP side by side or one after the other.
/// <code>
/// x = embed_in[id]
/// each layer:  q, k, v = query_key_value(LN(x; input_layernorm)), head by head;  rotate q and k;  a = dense(attention(q, k, v))
///              parallel:  x = x + a + mlp(LN(x; post_attention_layernorm))
///              serial:    x = x + a;  x = x + mlp(LN(x; post_attention_layernorm))
/// hidden = LN(x; final_layer_norm)
/// </code>
/// mlp(h) = dense_4h_to_h(act(dense_h_to_4h(h))).
/// </summary>
internal sealed class GptNeoX : DecoderStack<GptNeoX.Layer>
{
    private readonly double _epsilon;
    private readonly Activation _activation;
    private readonly bool _parallel;
    private readonly AttentionForm _attention;
    private readonly RotaryForm _rotate;
    private readonly WeightGroup<EngineWeight> _embedding;
    private readonly WeightGroup<NormWeight> _norm;

    internal sealed record Layer(NormWeight InputNorm, LinearWeight QueryKeyValue, LinearWeight Output, NormWeight PostAttentionNorm, LinearWeight Up, LinearWeight Down);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "gpt_neox.";

    public GptNeoX(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, Sizes(config, weights), config.Flag("attention_bias", true)) { }

    private GptNeoX(ConfigKeys config, ModelWeights weights, Engine engine, DecoderShape shape, bool bias) : base(engine, weights, shape, "layers", (w, path) => new Layer(
        NormWeight.Of(w, $"{path}.input_layernorm", shape.Hidden),
        w.Linear($"{path}.attention.query_key_value", shape.Hidden, 3 * shape.Hidden, bias),
        w.Linear($"{path}.attention.dense", shape.Hidden, shape.Hidden, bias),
        NormWeight.Of(w, $"{path}.post_attention_layernorm", shape.Hidden),
        w.Linear($"{path}.mlp.dense_h_to_4h", shape.Hidden, shape.Inner, bias: true),
        w.Linear($"{path}.mlp.dense_4h_to_h", shape.Inner, shape.Hidden, bias: true)))
    {
        _epsilon = config.Number("layer_norm_eps", 1e-5);
        _activation = config.Activation("hidden_act", "gelu");
        _parallel = config.Flag("use_parallel_residual", true);
        Rope rope = Rope.Of(config, shape.HeadSize, shape.Positions, new RopeKeys { Theta = "rotary_emb_base", Share = "rotary_pct", DefaultShare = 0.25 });
        _attention = shape.Attention();
        _rotate = rope.Form(shape.Heads, shape.HeadSize);
        SharesBeginnings = !rope.DependsOnLength;
        DecoderShape.RefuseOtherFunctions(config);
        config.Ignore("classifier_dropout", "hidden_dropout", "rotary_pct", "rotary_emb_base", "gradient_checkpointing");
        _embedding = Group(w => w.Weight($"{weights.Prefix}embed_in.weight", shape.Vocabulary, shape.Hidden));
        _norm = Group(w => NormWeight.Of(w, $"{weights.Prefix}final_layer_norm", shape.Hidden));
    }

    private static DecoderShape Sizes(ConfigKeys config, ModelWeights weights)
    {
        int layers = config.Size("num_hidden_layers", 44), hidden = config.Size("hidden_size", 6144), heads = config.Size("num_attention_heads", 64);
        if (hidden % heads != 0) throw config.Refusal("num_attention_heads", $"is {heads}", $"a divisor of hidden_size ({hidden})");
        return new DecoderShape(layers, hidden, config.Size("intermediate_size", 24576), config.Size("vocab_size", 50432), heads, heads, hidden / heads, config.Size("max_position_embeddings", 2048))
            .Checked(config, weights, "num_hidden_layers", "hidden_size");
    }

    public override bool SharesBeginnings { get; }

    protected override EngineTensor Embed(BatchLayout layout, ModulePath model)
    {
        using var embedding = _embedding.Use();
        return model.Out("embed_in", Engine.Embed(embedding.Value, layout.Ids)); // [rows, hidden]
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor h = path.Out("input_layernorm", layer.InputNorm.Apply(Engine, x, _epsilon));
        using EngineTensor mixed = Attention(h, layer, layout, path);
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("attention.dense", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor attended = Engine.Add(someX ?? x, output);

        using EngineTensor h2 = path.Out("post_attention_layernorm", layer.PostAttentionNorm.Apply(Engine, _parallel ? someX ?? x : attended, _epsilon));
        using EngineTensor up = path.Out("mlp.dense_h_to_4h", Engine.Linear(h2, layer.Up)); // [rows, intermediate]
        using EngineTensor active = path.Out("mlp.act", Engine.Activate(up, _activation));
        using EngineTensor down = path.Out("mlp.dense_4h_to_h", Engine.Linear(active, layer.Down));
        return Engine.Add(attended, down);
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, BatchLayout layout, ModulePath path)
    {
        // Trap: the fused rows are ordered head, then q, k, v, then component: [heads, 3, size].
        using EngineTensor fused = path.Out("attention.query_key_value", Engine.Linear(h, layer.QueryKeyValue)); // [rows, heads x 3 x size]
        using EngineTensor q = Third(0), k = Third(1), v = Third(2); // [rows, heads x size]
        using EngineTensor rotatedQ = Engine.Rotary(q, _rotate, layout), rotatedK = Engine.Rotary(k, _rotate, layout);
        return Engine.SelfAttention(rotatedQ, rotatedK, v, _attention, layout);

        EngineTensor Third(int n) => Engine.Columns(fused, n * Shape.HeadSize, Shape.HeadSize, groups: Shape.Heads);
    }

    protected override EngineTensor Finish(EngineTensor x, ModulePath model)
    {
        using EngineTensor last = x;
        using var norm = _norm.Use();
        return model.Out("final_layer_norm", norm.Value.Apply(Engine, x, _epsilon));
    }
}
