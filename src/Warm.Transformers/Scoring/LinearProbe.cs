namespace Warm.Transformers;

/// <summary>
/// A linear reward head on frozen features, fitted to preferences: the optimum of <c>mean softplus(-(f_chosen - f_rejected) w) + ridge / 2 |w|^2</c>, the Bradley-Terry loss with a penalty.
/// It is strictly convex, so there is one answer, and every solver finds it. The head that all members of a family start from (linear probing, then fine-tuning: Kumar et al.,
/// arXiv:2202.10054; Ramé et al., WARM, arXiv:2401.12187, section 3).
/// </summary>
/// <remarks>In double, by L-BFGS with an exact line search. Memory: 8 bytes x pairs x width, and 40 vectors beside. A bias has no say in a preference, so there is none.</remarks>
public sealed class LinearProbe
{
    private readonly double[] _weights;

    internal LinearProbe(double[] weights, int pairs, double ridge, double loss, double gradientNorm, int iterations, bool converged)
    {
        (_weights, Pairs, Ridge, Loss, GradientNorm, Iterations, Converged) = (weights, pairs, ridge, loss, gradientNorm, iterations, converged);
        double squared = 0;
        foreach (double w in weights) squared += w * w;
        Objective = loss + ridge / 2 * squared;
    }

    /// <summary>The head: one number a feature.</summary>
    public IReadOnlyList<double> Weights => _weights;

    /// <summary>Number of pairs that it was fitted to.</summary>
    public int Pairs { get; }

    /// <summary>Strength of the penalty.</summary>
    public double Ridge { get; }

    /// <summary>Mean Bradley-Terry loss of those pairs, which flatters: they were fitted.</summary>
    public double Loss { get; }

    /// <summary>Loss and penalty: what was made smallest.</summary>
    public double Objective { get; }

    /// <summary>Length of the objective's gradient at <see cref="Weights"/>. The optimum lies within this, divided by <see cref="Ridge"/>.</summary>
    public double GradientNorm { get; }

    /// <summary>Number of steps that it took.</summary>
    public int Iterations { get; }

    /// <summary>Whether the optimum is as near as was asked for.</summary>
    public bool Converged { get; }

    /// <summary>Fits a head to differences of features.</summary>
    /// <param name="differences">A row a pair: features of the chosen text less those of the rejected one; at least one row, all of one width, finite.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="WarmException">There are no pairs, rows of two widths, or numbers that are not finite.</exception>
    public static LinearProbe Fit(IReadOnlyList<double[]> differences, LinearProbeOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(differences);
        options ??= LinearProbeOptions.Default;
        if (!(options.Ridge > 0) || !double.IsFinite(options.Ridge)) throw new WarmException("ridge", FormattableString.Invariant($"is {options.Ridge}"), "a finite number above 0", "Without a penalty pairs that a head can separate have no optimum.");
        if (differences.Count == 0) throw new WarmException("linear probe", "there are no pairs", "at least one pair to fit a head to");
        for (int i = 0; i < differences.Count; i++)
        {
            if (differences[i].Length != differences[0].Length || differences[i].Length == 0)
                throw new WarmException(FormattableString.Invariant($"linear probe, pair {i}"), FormattableString.Invariant($"has {differences[i].Length} features"), FormattableString.Invariant($"as many as the first, {differences[0].Length}"));
            if (!Array.TrueForAll(differences[i], double.IsFinite))
                throw new WarmException(FormattableString.Invariant($"linear probe, pair {i}"), "a feature is not finite", "finite numbers", "Look at the weights of the start: they hold NaN or infinity, or its numbers grow beyond single precision.");
        }
        return new BradleyTerrySolver([.. differences], options).Solve(cancellation);
    }

    /// <summary>Fits a head to a model's frozen features of pairs; the model's own head is not used. Each distinct text is computed once.</summary>
    /// <param name="model">The start.</param>
    /// <param name="pairs">Read once; features are held, 8 bytes x pairs x width.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="scoring">How texts are read; null for the model's own way.</param>
    /// <param name="cancellation">Stops between two batches or steps.</param>
    public static async Task<LinearProbe> FitAsync(RewardModel model, IEnumerable<Preference> pairs, LinearProbeOptions? options = null, ScoringOptions? scoring = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        Preference[] all = [.. pairs];
        IReadOnlyList<float[]> features = await model.FeaturesAsync([.. all.Select(pair => pair.Chosen), .. all.Select(pair => pair.Rejected)], scoring, null, cancellation).ConfigureAwait(false);
        return Fit([.. all.Select((_, i) => Baklava.Row(features[i], features[all.Length + i]))], options, cancellation);
    }

    /// <summary>Features and fits as <see cref="Baklava"/> takes them: each start is loaded, its features are computed, and it is let go.</summary>
    /// <param name="ridges">Strengths of the penalty, of which the one with the least loss on held-out pairs is taken; null for 0.001, 0.01, 0.1 and 1.</param>
    /// <param name="engine">What computes; null for a <see cref="CpuEngine"/> on all cores.</param>
    /// <param name="loading">Text form, read position, residency; null for the starts' own.</param>
    /// <param name="scoring">How texts are read; null for the defaults.</param>
    /// <param name="threads">Threads that fit; 0 (default) for all cores. No bit depends on it.</param>
    public static StartProbe ForStarts(IReadOnlyList<double>? ridges = null, Engine? engine = null, RewardModelOptions? loading = null, ScoringOptions? scoring = null, int threads = 0)
    {
        engine ??= new CpuEngine();
        return new(async (start, texts, cancellation) =>
        {
            using RewardModel model = RewardModel.Load(start, engine, loading);
            return await model.FeaturesAsync(texts, scoring, null, cancellation).ConfigureAwait(false);
        }, [.. (ridges ?? [1e-3, 1e-2, 1e-1, 1]).Select(ridge => new HeadFit(FormattableString.Invariant($"Bradley-Terry, ridge {ridge:R}"), rows => Fit(rows, new() { Ridge = ridge, Threads = threads }).Weights))]);
    }

    /// <summary>The reward that the head gives to features.</summary>
    /// <param name="features">As many as the head has <see cref="Weights"/>.</param>
    public double Reward(ReadOnlySpan<float> features)
    {
        if (features.Length != _weights.Length) throw new ArgumentException($"There are {features.Length} features for a head of {_weights.Length}.", nameof(features));
        double sum = 0;
        for (int i = 0; i < features.Length; i++) sum += features[i] * _weights[i];
        return sum;
    }

    /// <summary><c>a head of 128 on 2,126 pairs: loss 0.412, ridge 0.001, 87 steps</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"a head of {_weights.Length:N0} on {Pairs:N0} pairs: loss {Loss:F3}, ridge {Ridge:R}, {Iterations:N0} steps{(Converged ? "" : ", not converged")}");
}
