using System.Collections.Concurrent;

namespace Warm;

/// <summary>Room for a run of every member's values and the base's, used again by the next reading of as many members.</summary>
internal sealed class RunBuffers : IDisposable
{
    private static readonly ConcurrentDictionary<int, ConcurrentBag<RunBuffers>> Free = new();

    private RunBuffers(int members) => Members = [.. Enumerable.Range(0, members).Select(_ => new double[WeightedSum.Run])];

    /// <summary>A run of each member.</summary>
    public double[][] Members { get; }

    /// <summary>A run of the base.</summary>
    public double[] Origin { get; } = new double[WeightedSum.Run];

    /// <summary>Buffers for so many members.</summary>
    public static RunBuffers Rent(int members) => Free.GetOrAdd(members, _ => []).TryTake(out RunBuffers? buffers) ? buffers : new(members);

    /// <summary>Gives them back.</summary>
    public void Dispose() => Free[Members.Length].Add(this);
}
