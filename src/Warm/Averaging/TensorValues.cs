using System.Buffers;
using System.Numerics.Tensors;

namespace Warm;

/// <summary>One tensor's values in all members and in the base, as a method reads them when it takes a statistic: in double, a block at a time.</summary>
internal sealed class TensorValues(WeightAverage average, PlannedTensor tensor, Member? origin, long offset, ModelValues model)
{
    /// <summary>Values read at once.</summary>
    public const int Block = 1 << 13;

    /// <summary>Stops the reading that this thread does for a statistic: whoever runs a pass sets it on its threads.</summary>
    [ThreadStatic]
    internal static CancellationToken Stop;

    public string Name => tensor.Saved.Name;

    public Shape Shape => tensor.Saved.Shape;

    public long Count { get; } = tensor.Saved.Count;

    /// <summary>Where the tensor begins when all averaged tensors lie end to end, names in code-point order.</summary>
    public long Offset => offset;

    /// <summary>Number of members.</summary>
    public int Members => average.AllMembers.Count;

    /// <summary>All tensors of the average.</summary>
    public ModelValues Model => model;

    /// <summary>Length of a vector along the last axis.</summary>
    public long RowLength => Shape.Rank == 0 ? 1 : Math.Max(1, Shape[^1]);

    public void Read(int member, long start, Span<double> values)
    {
        Stop.ThrowIfCancellationRequested();
        average.AllMembers[member].Weights.Read(tensor.Members[member].Name, start, values);
        if (model.IsSingle) SingleStep.Round(values);
    }

    public void ReadOrigin(long start, Span<double> values)
    {
        if (origin is null) values.Clear();
        else origin.Weights.Read(origin.Own(Name), start, values);
        if (model.IsSingle) SingleStep.Round(values);
    }

    /// <summary>A member's differences from the base.</summary>
    public void ReadDelta(int member, long start, Span<double> delta)
    {
        Read(member, start, delta);
        if (origin is null) return;
        double[] block = ArrayPool<double>.Shared.Rent(Math.Min(delta.Length, Block));
        for (int done = 0, count; done < delta.Length; done += count)
        {
            count = Math.Min(Math.Min(block.Length, Block), delta.Length - done);
            ReadOrigin(start + done, block.AsSpan(0, count));
            TensorPrimitives.Subtract(delta.Slice(done, count), block.AsSpan(0, count), delta.Slice(done, count));
        }
        ArrayPool<double>.Shared.Return(block);
    }

    /// <summary>All members' differences from the base, which is read once for them.</summary>
    /// <param name="start">Index of the first.</param>
    /// <param name="count">How many, at most <see cref="Block"/>.</param>
    /// <param name="deltas">One array a member.</param>
    public void ReadDeltas(long start, int count, double[][] deltas)
    {
        double[] block = ArrayPool<double>.Shared.Rent(count);
        ReadOrigin(start, block.AsSpan(0, count));
        for (int m = 0; m < deltas.Length; m++)
        {
            Span<double> delta = deltas[m].AsSpan(0, count);
            Read(m, start, delta);
            TensorPrimitives.Subtract(delta, block.AsSpan(0, count), delta);
        }
        ArrayPool<double>.Shared.Return(block);
    }
}
