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
        return Run(() =>
        {
            Tensor result = zeros([queries.Rows, queries.Columns], _type, _device);
            for (int s = 0; s < textOf.Length; s++)
            {
                using var scope = NewDisposeScope();
                BatchLayout.Segment segment = queryLayout.Segments[s];
                int text = textOf[s], seen = form.Causal ? Math.Min(keyLayout.Length(text), segment.Start + segment.Length) : keyLayout.Length(text);
                long[] rows = [.. Enumerable.Range(0, seen).Select(j => (long)keyLayout.RowOf(text, j))];
                bool[]? attended = keyLayout.Attended.IsEmpty ? null : [.. rows.Select(row => keyLayout.Attended[(int)row])];
                Tensor at = Index(rows);
                Tensor segmentKeys = Heads(k.index_select(0, at), form.KeyHeads, form), segmentValues = Heads(v.index_select(0, at), form.KeyHeads, form); // [heads, keys, size]
                for (int first = 0; first < segment.Length; first += QueriesAtOnce)
                {
                    using var block = NewDisposeScope();
                    int count = Math.Min(QueriesAtOnce, segment.Length - first);
                    Tensor mixed = Mix(Heads(q.narrow(0, segment.Row + first, count), form.Heads, form), segmentKeys, segmentValues, form, segment.Start + first, attended);
                    result.narrow(0, segment.Row + first, count).copy_(mixed.to(_type));
                }
            }
            return result;
        });
    }

    /// <summary>[rows, heads x size] as [query heads, rows, size], key heads repeated for the query heads that read them.</summary>
    private static Tensor Heads(Tensor x, int heads, AttentionForm form)
    {
        Tensor byHead = x.view(x.shape[0], heads, form.HeadSize).transpose(0, 1);
        return heads == form.Heads ? byHead : byHead.repeat_interleave(form.Heads / heads, 0);
    }

    /// <summary>One block of queries, the first of which is token <paramref name="start"/> of its text, over keys 0, 1 ...: [queries, heads x size].</summary>
    private Tensor Mix(Tensor queries, Tensor keys, Tensor values, AttentionForm form, int start, bool[]? attended)
    {
        int count = (int)queries.shape[1], keyCount = (int)keys.shape[1];
        Tensor scores = (queries * form.Scale).matmul(keys.transpose(1, 2)).to(Wide); // [heads, queries, keys]
        if (form.Softcap is { } cap) scores = (scores / cap).tanh() * cap;
        if (!form.AlibiSlopes.IsEmpty) scores = scores + tensor(form.AlibiSlopes.ToArray(), [form.Heads, 1, 1]).to(Wide, _device) * arange(keyCount, dtype: Wide, device: _device).view(1, 1, keyCount);
        if (form.Buckets is { } buckets)
        {
            long[] places = new long[count * keyCount];
            for (int i = 0; i < count; i++)
                for (int j = 0; j < keyCount; j++)
                {
                    int bucket = buckets.BucketOf(j - start - i);
                    places[i * keyCount + j] = (uint)bucket < (uint)buckets.Table.Rows ? bucket : throw new ArgumentOutOfRangeException(nameof(form), bucket, $"{buckets.Table} has {buckets.Table.Rows} rows.");
                }
            scores = scores + Own(buckets.Table).to(Wide).index_select(0, Index(places)).view(count, keyCount, form.Heads).permute(2, 0, 1);
        }
        bool[] hidden = new bool[count * keyCount];
        for (int i = 0; i < count; i++)
            for (int j = 0; j < keyCount; j++)
                hidden[i * keyCount + j] = form.Causal && j > start + i || form.WindowLeft is { } left && j < start + i - left || form.WindowRight is { } right && j > start + i + right || attended is not null && !attended[j];
        return Softmaxed(scores, hidden, count, keyCount).to(values.dtype).matmul(values).transpose(0, 1).reshape(count, (long)form.Heads * form.HeadSize);
    }

    /// <summary>Shares of the keys; all 0 where a query may see none.</summary>
    private Tensor Softmaxed(Tensor scores, bool[] hidden, int count, int keyCount)
    {
        if (!hidden.Contains(true)) return scores.softmax(2);
        Tensor mask = tensor(hidden, [1, count, keyCount], dtype: ScalarType.Bool).to(_device);
        return scores.masked_fill(mask, double.NegativeInfinity).softmax(2).masked_fill(mask, 0);
    }

    /// <inheritdoc/>
    public override EngineTensor DisentangledAttention(EngineTensor queries, EngineTensor keys, EngineTensor values, EngineTensor? positionKeys, EngineTensor? positionQueries, DisentangledForm form, BatchLayout layout)
    {
        CheckDisentangled(queries, keys, values, positionKeys, positionQueries, form, layout);
        int columns = form.Heads * form.HeadSize, positions = (positionKeys ?? positionQueries)!.Rows;
        (Tensor q, Tensor k, Tensor v, Tensor? kr, Tensor? qr) = (Own(queries), Own(keys), Own(values), positionKeys is null ? null : Own(positionKeys), positionQueries is null ? null : Own(positionQueries));
        Tensor ByHead(Tensor x) => x.view(x.shape[0], form.Heads, form.HeadSize).transpose(0, 1); // [heads, rows, size]
        return Run(() =>
        {
            Tensor result = zeros([queries.Rows, columns], _type, _device);
            foreach (BatchLayout.Segment text in layout.Segments.ToArray())
            {
                using var scope = NewDisposeScope();
                int n = text.Length;
                Tensor segmentQueries = ByHead(q.narrow(0, text.Row, n)), segmentKeys = ByHead(k.narrow(0, text.Row, n)), scores = segmentQueries.matmul(segmentKeys.transpose(1, 2)).to(Wide);
                long[] places = new long[n * n];
                for (int i = 0; i < n; i++)
                    for (int j = 0; j < n; j++)
                        places[i * n + j] = form.RowOf(i - j) is var row && (uint)row < (uint)positions ? row : throw new ArgumentOutOfRangeException(nameof(form), row, $"There are {positions} relative positions.");
                Tensor at = Index(places).view(1, n, n).expand(form.Heads, n, n);
                if (kr is not null) scores = scores + segmentQueries.matmul(ByHead(kr).transpose(1, 2)).to(Wide).gather(2, at);
                if (qr is not null) scores = scores + segmentKeys.matmul(ByHead(qr).transpose(1, 2)).to(Wide).gather(2, at.transpose(1, 2).contiguous()).transpose(1, 2);
                bool[] hidden = new bool[n * n];
                if (!layout.Attended.IsEmpty)
                    for (int j = 0; j < n; j++)
                        if (!layout.Attended[text.Row + j])
                            for (int i = 0; i < n; i++) hidden[i * n + j] = true;
                Tensor mixed = Softmaxed(scores * form.Scale, hidden, n, n).to(_type).matmul(ByHead(v.narrow(0, text.Row, n)));
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
