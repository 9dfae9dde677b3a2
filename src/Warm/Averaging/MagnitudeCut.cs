namespace Warm;

/// <summary>
/// Where the largest or smallest of many magnitudes end, found without sorting or keeping them: the bits of a magnitude are counted sixteen at a time (a number's bits, its sign apart, order
/// as the number does), each time in a reading of their own, until few enough are left to sort. At most five readings, usually two; 9 MB whatever their number.
/// </summary>
internal static class MagnitudeCut
{
    /// <summary>So many are gathered and sorted.</summary>
    internal const int FewEnough = 1 << 20;

    private const int Block = TensorValues.Block;

    /// <summary>Reads some of the values; signs do not matter.</summary>
    public delegate void Reader(long start, Span<double> values);

    /// <summary>A magnitude and a place among those that equal it.</summary>
    /// <param name="Key">The magnitude's bits.</param>
    /// <param name="Index">The first of its equals that lies on the other side.</param>
    public readonly record struct Cut(ulong Key, long Index)
    {
        /// <summary>For <see cref="Largest"/>: whether a value is among them.</summary>
        public bool IsAmongLargest(double value, long index)
        {
            ulong key = KeyOf(value);
            return key > Key || (key == Key && index < Index);
        }

        /// <summary>For <see cref="Smallest"/>: whether a value is among them.</summary>
        public bool IsAmongSmallest(double value, long index)
        {
            ulong key = KeyOf(value);
            return key < Key || (key == Key && index < Index);
        }
    }

    /// <summary>The <paramref name="keep"/> largest of <paramref name="count"/> magnitudes; of equal ones the lowest index first.</summary>
    public static Cut Largest(long count, long keep, Reader read, int few = FewEnough)
    {
        if (keep <= 0) return new(ulong.MaxValue, 0);
        if (keep >= count) return new(0, long.MaxValue);
        (ulong key, long below, long equal) = At(count, count - keep, read, few);
        return new(key, Equal(count, key, keep - (count - below - equal), equal, read));
    }

    /// <summary>The <paramref name="take"/> smallest of <paramref name="count"/> magnitudes; of equal ones the lowest index first.</summary>
    public static Cut Smallest(long count, long take, Reader read, int few = FewEnough)
    {
        if (take <= 0) return new(0, 0);
        if (take >= count) return new(ulong.MaxValue, long.MaxValue);
        (ulong key, long below, long equal) = At(count, take, read, few);
        return new(key, Equal(count, key, take - below, equal, read));
    }

    private static ulong KeyOf(double value) => BitConverter.DoubleToUInt64Bits(value) & ~(1UL << 63);

    /// <summary>The magnitude of an ascending rank, how many are smaller, and how many equal it.</summary>
    private static (ulong Key, long Below, long Equal) At(long count, long rank, Reader read, int few)
    {
        ulong prefix = 0; // the bits that are settled
        int settled = 63; // how many are not
        long below = 0, left = count;
        while (left > few && settled > 0)
        {
            int shift = Math.Max(0, settled - 16), before = settled;
            var histogram = new long[1 << 16];
            ulong begins = prefix;
            Each(count, read, (_, values) =>
            {
                foreach (double value in values)
                    if (KeyOf(value) is var key && key >> before == begins) histogram[(int)(key >> shift) & ((1 << (before - shift)) - 1)]++;
                return true;
            });
            int bucket = 0;
            while (below + histogram[bucket] <= rank) below += histogram[bucket++];
            prefix = (prefix << (before - shift)) | (uint)bucket;
            (settled, left) = (shift, histogram[bucket]);
        }
        if (settled == 0) return (prefix, below, left);
        List<ulong> keys = new((int)left);
        Each(count, read, (_, values) =>
        {
            foreach (double value in values)
                if (KeyOf(value) is var key && key >> settled == prefix) keys.Add(key);
            return true;
        });
        keys.Sort();
        ulong found = keys[(int)(rank - below)];
        int first = keys.IndexOf(found), last = keys.LastIndexOf(found);
        return (found, below + first, last - first + 1);
    }

    /// <summary>The index after the first <paramref name="take"/> values that equal a magnitude.</summary>
    private static long Equal(long count, ulong key, long take, long equal, Reader read)
    {
        if (take <= 0) return 0;
        if (take >= equal) return long.MaxValue;
        long end = 0;
        Each(count, read, (start, values) =>
        {
            for (int i = 0; take > 0 && i < values.Length; i++)
                if (KeyOf(values[i]) == key && --take == 0) end = start + i + 1;
            return take > 0;
        });
        return end;
    }

    /// <summary>Reads the values, a block at a time, for as long as they are wanted.</summary>
    private static void Each(long count, Reader read, Func<long, ReadOnlySpan<double>, bool> use)
    {
        var block = new double[(int)Math.Min(count, Block)];
        for (long start = 0; start < count; start += Block)
        {
            Span<double> values = block.AsSpan(0, (int)Math.Min(Block, count - start));
            read(start, values);
            if (!use(start, values)) return;
        }
    }
}
