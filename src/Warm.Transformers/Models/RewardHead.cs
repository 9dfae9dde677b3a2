namespace Warm.Transformers;

/// <summary>
/// What turns hidden states into rewards: a row of linear layers with functions between them, and the rule for the token whose state they read.
/// <list type="bullet">
/// <item>Decoders (<c>*ForSequenceClassification</c>): reward = score(h), no bias, at the last id that is not pad_token_id</item>
/// <item>BERT: reward = classifier(tanh(pooler.dense(h))) at the first token</item>
/// </list>
/// </summary>
internal sealed class RewardHead : IDisposable
{
    private readonly Engine _engine;
    private readonly (string Path, Activation? Activation)[] _steps;
    private readonly WeightGroup<LinearWeight[]> _weights;
    private readonly int? _pad;
    private readonly int[] _endOfText;

    private RewardHead(ModelWeights weights, Engine engine, ModelConfig config, RewardPosition position, int labels, params (string Path, int Inputs, int Outputs, bool Bias, Activation? Activation)[] steps)
    {
        _engine = engine;
        _steps = [.. steps.Select(s => (s.Path, s.Activation))];
        _weights = weights.Group(w => steps.Select(s => w.Linear(s.Path, s.Inputs, s.Outputs, s.Bias)).ToArray());
        (Position, Labels) = (position, labels);
        ModelConfig text = config.Text;
        _pad = config.PadTokenId;
        _endOfText = text.Find("eos_token_id") is not { } eos ? [] : eos.ValueKind == System.Text.Json.JsonValueKind.Array ? [.. eos.EnumerateArray().Select(e => e.TryGetInt32(out int id) ? id : -1)]
            : [text.Int("eos_token_id", min: -1)];
    }

    /// <summary>Number of outputs.</summary>
    public int Labels { get; }

    /// <summary>The token whose state is read.</summary>
    public RewardPosition Position { get; }

    /// <summary>A decoder's <c>score</c>.</summary>
    public static RewardHead OfDecoder(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition? position) =>
        new(weights, engine, config, position ?? RewardPositions.Of(config) ?? RewardPosition.LastNotPad, CountLabels(weights, config, "score.weight"), ("score", hidden, CountLabels(weights, config, "score.weight"), false, null));

    /// <summary>BERT's pooler and classifier.</summary>
    public static RewardHead OfBert(ModelWeights weights, Engine engine, ModelConfig config, int hidden, RewardPosition? position) =>
        new(weights, engine, config, position ?? RewardPositions.Of(config) ?? RewardPosition.First, CountLabels(weights, config, "classifier.weight"),
            ("bert.pooler.dense", hidden, hidden, true, Activation.Tanh), ("classifier", hidden, CountLabels(weights, config, "classifier.weight"), true, null));

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
    public EngineTensor Apply(EngineTensor states, Trace? trace = null)
    {
        using var weights = _weights.Use();
        EngineTensor x = states;
        for (int i = 0; i < _steps.Length; i++)
        {
            EngineTensor y = _engine.Linear(x, weights.Value[i]);
            trace?.Invoke(_steps[i].Path, y);
            if (i > 0) x.Dispose();
            x = y;
            if (_steps[i].Activation is not { } activation) continue;
            x = _engine.Activate(y, activation);
            y.Dispose();
        }
        return x;
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose() => _weights.Dispose();

    /// <summary>Number of labels by transformers' rule; where the file's head has another number of rows, the message says which key is at fault.</summary>
    private static int CountLabels(ModelWeights weights, ModelConfig config, string name)
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
