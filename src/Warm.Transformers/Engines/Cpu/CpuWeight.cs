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

    public override void Dispose() => Interlocked.Exchange(ref _view, null)?.Dispose();
}
