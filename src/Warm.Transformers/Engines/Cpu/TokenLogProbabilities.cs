using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// log softmax(x W^T + b) at one column of each row, 4096 columns at a time: the chunk's logits, its largest, the sum of its e^(l - largest); what was summed before is scaled to the new largest.
/// </summary>
/// <remarks>
/// Chunks begin at absolute multiples of 4096 and are taken in ascending order; inside a chunk the order of the sum depends on its length alone, and chunks are added in double. So a row's bits depend
/// on no other row and on no number of threads. Memory: 16 MB of logits, whatever the vocabulary and the number of rows.
/// </remarks>
internal static unsafe class TokenLogProbabilities
{
    private const int Chunk = 4096, RowBlock = 1024;

    public static void Forward<S, V>(CpuTensor x, CpuWeight head, float* bias, double? softcap, int[] ids, float* result, int threads) where S : ISimd<V> where V : struct
    {
        using var memory = new CpuMemory((long)Math.Min(x.Rows, RowBlock) * Math.Min(head.Rows, Chunk));
        float* logits = memory.Pointer;
        for (int row = 0; row < x.Rows; row += RowBlock)
        {
            int rows = Math.Min(RowBlock, x.Rows - row), from = row;
            double[] largest = new double[rows], sums = new double[rows], chosen = new double[rows];
            Array.Fill(largest, double.NegativeInfinity);
            for (int first = 0; first < head.Rows; first += Chunk)
            {
                int at = first, count = Math.Min(Chunk, head.Rows - first);
                MatMul.Forward<S, V>(x.Pointer + (long)row * x.Columns, rows, x.Columns, head.RowsOf(first, count), false, bias == null ? null : bias + first, logits, count, threads);
                if (softcap is { } cap) Softmax.Cap<S, V>(logits, (float)cap, rows * count);
                Work.Run(threads, rows, 32, (start, some) =>
                {
                    for (int r = (int)start; r < start + some; r++)
                    {
                        float* l = logits + (long)r * count;
                        if ((uint)(ids[from + r] - at) < (uint)count) chosen[r] = l[ids[from + r] - at];
                        double most = Math.Max(largest[r], Largest<S, V>(l, count));
                        sums[r] = sums[r] * Math.Exp(largest[r] - most) + SumOfPowers<S, V>(l, (float)most, count);
                        largest[r] = most;
                    }
                });
            }
            for (int r = 0; r < rows; r++) result[row + r] = (float)(chosen[r] - largest[r] - Math.Log(sums[r]));
        }
    }

    /// <summary>The largest value; not a number where the last is none or any vector of them decides so: the sum then is none either.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest<S, V>(float* x, int count) where S : ISimd<V> where V : struct
    {
        int i = 0;
        V most = S.Broadcast(float.NegativeInfinity);
        for (; i <= count - S.Lanes; i += S.Lanes) most = S.Max(S.Load(x + i), most);
        float largest = S.Maximum(most);
        for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
        return largest;
    }

    /// <summary>The sum of e^(x - largest). Every value goes through the same code: the tail lies in a vector of its own, filled up with what gives 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumOfPowers<S, V>(float* x, float largest, int count) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes, i = 0;
        V shift = S.Broadcast(largest), a = S.Broadcast(0), b = a, c = a, d = a;
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            a = S.Add(a, Exp.Of<S, V>(S.Subtract(S.Load(x + i), shift)));
            b = S.Add(b, Exp.Of<S, V>(S.Subtract(S.Load(x + i + lanes), shift)));
            c = S.Add(c, Exp.Of<S, V>(S.Subtract(S.Load(x + i + 2 * lanes), shift)));
            d = S.Add(d, Exp.Of<S, V>(S.Subtract(S.Load(x + i + 3 * lanes), shift)));
        }
        for (; i <= count - lanes; i += lanes) a = S.Add(a, Exp.Of<S, V>(S.Subtract(S.Load(x + i), shift)));
        if (i < count)
        {
            float* tail = stackalloc float[CpuMemory.Padding];
            new Span<float>(tail, CpuMemory.Padding).Fill(float.NegativeInfinity);
            new ReadOnlySpan<float>(x + i, count - i).CopyTo(new Span<float>(tail, count - i));
            b = S.Add(b, Exp.Of<S, V>(S.Subtract(S.Load(tail), shift)));
        }
        return S.Sum(S.Add(S.Add(a, b), S.Add(c, d)));
    }
}
