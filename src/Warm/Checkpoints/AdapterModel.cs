using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The model that a base and an adapter make, beside its tensors: its folder and config. Most are the base's own. Where the base is a language model, or a model without any head, and the adapter
/// brings a trained head, the two make a classifier, as they did when the adapter was trained: its class, its labels, and no language model's head.
/// </summary>
/// <param name="Names">All tensors in code-point order.</param>
/// <param name="Folder">The folder; null where the base has none.</param>
internal sealed record AdapterModel(IReadOnlyList<string> Names, ModelFolder? Folder)
{
    /// <summary>The model's tensors and folder.</summary>
    /// <param name="base">The base.</param>
    /// <param name="adapterFolder">The adapter's folder.</param>
    /// <param name="config">The adapter's config.</param>
    /// <param name="adapted">The tensors that are not the base's own.</param>
    /// <param name="remarks">Told what changes.</param>
    public static AdapterModel Of(Weights @base, string adapterFolder, AdapterConfig config, IReadOnlyDictionary<string, AdaptedTensor> adapted, List<string> remarks)
    {
        HashSet<string> names = [.. @base.Names, .. adapted.Keys];
        ModelFolder? folder = @base.Folder;
        bool own = Array.Exists(["tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"], name => File.Exists(Path.Combine(adapterFolder, name)));
        if (folder is not null && own)
        {
            folder = folder with { TokenizerPath = adapterFolder };
            remarks.Add($"tokenizer and template are those of {adapterFolder}");
        }
        if (folder?.Config is { } before && config.Task is null or "SEQ_CLS" && HeadLayout.Of(before, @base.Names) is null && HeadLayout.Of(before, names) is { Project: "transformers" } head)
        {
            string[] idle = [.. @base.Names.Where(name => (name is "lm_head.weight" or "lm_head.bias" or "embed_out.weight" || name.StartsWith("cls.predictions.", StringComparison.Ordinal)) && !adapted.ContainsKey(name))];
            names.ExceptWith(idle);
            Shape output = adapted[head.Output].Info.Shape;
            folder = folder with { Config = ClassifierOf(before, (int)output[0], folder, own, remarks) };
            if (idle.Length > 0) remarks.Add($"{@base.Name}: {string.Join(", ", idle.Select(name => $"'{name}'"))} of the language model {(idle.Length == 1 ? "is" : "are")} left out");
        }
        return new([.. names.Order(CodePointOrder.Instance)], folder);
    }

    private static ModelConfig ClassifierOf(ModelConfig before, int labels, ModelFolder folder, bool ownTokenizer, List<string> remarks)
    {
        var changes = new Dictionary<string, JsonNode?>();
        if (before.Architecture is { } old && !ModelFamily.IsClassifier(old) && ModelFamily.StemOf(old) is { } stem)
        {
            string made = ModelFamily.ClassifierOf(stem);
            changes["architectures"] = new JsonArray(made);
            remarks.Add($"{before.Path} says {old}: with the adapter's head it is {made}");
        }
        if (before.NumLabels != labels)
        {
            changes["num_labels"] = null;
            changes["id2label"] = new JsonObject(Enumerable.Range(0, labels).Select(i => KeyValuePair.Create($"{i}", (JsonNode?)$"LABEL_{i}")));
            changes["label2id"] = new JsonObject(Enumerable.Range(0, labels).Select(i => KeyValuePair.Create($"LABEL_{i}", (JsonNode?)i)));
        }
        // A trainer that scores in batches gives the model the tokenizer's padding, and the reward is read by it; PEFT saves no config that would say so.
        if (before.PadTokenId is null && ownTokenizer && Vocabulary.Of(folder)?.IdOf("pad_token") is { } pad)
        {
            changes["pad_token_id"] = pad;
            remarks.Add($"{before.Path} has no \"pad_token_id\": that of the adapter's tokenizer is taken, {pad}");
        }
        return before.With(changes);
    }
}
