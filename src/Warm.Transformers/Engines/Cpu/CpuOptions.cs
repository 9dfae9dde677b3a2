namespace Warm.Transformers;

/// <summary>How a <see cref="CpuEngine"/> runs.</summary>
public sealed record CpuOptions
{
    /// <summary>Number of threads an operation uses, at least 1; default: all processors of the machine. Results have the same bits for any number.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Which instructions; default: the widest that this processor has.</summary>
    public CpuKernel Kernel { get; init; } = CpuKernel.Best;
}
