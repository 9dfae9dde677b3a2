namespace Warm.Transformers;

/// <summary>One layer of a head: <c>x W^T (+ b)</c>, then a function, then a layer norm, where there are such.</summary>
/// <param name="Path">The tensors' name without <c>.weight</c> and <c>.bias</c>.</param>
/// <param name="Outputs">Columns of its output.</param>
/// <param name="Bias">Whether it has a bias.</param>
/// <param name="Activation">The function after it, or null.</param>
/// <param name="Norm">The layer norm after the function, or null.</param>
/// <param name="ActivationPath">The module that puts out the function's values, for the trace; or null.</param>
internal sealed record HeadLayer(string Path, int Outputs, bool Bias, Activation? Activation = null, HeadNorm? Norm = null, string? ActivationPath = null);

/// <summary>The layer norm inside a head.</summary>
internal sealed record HeadNorm(string Path, bool Bias, double Epsilon);

/// <summary>
/// What turns hidden states into rewards: a row of linear layers with functions between them, and the rule for the token whose state they read.
/// <list type="bullet">
/// <item>Decoders (<c>*ForSequenceClassification</c>): reward = score(h), no bias, at the last id that is not pad_token_id</item>
/// <item>BERT: reward = classifier(tanh(pooler.dense(h))) at the first token; its relatives alike, with other names and functions</item>
/// <item>ModernBERT: reward = classifier(LN(act(head.dense(h)))) at the first token, or from the mean of all</item>
/// <item>Heads of other projects: <see cref="OwnHead"/></item>
/// </list>
/// </summary>
internal sealed class RewardHead : IDisposable
{
    private readonly Engine _engine;
    private readonly HeadLayer[] _layers;
    private readonly WeightGroup<Loaded[]> _weights;
    private readonly int? _pad;
    private readonly IReadOnlyList<int> _endOfText;

    private sealed record Loaded(LinearWeight Linear, EngineWeight? Norm, EngineWeight? NormBias);

    private RewardHead(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition position, HeadLayer[] layers, RewardNormaliser? normaliser)
    {
        Normaliser = normaliser;
        _engine = engine;
        _layers = layers;
        _weights = weights.Group(w => layers.Select((layer, i) => new Loaded(
            w.Linear(layer.Path, i == 0 ? hidden : layers[i - 1].Outputs, layer.Outputs, layer.Bias),
            layer.Norm is null ? null : w.Weight($"{layer.Norm.Path}.weight", layer.Outputs),
            layer.Norm is { Bias: true } ? w.Weight($"{layer.Norm.Path}.bias", layer.Outputs) : null)).ToArray());
        (Position, Labels) = (position, layers[^1].Outputs);
        _pad = config.PadTokenId;
        _endOfText = config.EndTokenIds ?? [];
    }

    /// <summary>Number of outputs.</summary>
    public int Labels { get; }

    /// <summary>The module that puts out the rewards: <c>score</c>, <c>classifier.out_proj</c>.</summary>
    public string OutputPath => _layers[^1].Path;

    /// <summary>The token whose state is read.</summary>
    public RewardPosition Position { get; }

    /// <summary>What the folder says about its rewards' mean and deviation, or null.</summary>
    public RewardNormaliser? Normaliser { get; }

    /// <summary>A head of these layers; the last has an output a label.</summary>
    public static RewardHead Of(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition position, params HeadLayer[] layers) =>
        new(weights, engine, config, hidden, position, layers, null);

    /// <summary>A head of these layers that knows the distribution of its rewards.</summary>
    public static RewardHead Of(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition position, RewardNormaliser? normaliser, HeadLayer[] layers) =>
        new(weights, engine, config, hidden, position, layers, normaliser);

    /// <summary>A decoder's <c>score</c>.</summary>
    public static RewardHead OfDecoder(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition? position) =>
        Of(weights, engine, config, hidden, position ?? RewardPositions.Of(config) ?? RewardPosition.LastNotPad, new HeadLayer("score", CountLabels(weights, config, "score.weight"), Bias: false));

    /// <summary>An encoder's <c>output(activation(dense(h)))</c> at the first token, both with biases. <paramref name="activationPath"/>: the module that puts out the function's values, if there is one.</summary>
    public static RewardHead OfEncoder(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition? position, string dense, Activation activation, string output, string? activationPath = null) =>
        Of(weights, engine, config, hidden, position ?? RewardPositions.Of(config) ?? RewardPosition.First,
            new HeadLayer(dense, hidden, Bias: true, activation, ActivationPath: activationPath), new HeadLayer(output, CountLabels(weights, config, $"{output}.weight"), Bias: true));

