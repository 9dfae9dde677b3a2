namespace Warm.Transformers;

/// <summary>
/// Softmax attention, a block of 64 keys at a time: scores of the block, the largest so far, what was summed before scaled down to it, and the block's share added.
/// </summary>
/// <remarks>
/// Lanes are queries: two vectors of them at a time, cut at multiples of that number, so where a model is causal all queries of a tile end in the same block. Scores stand key by key and mixed
/// values component by component, so that a softmax needs no sum or maximum across lanes: <c>S = K Q^T</c> [64, queries], <c>O += V^T P</c> [size, queries].
/// Blocks begin at multiples of 64 of the text's own positions and are taken in ascending order; a score is one chain over the head's components, a mixed value one chain over the keys of a
/// block. So a row has the same bits alone, in a batch, on any number of threads, and whether its text's beginning is shared or not. What a row may not see weighs exactly 0.
/// A row that may see no key at all gives zeros.
/// </remarks>
internal static unsafe class Attention
{
    private const int KeyBlock = 64, ChunkRows = 256;

    /// <summary>Some consecutive queries of one text, and the keys of that text.</summary>
    private readonly record struct Chunk(int FirstRow, int Start, int Length, TextRows[] Keys, int KeyCount);

    public static void Forward<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor result, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout, int threads)
        where S : ISimd<V> where V : struct
    {
        Chunk[] chunks = Chunks(queryLayout, keyLayout);
        bool[]? attended = keyLayout.Attended.IsEmpty ? null : keyLayout.Attended.ToArray();
        using DistanceBias? bias = form.Buckets is null ? null : new DistanceBias(form.Buckets, form.Heads, queryLayout, keyLayout, 2 * S.Lanes, KeyBlock);
        Work.Run(threads, chunks.Length * form.KeyHeads, piece => Head<S, V>(queries, keys, values, result, form, attended, bias, chunks[piece / form.KeyHeads], piece % form.KeyHeads));
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
    private static void Head<S, V>(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor result, AttentionForm form, bool[]? attended, DistanceBias? bias, Chunk chunk, int keyHead)
        where S : ISimd<V> where V : struct
    {
        int size = form.HeadSize, width = (size + Tile.MixedRows - 1) / Tile.MixedRows * Tile.MixedRows, group = form.Heads / form.KeyHeads, lanes = 2 * S.Lanes;
        (int firstKey, int endKey) = Visible(form, chunk.Start, chunk.Start + chunk.Length, chunk.KeyCount);
        int firstBlock = firstKey / KeyBlock, endBlock = (endKey + KeyBlock - 1) / KeyBlock, blocks = Math.Max(0, endBlock - firstBlock);
        using var scratch = new CpuMemory((long)blocks * KeyBlock * (size + width) + lanes * (size + KeyBlock + width + 5));
        float* packedKeys = scratch.Pointer, packedValues = packedKeys + (long)blocks * KeyBlock * size, query = packedValues + (long)blocks * KeyBlock * width;
        float* scores = query + lanes * size, mixed = scores + lanes * KeyBlock, largest = mixed + lanes * width, sums = largest + lanes, factors = sums + lanes, from = factors + lanes, to = from + lanes;
        bool[]? seen = attended is null ? null : new bool[blocks * KeyBlock];
        Pack(keys, values, attended, chunk.Keys, keyHead * size, size, width, firstBlock * KeyBlock, Math.Min(endBlock * KeyBlock, chunk.KeyCount), packedKeys, packedValues, seen);

        for (int head = keyHead * group; head < (keyHead + 1) * group; head++)
        {
            float slope = form.AlibiSlopes.IsEmpty ? 0 : form.AlibiSlopes.Span[head];
            for (int start = chunk.Start; start < chunk.Start + chunk.Length;)
            {
                int rows = Math.Min(chunk.Start + chunk.Length, (start / lanes + 1) * lanes) - start;
                long row = chunk.FirstRow + start - chunk.Start;
                Panel.Transpose(queries.Pointer + row * queries.Columns + head * size, queries.Columns, rows, size, query, lanes);
                Elementwise.Scale<S, V>(query, (float)form.Scale, query, lanes * size);
                new Span<float>(mixed, lanes * width).Clear();
                new Span<float>(largest, lanes).Fill(float.MinValue);
                new Span<float>(sums, lanes).Clear();
                (int tileFirst, int tileEnd) = Visible(form, start, start + rows, chunk.KeyCount);
                for (int r = 0; r < lanes; r++)
                {
                    int position = start + Math.Min(r, rows - 1);
                    (from[r], to[r]) = Visible(form, position, position + 1, chunk.KeyCount);
                }
                int lastFirst = (int)from[rows - 1], firstEnd = (int)to[0];
                for (int block = tileFirst / KeyBlock; block * KeyBlock < tileEnd; block++)
                {
                    int at = block * KeyBlock;
                    float* blockKeys = packedKeys + (long)(block - firstBlock) * KeyBlock * size, blockValues = packedValues + (long)(block - firstBlock) * KeyBlock * width;
                    Tile.Stack<S, V>(blockKeys, KeyBlock, query, size, scores, false);
                    if (form.Softcap is { } cap) Softmax.Cap<S, V>(scores, (float)cap, lanes * KeyBlock);
                    if (slope != 0) Softmax.Slope<S, V>(scores, slope, at, KeyBlock);
                    if (bias is not null) Softmax.Bias<S, V>(scores, bias.Of(head, start, at), KeyBlock);
                    if (lastFirst > at || firstEnd < at + KeyBlock) Softmax.Hide<S, V>(scores, from, to, at, KeyBlock); // else every row sees the whole block
                    if (seen is not null)
                        for (int j = 0; j < KeyBlock; j++)
                            if (!seen[at - firstBlock * KeyBlock + j]) new Span<float>(scores + j * lanes, lanes).Fill(float.NegativeInfinity);
                    if (Softmax.Update<S, V>(scores, KeyBlock, largest, sums, factors)) Softmax.Rescale<S, V>(mixed, factors, width);
                    Tile.Stack<S, V>(blockValues, width, scores, KeyBlock, mixed, true);
                }
                Softmax.Finish<S, V>(mixed, sums, width);
                Panel.Columns(mixed, lanes, size, rows, result.Pointer + row * result.Columns + head * size, result.Columns);
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
}
