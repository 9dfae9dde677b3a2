namespace Warm.Transformers;

/// <summary>
/// OPT: learned positions two rows down the table, layer norms before or after each block, embeddings that may be narrower than the model.
/// <code>
/// x = project_in(E[id]) + P[position + 2]
/// each layer, do_layer_norm_before:  x = x + out_proj(attention(LN(x; self_attn_layer_norm)));  x = x + fc2(act(fc1(LN(x; final_layer_norm))))
///             otherwise:             x = LN(x + out_proj(attention(x)); self_attn_layer_norm);  x = LN(x + fc2(act(fc1(x))); final_layer_norm)
/// hidden = project_out(LN(x; final_layer_norm))
/// </code>
/// project_in and project_out are there where word_embed_proj_dim is not hidden_size; the last norm only with do_layer_norm_before. The epsilon of norms is 1e-5 always.
/// </summary>
internal sealed class Opt : DecoderStack<Opt.Layer>
{
    private const double Epsilon = 1e-5;
    private const int PositionOffset = 2;

    private readonly Activation _activation;
    private readonly bool _normsBefore;
    private readonly AttentionForm _attention;
    private readonly int _width; // of embeddings and of what the head reads
    private readonly WeightGroup<Tables> _embeddings;
    private readonly WeightGroup<End> _end;

    internal sealed record Layer(LinearWeight Query, LinearWeight Key, LinearWeight Value, LinearWeight Output, NormWeight AttentionNorm, LinearWeight Up, LinearWeight Down, NormWeight MlpNorm);

    private sealed record Tables(EngineWeight Words, EngineWeight Positions, LinearWeight? In);

    private sealed record End(NormWeight? Norm, LinearWeight? Out);

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "model.";

    public Opt(ConfigKeys config, ModelWeights weights, Engine engine) : this(config, weights, engine, Sizes(config, weights), config.Flag("enable_bias", true)) { }

    private Opt(ConfigKeys config, ModelWeights weights, Engine engine, DecoderShape shape, bool bias) : base(engine, weights, shape, "decoder.layers", (w, path) => new Layer(
        w.Linear($"{path}.self_attn.q_proj", shape.Hidden, shape.Hidden, bias),
        w.Linear($"{path}.self_attn.k_proj", shape.Hidden, shape.Hidden, bias),
        w.Linear($"{path}.self_attn.v_proj", shape.Hidden, shape.Hidden, bias),
        w.Linear($"{path}.self_attn.out_proj", shape.Hidden, shape.Hidden, bias),
        NormWeight.Of(w, $"{path}.self_attn_layer_norm", shape.Hidden),
        w.Linear($"{path}.fc1", shape.Hidden, shape.Inner, bias),
        w.Linear($"{path}.fc2", shape.Inner, shape.Hidden, bias),
        NormWeight.Of(w, $"{path}.final_layer_norm", shape.Hidden)))
    {
        _activation = config.Activation("activation_function", "relu");
        _normsBefore = config.Flag("do_layer_norm_before", true);
        bool lastNorm = _normsBefore && !config.Flag("_remove_final_layer_norm", false), projected = (_width = config.Size("word_embed_proj_dim", shape.Hidden)) != shape.Hidden;
        config.Refuse("layer_norm_elementwise_affine", "true: norms without weights are not built", value => value.ValueKind == System.Text.Json.JsonValueKind.True);
        _attention = shape.Attention();
        DecoderShape.RefuseOtherFunctions(config);
        config.Ignore("dropout", "layerdrop", "init_std", "activation_dropout");
        string model = $"{weights.Prefix}decoder";
        _embeddings = Group(w => new Tables(w.Weight($"{model}.embed_tokens.weight", shape.Vocabulary, _width), w.Weight($"{model}.embed_positions.weight", (long)shape.Positions + PositionOffset, shape.Hidden),
            projected ? w.Linear($"{model}.project_in", _width, shape.Hidden, bias: false) : null));
        _end = Group(w => new End(lastNorm ? NormWeight.Of(w, $"{model}.final_layer_norm", shape.Hidden) : null, projected ? w.Linear($"{model}.project_out", shape.Hidden, _width, bias: false) : null));
    }

