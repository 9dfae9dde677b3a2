namespace Warm.Transformers;

/// <summary>What an architecture calls the parts of its <see cref="PostNormLayer"/>, below the layer's path. <paramref name="Mixed"/> and <paramref name="Active"/> have no weights; null where no module puts them out.</summary>
internal sealed record PostNormNames(string Query, string Key, string Value, string? Mixed, string AttentionOutput, string AttentionNorm, string Intermediate, string Active, string Output, string OutputNorm)
{
    /// <summary>BERT's own.</summary>
    public static PostNormNames Bert { get; } = new("attention.self.query", "attention.self.key", "attention.self.value", "attention.self", "attention.output.dense", "attention.output.LayerNorm",
        "intermediate.dense", "intermediate.intermediate_act_fn", "output.dense", "output.LayerNorm");
}

/// <summary>
/// The layer that BERT and its relatives share: the norm comes after each sum, and every linear layer has a bias.
/// <code>
/// x = LN(x + attentionOutput(attention(query(x), key(x), value(x))));  x = LN(x + output(act(intermediate(x))))
/// </code>
/// </summary>
internal sealed record PostNormLayer(PostNormNames Names, LinearWeight Query, LinearWeight Key, LinearWeight Value, LinearWeight AttentionOutput, EngineWeight AttentionNorm, EngineWeight AttentionNormBias,
    LinearWeight Intermediate, LinearWeight Output, EngineWeight OutputNorm, EngineWeight OutputNormBias)
{
    /// <summary>Attention of a layer's queries, keys and values, [rows, hidden] each.</summary>
    public delegate EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values);

    /// <summary>Asks for the weights of the layer at <paramref name="path"/>.</summary>
    public static PostNormLayer Of(WeightScope w, string path, PostNormNames names, int hidden, int inner)
    {
        LinearWeight Linear(string name, int inputs, int outputs) => w.Linear($"{path}.{name}", inputs, outputs, bias: true);
        EngineWeight Vector(string name) => w.Weight($"{path}.{name}", hidden);
        return new(names, Linear(names.Query, hidden, hidden), Linear(names.Key, hidden, hidden), Linear(names.Value, hidden, hidden), Linear(names.AttentionOutput, hidden, hidden),
            Vector($"{names.AttentionNorm}.weight"), Vector($"{names.AttentionNorm}.bias"), Linear(names.Intermediate, hidden, inner), Linear(names.Output, inner, hidden),
            Vector($"{names.OutputNorm}.weight"), Vector($"{names.OutputNorm}.bias"));
    }

    /// <summary>The layer's output for all rows, or for the wanted ones.</summary>
    public EngineTensor Forward(Engine engine, EngineTensor x, Attention attention, Activation activation, double epsilon, IReadOnlyList<int>? rows, Trace? trace, string path)
    {
        using EngineTensor q = Say(Names.Query, engine.Linear(x, Query)), k = Say(Names.Key, engine.Linear(x, Key)), v = Say(Names.Value, engine.Linear(x, Value));
        using EngineTensor mixed = Say(Names.Mixed, attention(q, k, v));
        // From here on a row depends on no other: where only some are wanted, only those go on.
        using EngineTensor? wantedMixed = rows is null ? null : engine.Rows(mixed, [.. rows]), wantedX = rows is null ? null : engine.Rows(x, [.. rows]);
        using EngineTensor dense = Say(Names.AttentionOutput, engine.Linear(wantedMixed ?? mixed, AttentionOutput));
        using EngineTensor attendedSum = engine.Add(wantedX ?? x, dense);
        using EngineTensor attended = Say(Names.AttentionNorm, engine.LayerNorm(attendedSum, AttentionNorm, AttentionNormBias, epsilon));

        using EngineTensor inner = Say(Names.Intermediate, engine.Linear(attended, Intermediate)); // [rows, intermediate]
        using EngineTensor active = Say(Names.Active, engine.Activate(inner, activation));
        using EngineTensor output = Say(Names.Output, engine.Linear(active, Output));
        using EngineTensor sum = engine.Add(attended, output);
        EngineTensor result = Say(Names.OutputNorm, engine.LayerNorm(sum, OutputNorm, OutputNormBias, epsilon));
        trace?.Invoke(path, result);
        return result;

        EngineTensor Say(string? module, EngineTensor output)
        {
            if (module is not null) trace?.Invoke($"{path}.{module}", output);
            return output;
        }
    }
}
