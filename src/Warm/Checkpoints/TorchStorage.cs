using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// A run of values that tensors of a torch file look at, one or many. The bytes lie in the file; in a zip archive they are compared with their CRC-32 before the first of them is handed
/// out, and where they are deflated they are unpacked into memory.
/// </summary>
internal sealed class TorchStorage(string key, DType type, long count)
{
    private readonly Lock _gate = new();
    private volatile bool _verified;
    private byte[]? _unpacked;

    /// <summary>Its name in the file.</summary>
    public string Key => key;

    /// <summary>Type of its values as declared; bytes (U8) where it has none.</summary>
    public DType Type => type;

    /// <summary>Number of values.</summary>
    public long Count => count;

    /// <summary>Its size.</summary>
    public long Bytes => Count * Type.Bits() / 8;

    /// <summary>Where in the file its bytes begin; -1 while nobody knows.</summary>
    public long Offset { get; set; } = -1;

    /// <summary>The zip entry that holds it; null in a legacy stream.</summary>
    public ZipEntry? Entry { get; init; }

    /// <summary>Bytes held in memory at the moment.</summary>
    public int Held => _unpacked?.Length ?? 0;

    /// <summary>Copies bytes from <paramref name="start"/> on; true where it unpacked for that.</summary>
    public bool Read(SafeFileHandle handle, string path, long start, Span<byte> destination)
    {
        if (Entry is { Deflated: true } && !destination.IsEmpty)
        {
            bool unpacked = false;
            byte[] bytes;
            lock (_gate)
            {
                if (_unpacked is null)
                {
                    if (Bytes > Array.MaxLength) throw new WarmException($"{path}, {JsonText.Quote(Entry.Name)}", $"has {Bytes:N0} compressed bytes", $"at most {Array.MaxLength:N0}", "Save it again with torch.save, which does not compress.");
                    _unpacked = ZipDirectory.ReadAll(handle, path, Entry, Array.MaxLength);
                    _verified = unpacked = true;
                }
                bytes = _unpacked;
            }
            bytes.AsSpan((int)start, destination.Length).CopyTo(destination);
            return unpacked;
        }
        Verify(handle, path, default);
        InputFile.Read(handle, path, destination, Offset + start);
        return false;
    }

    /// <summary>Compares the bytes with their checksum, once.</summary>
    public void Verify(SafeFileHandle handle, string path, CancellationToken cancellation)
    {
        if (_verified || Entry is null) return;
        lock (_gate)
        {
            if (!_verified) ZipDirectory.ReadThrough(handle, path, Entry, null, cancellation);
            _verified = true;
        }
    }

    /// <summary>Gives unpacked bytes back.</summary>
    public void Forget()
    {
        lock (_gate) _unpacked = null;
    }
}

/// <summary>A part of a storage, as files of torch 0.3 and older name it.</summary>
/// <param name="Root">The storage.</param>
/// <param name="Offset">First value of the part.</param>
/// <param name="Count">Number of values.</param>
internal sealed record TorchStorageSlice(TorchStorage Root, long Offset, long Count);
