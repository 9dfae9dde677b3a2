using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// erf x of each lane: below 0.95 x (1 + p(x^2)), above 1 - e^q(|x|) with the sign of x, where q fits log erfc up to 4 (our own least-maximum fits, errors 2.2e-8 and 1.7e-9).
/// Relative error below 3e-7.
/// </summary>
internal static class Erf
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<S, V>(V x) where S : ISimd<V> where V : struct
    {
        V magnitude = S.Abs(x), square = S.Multiply(x, x);
        V p = S.MultiplyAdd(S.Broadcast(-0.0005862087f), square, S.Broadcast(0.0049675084f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-0.026748866f));
        p = S.MultiplyAdd(p, square, S.Broadcast(0.1128132f));
        p = S.MultiplyAdd(p, square, S.Broadcast(-0.37612447f));
        p = S.MultiplyAdd(p, square, S.Broadcast(0.12837914f));
        V small = S.MultiplyAdd(p, x, x);

        V t = S.Min(S.Broadcast(4), magnitude); // erf 4 rounds to 1
        V q = S.MultiplyAdd(S.Broadcast(0.00019821979f), t, S.Broadcast(-0.0030654916f));
        q = S.MultiplyAdd(q, t, S.Broadcast(0.022315217f));
        q = S.MultiplyAdd(q, t, S.Broadcast(-0.10411369f));
        q = S.MultiplyAdd(q, t, S.Broadcast(-0.63697606f));
        q = S.MultiplyAdd(q, t, S.Broadcast(-1.1277972f));
        q = S.MultiplyAdd(q, t, S.Broadcast(-0.0001664462f));
        V large = S.CopySign(S.Subtract(S.Broadcast(1), Exp.Of<S, V>(q)), x);
        return S.Select(S.LessThan(magnitude, S.Broadcast(0.95f)), small, large);
    }
}
