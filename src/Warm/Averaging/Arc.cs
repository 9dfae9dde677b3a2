namespace Warm;

/// <summary>A point on the way between two vectors, round the sphere or straight: <c>(x First + y Second) / Divisor</c>.</summary>
internal readonly record struct Arc(double First, double Second, double Divisor)
{
    /// <summary>The straight line.</summary>
    public static Arc Straight(double t) => new(1 - t, t, 1);

    /// <summary>Round the sphere, at an angle of that cosine.</summary>
    public static Arc Round(double cosine, double t)
    {
        double angle = Math.Acos(cosine);
        return new(Math.Sin((1 - t) * angle), Math.Sin(t * angle), Math.Sin(angle));
    }

    /// <summary>Round the sphere unless the vectors are parallel or opposite to the last bit: the rule of nuslerp.</summary>
    public static Arc UnlessParallel(double[,] products, double t)
    {
        double cosine = Cosine(products, length => Math.Max(length, 1e-7));
        return 1 - cosine * cosine <= 1e-16 ? Straight(t) : Round(cosine, t);
    }

    /// <summary>The cosine of the first two vectors.</summary>
    /// <param name="products">Their inner products.</param>
    /// <param name="counts">What a length counts as.</param>
    public static double Cosine(double[,] products, Func<double, double> counts) =>
        Math.Clamp(products[0, 1] / counts(Math.Sqrt(products[0, 0])) / counts(Math.Sqrt(products[1, 1])), -1, 1);

    /// <summary>The point, made in steps of a type.</summary>
    public double Between<R>(double x, double y) where R : struct, IStep => R.Of(R.Of(R.Of(R.Of(First) * x) + R.Of(R.Of(Second) * y)) / R.Of(Divisor));
}
