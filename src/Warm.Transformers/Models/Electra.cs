namespace Warm.Transformers;

/// <summary>
/// ELECTRA's discriminator: BERT with embeddings of their own width E, projected after their norm.
/// <code>
/// x = embeddings_project(LN(word[id] + position[p] + type[t]))       p = 0 .. T-1; no projection where E is the hidden size
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// </summary>
internal sealed class Electra : BertKind
{
    private readonly WeightGroup<LinearWeight>? _project;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "electra.";

    public Electra(ConfigKeys config, ModelWeights weights, Engine engine)
        : this(config, weights, engine, EncoderSizes.OfBertKind(config, weights, new(12, 256, 1024, 4, 30522, 512, 2)), config.Size("embedding_size", 128), config.Number("layer_norm_eps", 1e-12)) { }

    private Electra(ConfigKeys config, ModelWeights weights, Engine engine, EncoderSizes sizes, int width, double epsilon) : base(engine, sizes,
        new(weights, engine, "electra.embeddings", sizes.Vocabulary, width, sizes.Positions, sizes.Types, epsilon),
        new(weights, engine, "electra.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon))
    {
        config.Ignore("summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout");
        _project = width == sizes.Hidden ? null : weights.Group(w => w.Linear("electra.embeddings_project", width, sizes.Hidden, bias: true));
    }

    protected override EngineTensor Embed(BatchLayout layout, Trace? trace)
    {
        EngineTensor x = base.Embed(layout, trace);
        if (_project is null) return x;
        using EngineTensor narrow = x;
        using var project = _project.Use();
        x = Engine.Linear(narrow, project.Value); // [rows, E] to [rows, hidden]
        trace?.Invoke("electra.embeddings_project", x);
        return x;
    }

    public override void Dispose()
    {
        base.Dispose();
        _project?.Dispose();
    }
}
