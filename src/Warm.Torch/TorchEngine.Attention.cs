using TorchSharp;
using Warm.Transformers;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <content>Attention, a segment of a layout at a time: torch's own takes neither grouped heads nor a scale, and no row may see another text's.</content>
public sealed partial class TorchEngine
{
    /// <inheritdoc/>
    public override EngineTensor Attention(EngineTensor queries, EngineTensor keys, EngineTensor values, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout)
    {
        (Tensor q, Tensor k, Tensor v) = (Own(queries), Own(keys), Own(values));
        CheckAttention(queries, keys, values, form, queryLayout, keyLayout);
        int[] textOf = TextOfSegment(queryLayout);
        bool[]? seesKey = keyLayout.Attended.IsEmpty ? null : keyLayout.Attended.ToArray();
        return Run(() =>
        {
            Tensor result = zeros([queries.Rows, queries.Columns], _type, _device);
            Tensor? attended = seesKey is null ? null : tensor(seesKey, dtype: ScalarType.Bool).to(_device);
            for (int s = 0; s < textOf.Length; s++)
            {
                using var scope = NewDisposeScope();
                BatchLayout.Segment segment = queryLayout.Segments[s];
                int text = textOf[s], seen = form.Causal ? Math.Min(keyLayout.Length(text), segment.Start + segment.Length) : keyLayout.Length(text);
                Tensor segmentKeys = Heads(RowsOf(k, keyLayout, text, seen), form.KeyHeads, form), segmentValues = Heads(RowsOf(v, keyLayout, text, seen), form.KeyHeads, form); // [heads, keys, size]
                Tensor? segmentAttended = attended is null ? null : RowsOf(attended, keyLayout, text, seen);
                for (int first = 0; first < segment.Length; first += QueriesAtOnce)
                {
                    using var block = NewDisposeScope();
                    int count = Math.Min(QueriesAtOnce, segment.Length - first);
                    Tensor mixed = Mix(Heads(q.narrow(0, segment.Row + first, count), form.Heads, form), segmentKeys, segmentValues, form, segment.Start + first, segmentAttended);
                    result.narrow(0, segment.Row + first, count).copy_(mixed.to(_type));
                }
            }
            return result;
        });
    }

    /// <summary>The first <paramref name="count"/> rows of a text, from the segments that it passes through: no copy where it is one.</summary>
    private static Tensor RowsOf(Tensor x, BatchLayout layout, int text, int count)
    {
        var runs = new Stack<Tensor>();
        for (int at = layout.LastSegment(text); at >= 0; at = layout.Segments[at].Parent)
        {
            BatchLayout.Segment run = layout.Segments[at];
            if (run.Start < count) runs.Push(x.narrow(0, run.Row, Math.Min(run.Length, count - run.Start)));
        }
        return runs.Count == 1 ? runs.Pop() : cat(runs.ToArray(), 0);
    }

    /// <summary>[rows, heads x size] as [query heads, rows, size], key heads repeated for the query heads that read them.</summary>
    private static Tensor Heads(Tensor x, int heads, AttentionForm form)
    {
        Tensor byHead = x.view(x.shape[0], heads, form.HeadSize).transpose(0, 1);
        return heads == form.Heads ? byHead : byHead.repeat_interleave(form.Heads / heads, 0);
    }

    /// <summary>One block of queries, the first of which is token <paramref name="start"/> of its text, over keys 0, 1 ...: [queries, heads x size].</summary>
    private Tensor Mix(Tensor queries, Tensor keys, Tensor values, AttentionForm form, int start, Tensor? attended)
    {
        int count = (int)queries.shape[1], keyCount = (int)keys.shape[1];
        Tensor scores = (queries * form.Scale).matmul(keys.transpose(1, 2)).to(Wide); // [heads, queries, keys]
        if (form.Softcap is { } cap) scores = (scores / cap).tanh() * cap;
        if (!form.AlibiSlopes.IsEmpty) scores = scores + tensor(form.AlibiSlopes.ToArray(), [form.Heads, 1, 1]).to(Wide, _device) * arange(keyCount, dtype: Wide, device: _device).view(1, 1, keyCount);
        if (form.Buckets is { } buckets)
        {
            // The bucket of every distance key - query that occurs, from the last query's first key on.
            long[] ofDistance = new long[count + keyCount - 1];
            for (int d = 0; d < ofDistance.Length; d++)
            {
                int bucket = buckets.BucketOf(d - (start + count - 1));
                ofDistance[d] = (uint)bucket < (uint)buckets.Table.Rows ? bucket : throw new ArgumentOutOfRangeException(nameof(form), bucket, $"{buckets.Table} has {buckets.Table.Rows} rows.");
            }
            Tensor places = Index(ofDistance).index_select(0, (Distances(start, count, keyCount) + (start + count - 1)).view(-1)); // [queries x keys]
            scores = scores + Own(buckets.Table).to(Wide).index_select(0, places).view(count, keyCount, form.Heads).permute(2, 0, 1);
        }
        return Softmaxed(scores, Hidden(form, start, count, keyCount, attended)).to(values.dtype).matmul(values).transpose(0, 1).reshape(count, (long)form.Heads * form.HeadSize);
    }

