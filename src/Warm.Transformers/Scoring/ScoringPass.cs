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
        bool share = shareBeginnings && model.Architecture.SharesBeginnings;
        float[][] results = new float[texts.Count][];
        int done = 0;
        foreach (int[] pass in Passes(texts, share, tokensPerPass))
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

    /// <summary>Texts in groups of at most so many rows, or one text that is longer.</summary>
    private static IEnumerable<int[]> Passes(IReadOnlyList<EncodedText> texts, bool share, int tokensPerPass)
    {
        int[] order = [.. Enumerable.Range(0, texts.Count)];
        if (share) Array.Sort(order, (a, b) => Compare(texts[a].Ids, texts[b].Ids) is not 0 and var by ? by : a.CompareTo(b));
        else Array.Sort(order, (a, b) => texts[b].Ids.Count.CompareTo(texts[a].Ids.Count) is not 0 and var by ? by : a.CompareTo(b));
        var pass = new List<int>();
        int rows = 0;
        foreach (int i in order)
        {
            int more = texts[i].Ids.Count - (share && pass.Count > 0 ? Common(texts[pass[^1]].Ids, texts[i].Ids) : 0);
            if (pass.Count > 0 && rows + more > tokensPerPass)
            {
                yield return [.. pass];
                pass.Clear();
                (rows, more) = (0, texts[i].Ids.Count);
            }
            pass.Add(i);
            rows += more;
        }
        if (pass.Count > 0) yield return [.. pass];
    }

    private static int Common(IReadOnlyList<int> a, IReadOnlyList<int> b)
    {
        int n = 0, shorter = Math.Min(a.Count, b.Count);
        while (n < shorter && a[n] == b[n]) n++;
        return n;
    }

    private static int Compare(IReadOnlyList<int> a, IReadOnlyList<int> b)
    {
        int n = Common(a, b);
        return n < Math.Min(a.Count, b.Count) ? a[n].CompareTo(b[n]) : a.Count.CompareTo(b.Count);
    }
}
