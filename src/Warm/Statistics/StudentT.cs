namespace Warm;

/// <summary>Student's t distribution: quantiles for intervals over few units.</summary>
internal static class StudentT
{
    /// <summary>The value that a share <paramref name="probability"/> (0 to 1, exclusive) of the distribution with that many degrees of freedom lies below; about 1e-12 relative.</summary>
    public static double Quantile(double probability, double degrees)
    {
        if (double.IsNaN(probability) || probability is <= 0 or >= 1) throw new ArgumentOutOfRangeException(nameof(probability));
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        if (probability == 0.5) return 0;
        if (probability < 0.5) return -Quantile(1 - probability, degrees);
        // Upper tail, by bisection: the tail falls strictly, 200 halvings end at neighbouring doubles, and speed does not matter here.
        double tail = 1 - probability, low = 0, high = 2;
        while (Tail(high, degrees) > tail) high *= 2;
        for (int i = 0; i < 200; i++)
        {
            double middle = 0.5 * (low + high);
            if (middle == low || middle == high) break;
            if (Tail(middle, degrees) > tail) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    /// <summary>P(T &gt; t) for t &gt;= 0: half the regularised incomplete beta function I_x(v/2, 1/2) at x = v / (v + t^2).</summary>
    internal static double Tail(double t, double degrees) => 0.5 * IncompleteBeta(degrees / 2, 0.5, degrees / (degrees + t * t), t * t / (degrees + t * t));

    /// <summary>I_x(a, b) by the continued fraction of the field's tables (Abramowitz and Stegun 26.5.8), evaluated by Lentz's method; y = 1 - x without cancellation.</summary>
    internal static double IncompleteBeta(double a, double b, double x, double y)
    {
        if (x <= 0) return 0;
        if (y <= 0) return 1;
        double front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * Math.Log(x) + b * Math.Log(y));
        return x < (a + 1) / (a + b + 2) ? front * Fraction(a, b, x) / a : 1 - front * Fraction(b, a, y) / b;
    }

    private static double Fraction(double a, double b, double x)
    {
        const double tiny = 1e-300;
        double c = 1, d = 1 - (a + b) * x / (a + 1);
        d = 1 / (Math.Abs(d) < tiny ? tiny : d);
        double value = d;
        for (int m = 1; m < 10_000; m++)
        {
            double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            Step(even);
            double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            double change = Step(odd);
            if (Math.Abs(change - 1) < 1e-16) break;
        }
        return value;

        double Step(double term)
        {
            d = 1 + term * d;
            d = 1 / (Math.Abs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            if (Math.Abs(c) < tiny) c = tiny;
            value *= d * c;
            return d * c;
        }
    }

    /// <summary>ln Gamma(x) for x &gt; 0: shifted above 16, then Stirling's series; about 1e-15 relative.</summary>
    internal static double LogGamma(double x)
    {
        double shift = 0;
        while (x < 16) shift += Math.Log(x++);
        double r = 1 / x, s = r * r;
        double series = r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188 - s * (691.0 / 360360))))));
        return (x - 0.5) * Math.Log(x) - x + 0.91893853320467274178 + series - shift;
    }
}
