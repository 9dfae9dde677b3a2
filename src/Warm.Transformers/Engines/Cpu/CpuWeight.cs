namespace Warm.Transformers;

/// <summary>A parameter of a <see cref="CpuEngine"/>: the bits as stored. Kernels widen what they need as they need it.</summary>
internal sealed unsafe class CpuWeight(TensorView view) : EngineWeight(view.Info)
{
    private TensorView? _view = view;

    /// <summary>The first byte. Keep the weight alive while using it.</summary>
    public byte* Pointer => (byte*)(_view ?? throw new ObjectDisposedException(Info.Name)).Address;

    /// <summary>Widens values <paramref name="start"/> .. start + count - 1 (row-major) to single: exact for every type but F64, which is rounded.</summary>
    public void Widen(long start, int count, float* destination)
    {
        int size = Info.DType.Bits() / 8;
        FloatBits.Widen(Info.DType, new ReadOnlySpan<byte>(Pointer + start * size, checked(count * size)), new Span<float>(destination, count));
    }

    /// <summary>All values of a vector, widened.</summary>
    public CpuMemory Vector()
    {
        int count = checked((int)Info.Count);
        var memory = new CpuMemory(count);
        Widen(0, count, memory.Pointer);
        return memory;
    }

    /// <summary>Rows first .. first + count - 1 of a matrix, where they lie. Keep this weight alive while using them.</summary>
    public CpuWeight RowsOf(int first, int count) => new(new Window(Info with { Shape = new Shape(count, Columns) }, (nint)(Pointer + (long)first * Columns * Info.DType.Bits() / 8)));

    private sealed class Window(TensorInfo info, nint address) : TensorView(info)
    {
        public override nint Address => address;
        public override void Dispose() { }
    }

    public override void Dispose() => Interlocked.Exchange(ref _view, null)?.Dispose();
}
