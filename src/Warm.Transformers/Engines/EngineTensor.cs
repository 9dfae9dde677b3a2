namespace Warm.Transformers;

/// <summary>
/// A matrix [rows, columns] of activations on an engine, row-major. Rows are tokens (or texts), columns are features. Values never change once an operation
/// has made them. Dispose gives the memory back at once; forgetting to costs memory until the collector comes by, never correctness.
/// </summary>
public abstract class EngineTensor : IDisposable
{
    /// <summary>Makes a tensor of that size.</summary>
    protected EngineTensor(int rows, int columns)
    {
        Rows = rows;
        Columns = columns;
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();

    /// <summary><c>[512, 4096]</c></summary>
    public override string ToString() => $"[{Rows}, {Columns}]";
}
