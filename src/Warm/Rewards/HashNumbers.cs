namespace Warm;

/// <summary>
/// Numbers of distinct texts, from 0 in the order in which they come. A text is known by 96 bits of its SHA-256 (two of ten million texts are alike by chance once in 10^15 files); itself it is not kept,
/// for it may have pages and there may be millions. Memory: 21 to 43 bytes a text, in 4,096 small tables: one large one would hold its old and its new entries each time it grows.
/// </summary>
internal sealed class HashNumbers
{
    /// <summary>A place of a table; empty where <see cref="Next"/> is 0.</summary>
    /// <param name="Hash">The first 64 bits.</param>
    /// <param name="More">The next 32.</param>
    /// <param name="Next">The number, and one.</param>
    private readonly record struct Entry(ulong Hash, uint More, int Next);

    private const int Tables = 4096;
    private readonly Entry[]?[] _tables = new Entry[]?[Tables];
    private readonly int[] _counts = new int[Tables];

    /// <summary>Distinct texts so far.</summary>
    public int Count { get; private set; }

    /// <summary>The number of a text.</summary>
    /// <param name="hash">As <see cref="CandidateHash"/> gives it.</param>
    /// <param name="isNew">Whether it came for the first time.</param>
    public int Of((ulong, ulong) hash, out bool isNew)
    {
        int which = (int)(hash.Item1 % Tables);
        Entry[] table = _tables[which] ??= new Entry[8];
        int place = Place(table, hash.Item1, (uint)hash.Item2);
        isNew = table[place].Next == 0;
        if (!isNew) return table[place].Next - 1;
        table[place] = new(hash.Item1, (uint)hash.Item2, ++Count);
        if (++_counts[which] > table.Length * 3 / 4) _tables[which] = Grown(table);
        return Count - 1;
    }

    /// <summary>Where a hash stands, or the empty place where it would.</summary>
    private static int Place(Entry[] table, ulong hash, uint more)
    {
        int place = (int)(hash / Tables) & table.Length - 1; // lengths are powers of two
        while (table[place].Next != 0 && (table[place].Hash != hash || table[place].More != more)) place = place + 1 & table.Length - 1;
        return place;
    }

    private static Entry[] Grown(Entry[] table)
    {
        var larger = new Entry[2 * table.Length];
        foreach (Entry entry in table) if (entry.Next != 0) larger[Place(larger, entry.Hash, entry.More)] = entry;
        return larger;
    }
}
