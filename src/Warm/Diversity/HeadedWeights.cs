using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A start with a reward head: the weights of a language model (or of a reward model, whose head is replaced) as a reward model with one label. Nothing is written or copied until <c>Save</c>; it loads, averages
/// and saves as any <see cref="Weights"/>. How Baklava makes the starts of a family, which all carry one head.
/// </summary>
/// <remarks>
/// config.json says what was made: the class (<c>LlamaForCausalLM</c> becomes <c>LlamaForSequenceClassification</c>), <c>num_labels</c> 1, and <c>pad_token_id</c>, by which the reward's token is found, from the tokenizer where
/// it was missing: its padding token, else its end of text, as TRL does. A language model's output matrix and heads of other projects are left out. The head has the number type that most of the start's values have.
/// </remarks>
public sealed class HeadedWeights : Weights
{
    private static readonly string[] LanguageHeads = ["lm_head.weight", "lm_head.bias", "embed_out.weight"];

    /// <summary>Keys about the rewards of a head that is gone.</summary>
    private static readonly string[] OldKeys = ["value_head_prefix", "normalize_reward", "mean", "std"];

    private readonly Dictionary<string, (TensorInfo Info, byte[] Bits)> _own;
    private readonly string[] _names;
    private readonly JsonObject? _recipe;

    private HeadedWeights(Weights start, ModelFolder folder, Dictionary<string, (TensorInfo, byte[])> own, IEnumerable<string> left, IReadOnlyList<string> remarks, JsonObject? recipe)
    {
        (Start, Folder, _own, _recipe) = (start, folder, own, recipe);
        var gone = left.ToHashSet();
        _names = [.. start.Names.Where(name => !gone.Contains(name)).Union(own.Keys).Order(CodePointOrder.Instance)];
        Remarks = [.. start.Remarks, .. remarks];
    }

    /// <summary>Puts a head on a start; reads headers, config and tokenizer only.</summary>
    /// <param name="start">A Hugging Face folder: a language model, a model without a head, or a reward model. It must stay open.</param>
    /// <param name="head">One number a feature; null (default) for zeros, which is enough where only the features are wanted.</param>
    /// <param name="recipe">What <c>warm.json</c> shall say of the head; null (default) for no such file.</param>
    /// <exception cref="WarmException">There is no config.json, its class can carry no head that is known, or the head has another width.</exception>
    public static HeadedWeights Of(Weights start, IReadOnlyList<double>? head = null, JsonObject? recipe = null)
    {
        ArgumentNullException.ThrowIfNull(start);
        ModelConfig config = start.Folder?.Config ?? throw new WarmException(start.Name, "has no config.json", "a Hugging Face folder", "Tensors alone do not say which model they are.");
        string name = config.Architecture ?? throw config.Refuse("\"architectures\" is missing", "the class of the model");
        HeadLayout? old = HeadLayout.Of(start);
        bool kept = old is { Project: "transformers" } && ModelFamily.IsClassifier(name); // its dense layers stay, only the last is new
        var remarks = new List<string>();
        ModelConfig changed = Changed(start.Folder!, config, name, remarks);
        bool encoder = RewardPositions.IsEncoder(changed);
        string output = kept ? old!.Output : !encoder ? "score.weight" : ModelFamily.OfClass(name).HasPlainClassifier ? "classifier.weight" : "classifier.out_proj.weight";
        int width = kept && start.Info(old!.Output).Shape is { Rank: 2 } shape ? checked((int)shape[1]) : Width(config);
        if (head is not null && head.Count != width) throw new WarmException(start.Name, FormattableString.Invariant($"a head of {head.Count} numbers for {width} features"), "one number a feature", "A head fits the model that it was fitted on, and its siblings.");

        DType type = start.Names.Select(start.Info).Where(t => t.DType is DType.F64 or DType.F32 or DType.BF16 or DType.F16).GroupBy(t => t.DType).OrderByDescending(g => g.Sum(t => t.Count)).FirstOrDefault()?.Key ?? DType.F32;
        var own = new Dictionary<string, (TensorInfo, byte[])>();
        void Add(string tensor, Shape size, IReadOnlyList<double>? values)
        {
            var bits = new byte[size.Count * type.Bits() / 8];
            if (values is not null) FloatBits.Narrow(type, [.. values], bits);
            own.Add(tensor, (new TensorInfo(tensor, type, size), bits));
        }
        Add(output, new Shape(1, width), head);
        if ($"{output[..^"weight".Length]}bias" is var bias && (encoder || (kept && start.Contains(bias)))) Add(bias, new Shape(1), null);
        IEnumerable<string> left = LanguageHeads.Where(start.Contains).Concat(kept || old is null ? [] : old.Tensors.Concat(old.Statistics)).Concat(start.Contains("score.bias") ? ["score.bias"] : []);
        return new(start, start.Folder! with { Config = changed }, own, left, remarks, recipe);
    }

    /// <summary>The weights below the head.</summary>
    public Weights Start { get; }

    /// <inheritdoc/>
    public override string Name => Start.Name;

    /// <inheritdoc/>
    public override ModelFolder? Folder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names => _names;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Remarks { get; }

