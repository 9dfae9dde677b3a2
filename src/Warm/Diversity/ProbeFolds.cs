namespace Warm;

/// <summary>
/// Which pairs are held out together when heads are fitted: pairs with one prompt, and pairs that share a text, are in one fold, so that no head is ever judged by what it was fitted to.
/// </summary>
internal sealed class ProbeFolds
{
    private ProbeFolds(int[] of, int count, string? remark) => (Of, Count, Remark) = (of, count, remark);

    /// <summary>The fold of each pair, from 0.</summary>
    public IReadOnlyList<int> Of { get; }

    /// <summary>Number of folds.</summary>
    public int Count { get; }

    /// <summary>What a reader should know, or null.</summary>
    public string? Remark { get; }

    /// <summary>Deals groups of pairs out to at most <paramref name="most"/> folds of about equal size, the largest group first.</summary>
    public static ProbeFolds Make(IReadOnlyList<Preference> pairs, int most)
    {
        int[] groups = Groups(pairs, pair => [pair.Prompt is { Length: > 0 } prompt ? $"prompt {prompt}" : null, Text(pair.Chosen), Text(pair.Rejected)]);
        string? remark = null;
        if (groups.Max() == 0 && pairs.Count > 1)
        {
            remark = "all pairs hang together by one prompt or by shared texts: heads were judged by other pairs of it, which flatters, and no interval can be told";
            groups = Groups(pairs, pair => [Text(pair.Chosen), Text(pair.Rejected)]);
            if (groups.Max() == 0) groups = [.. Enumerable.Range(0, pairs.Count)];
        }
        if (pairs.Count == 1) remark = "one pair alone: no head can be fitted without it, and nothing can be told";
        int count = Math.Min(most, groups.Max() + 1);
        var sizes = new int[count];
        var fold = new Dictionary<int, int>();
        foreach (IGrouping<int, int> group in groups.GroupBy(g => g).OrderByDescending(g => g.Count()).ThenBy(g => g.Key))
        {
            int smallest = Array.IndexOf(sizes, sizes.Min());
            fold.Add(group.Key, smallest);
            sizes[smallest] += group.Count();
        }
        return new([.. groups.Select(g => fold[g])], count, remark);

        static string Text(Candidate text) => $"text {CandidateHash.Of(text)}";
    }

    /// <summary>Numbers of groups from 0: pairs with a key in common, or linked by others, are in one.</summary>
    private static int[] Groups(IReadOnlyList<Preference> pairs, Func<Preference, string?[]> keys)
    {
        int[] parent = [.. Enumerable.Range(0, pairs.Count)];
        int Root(int i)
        {
            while (parent[i] != i) i = parent[i] = parent[parent[i]];
            return i;
        }
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < pairs.Count; i++)
            foreach (string key in keys(pairs[i]).OfType<string>())
                if (!first.TryAdd(key, i)) parent[Root(i)] = Root(first[key]);
        var numbers = new Dictionary<int, int>();
        return [.. Enumerable.Range(0, pairs.Count).Select(i => numbers.TryGetValue(Root(i), out int n) ? n : numbers[Root(i)] = numbers.Count)];
    }
}
