using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>The scalar functions of <see cref="Activation"/>, lane by lane, alone or times a second matrix (gated).</summary>
internal static unsafe class Activations
{
    public static void Forward<S, V>(Activation activation, float* x, float* y, int count) where S : ISimd<V> where V : struct
    {
        switch (activation)
        {
            case Activation.Gelu: Map<S, V, Gelu<S, V>>(x, y, count); break;
            case Activation.GeluTanh: Map<S, V, GeluTanh<S, V>>(x, y, count); break;
            case Activation.GeluFast: Map<S, V, GeluFast<S, V>>(x, y, count); break;
            case Activation.GeluQuick: Map<S, V, GeluQuick<S, V>>(x, y, count); break;
            case Activation.Silu: Map<S, V, Silu<S, V>>(x, y, count); break;
            case Activation.Relu: Map<S, V, Relu<S, V>>(x, y, count); break;
            case Activation.Relu2: Map<S, V, Relu2<S, V>>(x, y, count); break;
            case Activation.Tanh: Map<S, V, HyperbolicTangent<S, V>>(x, y, count); break;
            case Activation.Sigmoid: Map<S, V, Logistic<S, V>>(x, y, count); break;
            case Activation.Mish: Map<S, V, Mish<S, V>>(x, y, count); break;
            default: throw new WarmException(activation.ToString(), "is not built in the CPU engine");
        }
    }

    public static void Gated<S, V>(Activation activation, float* gate, float* up, float* y, int count) where S : ISimd<V> where V : struct
    {
        Forward<S, V>(activation, gate, y, count);
        Elementwise.Multiply<S, V>(y, up, y, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Map<S, V, F>(float* x, float* y, int count) where S : ISimd<V> where V : struct where F : IFunction<V>
    {
        for (int i = 0; i < count; i += S.Lanes) S.Store(y + i, F.Of(S.Load(x + i)));
    }

    private interface IFunction<V>
    {
        static abstract V Of(V x);
    }

    private readonly struct Gelu<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => HalfTimesOnePlus<S, V>(x, Erf.Of<S, V>(S.Multiply(x, S.Broadcast(0.70710678f))));
    }

    private readonly struct GeluTanh<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => TanhForm<S, V>(x, 0.79788456080286536f);
    }

    private readonly struct GeluFast<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => TanhForm<S, V>(x, 0.7978845608f);
    }

    private readonly struct GeluQuick<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => S.Multiply(x, Sigmoid.Of<S, V>(S.Multiply(x, S.Broadcast(1.702f))));
    }

    private readonly struct Silu<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => S.Multiply(x, Sigmoid.Of<S, V>(x));
    }

    private readonly struct Relu<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => S.Max(S.Broadcast(0), x);
    }

    private readonly struct Relu2<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x)
        {
            V positive = S.Max(S.Broadcast(0), x);
            return S.Multiply(positive, positive);
        }
    }

    private readonly struct HyperbolicTangent<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => Tanh.Of<S, V>(x);
    }

    private readonly struct Logistic<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x) => Sigmoid.Of<S, V>(x);
    }

    /// <summary>x tanh(log(1 + e)) = x w / (w + 2) with e = e^x and w = e (e + 2); from 20 on the quotient is 1.</summary>
    private readonly struct Mish<S, V> : IFunction<V> where S : ISimd<V> where V : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of(V x)
        {
            V two = S.Broadcast(2), e = Exp.Of<S, V>(S.Min(S.Broadcast(20), x)), w = S.Multiply(e, S.Add(e, two));
            return S.Multiply(x, S.Divide(w, S.Add(w, two)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TanhForm<S, V>(V x, float factor) where S : ISimd<V> where V : struct
    {
        V inner = S.MultiplyAdd(S.Multiply(S.Broadcast(0.044715f), S.Multiply(x, x)), x, x);
        return HalfTimesOnePlus<S, V>(x, Tanh.Of<S, V>(S.Multiply(S.Broadcast(factor), inner)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V HalfTimesOnePlus<S, V>(V x, V value) where S : ISimd<V> where V : struct
    {
        V half = S.Multiply(x, S.Broadcast(0.5f));
        return S.MultiplyAdd(half, value, half);
    }
}
