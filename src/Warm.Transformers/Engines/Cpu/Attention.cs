namespace Warm.Transformers;

/// <summary>
/// Softmax attention, a block of 64 keys at a time: scores of the block, the largest so far, what was summed before scaled down to it, and the block's share added.
/// </summary>
/// <remarks>
/// Blocks begin at multiples of 64 of the text's own positions and are taken in ascending order; a score is one chain over the head's components, a mixed value one chain over the keys of a
/// block. So a row has the same bits alone, in a batch, on any number of threads, and whether its text's beginning is shared or not. What a row may not see weighs exactly 0.
/// Rows are computed sixteen at a time, cut at multiples of sixteen: where a model is causal all of them end in the same block.
/// A row that may see no key at all gives zeros.
/// </remarks>
internal static unsafe class Attention
{
    private const int KeyBlock = 64, TileRows = 16, ChunkRows = 256;

    /// <summary>Some consecutive queries of one text, and the keys of that text.</summary>
    private readonly record struct Chunk(int FirstRow, int Start, int Length, TextRows[] Keys, int KeyCount);

    public static void Forward<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor result, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout, int threads)
        where S : ISimd<V> where V : struct
    {
        Chunk[] chunks = Chunks(queryLayout, keyLayout);
        bool[]? attended = keyLayout.Attended.IsEmpty ? null : keyLayout.Attended.ToArray();
        Work.Run(threads, chunks.Length * form.KeyHeads, piece => Head<S, V>(queries, keys, values, result, form, attended, chunks[piece / form.KeyHeads], piece % form.KeyHeads));
    }

    private static Chunk[] Chunks(BatchLayout queryLayout, BatchLayout keyLayout)
    {
        var chunks = new List<Chunk>();
        int[] lastOfSegment = [];
        if (!ReferenceEquals(queryLayout, keyLayout)) // which of the other layout's texts a segment belongs to
        {
            lastOfSegment = new int[queryLayout.Segments.Length];
            for (int text = 0; text < queryLayout.Texts; text++)
                for (int at = queryLayout.LastSegment(text); at >= 0; at = queryLayout.Segments[at].Parent) lastOfSegment[at] = keyLayout.LastSegment(text);
        }
        for (int s = 0; s < queryLayout.Segments.Length; s++)
        {
            BatchLayout.Segment segment = queryLayout.Segments[s];
            TextRows[] keys = TextRows.Of(keyLayout, lastOfSegment.Length == 0 ? s : lastOfSegment[s]);
            int keyCount = keys[^1].Start + keys[^1].Length, end = segment.Start + segment.Length;
            for (int start = segment.Start; start < end;)
            {
                int next = Math.Min(end, (start / ChunkRows + 1) * ChunkRows);
                chunks.Add(new(segment.Row + start - segment.Start, start, next - start, keys, keyCount));
                start = next;
            }
        }
        return [.. chunks];
    }

    /// <summary>One key head of a chunk, and all query heads that read it.</summary>
    private static void Head<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor result, AttentionForm form, bool[]? attended, Chunk chunk, int keyHead)
        where S : ISimd<V> where V : struct
    {
        int size = form.HeadSize, width = (size + 2 * S.Lanes - 1) / (2 * S.Lanes) * (2 * S.Lanes), group = form.Heads / form.KeyHeads;
        (int firstKey, int endKey) = Visible(form, chunk.Start, chunk.Start + chunk.Length, chunk.KeyCount);
        int firstBlock = firstKey / KeyBlock, endBlock = (endKey + KeyBlock - 1) / KeyBlock, blocks = Math.Max(0, endBlock - firstBlock);
        using var scratch = new CpuMemory((long)blocks * KeyBlock * (size + width) + TileRows * (size + KeyBlock + width + 2));
        float* packedKeys = scratch.Pointer, packedValues = packedKeys + (long)blocks * KeyBlock * size, query = packedValues + (long)blocks * KeyBlock * width;
        float* scores = query + TileRows * size, mixed = scores + TileRows * KeyBlock, largest = mixed + TileRows * width, sums = largest + TileRows;
        bool[]? seen = attended is null ? null : new bool[blocks * KeyBlock];
        Pack(keys, values, attended, chunk.Keys, keyHead * size, size, width, firstBlock * KeyBlock, Math.Min(endBlock * KeyBlock, chunk.KeyCount), packedKeys, packedValues, seen);

        for (int head = keyHead * group; head < (keyHead + 1) * group; head++)
        {
            float slope = form.AlibiSlopes.IsEmpty ? 0 : form.AlibiSlopes.Span[head];
            for (int start = chunk.Start; start < chunk.Start + chunk.Length;)
            {
                int rows = Math.Min(chunk.Start + chunk.Length, (start / TileRows + 1) * TileRows) - start;
                long row = chunk.FirstRow + start - chunk.Start;
                Copy<S, V>(queries.Pointer + row * queries.Columns + head * size, queries.Columns, rows, size, (float)form.Scale, query);
                new Span<float>(mixed, TileRows * width).Clear();
                new Span<float>(largest, TileRows).Fill(float.MinValue);
                new Span<float>(sums, TileRows).Clear();
                (int tileFirst, int tileEnd) = Visible(form, start, start + rows, chunk.KeyCount);
                int height = (rows + 3) / 4 * 4;
                for (int block = tileFirst / KeyBlock; block * KeyBlock < tileEnd; block++)
                {
                    float* blockKeys = packedKeys + (long)(block - firstBlock) * KeyBlock * size, blockValues = packedValues + (long)(block - firstBlock) * KeyBlock * width;
                    for (int r = 0; r < height; r += 4)
                        for (int j = 0; j < KeyBlock; j += 2 * S.Lanes)
                            Tile.Four<S, V>(query + r * size, size, 1, blockKeys + j, KeyBlock, size, scores + r * KeyBlock + j, KeyBlock, false);
                    for (int r = 0; r < rows; r++)
                    {
                        (int first, int end) = Visible(form, start + r, start + r + 1, chunk.KeyCount);
                        float* s = scores + r * KeyBlock;
                        if (form.Softcap is { } cap) Softmax.Cap<S, V>(s, (float)cap, KeyBlock);
                        if (slope != 0) Softmax.Slope<S, V>(s, slope, block * KeyBlock, KeyBlock);
                        Hide(s, first - block * KeyBlock, end - block * KeyBlock, seen, (block - firstBlock) * KeyBlock);
                        float factor = Softmax.Update<S, V>(s, KeyBlock, ref largest[r], ref sums[r]);
                        if (factor != 1) Elementwise.Scale<S, V>(mixed + r * width, factor, mixed + r * width, width);
                    }
                    for (int r = 0; r < height; r += 4)
                        for (int c = 0; c < width; c += 2 * S.Lanes)
                            Tile.Four<S, V>(scores + r * KeyBlock, KeyBlock, 1, blockValues + c, width, KeyBlock, mixed + r * width + c, width, true);
                }
                for (int r = 0; r < rows; r++)
                {
                    float* to = result.Pointer + (row + r) * result.Columns + head * size;
                    float share = sums[r] == 0 ? 0 : 1 / sums[r];
                    for (int c = 0; c < size; c++) to[c] = mixed[r * width + c] * share + 0f; // + 0: a zero's sign may tell what stood beyond the row's own keys
                }
                start += rows;
            }
        }
    }

    /// <summary>The keys that queries start .. end - 1 may see: from the first of the first to the last of the last.</summary>
    private static (int First, int End) Visible(AttentionForm form, int start, int end, int keyCount)
    {
        int first = form.WindowLeft is { } left ? (int)Math.Clamp((long)start - left, 0, keyCount) : 0, last = keyCount;
        if (form.Causal) last = Math.Min(last, end);
        if (form.WindowRight is { } right) last = (int)Math.Clamp((long)end + right, 0, last);
        return (first, Math.Max(first, last));
    }

    /// <summary>Minus infinity where a key is not to be seen.</summary>
    private static void Hide(float* scores, int first, int end, bool[]? seen, int at)
    {
        for (int j = 0; j < Math.Min(first, KeyBlock); j++) scores[j] = float.NegativeInfinity;
        for (int j = Math.Max(0, end); j < KeyBlock; j++) scores[j] = float.NegativeInfinity;
        if (seen is not null)
            for (int j = 0; j < KeyBlock; j++)
                if (!seen[at + j]) scores[j] = float.NegativeInfinity;
    }

    /// <summary>Packs keys first .. end - 1 (first a multiple of 64): of each block the keys as [size, 64], the values as [64, width]; zeros beyond the text.</summary>
    private static void Pack(CpuTensor keys, CpuTensor values, bool[]? attended, TextRows[] runs, int column, int size, int width, int first, int end, float* packedKeys, float* packedValues, bool[]? seen)
    {
        foreach (TextRows run in runs)
            for (int at = Math.Max(run.Start, first), stop = Math.Min(run.Start + run.Length, end); at < stop;)
            {
                int block = (at - first) / KeyBlock, offset = (at - first) % KeyBlock, count = Math.Min(stop - at, KeyBlock - offset);
                long row = run.Row + at - run.Start;
                Panel.Columns(keys.Pointer + row * keys.Columns + column, keys.Columns, count, size, packedKeys + (long)block * KeyBlock * size + offset, KeyBlock);
                for (int i = 0; i < count; i++)
                {
                    float* to = packedValues + (long)(at - first + i) * width;
                    new ReadOnlySpan<float>(values.Pointer + (row + i) * values.Columns + column, size).CopyTo(new Span<float>(to, size));
                    new Span<float>(to + size, width - size).Clear();
                    if (seen is not null) seen[at - first + i] = attended![row + i];
                }
                at += count;
            }
        int used = end - first, rest = (KeyBlock - used % KeyBlock) % KeyBlock;
        if (rest == 0) return;
        Panel.Clear(packedKeys + (long)(used / KeyBlock) * KeyBlock * size, KeyBlock - rest, size, KeyBlock);
        new Span<float>(packedValues + (long)used * width, rest * width).Clear();
    }

    private static void Copy<S, V>(float* from, long stride, int rows, int size, float factor, float* to) where S : ISimd<V> where V : struct
    {
        for (int r = 0; r < TileRows; r++)
            for (int c = 0; c < size; c++) to[r * size + c] = r < rows ? from[r * stride + c] * factor : 0;
    }
}
