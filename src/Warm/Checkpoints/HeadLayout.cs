namespace Warm;

/// <summary>
/// Which tensors of a reward model are its head: what turns a hidden state into the reward. Told by config.json's architecture and the tensors' names; knows no model.
/// </summary>
/// <remarks>Heads of transformers' classes and of OpenRLHF, TRL, GRM, Starling, UltraRM, Beaver, INF-ORM and OpenAssistant, as their projects save them.</remarks>
public sealed record HeadLayout
{
    private HeadLayout(string project, string name, string output, IReadOnlyList<string> tensors, IReadOnlyList<string> statistics, RewardPosition position, IReadOnlyList<string> others)
    {
        Project = project;
        Others = others;
        Name = name;
        Output = output;
        Tensors = tensors;
        Statistics = statistics;
        Position = position;
    }

    /// <summary>Whose head it is: <c>transformers</c>, <c>OpenRLHF</c>, <c>TRL</c>, <c>GRM</c>, <c>Starling</c>, <c>UltraRM</c>, <c>Beaver</c>, <c>INF-ORM</c>, <c>OpenAssistant</c>.</summary>
    public string Project { get; }

    /// <summary>Output weights of other heads that the file has as well, and that are not taken. Mostly empty.</summary>
    public IReadOnlyList<string> Others { get; }

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
    /// <param name="Project">Whose it is.</param>
    /// <param name="Name">What it is called.</param>
    /// <param name="Output">Its last weight; a name that begins with a point stands under any prefix.</param>
    /// <param name="Before">Beginnings of the names of the layers before it; a beginning with a point stands under any prefix.</param>
    /// <param name="Position">Where the reward is read; null asks the architecture.</param>
    private sealed record Form(string Project, string Name, string Output, string[] Before, RewardPosition? Position = null);

    // The first form whose output is there is taken; longer names stand before those that they contain.
    private static readonly Form[] Forms =
    [
        new("INF-ORM", "score", "score.2.weight", ["score.0."], RewardPosition.BeforeFirstPad),
        new("transformers", "score", "score.weight", []),                                                                   // decoders; OpenRLHF names its own in the config
        new("transformers", "classifier", "classifier.out_proj.weight", ["classifier.dense."]),                             // RoBERTa, XLM-R, CamemBERT, MPNet, ELECTRA
        new("transformers", "classifier", "classifier.weight", [".pooler.", "pooler.", "pre_classifier.", "head."]),        // BERT, ALBERT, DeBERTa, DistilBERT, ModernBERT
        new("transformers", "classification_head", "classification_head.out_proj.weight", ["classification_head.dense."]),  // T5, BART
        new("Beaver", "score_head", "score_head.weight", [], RewardPosition.LastAttended),
        new("UltraRM", "regression_head", "regression_head.weight", [], RewardPosition.LastAttended),
        new("GRM", "v_head", "v_head.summary.2.weight", ["v_head.summary.0."], RewardPosition.LastAttended),                // two layers
        new("TRL", "v_head", "v_head.summary.weight", [], RewardPosition.LastAttended),                                     // value head; GRM linear
        new("Starling", "v_head", "v_head.weight", [], RewardPosition.BeforeFirstPad),
        new("OpenRLHF", "value_head", "value_head.weight", [], RewardPosition.LastAttended),                                // with that prefix, config key or not
        new("OpenAssistant", "out_proj", "out_proj.weight", []),                                                            // its config says last or mean
    ];

    /// <summary>Modules that belong to heads: those of <see cref="Forms"/>, and of projects whose heads Warm averages and does not load (several objectives, gates, other names).</summary>
    private static readonly string[] Parts =
    [
        .. Forms.Where(f => f.Name != "out_proj").Select(f => f.Name).Concat(Forms.SelectMany(f => f.Before).Select(before => before.Trim('.').Split('.')[0])).Distinct(),
        "out_proj_head", "reward_head", "regression_layer", "rm_head", "summary",
    ];

    /// <summary>Whether a tensor belongs to what turns a hidden state into the reward, told by its name alone, under any prefix: of weights whose head is missing as well.</summary>
    internal static bool IsPart(string name) =>
        name.StartsWith("out_proj.", StringComparison.Ordinal) // at the top only: attention has one too
        || name.Split('.') is var modules && Array.Exists(modules, module => Array.IndexOf(Parts, module.StartsWith("regression_layer", StringComparison.Ordinal) ? "regression_layer" : module) >= 0);

    /// <summary>The head of these weights, or null where they have none (a language model, or a folder whose head is missing).</summary>
    public static HeadLayout? Of(Weights weights) => Of(weights.Folder?.Config, weights.Names);

    /// <summary>The head by config and tensor names; a config of null goes by the names alone.</summary>
    public static HeadLayout? Of(ModelConfig? config, IEnumerable<string> names)
    {
        string[] all = [.. names];
        var there = new HashSet<string>(all);
        // A class of transformers has its own head; on any other model that head is the last one to be thought of, and OpenRLHF names its head in the config.
        bool named = ModelFamily.IsClassifier(config?.Architecture);
        IEnumerable<Form> forms = Forms.OrderBy(f => (f.Project == "transformers") == named ? 0 : 1);
        if (config is null) forms = Forms;
        else if (config.Has("value_head_prefix") && config.String("value_head_prefix") is var prefix)
        {
            var own = new Form("OpenRLHF", prefix, $"{prefix}.weight", [], RewardPosition.LastAttended);
            forms = named ? [.. forms, own] : [own, .. forms];
        }
        Form? form = forms.FirstOrDefault(f => there.Contains(f.Output));
        if (form is null) return null;
        string bias = $"{form.Output[..^"weight".Length]}bias";
        // Trap: transformers' decoders have no bias; a score.bias in the file is not read.
        bool readsBias = form is not { Project: "transformers", Name: "score" };
        string[] tensors = [.. all.Where(n => n == form.Output || (readsBias && n == bias) || form.Before.Any(b => b[0] == '.' ? n.Contains(b) : n.StartsWith(b, StringComparison.Ordinal))).Order(CodePointOrder.Instance)];
        string[] statistics = [.. all.Where(n => n is "normalizer.mean" or "normalizer.var" or "normalizer.count").Order(CodePointOrder.Instance)];
        string[] others = [.. Forms.Select(f => f.Output).Where(o => o != form.Output && there.Contains(o))];
        return new(form.Project, form.Name, form.Output, tensors, statistics, form.Position ?? RewardPositions.Of(config) ?? RewardPosition.LastNotPad, others);
    }

    /// <summary><c>score (score.weight), read at LastNotPad</c></summary>
    public override string ToString() => $"{Name} ({string.Join(", ", Tensors)}), read at {Position}";
}
