namespace Warm;

/// <summary>A model that is measured, and what it is called.</summary>
/// <param name="Name">As results show it.</param>
/// <param name="Weights">A checkpoint, an adapter on its base, an average; loaded, scored and let go in its turn.</param>
public sealed record EvaluatedModel(string Name, Weights Weights);

/// <summary>The checkpoints of one run, whose moving average is a baseline.</summary>
/// <param name="Name">As results show it.</param>
/// <param name="Checkpoints">In order of time, at least one; reward models.</param>
public sealed record EvaluatedRun(string Name, IReadOnlyList<Weights> Checkpoints);

/// <summary>What an <see cref="Evaluation"/> measures beside the models themselves.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Whether the average of all models' weights is measured (default); a refusal to average is a remark.</summary>
    public bool Average { get; init; } = true;

    /// <summary>The ensembles of the models' rewards; default mean, worst case, and mean - 0.5 x variance with the divisor n.</summary>
    public IReadOnlyList<EnsembleRule> Ensembles { get; init; } = [EnsembleRule.Mean, EnsembleRule.Worst, EnsembleRule.LessVariance()];

    /// <summary>
    /// For every size k, the most subsets of k members whose weights are averaged and measured: 0 (default) for none, <see cref="int.MaxValue"/> for all 2^M - M - 2; where there are more they
    /// are drawn. Each costs a load and a pass.
    /// </summary>
    public int Subsets { get; init; }

    /// <summary>Seed of the subsets that are drawn; default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Runs whose moving averages are measured as baselines, and where there are several the average of those; default none.</summary>
    public IReadOnlyList<EvaluatedRun> Runs { get; init; } = [];

    /// <summary>How a run's checkpoints become one: null (default) for their running mean (<see cref="StochasticWeightAverage"/>), or a <see cref="Warm.MovingAverage"/>.</summary>
    public AverageMethod? MovingAverage { get; init; }

    /// <summary>Number type of the averages and allowed rules; null keeps the members' type.</summary>
    public AverageOptions? Averaging { get; init; }

    /// <summary>Pairs by which the best member is chosen; null (default) for no choice. No set may share a prompt with them.</summary>
    public SelectionPairs? Selection { get; init; }

    /// <summary>Whether prompts that a set shares with the selection are a remark instead of a refusal; default false.</summary>
    public bool AllowSharedPrompts { get; init; }

    /// <summary>Scores that are kept by content hash; null (default) for none. What it holds is not scored again.</summary>
    public ScoreCache? Cache { get; init; }

    /// <summary>Told what is being done and how far it is, 0 to 1; null (default) for nobody.</summary>
    public Action<string, double>? Progress { get; init; }
}
