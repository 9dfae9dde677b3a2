namespace Warm;

/// <summary>
/// The straight line between two models: <c>(1 - lambda) a + lambda b</c>. At 0 it is a, at 1 it is b, at 1/2 their mean; outside [0, 1] it extrapolates.
/// Where the rewards along the line are no worse than the mix of the ends' rewards, the two are linearly mode connected (Ramé et al., WARM, arXiv:2401.12187).
/// </summary>
public static class Interpolation
{
    /// <summary>The point <paramref name="lambda"/> of the line from <paramref name="a"/> to <paramref name="b"/>.</summary>
    /// <param name="a">The model at lambda 0; its config, tokenizer and integer buffers are taken.</param>
    /// <param name="b">The model at lambda 1.</param>
    /// <param name="lambda">Any finite number.</param>
    /// <param name="options">Types and allowed rules; its weights are not used.</param>
    public static WeightAverage Of(Weights a, Weights b, double lambda, AverageOptions? options = null) =>
        WeightAverage.Of([a, b], (options ?? AverageOptions.Default) with { Weights = [1 - lambda, lambda], Normalise = false }, "interpolation");
}
