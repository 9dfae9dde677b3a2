using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>Sums and products value by value. Memory is padded to whole vectors, so whole tensors need no tail.</summary>
internal static unsafe class Elementwise
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<S, V>(float* a, float* b, float* y, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i += S.Lanes) S.Store(y + i, S.Add(S.Load(a + i), S.Load(b + i)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<S, V>(float* a, float* b, float* y, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i += S.Lanes) S.Store(y + i, S.Multiply(S.Load(a + i), S.Load(b + i)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale<S, V>(float* x, float factor, float* y, int count) where S : ISimd<V> where V : struct
    {
        for (int i = 0; i < count; i += S.Lanes) S.Store(y + i, S.Multiply(S.Load(x + i), S.Broadcast(factor)));
    }

    /// <summary>a += b for a stretch inside a row: exactly <paramref name="count"/> values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddTo<S, V>(float* a, float* b, int count) where S : ISimd<V> where V : struct
    {
        int i = 0;
        for (; i <= count - S.Lanes; i += S.Lanes) S.Store(a + i, S.Add(S.Load(a + i), S.Load(b + i)));
        for (; i < count; i++) a[i] += b[i];
    }
}
