using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// e^x of each lane: x = n ln 2 + r, |r| &lt;= ln 2 / 2, e^x = 2^n (1 + r + r^2 q(r)) with q a polynomial of degree 4 (our own least-maximum fit, error 3e-9).
/// Relative error below 1.5e-7 (2.5e-7 unfused) where the result is a normal number; below -87.3 the result is exactly 0, above 88.37 it is infinite; e^0 is exactly 1.
/// </summary>
internal static class Exp
{
    private const float Lowest = -87.3f, Highest = 88.37f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<S, V>(V x) where S : ISimd<V> where V : struct
    {
        V clamped = S.Min(S.Broadcast(Highest), S.Max(S.Broadcast(Lowest), x)); // x second: what is not a number stays so
        V shift = S.Broadcast(12582912f); // 1.5 2^23: adding it rounds to whole numbers
        V shifted = S.MultiplyAdd(clamped, S.Broadcast(1.44269504f), shift);
        V n = S.Subtract(shifted, shift);
        V r = S.MultiplyAdd(n, S.Broadcast(-0.693359375f), clamped); // ln 2 in two parts: the first has few bits, so n times it is exact
        r = S.MultiplyAdd(n, S.Broadcast(2.12194440e-4f), r);
        V q = S.MultiplyAdd(S.Broadcast(0.0013814587f), r, S.Broadcast(0.0083687222f));
        q = S.MultiplyAdd(q, r, S.Broadcast(0.041668389f));
        q = S.MultiplyAdd(q, r, S.Broadcast(0.16666521f));
        q = S.MultiplyAdd(q, r, S.Broadcast(0.49999994f));
        V power = S.Add(S.MultiplyAdd(q, S.Multiply(r, r), r), S.Broadcast(1));
        V value = S.Multiply(power, S.PowerOfTwo(shifted));
        value = S.Select(S.LessThan(x, S.Broadcast(Lowest)), S.Broadcast(0), value);
        return S.Select(S.LessThan(S.Broadcast(Highest), x), S.Broadcast(float.PositiveInfinity), value);
    }
}
