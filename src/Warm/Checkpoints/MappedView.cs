using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>A tensor where it lies in a mapped file. The map's handle counts its users: it is unmapped when the file and every view of it are disposed or collected.</summary>
internal sealed unsafe class MappedView : TensorView
{
    private readonly SafeMemoryMappedViewHandle _map;
    private readonly nint _address;
    private int _disposed;

    /// <summary>A view of the bytes from <paramref name="offset"/> of the map on.</summary>
    public MappedView(TensorInfo info, MemoryMappedViewAccessor map, long offset) : base(info)
    {
        _map = map.SafeMemoryMappedViewHandle;
        byte* start = null;
        _map.AcquirePointer(ref start);
        _address = (nint)(start + map.PointerOffset + offset);
    }

    /// <inheritdoc/>
    public override nint Address => Volatile.Read(ref _disposed) == 0 ? _address : throw new ObjectDisposedException(Info.Name);

    /// <inheritdoc/>
    public override void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the map back where nobody disposed the view.</summary>
    ~MappedView() => Release();

    private void Release()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _map.ReleasePointer();
    }
}
