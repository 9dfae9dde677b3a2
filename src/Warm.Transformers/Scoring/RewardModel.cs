namespace Warm.Transformers;

/// <summary>
/// A reward model in memory: text form, tokenizer, transformer and head. Made from any <see cref="Weights"/>: a checkpoint, or an average that was never written, which scores
/// to the bit as the saved one would. Serves many threads at once.
/// </summary>
/// <remarks>
/// Texts of a call are packed, never padded; texts that begin alike share those rows where the model is causal. A reward depends on nothing else in the call: its bits are the same
/// alone, in any company and on any number of threads (on <see cref="CpuEngine"/>, within one kernel).
/// <para>Memory: what <see cref="RewardModelOptions.Residency"/> says, and while scoring about eleven times hidden size (Llama, intermediate size 2.7 times that) x <see cref="ScoringOptions.TokensPerPass"/> singles.</para>
/// </remarks>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class RewardModel : IRewardModel, IDisposable, IRichDisplay
{
    private readonly Transformer _transformer;
    private readonly CandidateReader _reader;
    private readonly Weights _weights;
    private readonly int[] _labels;
    private readonly Lazy<string> _identity;
    private readonly Lazy<string?> _notFinite;

    private RewardModel(Weights weights, Engine engine, Transformer transformer, CandidateReader reader, int[] labels)
    {
        (_weights, Engine, _transformer, _reader, _labels) = (weights, engine, transformer, reader, labels);
        _identity = new(() => ModelIdentity.Of(weights, reader.TextForm, transformer.Head.Position, labels, reader.GivenTokenizer));
        _notFinite = new(() => ModelIdentity.FirstNotFinite(weights));
    }

    /// <summary>Loads a model. What does not fit config.json, an architecture that is not built, a head that is missing or has several labels: all refused, before anything is read.</summary>
    /// <param name="weights">A checkpoint, an average, an adapter on its base. They must stay open while the model is used, if they are streamed.</param>
    /// <param name="engine">What computes; null (default) for a <see cref="CpuEngine"/> on all cores.</param>
    /// <param name="options">Residency, label, read position, text form; null for the defaults.</param>
    /// <exception cref="WarmException">The weights are no reward model that is built here; an average whose members turn out to be strangers or to hold NaN.</exception>
    public static RewardModel Load(Weights weights, Engine? engine = null, RewardModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        options ??= RewardModelOptions.Default;
        engine ??= new CpuEngine();
        Transformer transformer = Architectures.Load(weights, engine, options.Residency, options.ReadAt ?? (weights.Folder is { } folder ? CandidateReader.RecordedPosition(folder) : null), count => ChooseLabels(weights, count, options.Labels));
        try
        {
            return new RewardModel(weights, engine, transformer, CandidateReader.Of(weights.Folder!, transformer, options.TextForm, options.Tokenizer), ChooseLabels(weights, transformer.Head.Labels, options.Labels));
        }
        catch
        {
            transformer.Dispose();
            throw;
        }
    }

    /// <summary>What <see cref="Load"/> would remark of these weights, or why it would refuse them. Reads headers, config and tokenizer only.</summary>
    internal static IReadOnlyList<string> Inspect(Weights weights)
    {
        try
        {
            using Transformer transformer = Architectures.Load(weights, new CpuEngine(new CpuOptions { Threads = 1 }), headersOnly: true);
            CandidateReader reader = CandidateReader.Of(weights.Folder!, transformer, null);
            return [.. transformer.Remarks, .. reader.Remarks];
        }
        catch (WarmException refusal)
        {
            return [$"gives no rewards here: {refusal.Message}"];
        }
    }

    /// <summary>What the weights are called.</summary>
    public string Name => _weights.Name;

    /// <summary>The class that config.json names: <c>LlamaForSequenceClassification</c>.</summary>
    public string Architecture => _transformer.Name;

    /// <summary>What computes.</summary>
    public Engine Engine { get; }

    /// <summary>Number of ids: a text's ids are 0 .. VocabularySize - 1.</summary>
    public int VocabularySize => _transformer.Architecture.VocabularySize;

    /// <summary>How prompt and response become text, unless <see cref="ScoringOptions.TextForm"/> says otherwise.</summary>
    public TextForm TextForm => _reader.TextForm;

    /// <summary>Which token carries the reward.</summary>
    public RewardPosition ReadPosition => _transformer.Head.Position;

    /// <summary>The outputs of the head that are given, from 0; the first is the reward.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <summary>What a reader should know of the model: keys and tensors that are not used. Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks => [.. _weights.Remarks.Concat(_transformer.Remarks).Concat(_reader.Remarks).Distinct()];

    /// <summary>SHA-256 over weights, config, tokenizer, template, text form, read position and labels. Reads all weights the first time it is asked for.</summary>
    public string Identity => _identity.Value;

    /// <inheritdoc/>
    public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        return Compute(() => Score(candidates, options ?? ScoringOptions.Default, progress, cancellation), cancellation);
    }

    /// <summary>
    /// The frozen features of candidates: what enters the last layer of the head, at the token that carries the reward. For a decoder that is the state after the last norm, for an encoder what
    /// its pooler makes of the first token. The head's last layer itself is not used. As with rewards, a candidate's features depend on nothing else in the call.
    /// </summary>
    /// <param name="candidates">What is read.</param>
    /// <param name="options">How texts are read; null for the defaults.</param>
    /// <param name="progress">Told the number of distinct texts done so far.</param>
    /// <param name="cancellation">Stops between two passes or layers.</param>
    /// <returns>One vector a candidate, in order; equal candidates are computed once and share it. Memory: 4 bytes x distinct texts x width.</returns>
    public Task<IReadOnlyList<float[]>> FeaturesAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        options ??= ScoringOptions.Default;
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TokensPerPass, 1, nameof(options));
        return Compute<IReadOnlyList<float[]>>(() =>
        {
            var places = new Dictionary<(ulong, ulong), int>();
            var texts = new List<EncodedText>();
            int[] place = new int[candidates.Count];
            for (int i = 0; i < place.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                (ulong, ulong) key = CandidateHash.Of(candidates[i]);
                if (!places.TryGetValue(key, out place[i]))
                {
                    places.Add(key, place[i] = texts.Count);
                    texts.Add(Read(candidates[i], options));
                }
            }
            float[][] features = ScoringPass.Run(_transformer, Engine, texts, options.TokensPerPass, progress, cancellation, features: true);
            return [.. place.Select(at => features[at])];
        }, cancellation);
    }

    /// <summary>On a thread of its own: the pool's are for what is short, and a pool that computes lets timers wait.</summary>
    private static Task<T> Compute<T>(Func<T> work, CancellationToken cancellation) =>
        Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    /// <summary>What the model reads for a candidate: token ids after text form and truncation.</summary>
    public IReadOnlyList<int> TokenIds(Candidate candidate, ScoringOptions? options = null) => Read(candidate, options ?? ScoringOptions.Default).Ids;

    /// <summary>What is read for a candidate; a candidate that cannot be scored is refused here.</summary>
    internal EncodedText Read(Candidate candidate, ScoringOptions options) => _reader.Read(candidate, options);

    private IReadOnlyList<Score> Score(IReadOnlyList<Candidate> candidates, ScoringOptions options, IProgress<int>? progress, CancellationToken cancellation)
    {
        var texts = new EncodedText[candidates.Count];
        for (int i = 0; i < texts.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            texts[i] = Read(candidates[i], options);
        }
        return Score(texts, [.. candidates.Select(c => c.Id)], options, progress, cancellation);
    }

    /// <summary>Scores of texts that were read before.</summary>
    internal IReadOnlyList<Score> Score(IReadOnlyList<EncodedText> texts, IReadOnlyList<string?> ids, ScoringOptions options, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TokensPerPass, 1, nameof(options));
        float[][] logits = ScoringPass.Run(_transformer, Engine, texts, options.TokensPerPass, progress, cancellation);
        var scores = new Score[texts.Count];
        for (int i = 0; i < scores.Length; i++)
        {
            float[] rewards = [.. _labels.Select(label => logits[i][label])];
            scores[i] = new Score
            {
                Id = ids[i],
                Reward = rewards[0],
                Rewards = rewards.Length > 1 ? rewards : null,
                Normalised = _transformer.Head.Normaliser?.Normalise(rewards[0], _labels[0]),
                Tokens = texts[i].Ids.Count,
                ReadAt = texts[i].ReadAt,
                Truncated = texts[i].Truncated,
                Remarks = rewards.All(float.IsFinite) ? texts[i].Remarks : [.. texts[i].Remarks, $"the reward is not finite: {_notFinite.Value ?? "the numbers grew beyond single precision"}"],
            };
        }
        return scores;
    }

    private static int[] ChooseLabels(Weights weights, int count, IReadOnlyList<int>? asked)
    {
        ModelConfig config = weights.Folder!.Config!;
        IReadOnlyList<string> names = config.Labels;
        string which = names.Count == 0 ? FormattableString.Invariant($"0 to {count - 1}") : string.Join(", ", names.Take(12).Select((name, i) => FormattableString.Invariant($"{i} ({name})"))) + (names.Count > 12 ? " .." : "");
        if (asked is null || asked.Count == 0)
            return count == 1 ? [0] : throw new WarmException(config.Path, $"the model has {count} labels: {which}", "a reward is one of them", "Say which: --label K on the command line, RewardModelOptions.Labels in a program.");
        foreach (int label in asked)
            if (label < 0 || label >= count) throw new WarmException(config.Path, $"label {label} is not there", which);
        return [.. asked];
    }

    /// <summary>Gives the weights back. Scores that are being computed must be waited for first.</summary>
    public void Dispose() => _transformer.Dispose();

    string IRichDisplay.ToHtml() => HtmlTable.Line(this) + HtmlTable.Remarks(Remarks); // not its properties: Identity reads all weights

    /// <summary><c>runs/warm: LlamaForSequenceClassification, read at LastNotPad, text form template, cpu avx512, 2 threads</c></summary>
    public override string ToString() => $"{Name}: {Architecture}, read at {ReadPosition}, text form {TextForm}, {Engine.Name}";
}