    private static DecoderShape Sizes(ConfigKeys config, ModelWeights weights)
    {
        int layers = config.Size("num_hidden_layers", 12), hidden = config.Size("hidden_size", 768), heads = config.Size("num_attention_heads", 12);
        if (hidden % heads != 0) throw config.Refusal("num_attention_heads", $"is {heads}", $"a divisor of hidden_size ({hidden})");
        return new DecoderShape(layers, hidden, config.Size("ffn_dim", 3072), config.Size("vocab_size", 50272), heads, heads, hidden / heads, config.Size("max_position_embeddings", 2048))
            .Checked(config, weights, "num_hidden_layers", "hidden_size");
    }

    public override int HiddenSize => _width;

    public override int? PositionTable => Shape.Positions;

    public override int? TrainedPositions => null;

    protected override EngineTensor Embed(BatchLayout layout, ModulePath model)
    {
        using var loan = _embeddings.Use();
        int[] places = layout.Positions.ToArray();
        for (int i = 0; i < places.Length; i++) places[i] += PositionOffset;
        using EngineTensor words = model.Out("decoder.embed_tokens", Engine.Embed(loan.Value.Words, layout.Ids));
        using EngineTensor? wide = loan.Value.In is null ? null : model.Out("decoder.project_in", Engine.Linear(words, loan.Value.In));
        using EngineTensor positions = model.Out("decoder.embed_positions", Engine.Embed(loan.Value.Positions, places));
        return model.Out("decoder.layers.0:input", Engine.Add(wide ?? words, positions)); // [rows, hidden]
    }

    protected override EngineTensor Block(EngineTensor x, Layer layer, int index, BatchLayout layout, int[]? wanted, ModulePath path)
    {
        using EngineTensor? h = _normsBefore ? Norm(x, layer.AttentionNorm, "self_attn_layer_norm") : null;
        using EngineTensor mixed = Attention(h ?? x, layer, layout, path.Below("self_attn"));
        using EngineTensor? someMixed = Some(mixed, wanted), someX = Some(x, wanted);
        using EngineTensor output = path.Out("self_attn.out_proj", Engine.Linear(someMixed ?? mixed, layer.Output));
        using EngineTensor sum = Engine.Add(someX ?? x, output);
        using EngineTensor? normedSum = _normsBefore ? null : Norm(sum, layer.AttentionNorm, "self_attn_layer_norm");
        EngineTensor attended = normedSum ?? sum;

        using EngineTensor? h2 = _normsBefore ? Norm(attended, layer.MlpNorm, "final_layer_norm") : null;
        using EngineTensor up = path.Out("fc1", Engine.Linear(h2 ?? attended, layer.Up)); // [rows, ffn]
        using EngineTensor active = path.Out("activation_fn", Engine.Activate(up, _activation));
        using EngineTensor down = path.Out("fc2", Engine.Linear(active, layer.Down));
        EngineTensor result = Engine.Add(attended, down);
        if (_normsBefore) return result;
        using (result) return Norm(result, layer.MlpNorm, "final_layer_norm");

        EngineTensor Norm(EngineTensor y, NormWeight weight, string module) => path.Out(module, weight.Apply(Engine, y, Epsilon));
    }

    private EngineTensor Attention(EngineTensor h, Layer layer, BatchLayout layout, ModulePath path)
    {
        using EngineTensor q = path.Out("q_proj", Engine.Linear(h, layer.Query)), k = path.Out("k_proj", Engine.Linear(h, layer.Key)), v = path.Out("v_proj", Engine.Linear(h, layer.Value));
        return Engine.SelfAttention(q, k, v, _attention, layout);
    }

    protected override EngineTensor Finish(EngineTensor x, ModulePath model)
    {
        using var end = _end.Use();
        EngineTensor y = x;
        if (end.Value.Norm is { } norm) Next(model.Out("decoder.final_layer_norm", norm.Apply(Engine, y, Epsilon)));
        if (end.Value.Out is { } project) Next(model.Out("decoder.project_out", Engine.Linear(y, project)));
        return y;

        void Next(EngineTensor next)
        {
            y.Dispose();
            y = next;
        }
    }
}
