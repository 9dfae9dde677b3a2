namespace Warm;

/// <summary>
/// Which tensors of a reward model are its head: what turns a hidden state into the reward. Told by config.json's architecture and the tensors' names; knows no model.
/// </summary>
/// <remarks>Heads of transformers' classes and of OpenRLHF, TRL, GRM, Starling, UltraRM, Beaver, INF-ORM and OpenAssistant, as their projects save them.</remarks>
public sealed record HeadLayout
{
    private HeadLayout(string name, string output, IReadOnlyList<string> tensors, IReadOnlyList<string> statistics, RewardPosition position)
    {
        Name = name;
        Output = output;
        Tensors = tensors;
        Statistics = statistics;
        Position = position;
    }

    /// <summary>What the head is called: <c>score</c>, <c>classifier</c>, <c>classification_head</c>, <c>v_head</c>, <c>value_head</c> ...</summary>
    public string Name { get; }

    /// <summary>The last weight, of shape [labels, width]: <c>score.weight</c>, <c>classifier.out_proj.weight</c> ...</summary>
    public string Output { get; }

    /// <summary>All trained tensors of the head that are there (poolers and dense layers before the output included), in code-point order.</summary>
    public IReadOnlyList<string> Tensors { get; }

    /// <summary>Tensors of a reward normaliser (Beaver: mean, var, count): numbers about one model's rewards, which are copied, never averaged. Mostly empty.</summary>
    public IReadOnlyList<string> Statistics { get; }

    /// <summary>Which token carries the reward, by the rule of the class that saves such heads.</summary>
    public RewardPosition Position { get; }

    /// <summary>One way to save a head.</summary>
    /// <param name="Name">What it is called.</param>
    /// <param name="Output">Its last weight; a name that begins with a point stands under any prefix.</param>
    /// <param name="Before">Beginnings of the names of the layers before it; a beginning with a point stands under any prefix.</param>
    /// <param name="Position">Where the reward is read; null asks the architecture.</param>
    private sealed record Form(string Name, string Output, string[] Before, RewardPosition? Position = null);

    // The first form whose output is there is taken; longer names stand before those that they contain.
    private static readonly Form[] Forms =
    [
        new("score", "score.2.weight", ["score.0."], RewardPosition.BeforeFirstPad),                        // INF-ORM
        new("score", "score.weight", []),                                                                   // decoders of transformers; OpenRLHF's default
        new("classifier", "classifier.out_proj.weight", ["classifier.dense."]),                             // RoBERTa, XLM-R, CamemBERT, MPNet, ELECTRA
        new("classifier", "classifier.weight", [".pooler.", "pooler.", "pre_classifier.", "head."]),        // BERT, ALBERT, DeBERTa, DistilBERT, ModernBERT
        new("classification_head", "classification_head.out_proj.weight", ["classification_head.dense."]),  // T5, BART
        new("score_head", "score_head.weight", [], RewardPosition.LastAttended),                            // Beaver
        new("regression_head", "regression_head.weight", [], RewardPosition.LastAttended),                  // UltraRM
        new("v_head", "v_head.summary.2.weight", ["v_head.summary.0."], RewardPosition.LastAttended),       // GRM, two layers
        new("v_head", "v_head.summary.weight", [], RewardPosition.LastAttended),                            // TRL value head, GRM linear
        new("v_head", "v_head.weight", [], RewardPosition.BeforeFirstPad),                                  // Starling
        new("value_head", "value_head.weight", [], RewardPosition.LastAttended),                            // OpenRLHF with that prefix, config key or not
        new("out_proj", "out_proj.weight", []),                                                             // OpenAssistant; its config says last or mean
    ];

    /// <summary>The head of these weights, or null where they have none (a language model, or a folder whose head is missing).</summary>
    public static HeadLayout? Of(Weights weights) => Of(weights.Folder?.Config, weights.Names);

    /// <summary>The head by config and tensor names; a config of null goes by the names alone.</summary>
    public static HeadLayout? Of(ModelConfig? config, IEnumerable<string> names)
    {
        string[] all = [.. names];
        var there = new HashSet<string>(all);
        IEnumerable<Form> forms = Forms;
        if (config is not null && config.Has("value_head_prefix") && config.String("value_head_prefix") is var prefix)
            forms = [new Form(prefix, $"{prefix}.weight", [], RewardPosition.LastAttended), .. Forms]; // OpenRLHF names its head in the config
        Form? form = forms.FirstOrDefault(f => there.Contains(f.Output));
        if (form is null) return null;
        string bias = $"{form.Output[..^"weight".Length]}bias";
        // Trap: transformers' decoders have no bias; a score.bias in the file is not read.
        bool readsBias = form is not { Name: "score", Position: null };
        string[] tensors = [.. all.Where(n => n == form.Output || (readsBias && n == bias) || form.Before.Any(b => b[0] == '.' ? n.Contains(b) : n.StartsWith(b, StringComparison.Ordinal))).Order(CodePointOrder.Instance)];
        string[] statistics = [.. all.Where(n => n is "normalizer.mean" or "normalizer.var" or "normalizer.count").Order(CodePointOrder.Instance)];
        return new(form.Name, form.Output, tensors, statistics, form.Position ?? RewardPositions.Of(config) ?? RewardPosition.LastNotPad);
    }

    /// <summary><c>score (score.weight), read at LastNotPad</c></summary>
    public override string ToString() => $"{Name} ({string.Join(", ", Tensors)}), read at {Position}";
}
