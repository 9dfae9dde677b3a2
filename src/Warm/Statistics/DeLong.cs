namespace Warm;

/// <summary>DeLong's comparison of two areas under the ROC curve on the same cases (DeLong, DeLong and Clarke-Pearson 1988).</summary>
/// <param name="First">Area of the first.</param>
/// <param name="Second">Area of the second.</param>
/// <param name="FirstVariance">Its variance.</param>
/// <param name="SecondVariance">Its variance.</param>
/// <param name="Covariance">Of the two.</param>
/// <param name="Z">Their difference over its standard error; 0 where they are equal.</param>
/// <param name="P">Two-sided p.</param>
public sealed record DeLong(double First, double Second, double FirstVariance, double SecondVariance, double Covariance, double Z, double P)
{
    /// <summary>Compares two lists of values of the same cases.</summary>
    /// <param name="first">One a case.</param>
    /// <param name="second">One a case.</param>
    /// <param name="positive">Which cases should lie above; at least two of each kind.</param>
    public static DeLong Of(IReadOnlyList<double> first, IReadOnlyList<double> second, IReadOnlyList<bool> positive)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(positive);
        if (first.Count != positive.Count || second.Count != positive.Count) throw new ArgumentException("There must be as many values as labels.");
        int[] ones = [.. Enumerable.Range(0, positive.Count).Where(i => positive[i])], zeros = [.. Enumerable.Range(0, positive.Count).Where(i => !positive[i])];
        if (ones.Length < 2 || zeros.Length < 2) throw new ArgumentException("There must be at least two cases of each kind.", nameof(positive));
        (double[] up1, double[] down1) = Shares(first);
        (double[] up2, double[] down2) = Shares(second);
        double a = up1.Average(), b = up2.Average(), va = Together(up1, up1, down1, down1), vb = Together(up2, up2, down2, down2), covariance = Together(up1, up2, down1, down2);
        double variance = va + vb - 2 * covariance, z = a == b ? 0 : (a - b) / Math.Sqrt(variance);
        return new(a, b, va, vb, covariance, z, Normal.TwoSided(z));

        // For each case, the share of the other kind that it lies on the right side of.
        (double[], double[]) Shares(IReadOnlyList<double> values) =>
            ([.. ones.Select(i => zeros.Average(j => Above(values[i], values[j])))], [.. zeros.Select(j => ones.Average(i => Above(values[i], values[j])))]);

        static double Above(double one, double zero) => one > zero ? 1 : one == zero ? 0.5 : 0;

        static double Together(double[] upA, double[] upB, double[] downA, double[] downB) => Covary(upA, upB) / upA.Length + Covary(downA, downB) / downA.Length;

        static double Covary(double[] a, double[] b)
        {
            double meanA = a.Average(), meanB = b.Average();
            return a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum() / (a.Length - 1);
        }
    }
}
