namespace Warm.Transformers;

/// <summary>A decoder with the head that gives the next token's logits.</summary>
/// <param name="Name">The class that config.json names.</param>
/// <param name="Architecture">Ids to hidden states.</param>
/// <param name="Head">Hidden states to logits.</param>
/// <param name="Remarks">What a reader should know: keys that are not known.</param>
internal sealed record LanguageTransformer(string Name, Architecture Architecture, LanguageHead Head, IReadOnlyList<string> Remarks) : IDisposable
{
    /// <summary>Builds the language model that the folder's config.json names. Everything is checked on headers before anything is read.</summary>
    public static LanguageTransformer Load(Weights weights, Engine engine, Residency residency)
    {
        ModelConfig config = weights.Folder?.Config ?? throw new WarmException(weights.Name, "has no config.json", "a Hugging Face folder", "Tensors alone do not say which model they are.");
        string name = config.Architecture ?? throw new WarmException(config.Path, "\"architectures\" is missing", "the name of a language model, such as LlamaForCausalLM");
        if (!name.EndsWith("ForCausalLM", StringComparison.Ordinal) && !name.EndsWith("LMHeadModel", StringComparison.Ordinal) && !name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal))
            throw new WarmException(config.Path, $"\"architectures\" names {name}, which is no language model", "a name such as LlamaForCausalLM", "A reward model gives rewards: RewardModel.Load, `warm score`.");
        var keys = new ConfigKeys(config);
        keys.Ignore(Architectures.Harmless);
        keys.Refuse("quantization_config", "none: quantised weights are not read", _ => false);
        keys.Refuse("auto_map", "none: code that comes with a model is never run", _ => false);
        if (Architectures.Backbone(config.ModelType, keys, engine) is not var (prefix, make))
            throw new WarmException(config.Path, $"\"model_type\" is {(config.ModelType is { } type ? $"\"{type}\"" : "missing")}, and \"architectures\" names {name}", "one of the decoders that are built here");
        var asked = new ModelWeights(weights, engine, residency, Architectures.FirstPrefix(weights, prefix, $"model.{prefix.Replace(".model", "", StringComparison.Ordinal)}", ""));
        Architecture architecture = make(asked);
        LanguageHead? head = null;
        try
        {
            if (!architecture.Causal) throw new WarmException(config.Path, $"{name} is not causal", "a model whose tokens see only what came before");
            head = new LanguageHead(asked, engine, config, architecture);
            asked.Check(name);
            asked.Load();
            string[] unknown = [.. keys.Unknown.Order(StringComparer.Ordinal)];
            return new LanguageTransformer(name, architecture, head, unknown.Length == 0 ? asked.Remarks
                : [.. asked.Remarks, $"{config.Path}: keys that are not known here, and ignored as transformers does: {string.Join(", ", unknown.Take(8))}{(unknown.Length > 8 ? $" and {unknown.Length - 8} more" : "")}"]);
        }
        catch
        {
            architecture.Dispose();
            head?.Dispose();
            throw;
        }
    }

    /// <summary>Gives the weights back.</summary>
    public void Dispose()
    {
        Architecture.Dispose();
        Head.Dispose();
    }
}
