using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// Rotation of each head's first 2r components by the row's position: <c>y_i = x_i cos - x_j sin, y_j = x_j cos + x_i sin</c>, j = i + r (or pairs 2i, 2i + 1).
/// Angles, cos and sin are computed in double, once for each position (and length of the text where the frequencies depend on it), and rounded once.
/// </summary>
internal static unsafe class Rotary
{
    private const int RowBlock = 64;

    public static void Forward<S, V>(float* x, float* y, RotaryForm form, BatchLayout layout, int threads) where S : ISimd<V> where V : struct
    {
        (int[] entryOfRow, int half, CpuMemory tables) = Tables(form, layout, threads);
        using (tables)
        {
            float* cosines = tables.Pointer;
            int columns = form.Heads * form.HeadSize;
            Work.Run(threads, layout.Rows, RowBlock, (first, count) =>
            {
                for (long row = first; row < first + count; row++)
                {
                    float* cos = cosines + (long)entryOfRow[row] * 2 * half, sin = cos + half;
                    for (int head = 0; head < form.Heads; head++)
                    {
                        long at = row * columns + head * form.HeadSize;
                        if (form.Interleaved) RotateInterleaved(x + at, y + at, cos, sin, half);
                        else RotateHalves<S, V>(x + at, y + at, cos, sin, half);
                        for (int i = 2 * half; i < form.HeadSize; i++) y[at + i] = x[at + i];
                    }
                }
            });
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RotateHalves<S, V>(float* x, float* y, float* cos, float* sin, int half) where S : ISimd<V> where V : struct
    {
        int i = 0;
        for (; i <= half - S.Lanes; i += S.Lanes)
        {
            V a = S.Load(x + i), b = S.Load(x + half + i), c = S.Load(cos + i), s = S.Load(sin + i);
            S.Store(y + i, S.Subtract(S.Multiply(a, c), S.Multiply(b, s)));
            S.Store(y + half + i, S.Add(S.Multiply(b, c), S.Multiply(a, s)));
        }
        for (; i < half; i++) (y[i], y[half + i]) = (x[i] * cos[i] - x[half + i] * sin[i], x[half + i] * cos[i] + x[i] * sin[i]);
    }

    private static void RotateInterleaved(float* x, float* y, float* cos, float* sin, int half)
    {
        for (int i = 0; i < half; i++) (y[2 * i], y[2 * i + 1]) = (x[2 * i] * cos[i] - x[2 * i + 1] * sin[i], x[2 * i + 1] * cos[i] + x[2 * i] * sin[i]);
    }

    /// <summary>Which entry each row takes, the number of frequencies, and the entries: cosines, then sines.</summary>
    private static (int[] EntryOfRow, int Half, CpuMemory Tables) Tables(RotaryForm form, BatchLayout layout, int threads)
    {
        int[] entryOfRow = new int[layout.Rows];
        var entries = new Dictionary<(int Length, int Position), int>();
        foreach (BatchLayout.Segment segment in layout.Segments)
        {
            int length = 0;
            if (form.DependsOnLength)
            {
                if (segment.Parent >= 0) throw new ArgumentException("Frequencies that depend on a text's length cannot be shared between texts.", nameof(layout));
                foreach (int position in layout.Positions.Slice(segment.Row, segment.Length)) length = Math.Max(length, position + 1);
            }
            for (int row = segment.Row; row < segment.Row + segment.Length; row++)
            {
                (int, int) key = (length, layout.Positions[row]);
                if (!entries.TryGetValue(key, out entryOfRow[row])) entries[key] = entryOfRow[row] = entries.Count;
            }
        }
        var frequencies = new Dictionary<int, double[]>();
        int longest = 0;
        foreach (int position in layout.Positions) longest = Math.Max(longest, position + 1);
        foreach ((int Length, int Position) key in entries.Keys) frequencies.TryAdd(key.Length, form.Frequencies(form.DependsOnLength ? key.Length : longest));
        int half = frequencies.Values.First().Length;
        if (2 * half > form.HeadSize) throw new ArgumentException($"{half} frequencies do not fit a head of {form.HeadSize}.", nameof(form));

        var tables = new CpuMemory((long)entries.Count * 2 * half);
        float* table = tables.Pointer;
        (int Length, int Position)[] keys = new (int, int)[entries.Count];
        foreach (((int, int) key, int entry) in entries) keys[entry] = key;
        Work.Run(threads, keys.Length, RowBlock, (first, count) =>
        {
            for (long entry = first; entry < first + count; entry++)
            {
                double[] f = frequencies[keys[entry].Length];
                float* cos = table + entry * 2 * half, sin = cos + half;
                for (int i = 0; i < half; i++)
                {
                    (double s, double c) = Math.SinCos(keys[entry].Position * f[i]);
                    cos[i] = (float)(c * form.AttentionFactor);
                    sin[i] = (float)(s * form.AttentionFactor);
                }
            }
        });
        return (entryOfRow, half, tables);
    }
}
