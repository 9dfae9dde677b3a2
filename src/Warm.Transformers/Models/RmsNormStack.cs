namespace Warm.Transformers;

/// <summary>
/// A decoder of Llama's kind: embeddings under <c>embed_tokens</c>, layers with rotated queries and keys, a last RMS norm under <c>norm</c>. Families say what a layer computes, and where the
/// embedding is more than a lookup.
/// </summary>
/// <typeparam name="TLayer">The weights of one layer.</typeparam>
internal abstract class RmsNormStack<TLayer> : DecoderStack<TLayer> where TLayer : class
{
    private readonly double _epsilon, _offset;
    private readonly WeightGroup<EngineWeight> _embedding, _norm;

    /// <summary>Asks for the layers' weights, the embedding and the last norm.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weights">Where the weights come from.</param>
    /// <param name="shape">Sizes, as config.json has them.</param>
    /// <param name="epsilon">Added to the mean square in every norm.</param>
    /// <param name="layer">Asks for the weights of the layer at a path.</param>
    /// <param name="offset">Added to every norm's weights: 1 for Gemma.</param>
    protected RmsNormStack(Engine engine, ModelWeights weights, DecoderShape shape, double epsilon, Func<WeightScope, string, TLayer> layer, double offset = 0) : base(engine, weights, shape, "layers", layer)
    {
        (_epsilon, _offset) = (epsilon, offset);
        _embedding = Group(w => w.Weight($"{weights.Prefix}embed_tokens.weight", shape.Vocabulary, shape.Hidden));
        _norm = Group(w => w.Weight($"{weights.Prefix}norm.weight", shape.Hidden));
    }

    /// <summary>Whether no layer rotates by the text's length.</summary>
    public sealed override bool SharesBeginnings => !RotatesByLength;

    /// <summary>Whether a rotation depends on the text's length: texts that begin alike then share nothing.</summary>
    protected bool RotatesByLength { private get; init; }

    /// <summary>The rotation of queries and of keys.</summary>
    protected (RotaryForm Queries, RotaryForm Keys) Rotation(Rope rope) => (rope.Form(Shape.Heads, Shape.HeadSize), rope.Form(Shape.KeyHeads, Shape.HeadSize));

    /// <summary><c>x / sqrt(mean(x^2) + epsilon) (offset + weight)</c></summary>
    protected EngineTensor Norm(EngineTensor x, EngineWeight weight) => Engine.RmsNorm(x, weight, _epsilon, _offset);

    /// <summary>What the first layer takes of the words' vectors [rows, hidden], which are disposed of: themselves, unless a family says otherwise.</summary>
    protected virtual EngineTensor FromWords(EngineTensor words) => words;

    protected sealed override EngineTensor Embed(BatchLayout layout, ModulePath model)
    {
        using var embedding = _embedding.Use();
        return model.Out("embed_tokens", FromWords(Engine.Embed(embedding.Value, layout.Ids)));
    }

    protected sealed override EngineTensor Finish(EngineTensor x, ModulePath model)
    {
        using EngineTensor last = x;
        using var norm = _norm.Use();
        return model.Out("norm", Norm(x, norm.Value));
    }
}
