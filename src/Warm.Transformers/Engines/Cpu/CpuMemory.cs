using System.Runtime.InteropServices;

namespace Warm.Transformers;

/// <summary>
/// Singles in native memory, aligned to 64 bytes and followed by room for one whole vector, so that a kernel may read and write whole vectors to the end.
/// Given back by Dispose, or by the finalizer where that was forgotten.
/// </summary>
internal sealed unsafe class CpuMemory : IDisposable
{
    /// <summary>The widest vector in values: counts are rounded up to it.</summary>
    public const int Padding = 16;

    private nint _address;

    public CpuMemory(long count)
    {
        long padded = checked((count + Padding - 1) / Padding * Padding + Padding);
        Bytes = padded * sizeof(float);
        try { _address = (nint)NativeMemory.AlignedAlloc((nuint)Bytes, 64); }
        catch (OutOfMemoryException error)
        {
            GC.SuppressFinalize(this);
            throw new WarmException("memory", $"{Bytes / 1e9:N1} GB for activations could not be had", null, "Score fewer tokens in one pass.", error);
        }
        GC.AddMemoryPressure(Bytes);
        // What lies beyond the last value is read but never used; zeros are neither slow nor not a number.
        new Span<float>((float*)_address + count, (int)(padded - count)).Clear();
    }

    ~CpuMemory() => Free();

    public long Bytes { get; }

    public float* Pointer => _address != 0 ? (float*)_address : throw new ObjectDisposedException(nameof(EngineTensor));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address == 0) return;
        NativeMemory.AlignedFree((void*)address);
        GC.RemoveMemoryPressure(Bytes);
    }
}
