using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// tanh x of each lane: below 0.625 x + x^3 p(x^2) (our own least-maximum fit, degree 4 in x^2), above 1 - 2 / (e^2|x| + 1) with the sign of x. Relative error below 4e-7.
/// </summary>
internal static class Tanh
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<S, V>(V x) where S : ISimd<V> where V : struct
    {
        V magnitude = S.Abs(x), square = S.Multiply(x, x), one = S.Broadcast(1);
        V p = S.MultiplyAdd(S.Broadcast(-0.005704985f), square, S.Broadcast(0.020639086f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-0.053739715f));
        p = S.MultiplyAdd(p, square, S.Broadcast(0.13331442f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-0.3333328f));
        V small = S.MultiplyAdd(S.Multiply(p, square), x, x);
        V power = Exp.Of<S, V>(S.Add(magnitude, magnitude));
        V large = S.CopySign(S.Subtract(one, S.Divide(S.Broadcast(2), S.Add(power, one))), x);
        return S.Select(S.LessThan(magnitude, S.Broadcast(0.625f)), small, large);
    }
}
