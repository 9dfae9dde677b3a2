namespace Warm.Transformers;

/// <summary>A text and where it is cut into pieces: pieces are in order, not empty, and may leave parts of the text out.</summary>
internal sealed class PieceList(AlignedText text)
{
    public AlignedText Text { get; set; } = text;
    public List<(int Start, int End)> Cuts { get; set; } = text.Length > 0 ? [(0, text.Length)] : [];

    /// <summary>Cuts every piece at the matches of a pattern.</summary>
    public void Split(TextPattern pattern, SplitBehavior behavior, bool invert)
    {
        var cuts = new List<(int, int)>(Cuts.Count * 2);
        var matches = new List<(int Start, int End)>();
        var parts = new List<(int Start, int End, bool Match)>();
        foreach ((int start, int end) in Cuts)
        {
            matches.Clear();
            pattern.Matches(Text.Units[start..end], matches);
            parts.Clear();
            int last = 0;
            foreach ((int from, int to) in matches)
            {
                if (from > last) parts.Add((last, from, invert));
                parts.Add((from, to, !invert));
                last = to;
            }
            if (last < end - start) parts.Add((last, end - start, invert));
            Arrange(parts, behavior, start, cuts);
        }
        Cuts = cuts;
    }

    /// <summary>Cuts every piece at the code points of a set, each a match of its own.</summary>
    public void Split(CodePointSet set, SplitBehavior behavior)
    {
        var cuts = new List<(int, int)>(Cuts.Count * 2);
        var parts = new List<(int Start, int End, bool Match)>();
        foreach ((int start, int end) in Cuts)
        {
            parts.Clear();
            int last = start;
            for (int at = start; at < end;)
            {
                int point = Text.PointAt(at, out int width);
                if (set.Contains(point))
                {
                    if (at > last) parts.Add((last, at, false));
                    parts.Add((at, last = at + width, true));
                }
                at += width;
            }
            if (last < end) parts.Add((last, end, false));
            Arrange(parts, behavior, 0, cuts);
        }
        Cuts = cuts;
    }

    private static void Arrange(List<(int Start, int End, bool Match)> parts, SplitBehavior behavior, int shift, List<(int, int)> cuts)
    {
        int first = cuts.Count;
        bool before = false;
        switch (behavior)
        {
            case SplitBehavior.Removed:
                foreach ((int start, int end, bool match) in parts) if (!match) Add(start, end);
                break;
            case SplitBehavior.Isolated:
                foreach ((int start, int end, _) in parts) Add(start, end);
                break;
            case SplitBehavior.Contiguous or SplitBehavior.MergedWithPrevious:
                foreach ((int start, int end, bool match) in parts)
                {
                    bool merge = behavior == SplitBehavior.Contiguous ? match == before : match && !before;
                    if (merge && cuts.Count > first) cuts[^1] = (cuts[^1].Item1, end + shift);
                    else cuts.Add((start + shift, end + shift));
                    before = match;
                }
                break;
            default:
                for (int i = parts.Count - 1; i >= 0; i--)
                {
                    (int start, int end, bool match) = parts[i];
                    if (match && !before && cuts.Count > first) cuts[^1] = (start + shift, cuts[^1].Item2);
                    else cuts.Add((start + shift, end + shift));
                    before = match;
                }
                cuts.Reverse(first, cuts.Count - first);
                break;
        }
        if (behavior is not (SplitBehavior.Removed or SplitBehavior.Isolated))
        {
            int kept = first;
            for (int i = first; i < cuts.Count; i++) if (cuts[i].Item2 > cuts[i].Item1) cuts[kept++] = cuts[i];
            cuts.RemoveRange(kept, cuts.Count - kept);
        }

        void Add(int start, int end)
        {
            if (end > start) cuts.Add((start + shift, end + shift));
        }
    }
}

/// <summary>What becomes of the matches at which a text is cut.</summary>
internal enum SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous }
