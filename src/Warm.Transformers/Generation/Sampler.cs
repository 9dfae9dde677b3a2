namespace Warm.Transformers;

/// <summary>
/// Draws responses token by token: a pass over the prompts fills the cache of keys and values, then every pass computes one token of each response that goes on. The number that decides token t of
/// response i is a function of seed + i and t alone.
/// </summary>
internal sealed class Sampler(LanguageTransformer model, Engine engine, SequenceReader reader, IReadOnlyList<int> endIds, SamplingOptions options)
{
    /// <summary>A response that is being drawn.</summary>
    private sealed class Draft(int sequence, int[] prompt, ulong stream, ResponseText text)
    {
        public int Sequence => sequence;
        public int[] Prompt => prompt;
        public ulong Stream => stream;
        public ResponseText Text => text;
        public List<int> Ids { get; } = [];
        public List<float> LogProbabilities { get; } = [];
    }

    /// <summary>Draws a response to each prompt, so many together, and tells every token.</summary>
    public void Run(IReadOnlyList<int[]> prompts, Action<DrawnToken> drawn, CancellationToken cancellation)
    {
        using PassCancellation.Scope scope = PassCancellation.By(cancellation);
        options.Check();
        Tokenizer? tokenizer = reader.HasTokenizer ? reader.Tokenizer : null;
        if (tokenizer is null && options.StopTexts.Count > 0) throw new WarmException("sampling options", "stop texts are asked for and the folder has no tokenizer", "end ids: LanguageModelOptions.EndIds");
        for (int first = 0; first < prompts.Count; first += options.Together)
        {
            Draft[] drafts = [.. Enumerable.Range(first, Math.Min(options.Together, prompts.Count - first))
                .Select(i => new Draft(i, prompts[i], CountedRandom.Stream(unchecked(options.Seed + i), "response", 0), new ResponseText(tokenizer, options.StopTexts)))];
            Run(drafts, drawn, cancellation);
        }
    }

    private void Run(Draft[] drafts, Action<DrawnToken> drawn, CancellationToken cancellation)
    {
        bool share = model.Architecture.SharesBeginnings;
        using var cache = new KeyValueCache(engine);
        bool cached = options.Cache && share; // where a token's keys depend on the length of its text, every token is computed anew
        List<int> going = [.. Enumerable.Range(0, drafts.Length)];
        for (bool begun = false; going.Count > 0; begun = true)
        {
            cancellation.ThrowIfCancellationRequested();
            using EngineTensor states = cached && begun ? Next() : First();
            cached &= cache.Attentions > 0; // a model that does not ask for SelfAttention cannot go on with its texts
            Take(states, drafts, going, drawn);
        }

        EngineTensor First()
        {
            IReadOnlyList<int>[] texts = [.. going.Select(i => (IReadOnlyList<int>)(int[])[.. drafts[i].Prompt, .. drafts[i].Ids])];
            BatchLayout layout = cached ? cache.Begin(texts, share) : BatchLayout.Of(texts, share);
            return model.Architecture.Hidden(layout, [.. texts.Select((text, n) => layout.RowOf(n, text.Count - 1))], null, cancellation);
        }

        EngineTensor Next() => model.Architecture.Hidden(cache.Continue(going, [.. going.Select(i => drafts[i].Ids[^1])]), null, null, cancellation);
    }

    /// <summary>Chooses a token for each draft that goes on, tells it, and takes finished drafts off the list.</summary>
    private void Take(EngineTensor states, Draft[] drafts, List<int> going, Action<DrawnToken> drawn)
    {
        using EngineTensor logits = model.Head.Logits(states); // [going, vocabulary]
        float[] values = new float[checked(logits.Rows * logits.Columns)];
        engine.Download(logits, values);
        var chosen = new (int Id, float LogProbability)[going.Count];
        Work.Run(Environment.ProcessorCount, chosen.Length, n => chosen[n] = TokenChoice.Choose(values.AsSpan(n * logits.Columns, logits.Columns), options, CountedRandom.At(drafts[going[n]].Stream, drafts[going[n]].Ids.Count)));
        int room = model.Architecture.PositionTable ?? int.MaxValue;
        for (int n = 0; n < chosen.Length; n++)
        {
            Draft draft = drafts[going[n]];
            (int id, float logProbability) = chosen[n];
            draft.Ids.Add(id);
            draft.LogProbabilities.Add(logProbability);
            bool end = endIds.Contains(id), full = draft.Ids.Count >= options.MaxTokens || draft.Prompt.Length + draft.Ids.Count >= room;
            (string added, bool stopped) = draft.Text.Take(end ? draft.Ids[..^1] : draft.Ids, end || full);
            DrawnResponse? response = !(end || stopped || full) ? null : new DrawnResponse
            {
                Prompt = draft.Prompt, Ids = draft.Ids, LogProbabilities = draft.LogProbabilities, Text = draft.Text.Text, Stop = end ? StopReason.EndToken : stopped ? StopReason.StopText : StopReason.Length,
            };
            drawn(new DrawnToken(draft.Sequence, id, added, logProbability, response));
            if (response is not null) going[n] = -1;
        }
        going.RemoveAll(i => i < 0);
    }
}
