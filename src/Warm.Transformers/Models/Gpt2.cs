namespace Warm.Transformers;

/// <summary>
/// GPT-2: learned positions, layer norms, weights kept [in, out] (Conv1D), a bias everywhere.
/// <code>
/// x = wte[id] + wpe[position]
/// each layer:  q, k, v = thirds of c_attn(LN(x; ln_1));  x = x + c_proj(attention(q, k, v))
///              x = x + c_proj(act(c_fc(LN(x; ln_2))))
/// hidden = LN(x; ln_f)
/// </code>
/// With scale_attn_by_inverse_layer_idx the scores of layer i are divided by i + 1.
/// </summary>
internal sealed class Gpt2 : DecoderStack<Gpt2.Layer>
{
    private readonly double _epsilon;
    private readonly Activation _activation;
    private readonly AttentionForm[] _attention;
    private readonly WeightGroup<Tables> _embeddings;
    private readonly WeightGroup<NormWeight> _norm;

    internal sealed record Layer(NormWeight First, LinearWeight QueryKeyValue, LinearWeight Output, NormWeight Second, LinearWeight Up, LinearWeight Down);

    private sealed record Tables(EngineWeight Words, EngineWeight Positions);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "transformer.";

    public Gpt2(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, Sizes(config, weights)) { }

    private Gpt2(ConfigKeys config, ModelWeights weights, Engine engine, DecoderShape shape) : base(engine, weights, shape, "h", (w, path) => new Layer(
        NormWeight.Of(w, $"{path}.ln_1", shape.Hidden),
        w.Conv1D($"{path}.attn.c_attn", shape.Hidden, 3 * shape.Hidden),
        w.Conv1D($"{path}.attn.c_proj", shape.Hidden, shape.Hidden),
        NormWeight.Of(w, $"{path}.ln_2", shape.Hidden),
        w.Conv1D($"{path}.mlp.c_fc", shape.Hidden, shape.Inner),
        w.Conv1D($"{path}.mlp.c_proj", shape.Inner, shape.Hidden)))
    {
        _epsilon = config.Number("layer_norm_epsilon", 1e-5);
        _activation = config.Activation("activation_function", "gelu_new");
        double scale = config.Flag("scale_attn_weights", true) ? 1 / Math.Sqrt(shape.HeadSize) : 1;
        bool inverse = config.Flag("scale_attn_by_inverse_layer_idx", false);
        _attention = [.. Enumerable.Range(0, shape.Layers).Select(i => shape.Attention(scale: inverse ? scale / (i + 1) : scale))];
        config.Refuse("add_cross_attention", "false: only the decoder is built");
        DecoderShape.RefuseOtherFunctions(config);
        config.Ignore("attn_pdrop", "embd_pdrop", "resid_pdrop", "reorder_and_upcast_attn", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
            "n_ctx", "gradient_checkpointing");
        _embeddings = Group(w => new Tables(w.Weight($"{weights.Prefix}wte.weight", shape.Vocabulary, shape.Hidden), w.Weight($"{weights.Prefix}wpe.weight", shape.Positions, shape.Hidden)));
        _norm = Group(w => NormWeight.Of(w, $"{weights.Prefix}ln_f", shape.Hidden));
    }

    private static DecoderShape Sizes(ConfigKeys config, ModelWeights weights)
    {
        int layers = config.Size("n_layer", "num_hidden_layers", 12), hidden = config.Size("n_embd", "hidden_size", 768), heads = config.Size("n_head", "num_attention_heads", 12);
        if (hidden % heads != 0) throw config.Refusal("n_head", $"is {heads}", $"a divisor of n_embd ({hidden})");
        int inner = config.Has("n_inner") ? config.Size("n_inner") : checked(4 * Math.Min(hidden, int.MaxValue / 4));
        return new DecoderShape(layers, hidden, inner, config.Size("vocab_size", 50257), heads, heads, hidden / heads, config.Size("n_positions", "max_position_embeddings", 1024)).Checked(config, weights, "n_layer", "n_embd");
    }

    public override int? PositionTable => Shape.Positions;

    public override int? TrainedPositions => null;

    protected override EngineTensor Embed(BatchLayout layout, ModulePath model)
    {
        using var loan = _embeddings.Use();
        using EngineTensor words = model.Out("wte", Engine.Embed(loan.Value.Words, layout.Ids)), positions = model.Out("wpe", Engine.Embed(loan.Value.Positions, layout.Positions));
        return model.Out("h.0:input", Engine.Add(words, positions)); // [rows, hidden]
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor h = path.Out("ln_1", layer.First.Apply(Engine, x, _epsilon));
        using EngineTensor fused = path.Out("attn.c_attn", Engine.Linear(h, layer.QueryKeyValue)); // [rows, 3 x hidden]
        using EngineTensor q = Engine.Columns(fused, 0, Shape.Hidden), k = Engine.Columns(fused, Shape.Hidden, Shape.Hidden), v = Engine.Columns(fused, 2 * Shape.Hidden, Shape.Hidden);
        using EngineTensor mixed = Engine.SelfAttention(q, k, v, _attention[index], layout);
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("attn.c_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor attended = Engine.Add(someX ?? x, output);

        using EngineTensor h2 = path.Out("ln_2", layer.Second.Apply(Engine, attended, _epsilon));
        using EngineTensor up = path.Out("mlp.c_fc", Engine.Linear(h2, layer.Up)); // [rows, inner]
        using EngineTensor active = path.Out("mlp.act", Engine.Activate(up, _activation));
        using EngineTensor down = path.Out("mlp.c_proj", Engine.Linear(active, layer.Down));
        return Engine.Add(attended, down);
    }

    protected override EngineTensor Finish(EngineTensor x, ModulePath model)
    {
        using EngineTensor last = x;
        using var norm = _norm.Use();
        return model.Out("ln_f", norm.Value.Apply(Engine, x, _epsilon));
    }
}