    /// <summary>ModernBERT's prediction head and classifier, at the first token or from the mean.</summary>
    public static RewardHead OfModernBert(ModelWeights weights, Engine engine, ConfigKeys keys, ModelConfig config, int hidden, RewardPosition? position) =>
        Of(weights, engine, config, hidden, position ?? RewardPositions.Of(config) ?? RewardPosition.First,
            new HeadLayer("head.dense", hidden, keys.Flag("classifier_bias", false), keys.Activation("classifier_activation", "gelu"),
                new HeadNorm("head.norm", keys.Flag("norm_bias", false), keys.Number("norm_eps", 1e-5)), "head.act"),
            new HeadLayer("classifier", CountLabels(weights, config, "classifier.weight"), Bias: true));

    /// <summary>Index of the token that carries the reward; -1 for a mean over all.</summary>
    /// <param name="ids">A text.</param>
    /// <param name="where">Where it comes from, for the message where it has no such token.</param>
    public int ReadAt(IReadOnlyList<int> ids, string? where = null)
    {
        int last = ids.Count - 1;
        switch (Position)
        {
            case RewardPosition.First:
                return 0;
            case RewardPosition.LastAttended:
                return last; // texts are packed: every token is attended
            case RewardPosition.Mean:
                return -1;
            case RewardPosition.LastNotPad:
                while (last >= 0 && ids[last] == _pad) last--;
                return Math.Max(last, 0); // nothing but pads: the first token, as transformers has it
            case RewardPosition.BeforeFirstPad:
                for (int i = 0; i < ids.Count; i++)
                    if (ids[i] == _pad) return i == 0 ? last : i - 1; // -1 is the last token, as in Python
                return last;
            case RewardPosition.LastEndOfText:
                for (; last >= 0; last--)
                    if (_endOfText.Contains(ids[last])) return last;
                throw new WarmException(where ?? "text", "has no end-of-text token", $"at least one of id {string.Join(", ", _endOfText)}, whose state carries the reward");
            default:
                throw new ArgumentOutOfRangeException(nameof(ids), Position, null);
        }
    }

    /// <summary>Rewards of hidden states: [texts, hidden] to [texts, labels].</summary>
    public EngineTensor Apply(EngineTensor states, Trace? trace = null) => Apply(states, _layers.Length, trace);

    /// <summary>What enters the last layer: [texts, hidden] to [texts, width]. A head of one layer takes the states as they are.</summary>
    public EngineTensor Features(EngineTensor states) => _layers.Length == 1 ? _engine.Rows(states, [.. Enumerable.Range(0, states.Rows)]) : Apply(states, _layers.Length - 1, null);

    private EngineTensor Apply(EngineTensor states, int layers, Trace? trace)
    {
        using var weights = _weights.Use();
        EngineTensor x = states;
        for (int i = 0; i < layers; i++)
        {
            EngineTensor y = _engine.Linear(x, weights.Value[i].Linear);
            trace?.Invoke(_layers[i].Path, y);
            if (_layers[i].Activation is { } activation)
            {
                Replace(_engine.Activate(y, activation));
                if (_layers[i].ActivationPath is { } path) trace?.Invoke(path, y);
            }
            if (_layers[i].Norm is { } norm)
            {
                Replace(_engine.LayerNorm(y, weights.Value[i].Norm!, weights.Value[i].NormBias, norm.Epsilon));
                trace?.Invoke(norm.Path, y);
            }
            if (i > 0) x.Dispose();
            x = y;

            void Replace(EngineTensor next)
            {
                y.Dispose();
                y = next;
            }
        }
        return x;
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose() => _weights.Dispose();

    /// <summary>Number of labels by transformers' rule; where the file's head has another number of rows, the message says which key is at fault.</summary>
    public static int CountLabels(ModelWeights weights, ModelConfig config, string name)
    {
        int labels = config.NumLabels;
        if (weights.Shape(name) is { Rank: 2 } shape && shape[0] != labels)
        {
            string rule = config.Has("num_labels") ? $"\"num_labels\" is {labels}" : config.Has("id2label") ? $"\"id2label\" names {labels} labels" : "there is neither \"num_labels\" nor \"id2label\", which means 2 labels";
            throw new WarmException(config.Path, $"{rule}, and '{name}' is {shape}", $"as many labels as '{name}' has rows", $"A model with one reward writes \"num_labels\": 1 or \"id2label\": {{\"0\": \"LABEL_0\"}}.");
        }
        return labels > 0 ? labels : throw new WarmException(config.Path, "the config makes 0 labels", "at least one");
    }
}
