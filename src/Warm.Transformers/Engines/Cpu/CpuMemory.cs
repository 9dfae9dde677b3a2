namespace Warm.Transformers;

/// <summary>
/// Singles in native memory, aligned to 64 bytes and followed by room for one whole vector, so that a kernel may read and write whole vectors to the end.
/// Given back by Dispose, or by the finalizer where that was forgotten; what was there before is not cleared.
/// </summary>
internal sealed unsafe class CpuMemory : IDisposable
{
    /// <summary>The widest vector in values: counts are rounded up to it.</summary>
    public const int Padding = 16;

    private readonly long _bytes;
    private nint _address;

    public CpuMemory(long count)
    {
        long padded = checked((count + Padding - 1) / Padding * Padding + Padding);
        try { (_address, _bytes) = MemoryPool.Rent(checked(padded * sizeof(float))); }
        catch (OutOfMemoryException error)
        {
            GC.SuppressFinalize(this);
            throw new WarmException("memory", $"{padded * sizeof(float) / 1e9:N1} GB for activations could not be had", null, "Score fewer tokens in one pass.", error);
        }
        // What lies beyond the last value is read but never used; zeros are neither slow nor not a number.
        new Span<float>((float*)_address + count, (int)(padded - count)).Clear();
    }

    ~CpuMemory() => Free();

    public float* Pointer => _address != 0 ? (float*)_address : throw new ObjectDisposedException(nameof(EngineTensor));

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0) MemoryPool.Return(address, _bytes);
    }
}