    /// <summary>key - query for each query of a block, whose first is token <paramref name="start"/>, and each key: [queries, keys].</summary>
    private Tensor Distances(int start, int count, int keyCount) =>
        arange(keyCount, dtype: ScalarType.Int64, device: _device).view(1, keyCount) - (arange(count, dtype: ScalarType.Int64, device: _device) + start).view(count, 1);

    /// <summary>Which keys a query may not see [queries, keys], or null where each sees all.</summary>
    private Tensor? Hidden(AttentionForm form, int start, int count, int keyCount, Tensor? attended)
    {
        Tensor? hidden = null;
        Tensor distances = Distances(start, count, keyCount);
        if (form.Causal && keyCount > start + 1) Hide(distances.gt(0));
        if (form.WindowLeft is { } left && start + count - 1 > left) Hide(distances.lt(-left));
        if (form.WindowRight is { } right && keyCount - 1 > (long)start + right) Hide(distances.gt(right));
        if (attended is not null) Hide(attended.logical_not().view(1, keyCount).expand(count, keyCount));
        return hidden;

        void Hide(Tensor more) => hidden = hidden is null ? more : hidden.logical_or(more);
    }

    /// <summary>Shares of the keys; all 0 where a query may see none.</summary>
    private static Tensor Softmaxed(Tensor scores, Tensor? hidden) =>
        hidden is null ? scores.softmax(2) : scores.masked_fill(hidden, double.NegativeInfinity).softmax(2).masked_fill(hidden, 0);

    /// <inheritdoc/>
    public override EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout)
    {
        CheckDisentangled(queries, keys, values, positionKeys, positionQueries, form, layout);
        int columns = form.Heads * form.HeadSize, positions = (positionKeys ?? positionQueries)!.Rows;
        (Tensor q, Tensor k, Tensor v, Tensor? kr, Tensor? qr) = (Own(queries), Own(keys), Own(values), positionKeys is null ? null : Own(positionKeys), positionQueries is null ? null : Own(positionQueries));
        bool[]? seesKey = layout.Attended.IsEmpty ? null : layout.Attended.ToArray();
        Tensor ByHead(Tensor x) => x.view(x.shape[0], form.Heads, form.HeadSize).transpose(0, 1); // [heads, rows, size]
        return Run(() =>
        {
            Tensor result = zeros([queries.Rows, columns], _type, _device);
            Tensor? attended = seesKey is null ? null : tensor(seesKey, dtype: ScalarType.Bool).to(_device);
            foreach (BatchLayout.Segment text in layout.Segments.ToArray())
            {
                using var scope = NewDisposeScope();
                int n = text.Length;
                Tensor segmentQueries = ByHead(q.narrow(0, text.Row, n)), segmentKeys = ByHead(k.narrow(0, text.Row, n)), scores = segmentQueries.matmul(segmentKeys.transpose(1, 2)).to(Wide);
                // The row of every distance query - key that occurs, from the first query's last key on.
                long[] ofDistance = new long[2 * n - 1];
                for (int d = 0; d < ofDistance.Length; d++)
                    ofDistance[d] = form.RowOf(d - (n - 1)) is var row && (uint)row < (uint)positions ? row : throw new ArgumentOutOfRangeException(nameof(form), row, $"There are {positions} relative positions.");
                Tensor at = Index(ofDistance).index_select(0, (Distances(0, n, n) * -1 + (n - 1)).view(-1)).view(1, n, n).expand(form.Heads, n, n);
                if (kr is not null) scores = scores + segmentQueries.matmul(ByHead(kr).transpose(1, 2)).to(Wide).gather(2, at);
                if (qr is not null) scores = scores + segmentKeys.matmul(ByHead(qr).transpose(1, 2)).to(Wide).gather(2, at.transpose(1, 2).contiguous()).transpose(1, 2);
                Tensor? hidden = attended?.narrow(0, text.Row, n).logical_not().view(1, n).expand(n, n);
                Tensor mixed = Softmaxed(scores * form.Scale, hidden).to(_type).matmul(ByHead(v.narrow(0, text.Row, n)));
                result.narrow(0, text.Row, n).copy_(mixed.transpose(0, 1).reshape(n, columns));
            }
            return result;
        });
    }

    /// <summary>A text that passes through each segment.</summary>
    private static int[] TextOfSegment(BatchLayout layout)
    {
        int[] textOf = new int[layout.Segments.Length];
        for (int text = 0; text < layout.Texts; text++)
            for (int at = layout.LastSegment(text); at >= 0; at = layout.Segments[at].Parent) textOf[at] = text;
        return textOf;
    }
}
