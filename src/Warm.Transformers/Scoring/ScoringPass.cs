namespace Warm.Transformers;

/// <summary>
/// Runs texts through a model in passes of a bounded number of rows: each weight is used once a pass. Where texts may share their beginnings, texts that begin alike go into
/// one pass; else the longest go first. Results come in the order of the texts.
/// </summary>
internal static class ScoringPass
{
    /// <summary>
    /// The head's outputs of each text, or with <paramref name="features"/> what enters the head's last layer. Beginnings are shared where the architecture allows it, unless
    /// <paramref name="shareBeginnings"/> is false.
    /// </summary>
    public static float[][] Run(Transformer model, Engine engine, IReadOnlyList<EncodedText> texts, int tokensPerPass, IProgress<int>? progress, CancellationToken cancellation, bool shareBeginnings = true, bool features = false)
    {
        using PassCancellation.Scope scope = PassCancellation.By(cancellation);
        bool share = shareBeginnings && model.Architecture.SharesBeginnings;
        float[][] results = new float[texts.Count][];
        int done = 0;
        foreach (int[] pass in TokenPasses.Of([.. texts.Select(text => text.Ids)], share, tokensPerPass))
        {
            cancellation.ThrowIfCancellationRequested();
            BatchLayout layout = BatchLayout.Of([.. pass.Select(i => texts[i].Ids)], share, pass.Any(i => texts[i].TypeIds is not null) ? [.. pass.Select(i => texts[i].TypeIds)] : null);
            using EngineTensor states = model.Head.Position == RewardPosition.Mean ? Mean(layout)
                : model.Architecture.Hidden(layout, [.. pass.Select((i, n) => layout.RowOf(n, texts[i].ReadAt))], null, cancellation); // [texts, hidden]
            using EngineTensor rewards = features ? model.Head.Features(states) : model.Head.Apply(states); // [texts, labels], or [texts, width of the last layer's input]
            float[] values = new float[rewards.Rows * rewards.Columns];
            engine.Download(rewards, values);
            for (int n = 0; n < pass.Length; n++) results[pass[n]] = values[(n * rewards.Columns)..((n + 1) * rewards.Columns)];
            progress?.Report(done += pass.Length);
        }
        return results;

        EngineTensor Mean(BatchLayout layout)
        {
            using EngineTensor all = model.Architecture.Hidden(layout, null, null, cancellation);
            return engine.MeanRows(all, layout);
        }
    }
}
