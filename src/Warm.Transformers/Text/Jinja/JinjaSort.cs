namespace Warm.Transformers;

/// <summary>Python's sort: stable, by <c>&lt;</c> alone, so that its errors are the language's.</summary>
internal static class JinjaSort
{
    public static List<T> Sorted<T>(JinjaRun run, IEnumerable<T> items, Func<T, JinjaValue> key, bool reverse)
    {
        (JinjaValue Key, T Item)[] from = [.. items.Select(i => (key(i), i))];
        if (reverse) Array.Reverse(from); // equal items keep their order in a reversed sort too
        var to = new (JinjaValue, T)[from.Length];
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int begin = 0; begin < from.Length; begin += 2 * width) Merge(run, from, to, begin, Math.Min(begin + width, from.Length), Math.Min(begin + 2 * width, from.Length));
            (from, to) = (to, from);
        }
        List<T> sorted = [.. from.Select(f => f.Item)];
        if (reverse) sorted.Reverse();
        return sorted;
    }

    private static void Merge<T>(JinjaRun run, (JinjaValue Key, T)[] from, (JinjaValue, T)[] to, int left, int middle, int end)
    {
        int right = middle;
        for (int i = left; i < end; i++)
            to[i] = left < middle && (right >= end || !JinjaOperators.Less(run, from[right].Key, from[left].Key)) ? from[left++] : from[right++];
    }
}
