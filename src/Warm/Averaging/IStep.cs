namespace Warm;

/// <summary>The type in which a method's sums are made: what each of its steps (a difference, a product, a sum, a quotient) is rounded to.</summary>
/// <remarks>A single step of single-precision arithmetic is the double one, rounded: double has more than twice the digits, so rounding twice changes nothing.</remarks>
internal interface IStep
{
    /// <summary>The value as that type holds it.</summary>
    static abstract double Of(double value);
}

/// <summary>Double: every step as it comes.</summary>
internal readonly struct DoubleStep : IStep
{
    public static double Of(double value) => value;
}

/// <summary>Single: every step rounded.</summary>
internal readonly struct SingleStep : IStep
{
    public static double Of(double value) => (float)value;

    /// <summary>Rounds values in place.</summary>
    public static void Round(Span<double> values)
    {
        for (int i = 0; i < values.Length; i++) values[i] = Of(values[i]);
    }
}