    /// <inheritdoc/>
    public override bool Contains(string name) => Array.BinarySearch(_names, name, CodePointOrder.Instance) >= 0;

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => _own.TryGetValue(name, out (TensorInfo Info, byte[]) own) ? own.Info : Start.Info(Known(name));

    /// <inheritdoc/>
    public override TensorView? View(string name) => _own.ContainsKey(name) ? null : Start.View(Known(name));

    /// <inheritdoc/>
    public override void ReadRaw(string name, long start, Span<byte> destination)
    {
        if (Own(name, start, destination.Length * 8 / Info(name).DType.Bits(), out ReadOnlySpan<byte> bits)) bits.CopyTo(destination);
        else Start.ReadRaw(Known(name), start, destination);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<float> destination)
    {
        if (Own(name, start, destination.Length, out ReadOnlySpan<byte> bits)) FloatBits.Widen(Info(name).DType, bits, destination);
        else Start.Read(Known(name), start, destination);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<double> destination)
    {
        if (Own(name, start, destination.Length, out ReadOnlySpan<byte> bits)) FloatBits.Widen(Info(name).DType, bits, destination);
        else Start.Read(Known(name), start, destination);
    }

    /// <inheritdoc/>
    public override WeightsPass Pass(PassOptions? options = null) => new HeadedPass(this, options);

    private string Known(string name) => Contains(name) ? name : throw new WarmException(Name, $"there is no tensor '{name}'", $"one of {_names.Length:N0}");

    private bool Own(string name, long start, int count, out ReadOnlySpan<byte> bits)
    {
        bits = default;
        if (!_own.TryGetValue(name, out (TensorInfo Info, byte[] Bits) own)) return false;
        int size = own.Info.DType.Bits() / 8;
        bits = own.Bits.AsSpan(checked((int)(start * size)), count * size);
        return true;
    }

    /// <summary>Columns of the last hidden state.</summary>
    private static int Width(ModelConfig config)
    {
        ModelConfig text = config.Text;
        string? key = Array.Find(["word_embed_proj_dim", "hidden_size", "n_embd", "d_model"], text.Has); // OPT projects its states before the head
        return text.Int(key ?? "hidden_size", min: 1, max: 1 << 20);
    }

    private static ModelConfig Changed(ModelFolder folder, ModelConfig config, string name, List<string> remarks)
    {
        string stem = ModelFamily.StemOf(name) ?? throw config.Refuse($"\"architectures\" names {name}", "a language model, or a reward model with one head", "Only a class of transformers is given a head here.");
        var changes = new Dictionary<string, JsonNode?>
        {
            ["architectures"] = new JsonArray(ModelFamily.ClassifierOf(stem)),
            ["num_labels"] = 1,
            ["id2label"] = new JsonObject { ["0"] = "LABEL_0" },
            ["label2id"] = new JsonObject { ["LABEL_0"] = 0 },
        };
        foreach (string key in OldKeys) changes[key] = null;
        if (config.PadTokenId is null or < 0 && Pad(folder, config) is var (pad, why))
        {
            if (config.Section("text_config") is { } text) changes["text_config"] = CheckpointWriter.Copy(text.With(new Dictionary<string, JsonNode?> { ["pad_token_id"] = pad }).Json);
            else changes["pad_token_id"] = pad;
            remarks.Add(FormattableString.Invariant($"{config.Path}: \"pad_token_id\" is missing; {pad} is taken, the tokenizer's {why}"));
        }
        return config.With(changes);
    }

    /// <summary>The id of the tokenizer's padding token, else of its end of text, and which it is.</summary>
    private static (int Id, string Why)? Pad(ModelFolder folder, ModelConfig config)
    {
        if (Vocabulary.Of(folder) is { } vocabulary)
            foreach ((string role, string why) in (ReadOnlySpan<(string, string)>)[("pad_token", "padding token"), ("eos_token", "end of text: a text's own last one is not read then, in training as in scoring")])
                if (vocabulary.IdOf(role) is { } id) return (id, why);
        return config.EndTokenIds is [var end] ? (end, "end of text, as config.json has it") : null;
    }

    /// <summary>The start's own pass, which judges what it reads, with the head after it.</summary>
    private sealed class HeadedPass(HeadedWeights weights, PassOptions? options) : WeightsPass(weights, options)
    {
        private readonly WeightsPass _start = weights.Start.Pass(options);

        public override void Run(BlockSink? sink, IProgress<long>? progress = null, CancellationToken cancellation = default)
        {
            _start.Run(sink is null ? null : (tensor, start, bits) =>
            {
                if (weights.Contains(tensor.Name) && !weights._own.ContainsKey(tensor.Name)) sink(tensor, start, bits);
            }, progress, cancellation);
            foreach ((TensorInfo info, byte[] bits) in weights._own.Values) sink?.Invoke(info, 0, bits);
        }

        public override IReadOnlyList<string> Remarks => [.. weights.Remarks.Concat(_start.Remarks).Distinct()];

        protected internal override IEnumerable<string> Sources => _start.Sources;

        protected internal override void ChangeConfig(JsonObject config) => _start.ChangeConfig(config);

        protected internal override JsonObject? Recipe() => weights._recipe?.DeepClone().AsObject(); // whoever saves adds to it
    }
}
