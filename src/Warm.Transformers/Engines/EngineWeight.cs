namespace Warm.Transformers;

/// <summary>A parameter on an engine, kept in the type it is stored in: a matrix [rows, columns], a vector as [1, columns], or a convolution [outputs, inputs, kernel] as [outputs, inputs x kernel].</summary>
public abstract class EngineWeight : IDisposable
{
    /// <summary>Makes a weight of that name and shape.</summary>
    protected EngineWeight(TensorInfo info)
    {
        Info = info;
        Rows = info.Shape.Rank switch { 0 or 1 => 1, 2 or 3 => checked((int)info.Shape[0]), _ => throw new ArgumentException($"{info} is no vector, matrix or convolution.") };
        Columns = info.Shape.Rank switch { 0 => 1, 3 => checked((int)(info.Shape[1] * info.Shape[2])), _ => checked((int)info.Shape[^1]) };
    }

    /// <summary>Name, stored type and shape.</summary>
    public TensorInfo Info { get; }

    /// <summary>Number of rows; 1 for a vector.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();

    /// <summary><c>score.weight BF16 [1, 128]</c></summary>
    public override string ToString() => Info.ToString();
}
