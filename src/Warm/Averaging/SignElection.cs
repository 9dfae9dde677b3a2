namespace Warm;

/// <summary>
/// The second half of TIES: at every place the weighted deltas elect a sign, that of their sum, and only those with that sign are added. A sum of 0 elects +; a delta of 0 agrees with neither.
/// </summary>
internal static class SignElection
{
    /// <summary>Adds the agreeing ones.</summary>
    /// <param name="weighted">Each member's deltas, multiplied by its weight.</param>
    /// <param name="c">The weights.</param>
    /// <param name="divide">Whether to divide by the sum of the weights of the agreeing members (by 1 where that is 0).</param>
    /// <param name="result">The sums.</param>
    public static void Sum<R>(double[][] weighted, ReadOnlySpan<double> c, bool divide, Span<double> result) where R : struct, IStep
    {
        for (int i = 0; i < result.Length; i++)
        {
            double all = 0, agreeing = 0, weights = 0;
            for (int m = 0; m < c.Length; m++) all = R.Of(all + weighted[m][i]);
            for (int m = 0; m < c.Length; m++)
            {
                double own = weighted[m][i];
                if (all >= 0 ? !(own > 0) : !(own < 0)) continue;
                agreeing = R.Of(agreeing + own);
                weights = R.Of(weights + R.Of(c[m]));
            }
            result[i] = divide && weights != 0 ? R.Of(agreeing / weights) : agreeing;
        }
    }
}
