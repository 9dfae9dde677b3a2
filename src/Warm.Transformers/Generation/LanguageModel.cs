using System.Threading.Channels;

namespace Warm.Transformers;

/// <summary>
/// A causal language model in memory: how probable it finds a response, and responses drawn from it. Made from any <see cref="Weights"/>: a checkpoint, an adapter on its base, or an average
/// that was never written (the average of two SFT models is SALSA's reference: arXiv:2411.01798). Serves many threads at once.
/// </summary>
/// <remarks>
/// A log-probability and a drawn token depend on nothing else in the call: their bits are the same alone, in any company, on any number of threads, with the cache of keys and values
/// or without (on <see cref="CpuEngine"/>, within one kernel).
/// <para>Memory: what <see cref="LanguageModelOptions.Residency"/> says; an embedding that serves as the head too is read twice where weights are computed or copied; activations as in <see cref="RewardModel"/>;
/// logits of 4,096 tokens of the vocabulary at a time for log-probabilities, of a whole row for each response that is being drawn; a cache of 2 x layers x key columns singles a token.</para>
/// </remarks>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class LanguageModel : IDisposable, IRichDisplay
{
    private readonly LanguageTransformer _transformer;
    private readonly SequenceReader _reader;
    private readonly Weights _weights;
    private readonly LanguageModelOptions _options;

    private LanguageModel(Weights weights, Engine engine, LanguageTransformer transformer, LanguageModelOptions options)
    {
        (_weights, Engine, _transformer, _options) = (weights, engine, transformer, options);
        _reader = new SequenceReader(weights.Folder!, transformer.Architecture, options.TextForm, options.Tokenizer);
        EndIds = options.EndIds ?? _reader.EndIds();
    }

    /// <summary>Loads a model. What does not fit config.json, an architecture that is not built, a head that is missing and not tied: all refused, before anything is read.</summary>
    /// <param name="weights">A checkpoint, an average, an adapter on its base. They must stay open while the model is used, if they are streamed.</param>
    /// <param name="engine">What computes; null (default) for a <see cref="CpuEngine"/> on all cores.</param>
    /// <param name="options">Residency, text form, end tokens; null for the defaults.</param>
    /// <exception cref="WarmException">The weights are no causal language model that is built here; an average whose members turn out to be strangers or to hold NaN.</exception>
    public static LanguageModel Load(Weights weights, Engine? engine = null, LanguageModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        options ??= LanguageModelOptions.Default;
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TokensPerPass, 1, nameof(options));
        engine ??= new CpuEngine();
        LanguageTransformer transformer = Architectures.LoadLanguage(weights, engine, options.Residency);
        try
        {
            return new LanguageModel(weights, engine, transformer, options);
        }
        catch
        {
            transformer.Dispose();
            throw;
        }
    }

    /// <summary>What the weights are called.</summary>
    public string Name => _weights.Name;

    /// <summary>The class that config.json names: <c>LlamaForCausalLM</c>.</summary>
    public string Architecture => _transformer.Name;

    /// <summary>What computes.</summary>
    public Engine Engine { get; }

    /// <summary>Number of ids: a text's ids are 0 .. VocabularySize - 1.</summary>
    public int VocabularySize => _transformer.Architecture.VocabularySize;

    /// <summary>Whether the embedding serves as the head.</summary>
    public bool IsTied => _transformer.Head.IsTied;

    /// <summary>How prompt and response become text.</summary>
    public TextForm TextForm => _reader.TextForm;

    /// <summary>The tokenizer: the folder's, read when first asked for, unless the options give one. A folder without one still takes ids.</summary>
    public Tokenizer Tokenizer => _reader.Tokenizer;

    /// <summary>The ids that end a response; empty where nothing names any.</summary>
    public IReadOnlyList<int> EndIds { get; }

    /// <summary>What a reader should know of the model: keys that are not known. Empty where nothing is odd.</summary>
    public IReadOnlyList<string> Remarks => [.. _weights.Remarks.Concat(_transformer.Remarks).Distinct()];

    /// <summary>
    /// A candidate's prompt and response as ids. The response begins at the first token in which prompt + response differs from the prompt alone (TRL's rule; a template's prompt ends with the beginning
    /// of the assistant's turn); without a template it ends with the end-of-text token. A bare text, and bare ids, count as response from the second token on.
    /// </summary>
    public TokenSequence Read(Candidate candidate) => _reader.Read(candidate);

    /// <summary>
    /// What the model goes on from, as ids: a bare text, ids, a conversation (through the template, with the beginning of the assistant's turn, or with its last turn left open where that is the
    /// assistant's), or a prompt with the beginning of its response, which may be empty.
    /// </summary>
    public IReadOnlyList<int> ReadPrompt(Candidate candidate) => _reader.ReadPrompt(candidate);

    /// <summary>How probable the model finds each response, in the order of the sequences. Prompts that begin alike are computed once.</summary>
    /// <param name="sequences">Prompts and responses; may be empty.</param>
    /// <param name="progress">Told the number of sequences done so far.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    /// <exception cref="WarmException">An id outside the vocabulary, an empty prompt, a text beyond the position table; names the sequence by its id or number.</exception>
    public IReadOnlyList<ResponseLogProbability> LogProbabilities(IReadOnlyList<TokenSequence> sequences, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        using PassCancellation.Scope scope = PassCancellation.By(cancellation);
        bool share = _transformer.Architecture.SharesBeginnings;
        int[][] texts = new int[sequences.Count][];
        for (int i = 0; i < texts.Length; i++)
        {
            TokenSequence sequence = _reader.Checked(sequences[i], sequences[i].Id ?? FormattableString.Invariant($"sequence {i + 1}"));
            // The last token predicts nothing that is asked for, so it is not computed, unless the rotation depends on the text's length; an empty response needs one token all the same.
            int[] all = [.. sequence.Prompt, .. sequence.Response];
            texts[i] = sequence.Response.Count == 0 ? all[..1] : share ? all[..^1] : all;
        }
        var results = new ResponseLogProbability[texts.Length];
        int done = 0;
        foreach (int[] pass in TokenPasses.Of(texts, share, _options.TokensPerPass))
        {
            cancellation.ThrowIfCancellationRequested();
            BatchLayout layout = BatchLayout.Of([.. pass.Select(i => texts[i])], share);
            var rows = new List<int>();
            var ids = new List<int>();
            for (int n = 0; n < pass.Length; n++)
            {
                TokenSequence sequence = sequences[pass[n]];
                for (int t = 0; t < sequence.Response.Count; t++)
                {
                    rows.Add(layout.RowOf(n, sequence.Prompt.Count - 1 + t));
                    ids.Add(sequence.Response[t]);
                }
            }
            float[] values = new float[rows.Count];
            if (rows.Count > 0)
            {
                using EngineTensor states = _transformer.Architecture.Hidden(layout, rows, null, cancellation); // [response tokens, hidden]
                using EngineTensor logProbabilities = _transformer.Head.LogProbabilities(states, ids.ToArray()); // [response tokens, 1]
                Engine.Download(logProbabilities, values);
            }
            for (int n = 0, at = 0; n < pass.Length; n++)
            {
                int count = sequences[pass[n]].Response.Count;
                results[pass[n]] = new ResponseLogProbability { Id = sequences[pass[n]].Id, Tokens = values[at..(at += count)] };
            }
            progress?.Report(done += pass.Length);
        }
        return results;
    }

    /// <summary>How probable the model finds each candidate's response: <see cref="Read"/>, then the same for its ids.</summary>
    public IReadOnlyList<ResponseLogProbability> LogProbabilities(IReadOnlyList<Candidate> candidates, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        return LogProbabilities([.. candidates.Select(Read)], progress, cancellation);
    }

    /// <summary>Draws a response to each prompt.</summary>
    /// <param name="prompts">What is gone on from, as <see cref="ReadPrompt"/> reads it; one prompt several times gives several responses, and its keys are computed once.</param>
    /// <param name="options">Temperature, top-p, seed, lengths; null for the defaults.</param>
    /// <param name="progress">Told the number of responses that are finished.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    /// <exception cref="WarmException">A prompt that cannot be read, an id outside the vocabulary, options out of range.</exception>
    public IReadOnlyList<DrawnResponse> Generate(IReadOnlyList<Candidate> prompts, SamplingOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        int done = 0;
        DrawnResponse[] responses = new DrawnResponse[prompts.Count];
        Sample(prompts, options, token =>
        {
            if (token.Response is not { } response) return;
            responses[token.Sequence] = response;
            progress?.Report(++done);
        }, cancellation);
        return responses;
    }

    /// <summary>Draws a response to each prompt and gives every token as it comes. Who stops reading stops the drawing.</summary>
    /// <param name="prompts">What is gone on from, as in <see cref="Generate"/>; the same options give the same tokens.</param>
    /// <param name="options">Temperature, top-p, seed, lengths; null for the defaults.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    public async IAsyncEnumerable<DrawnToken> StreamAsync(IReadOnlyList<Candidate> prompts, SamplingOptions? options = null, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var tokens = Channel.CreateUnbounded<DrawnToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        Task drawing = Task.Run(() =>
        {
            try
            {
                Sample(prompts, options, token => tokens.Writer.TryWrite(token), stop.Token);
                tokens.Writer.Complete();
            }
            catch (Exception error)
            {
                tokens.Writer.Complete(error);
            }
        }, CancellationToken.None);
        try
        {
            await foreach (DrawnToken token in tokens.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false)) yield return token;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await drawing.ConfigureAwait(false);
        }
    }

    private void Sample(IReadOnlyList<Candidate> prompts, SamplingOptions? options, Action<DrawnToken> drawn, CancellationToken cancellation) =>
        new Sampler(_transformer, Engine, _reader, EndIds, options ?? SamplingOptions.Default).Run([.. prompts.Select(_reader.ReadPrompt)], drawn, cancellation);

    /// <summary>Gives the weights back. What is being computed must be waited for first.</summary>
    public void Dispose() => _transformer.Dispose();

    string IRichDisplay.ToHtml() => HtmlTable.Line(this) + HtmlTable.Remarks(Remarks);

    /// <summary><c>runs/sft: LlamaForCausalLM, text form template, cpu avx512, 2 threads</c></summary>
    public override string ToString() => $"{Name}: {Architecture}, text form {TextForm}, {Engine.Name}";
}
