namespace Warm.Transformers;

/// <summary>
/// What turns hidden states into the logits of the next token: <c>l = h W^T + b</c>, bounded by <c>softcap tanh(l / softcap)</c> where config.json says final_logit_softcapping (Gemma).
/// W is <c>lm_head.weight</c> (GPT-NeoX: <c>embed_out.weight</c>), or, where the file has none and the embeddings are tied, the embedding itself.
/// </summary>
internal sealed class LanguageHead : IDisposable
{
    private static readonly string[] Names = ["lm_head", "embed_out"], Embeddings = ["embed_tokens", "wte", "embed_in", "decoder.embed_tokens"];

    private readonly Engine _engine;
    private readonly WeightGroup<LinearWeight> _weight;
    private readonly double? _softcap;

    /// <summary>Asks for the head's weights, after the architecture has asked for its own. <paramref name="ties"/>: whether the embedding serves as the head where config.json does not say.</summary>
    public LanguageHead(ModelWeights weights, Engine engine, ModelConfig config, Architecture architecture, bool ties)
    {
        _engine = engine;
        ModelConfig text = config.Text;
        _softcap = text.Has("final_logit_softcapping") ? text.Double("final_logit_softcapping", above: 0) : null;
        bool tied = config.Has("tie_word_embeddings") ? config.Bool("tie_word_embeddings") : text.Bool("tie_word_embeddings", ties);
        string? own = Names.Select(name => Array.Find((string[])[name, $"language_model.{name}", $"model.{name}"], at => weights.Find($"{at}.weight") is not null)).FirstOrDefault(at => at is not null);
        string? embedding = Embeddings.Select(name => $"{weights.Prefix}{name}").FirstOrDefault(at => weights.Find($"{at}.weight") is not null);
        IsTied = own is null && tied;
        // A head that lies in the file is the model's, also where config.json calls it tied: transformers 5 ties equal ones and keeps different ones apart.
        string path = own ?? (tied && embedding is not null ? embedding : Names[0]);
        bool bias = own is not null && weights.Find($"{own}.bias") is not null;
        _weight = weights.Group(w => w.Linear(path, architecture.HiddenSize, architecture.VocabularySize, bias));
    }

    /// <summary>Whether the embedding serves as the head.</summary>
    public bool IsTied { get; }

    /// <summary>For each row the log-probability of one token: [rows, 1].</summary>
    public EngineTensor LogProbabilities(EngineTensor states, ReadOnlySpan<int> ids)
    {
        using var weight = _weight.Use();
        return _engine.TokenLogProbabilities(states, weight.Value, ids, _softcap);
    }

    /// <summary>Logits [rows, vocabulary].</summary>
    public EngineTensor Logits(EngineTensor states)
    {
        using var weight = _weight.Use();
        EngineTensor logits = _engine.Linear(states, weight.Value);
        if (_softcap is not { } cap) return logits;
        using (logits)
        using (EngineTensor small = _engine.Scale(logits, 1 / cap))
        using (EngineTensor bounded = _engine.Activate(small, Activation.Tanh)) return _engine.Scale(bounded, cap);
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose() => _weight.Dispose();

    /// <summary><c>tied</c> or <c>a head of its own</c></summary>
    public override string ToString() => IsTied ? "tied" : "a head of its own";
}
