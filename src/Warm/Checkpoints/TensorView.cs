namespace Warm;

/// <summary>
/// The bits of one tensor in native memory, as stored: mapped from its file or copied. Row-major, little-endian. The memory is readable until
/// the view is disposed; a view of a mapped file keeps the file open by itself, whatever becomes of the checkpoint.
/// </summary>
public abstract class TensorView : IDisposable
{
    /// <summary>Makes a view of that tensor.</summary>
    protected TensorView(TensorInfo info) => Info = info;

    /// <summary>Name, type and shape.</summary>
    public TensorInfo Info { get; }

    /// <summary>Address of the first byte. Not aligned to more than one byte: a safetensors header need not be padded.</summary>
    public abstract nint Address { get; }

    /// <summary>The bytes from <paramref name="start"/> (in bytes) on.</summary>
    public unsafe ReadOnlySpan<byte> Bytes(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Info.Bytes);
        return new((byte*)Address + start, count);
    }

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}
