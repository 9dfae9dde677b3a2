namespace Warm.Transformers;

/// <summary>Rows of a table, widened: [ids, columns].</summary>
internal static unsafe class Embedding
{
    public static void Forward(CpuWeight table, ReadOnlySpan<int> ids, float* y)
    {
        foreach (int id in ids)
            if ((uint)id >= (uint)table.Rows) throw new ArgumentOutOfRangeException(nameof(ids), id, $"{table} has {table.Rows} rows.");
        for (int i = 0; i < ids.Length; i++) table.Widen((long)ids[i] * table.Columns, table.Columns, y + (long)i * table.Columns);
    }
}
