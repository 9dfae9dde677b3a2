namespace Warm.Transformers;

/// <summary>Activations of a <see cref="CpuEngine"/>: singles, row after row without gaps.</summary>
internal sealed unsafe class CpuTensor : EngineTensor
{
    private readonly CpuMemory _memory;

    public CpuTensor(int rows, int columns) : base(rows, columns) => _memory = new CpuMemory((long)rows * columns);

    /// <summary>Number of values.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>The first value. Keep the tensor alive while using it.</summary>
    public float* Pointer => _memory.Pointer;

    public override void Dispose() => _memory.Dispose();
}
