namespace Warm.Transformers;

/// <summary>
/// What an encoder of BERT's kind begins with: <c>LN(project(word[id] + position[p] + type[t]))</c>. Positions, types and the projection (DeBERTa) are there or not.
/// </summary>
internal sealed class TokenEmbeddings : IDisposable
{
    private readonly Engine _engine;
    private readonly string _path;
    private readonly double _epsilon;
    private readonly WeightGroup<Tables> _tables;

    private sealed record Tables(EngineWeight Words, EngineWeight? Positions, EngineWeight? Types, LinearWeight? Project, EngineWeight Norm, EngineWeight NormBias);

    /// <summary>Asks for the tables under <paramref name="path"/>.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="path">Their place: <c>bert.embeddings</c>.</param>
    /// <param name="vocabulary">Number of ids.</param>
    /// <param name="width">Columns of the tables.</param>
    /// <param name="positions">Rows of the position table, 0 for none.</param>
    /// <param name="types">Rows of the type table, 0 for none.</param>
    /// <param name="epsilon">The norm's.</param>
    /// <param name="projected">Columns after <c>embed_proj</c>; null where the sum is not projected.</param>
    public TokenEmbeddings(ModelWeights weights, Engine engine, string path, int vocabulary, int width, int positions, int types, double epsilon, int? projected = null)
    {
        (_engine, _path, _epsilon) = (engine, path, epsilon);
        _tables = weights.Group(w => new Tables(
            w.Weight($"{path}.word_embeddings.weight", vocabulary, width),
            positions > 0 ? w.Weight($"{path}.position_embeddings.weight", positions, width) : null,
            types > 0 ? w.Weight($"{path}.token_type_embeddings.weight", types, width) : null,
            projected is { } columns ? w.Linear($"{path}.embed_proj", width, columns, bias: false) : null,
            w.Weight($"{path}.LayerNorm.weight", projected ?? width), w.Weight($"{path}.LayerNorm.bias", projected ?? width)));
    }

    /// <summary>The first states [rows, width] of a layout, with these positions.</summary>
    public EngineTensor Embed(BatchLayout layout, ReadOnlySpan<int> positions, Trace? trace)
    {
        using var loan = _tables.Use();
        Tables w = loan.Value;
        EngineTensor sum = Say("word_embeddings", _engine.Embed(w.Words, layout.Ids));
        if (w.Types is not null) sum = Plus(sum, Say("token_type_embeddings", _engine.Embed(w.Types, layout.TypeIds)));
        if (w.Positions is not null) sum = Plus(sum, Say("position_embeddings", _engine.Embed(w.Positions, positions)));
        if (w.Project is not null)
        {
            using EngineTensor narrow = sum;
            sum = Say("embed_proj", _engine.Linear(narrow, w.Project));
        }
        using EngineTensor before = sum;
        return Say("LayerNorm", _engine.LayerNorm(before, w.Norm, w.NormBias, _epsilon));

        EngineTensor Plus(EngineTensor a, EngineTensor b)
        {
            using (a)
            using (b) return _engine.Add(a, b);
        }

        EngineTensor Say(string module, EngineTensor output)
        {
            trace?.Invoke($"{_path}.{module}", output);
            return output;
        }
    }

    /// <summary>
    /// RoBERTa's positions: pad + 1, pad + 2 ... over the ids that are not <paramref name="pad"/>; a pad id inside the text takes pad and does not advance the count. The mask plays no part.
    /// </summary>
    public static int[] PositionsAfterPad(BatchLayout layout, int pad)
    {
        int[] positions = new int[layout.Rows];
        foreach (BatchLayout.Segment text in layout.Segments)
            for (int row = text.Row, count = 0; row < text.Row + text.Length; row++) positions[row] = layout.Ids[row] == pad ? pad : pad + ++count;
        return positions;
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose() => _tables.Dispose();
}
