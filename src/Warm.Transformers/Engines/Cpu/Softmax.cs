using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>The steps of a softmax whose lanes are queries: scores [keys, two vectors of queries] come a block of keys at a time.</summary>
internal static unsafe class Softmax
{
    /// <summary>s = cap tanh(s / cap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cap<S, V>(float* scores, float cap, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i += S.Lanes)
            S.Store(scores + i, S.Multiply(S.Broadcast(cap), Tanh.Of<S, V>(S.Divide(S.Load(scores + i), S.Broadcast(cap)))));
    }

    /// <summary>s_j += slope (first + j).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Slope<S, V>(float* scores, float slope, int first, int keys) where S : ISimd<V> where V : struct
    {
        for (int j = 0; j < keys; j++, scores += 2 * S.Lanes)
        {
            V bias = S.Broadcast(slope * (first + j));
            S.Store(scores, S.Add(S.Load(scores), bias));
            S.Store(scores + S.Lanes, S.Add(S.Load(scores + S.Lanes), bias));
        }
    }

    /// <summary>s_ji += bias[i - j]: <paramref name="bias"/> is the first query's for the first key, rises with the query and falls with the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Bias<S, V>(float* scores, float* bias, int keys) where S : ISimd<V> where V : struct
    {
        for (int j = 0; j < keys; j++, scores += 2 * S.Lanes, bias--)
        {
            S.Store(scores, S.Add(S.Load(scores), S.Load(bias)));
            S.Store(scores + S.Lanes, S.Add(S.Load(scores + S.Lanes), S.Load(bias + S.Lanes)));
        }
    }

    /// <summary>Minus infinity where key first + j is not in from .. to - 1 of its query (whole numbers below 2^24, which a single holds exactly).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hide<S, V>(float* scores, float* from, float* to, int first, int keys) where S : ISimd<V> where V : struct
    {
        V hidden = S.Broadcast(float.NegativeInfinity), from0 = S.Load(from), from1 = S.Load(from + S.Lanes), to0 = S.Load(to), to1 = S.Load(to + S.Lanes);
        for (int j = 0; j < keys; j++, scores += 2 * S.Lanes)
        {
            V key = S.Broadcast(first + j);
            S.Store(scores, S.Select(S.LessThan(key, from0), hidden, S.Select(S.LessThan(key, to0), S.Load(scores), hidden)));
            S.Store(scores + S.Lanes, S.Select(S.LessThan(key, from1), hidden, S.Select(S.LessThan(key, to1), S.Load(scores + S.Lanes), hidden)));
        }
    }

    /// <summary>
    /// Turns scores into e^(s - largest), with the largest of this and all earlier blocks, and adds them to the sums, which are scaled to the new largest first. The factors of that scaling are
    /// for what else was summed; false where all are 1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Update<S, V>(float* scores, int keys, float* largest, float* sums, float* factors) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes;
        V before0 = S.Load(largest), before1 = S.Load(largest + lanes), most0 = before0, most1 = before1;
        for (int j = 0; j < keys; j++)
        {
            most0 = S.Max(most0, S.Load(scores + 2 * j * lanes));
            most1 = S.Max(most1, S.Load(scores + (2 * j + 1) * lanes));
        }
        V added0 = S.Broadcast(0), added1 = added0;
        for (float* s = scores; s < scores + 2 * keys * lanes; s += 2 * lanes)
        {
            V power0 = Exp.Of<S, V>(S.Subtract(S.Load(s), most0)), power1 = Exp.Of<S, V>(S.Subtract(S.Load(s + lanes), most1));
            S.Store(s, power0);
            S.Store(s + lanes, power1);
            added0 = S.Add(added0, power0);
            added1 = S.Add(added1, power1);
        }
        V factor0 = Exp.Of<S, V>(S.Subtract(before0, most0)), factor1 = Exp.Of<S, V>(S.Subtract(before1, most1)); // e^0 is exactly 1
        S.Store(largest, most0);
        S.Store(largest + lanes, most1);
        S.Store(sums, S.MultiplyAdd(S.Load(sums), factor0, added0));
        S.Store(sums + lanes, S.MultiplyAdd(S.Load(sums + lanes), factor1, added1));
        S.Store(factors, factor0);
        S.Store(factors + lanes, factor1);
        for (int r = 0; r < 2 * lanes; r++)
            if (factors[r] != 1) return true;
        return false;
    }

    /// <summary>Each component of what was mixed, times its query's factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rescale<S, V>(float* mixed, float* factors, int components) where S : ISimd<V> where V : struct
    {
        V factor0 = S.Load(factors), factor1 = S.Load(factors + S.Lanes);
        for (int c = 0; c < components; c++, mixed += 2 * S.Lanes)
        {
            S.Store(mixed, S.Multiply(S.Load(mixed), factor0));
            S.Store(mixed + S.Lanes, S.Multiply(S.Load(mixed + S.Lanes), factor1));
        }
    }

    /// <summary>Divides by the sums, or gives 0 where nothing was summed. 0 is added last: a zero's sign could tell what stands beyond the query's own keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Finish<S, V>(float* mixed, float* sums, int components) where S : ISimd<V> where V : struct
    {
        for (int r = 0; r < 2 * S.Lanes; r++) sums[r] = sums[r] == 0 ? 0 : 1 / sums[r];
        V share0 = S.Load(sums), share1 = S.Load(sums + S.Lanes), zero = S.Broadcast(0);
        for (int c = 0; c < components; c++, mixed += 2 * S.Lanes)
        {
            S.Store(mixed, S.Add(S.Multiply(S.Load(mixed), share0), zero));
            S.Store(mixed + S.Lanes, S.Add(S.Multiply(S.Load(mixed + S.Lanes), share1), zero));
        }
    }
}
