namespace Warm;

/// <summary>Which of the possible runs a sweep takes.</summary>
public enum SweepDesign
{
    /// <summary>Some of all combinations, drawn without replacement, starts in turn (default).</summary>
    Random,
    /// <summary>Every combination.</summary>
    Grid,
    /// <summary>One combination; members differ in the order of the data alone (and in their start, where there are several). The cheapest: nothing needs to be found first.</summary>
    Order,
}

/// <summary>What a <see cref="HyperparameterSweep"/> is planned from. Defaults are the paper's (Ramé et al., WARM, arXiv:2401.12187, section 4.1).</summary>
public sealed record SweepOptions
{
    /// <summary>Folders of the models that members start from, all with one head; at least one.</summary>
    public required IReadOnlyList<string> Starts { get; init; }

    /// <summary>Preference pairs to train on: JSON lines with prompt, chosen and rejected.</summary>
    public required string Train { get; init; }

    /// <summary>Which runs are taken; default <see cref="SweepDesign.Random"/>.</summary>
    public SweepDesign Design { get; init; }

    /// <summary>Number of runs of a random or order design; default 10.</summary>
    public int Runs { get; init; } = 10;

    /// <summary>Data orders of each combination of a grid; default 1.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Learning rates; null (default) for 1e-5, 4e-5 and 1e-4 (order design: 4e-5).</summary>
    public IReadOnlyList<double>? LearningRates { get; init; }

    /// <summary>Dropout rates; null (default) for 0.05 and 0.1 (order design: 0.05).</summary>
    public IReadOnlyList<double>? Dropouts { get; init; }

    /// <summary>Seed of the draw; default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Where the trained members will be; default <c>runs</c>.</summary>
    public string Out { get; init; } = "runs";
}
