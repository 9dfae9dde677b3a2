namespace Warm.Transformers;

/// <summary>Case-insensitive matching by full folding: (?i:s) also matches ſ, (?i:k) the Kelvin sign, (?i:ss) matches ß and the other way round.</summary>
internal static class CaseFolding
{
    private static readonly Dictionary<int, int[]> s_fold = UnicodeTables.Map("fold");
    private static readonly ILookup<int, int> s_same = s_fold.Where(e => e.Value.Length == 1).ToLookup(e => e.Value[0], e => e.Key);
    private static readonly ILookup<string, int> s_long = s_fold.Where(e => e.Value.Length > 1).ToLookup(e => string.Join(' ', e.Value), e => e.Key);

    /// <summary>What a point folds to, itself where that is several points or nothing.</summary>
    public static int Fold(int point) => s_fold.TryGetValue(point, out int[]? folded) && folded.Length == 1 ? folded[0] : point;

    /// <summary>The set with all points that fold as one of its points does.</summary>
    public static CodePointSet Close(CodePointSet set)
    {
        var more = new List<(int, int)>();
        foreach (IGrouping<int, int> same in s_same)
            if (set.Contains(same.Key) || same.Any(set.Contains))
                more.AddRange(same.Append(same.Key).Select(point => (point, point)));
        return set.Union(CodePointSet.Of(more));
    }

    /// <summary>Neighbouring literals that one character folds to become a choice: the literals or that character; and a character that folds to several, too.</summary>
    public static List<RegexNode> JoinLiterals(List<RegexNode> items)
    {
        var joined = new List<RegexNode>();
        for (int i = 0; i < items.Count; i++)
        {
            RegexNode item = items[i];
            if (item is RegexNode.One { Literal: >= 0 } one)
            {
                if (s_fold.TryGetValue(one.Literal, out int[]? parts) && parts.Length > 1)
                    item = Pair([.. parts.Select(part => new RegexNode.One(Close(CodePointSet.Of((part, part))), part))], string.Join(' ', parts));
                else
                    for (int length = 3; length >= 2; length--)
                    {
                        RegexNode[] run = [.. items.Skip(i).Take(length).TakeWhile(n => n is RegexNode.One { Literal: >= 0 })];
                        string folded = string.Join(' ', run.Select(n => Fold(((RegexNode.One)n).Literal)));
                        if (run.Length < length || !s_long.Contains(folded)) continue;
                        item = Pair(run, folded);
                        i += length - 1;
                        break;
                    }
            }
            joined.Add(item);
        }
        return joined;

        static RegexNode.Choice Pair(RegexNode[] run, string folded) => new([new RegexNode.Sequence(run), new RegexNode.One(CodePointSet.Of(s_long[folded].Select(p => (p, p))))]);
    }
}
