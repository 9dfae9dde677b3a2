namespace Warm.Transformers;

/// <summary>How a <see cref="LinearProbe"/> is fitted. The optimum depends on <see cref="Ridge"/> alone.</summary>
public sealed record LinearProbeOptions
{
    /// <summary>The defaults.</summary>
    public static LinearProbeOptions Default { get; } = new();

    /// <summary>Strength of the penalty <c>ridge / 2 |w|^2</c>, above 0; default 1e-3. Without it pairs that a head can separate have no optimum.</summary>
    public double Ridge { get; init; } = 1e-3;

    /// <summary>The fit ends when the optimum is known to lie within this distance of w, relative to max(1, |w|); default 1e-8.</summary>
    public double Tolerance { get; init; } = 1e-8;

    /// <summary>Most iterations; default 5,000. A fit that needs more says so in <see cref="LinearProbe.Converged"/>.</summary>
    public int Iterations { get; init; } = 5_000;

    /// <summary>Number of threads; 0 (default) for all cores. No bit of the result depends on it.</summary>
    public int Threads { get; init; }
}
