namespace Warm.Transformers;

/// <summary>Activations of a <see cref="CpuEngine"/>: singles, row after row without gaps.</summary>
internal sealed unsafe class CpuTensor : EngineTensor
{
    private readonly CpuMemory _memory;
    private readonly int _room; // rows that the memory can hold

    public CpuTensor(int rows, int columns) : this(rows, columns, rows, new CpuMemory((long)rows * columns)) { }

    private CpuTensor(int rows, int columns, int room, CpuMemory memory) : base(rows, columns) => (_memory, _room) = (memory, room);

    /// <summary>Number of values.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>The first value. Keep the tensor alive while using it.</summary>
    public float* Pointer => _memory.Pointer;

    /// <summary>This tensor with so many rows more, to be filled: in its own memory where that has room (then this object is not to be used again), else in new memory with room for half as many again.</summary>
    public CpuTensor Grow(int more)
    {
        int rows = checked(Rows + more);
        if (rows <= _room) return new CpuTensor(rows, Columns, _room, _memory);
        int room = (int)Math.Min(int.MaxValue, rows + rows / 2L);
        var grown = new CpuTensor(rows, Columns, room, new CpuMemory((long)room * Columns));
        Buffer.MemoryCopy(Pointer, grown.Pointer, Count * sizeof(float), Count * sizeof(float));
        Dispose();
        return grown;
    }

    public override void Dispose() => _memory.Dispose();
}
