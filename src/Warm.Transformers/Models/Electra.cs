namespace Warm.Transformers;

/// <summary>
/// ELECTRA's discriminator: BERT with embeddings of their own width E, projected after their norm.
/// <code>
/// x = embeddings_project(LN(word[id] + position[p] + type[t]))       p = 0 .. T-1; no projection where E is the hidden size
/// each layer:  x = LN(x + attention.output.dense(attention(q, k, v)));  x = LN(x + output.dense(act(intermediate.dense(x))))
/// </code>
/// </summary>
internal sealed class Electra : Architecture
{
    private readonly Engine _engine;
    private readonly TokenEmbeddings _embeddings;
    private readonly WeightGroup<LinearWeight>? _project;
    private readonly PostNormLayers _layers;

    /// <summary>The prefix of the tensors.</summary>
    public const string Prefix = "electra.";

    public Electra(ConfigKeys config, ModelWeights weights, Engine engine)
    {
        _engine = engine;
        EncoderSizes.RefuseOtherFunctions(config);
        config.Ignore("summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout");
        EncoderSizes sizes = EncoderSizes.Of(config, weights, new(12, 256, 1024, 4, 30522, 512, 2));
        int width = config.Size("embedding_size", 128);
        double epsilon = config.Number("layer_norm_eps", 1e-12);
        (HiddenSize, VocabularySize, PositionTable, TokenTypes) = (sizes.Hidden, sizes.Vocabulary, sizes.Positions, sizes.Types);
        _embeddings = new(weights, engine, "electra.embeddings", sizes.Vocabulary, width, sizes.Positions, sizes.Types, epsilon);
        _project = width == sizes.Hidden ? null : weights.Group(w => w.Linear("electra.embeddings_project", width, sizes.Hidden, bias: true));
        _layers = new(weights, engine, "electra.encoder.layer", PostNormNames.Bert, sizes, config.Activation("hidden_act", "gelu"), epsilon);
    }

    public override int HiddenSize { get; }

    public override int VocabularySize { get; }

    public override int TokenTypes { get; }

    public override bool Causal => false;

    public override bool SharesBeginnings => false;

    public override int? PositionTable { get; }

    public override int? TrainedPositions => null;

    public override EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default)
    {
        EngineTensor x = _embeddings.Embed(layout, layout.Positions, trace);
        if (_project is not null)
        {
            using EngineTensor narrow = x;
            using var project = _project.Use();
            x = _engine.Linear(narrow, project.Value); // [rows, E] to [rows, hidden]
            trace?.Invoke("electra.embeddings_project", x);
        }
        return _layers.Run(x, layout, rows, trace, cancellation);
    }

    public override void Dispose()
    {
        _embeddings.Dispose();
        _project?.Dispose();
        _layers.Dispose();
    }
}
