using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// DeBERTa's attention, in the blocks of <see cref="Attention"/>: to a block's scores come, for each query and key, two numbers looked up by their distance. Those stand in two tables that are made
/// once: <c>q . KR</c> for a tile of queries [relative positions, queries], and <c>k . QR</c> for a block of keys.
/// </summary>
/// <remarks>
/// Only the relative positions that occur between the queries of a piece and their keys are computed. Every product is one chain over the head's components, and a score is
/// <c>q . k + (q . KR + k . QR)</c>, in that order: so a row has the same bits alone, in a batch and on any number of threads.
/// </remarks>
internal static unsafe class DisentangledAttention
{
    private const int KeyBlock = 64, ChunkRows = 512;

    /// <summary>Some consecutive queries of one text: tokens Start .. Start + Count - 1 of <paramref name="Length"/>, which lie from row <paramref name="Row"/> on.</summary>
    private readonly record struct Chunk(int Row, int Length, int Start, int Count);

    public static void Forward<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor? positionKeys, CpuTensor? positionQueries, CpuTensor result, DisentangledForm form, BatchLayout layout, int threads)
        where S : ISimd<V> where V : struct
    {
        var chunks = new List<Chunk>();
        int longest = layout.Longest;
        foreach (BatchLayout.Segment text in layout.Segments)
            for (int start = 0; start < text.Length; start += ChunkRows) chunks.Add(new(text.Row, text.Length, start, Math.Min(ChunkRows, text.Length - start)));
        bool[]? attended = layout.Attended.IsEmpty ? null : layout.Attended.ToArray();
        int positions = (positionKeys ?? positionQueries)?.Rows ?? 1;
        int[] rowOf = new int[2 * longest]; // of distance d - longest
        for (int d = 0; d < rowOf.Length; d++)
        {
            rowOf[d] = form.RowOf(d - longest);
            if (d > 0 && (uint)rowOf[d] >= (uint)positions) throw new ArgumentOutOfRangeException(nameof(form), rowOf[d], $"There are {positions} relative positions.");
        }
        Work.Run(threads, chunks.Count * form.Heads, piece =>
            Head<S, V>(queries, keys, values, positionKeys, positionQueries, result, form, attended, rowOf, longest, chunks[piece / form.Heads], piece % form.Heads));
    }

    private static void Head<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor? positionKeys, CpuTensor? positionQueries, CpuTensor result, DisentangledForm form,
        bool[]? attended, int[] rowOf, int longest, Chunk chunk, int head)
        where S : ISimd<V> where V : struct
    {
        int size = form.HeadSize, width = RoundUp(size, Tile.MixedRows), lanes = 2 * S.Lanes, column = head * size, blocks = (chunk.Length + KeyBlock - 1) / KeyBlock;
        // Distances of this piece run from its first query minus the last key to its last query minus the first key.
        int nearest = chunk.Start - (chunk.Length - 1), distances = chunk.Count + chunk.Length - 1;
        int firstRow = int.MaxValue, lastRow = 0;
        foreach (int row in rowOf.AsSpan(nearest + longest, distances)) (firstRow, lastRow) = (Math.Min(firstRow, row), Math.Max(lastRow, row));
        int panels = (lastRow - firstRow + lanes) / lanes, positions = panels * lanes;

        using var scratch = new CpuMemory((long)blocks * KeyBlock * (size + width + (positionQueries is null ? 0 : positions)) + 2L * positions * size + (long)lanes * (size + KeyBlock + width + positions + 5));
        float* packedKeys = scratch.Pointer, packedValues = packedKeys + (long)blocks * KeyBlock * size, keyTable = packedValues + (long)blocks * KeyBlock * width;
        float* packedPositions = keyTable + (positionQueries is null ? 0 : (long)blocks * KeyBlock * positions), query = packedPositions + (long)positions * size;
        float* scores = query + lanes * size, mixed = scores + lanes * KeyBlock, queryTable = mixed + lanes * width, largest = queryTable + (long)lanes * positions, sums = largest + lanes, factors = sums + lanes;
        float* from = factors + lanes, to = from + lanes, panel = to + lanes;

        for (int block = 0; block < blocks; block++)
        {
            int at = block * KeyBlock, count = Math.Min(KeyBlock, chunk.Length - at);
            float* blockValues = packedValues + (long)at * width;
            Panel.Transpose(keys.Pointer + (long)(chunk.Row + at) * keys.Columns + column, keys.Columns, count, size, packedKeys + (long)at * size, KeyBlock); // [size, 64]
            new Span<float>(blockValues, KeyBlock * width).Clear();
            for (int i = 0; i < count; i++)
                new ReadOnlySpan<float>(values.Pointer + (long)(chunk.Row + at + i) * values.Columns + column, size).CopyTo(new Span<float>(blockValues + i * width, size)); // [64, width]
        }
        int used = lastRow - firstRow + 1;
        if (positionQueries is not null)
            for (int p = 0; p < panels; p++) // each table's panel [64 keys, lanes of relative positions]
            {
                Panel.Transpose(positionQueries.Pointer + (long)(firstRow + p * lanes) * positionQueries.Columns + column, positionQueries.Columns, Math.Min(lanes, used - p * lanes), size, panel, lanes);
                Elementwise.Scale<S, V>(panel, (float)form.Scale, panel, lanes * size);
                for (int block = 0; block < blocks; block++)
                    Tile.Stack<S, V>(packedKeys + (long)block * KeyBlock * size, KeyBlock, panel, size, keyTable + ((long)block * panels + p) * KeyBlock * lanes, false);
            }
        if (positionKeys is not null)
            Panel.Transpose(positionKeys.Pointer + (long)firstRow * positionKeys.Columns + column, positionKeys.Columns, used, size, packedPositions, positions); // [size, positions]

        // Where a distance's two numbers lie: in the table of a tile's queries, and in the table of a block's keys.
        int[] inQueries = new int[distances], inKeys = new int[distances];
        for (int d = 0; d < distances; d++)
        {
            int position = rowOf[nearest + longest + d] - firstRow;
            (inQueries[d], inKeys[d]) = (position * lanes, position / lanes * KeyBlock * lanes + position % lanes);
        }

        for (int start = chunk.Start; start < chunk.Start + chunk.Count; start += lanes)
        {
            int rows = Math.Min(lanes, chunk.Start + chunk.Count - start);
            Panel.Transpose(queries.Pointer + (long)(chunk.Row + start) * queries.Columns + column, queries.Columns, rows, size, query, lanes);
            Elementwise.Scale<S, V>(query, (float)form.Scale, query, lanes * size);
            if (positionKeys is not null) Tile.Stack<S, V>(packedPositions, positions, query, size, queryTable, false);
            new Span<float>(mixed, lanes * width).Clear();
            new Span<float>(largest, lanes).Fill(float.MinValue);
            new Span<float>(sums, lanes).Clear();
            new Span<float>(from, lanes).Clear();
            new Span<float>(to, lanes).Fill(chunk.Length);
            for (int block = 0; block < blocks; block++)
            {
                int at = block * KeyBlock, count = Math.Min(KeyBlock, chunk.Length - at);
                Tile.Stack<S, V>(packedKeys + (long)at * size, KeyBlock, query, size, scores, false);
                fixed (int* queryIndex = inQueries, keyIndex = inKeys)
                    AddPositions(scores, lanes, rows, count, positionKeys is null ? null : queryTable, queryIndex + (start - at - nearest), positionQueries is null ? null : keyTable + (long)block * panels * KeyBlock * lanes, keyIndex + (start - at - nearest));
                if (count < KeyBlock) Softmax.Hide<S, V>(scores, from, to, at, KeyBlock);
                if (attended is not null)
                    for (int j = 0; j < count; j++)
                        if (!attended[chunk.Row + at + j]) new Span<float>(scores + j * lanes, lanes).Fill(float.NegativeInfinity);
                if (Softmax.Update<S, V>(scores, KeyBlock, largest, sums, factors)) Softmax.Rescale<S, V>(mixed, factors, width);
                Tile.Stack<S, V>(packedValues + (long)at * width, width, scores, KeyBlock, mixed, true);
            }
            Softmax.Finish<S, V>(mixed, sums, width);
            Panel.Columns(mixed, lanes, size, rows, result.Pointer + (long)(chunk.Row + start) * result.Columns + column, result.Columns);
        }
    }

    /// <summary>Adds what stands in the tables for the distance of each query and key; the indices are the first query's for the first key, and rise with the query and fall with the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPositions(float* scores, int lanes, int rows, int keys, float* queryTable, int* inQueries, float* keyTable, int* inKeys)
    {
        for (int j = 0; j < keys; j++, scores += lanes, inQueries--, inKeys--, keyTable += keyTable is null ? 0 : lanes)
        {
            if (keyTable is null)
                for (int r = 0; r < rows; r++) scores[r] += queryTable[inQueries[r] + r];
            else if (queryTable is null)
                for (int r = 0; r < rows; r++) scores[r] += keyTable[inKeys[r]];
            else
                for (int r = 0; r < rows; r++) scores[r] += queryTable[inQueries[r] + r] + keyTable[inKeys[r]];
        }
    }

    private static int RoundUp(int value, int step) => (value + step - 1) / step * step;
}
