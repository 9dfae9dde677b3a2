namespace Warm.Transformers;

/// <summary>A <see cref="BucketBias"/> written out for one call: for each head the bias of every distance query - key that can occur, in the order of the distances, so that the queries of a tile find theirs side by side.</summary>
internal sealed unsafe class DistanceBias : IDisposable
{
    private readonly CpuMemory _memory;
    private readonly int _distances, _lastKey;

    /// <param name="form">The table and the rule.</param>
    /// <param name="heads">Number of query heads.</param>
    /// <param name="queries">The texts of the queries.</param>
    /// <param name="keys">The texts of the keys.</param>
    /// <param name="tile">Queries are taken that many at a time,</param>
    /// <param name="block">and keys that many, beyond a text's end too.</param>
    public DistanceBias(BucketBias form, int heads, BatchLayout queries, BatchLayout keys, int tile, int block)
    {
        _lastKey = (keys.Longest + block - 1) / block * block;
        _distances = queries.Longest + tile + _lastKey;
        var table = (CpuWeight)form.Table;
        using CpuMemory values = table.Vector();
        _memory = new CpuMemory((long)heads * _distances);
        for (int d = 0; d < _distances; d++)
        {
            int bucket = form.BucketOf(_lastKey - d);
            if ((uint)bucket >= (uint)table.Rows) throw new ArgumentOutOfRangeException(nameof(form), bucket, $"{table} has {table.Rows} rows.");
            for (int head = 0; head < heads; head++) _memory.Pointer[(long)head * _distances + d] = values.Pointer[bucket * heads + head];
        }
        GC.KeepAlive(table);
    }

    /// <summary>A head's bias of a query and a key; those of later queries follow, those of later keys precede.</summary>
    public float* Of(int head, int query, int key) => _memory.Pointer + (long)head * _distances + query - key + _lastKey;

    public void Dispose() => _memory.Dispose();
}
