using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>1 / (1 + e^-x) of each lane. Error below 2e-7.</summary>
internal static class Sigmoid
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<S, V>(V x) where S : ISimd<V> where V : struct
    {
        V one = S.Broadcast(1);
        return S.Divide(one, S.Add(one, Exp.Of<S, V>(S.Subtract(S.Broadcast(0), x))));
    }
}
