using System.Numerics.Tensors;

namespace Warm;

/// <summary>One tensor of a model with an adapter that is not the base's own: where its values begin from, and what is added.</summary>
/// <param name="Info">Name, type and shape as saved.</param>
/// <param name="Source">The base, or the adapter's file where it holds the tensor whole.</param>
/// <param name="SourceName">The tensor's name there.</param>
internal sealed record AdaptedTensor(TensorInfo Info, Weights Source, string SourceName)
{
    /// <summary>The product of factors that is added; null for none.</summary>
    public LowRankProduct? Product { get; init; }

    /// <summary>The second factor's bias in <see cref="Factors"/>, added to a layer's bias; null for none.</summary>
    public string? Bias { get; init; }

    /// <summary>What <see cref="Bias"/> is multiplied by.</summary>
    public double BiasScale { get; init; }

    /// <summary>The adapter's file.</summary>
    public required Checkpoint Factors { get; init; }

    /// <summary>Whether the source's own bits are what is saved.</summary>
    public bool IsStored => Product is null && Bias is null && Source.Info(SourceName).DType == Info.DType;

    /// <summary>Reads values, unrounded.</summary>
    public void Read(long start, Span<double> values)
    {
        Source.Read(SourceName, start, values);
        Product?.Apply(start, values);
        if (Bias is null) return;
        double[] bias = new double[values.Length];
        Factors.Read(Bias, start, bias);
        TensorPrimitives.MultiplyAdd(bias, BiasScale, values, values);
    }
}
