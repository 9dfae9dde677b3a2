namespace Warm.Transformers;

/// <summary>
/// Texts in passes of a bounded number of rows, so that each weight is used once a pass. Where texts may share their beginnings, texts that begin alike go into one pass; else the longest go first.
/// </summary>
internal static class TokenPasses
{
    /// <summary>Numbers of texts in groups of at most so many rows, or one text that is longer.</summary>
    public static IEnumerable<int[]> Of(IReadOnlyList<IReadOnlyList<int>> texts, bool share, int tokensPerPass)
    {
        int[] order = [.. Enumerable.Range(0, texts.Count)];
        if (share) Array.Sort(order, (a, b) => Compare(texts[a], texts[b]) is not 0 and var by ? by : a.CompareTo(b));
        else Array.Sort(order, (a, b) => texts[b].Count.CompareTo(texts[a].Count) is not 0 and var by ? by : a.CompareTo(b));
        var pass = new List<int>();
        int rows = 0;
        foreach (int i in order)
        {
            int more = texts[i].Count - (share && pass.Count > 0 ? Common(texts[pass[^1]], texts[i]) : 0);
            if (pass.Count > 0 && rows + more > tokensPerPass)
            {
                yield return [.. pass];
                pass.Clear();
                (rows, more) = (0, texts[i].Count);
            }
            pass.Add(i);
            rows += more;
        }
        if (pass.Count > 0) yield return [.. pass];
    }

    /// <summary>How many ids two texts begin with alike.</summary>
    public static int Common(IReadOnlyList<int> a, IReadOnlyList<int> b)
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
