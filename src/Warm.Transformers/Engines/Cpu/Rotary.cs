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
        IReadOnlyList<double[]> frequencies = form.FrequenciesOf(layout);
        int half = frequencies[0].Length;
        int[] entryOfRow = new int[layout.Rows];
        var entries = new Dictionary<(double[] Frequencies, int Position), int>();
        var keys = new List<(double[] Frequencies, int Position)>(); // of each entry
        for (int s = 0; s < frequencies.Count; s++)
        {
            BatchLayout.Segment segment = layout.Segments[s];
            for (int row = segment.Row; row < segment.Row + segment.Length; row++)
            {
                (double[], int) key = (frequencies[s], layout.Positions[row]);
                if (entries.TryGetValue(key, out entryOfRow[row])) continue;
                entries[key] = entryOfRow[row] = keys.Count;
                keys.Add(key);
            }
        }
        var tables = new CpuMemory((long)keys.Count * 2 * half);
        float* table = tables.Pointer;
        Work.Run(threads, keys.Count, RowBlock, (first, count) =>
        {
            for (long entry = first; entry < first + count; entry++)
            {
                (double[] f, int position) = keys[(int)entry];
                float* cos = table + entry * 2 * half, sin = cos + half;
                for (int i = 0; i < half; i++)
                {
                    (double s, double c) = Math.SinCos(position * f[i]);
                    cos[i] = (float)(c * form.AttentionFactor);
                    sin[i] = (float)(s * form.AttentionFactor);
                }
            }
        });
        return (entryOfRow, half, tables);
    }
}
