using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// One safetensors file, its header read and checked, its tensors read by positioned reads or mapped. Safe from many threads.
/// Memory: the header. Format: https://huggingface.co/docs/safetensors.
/// </summary>
internal sealed class SafetensorsFile : TensorFile
{
    private readonly SafeFileHandle _handle;
    private readonly Lock _gate = new();
    private MemoryMappedViewAccessor? _map;
    private bool _disposed;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header) : base(path)
    {
        _handle = handle;
        Header = header;
    }

    /// <summary>Names, types, shapes, places.</summary>
    public SafetensorsHeader Header { get; }

    /// <summary>Opens a file and reads its header. Whatever is not a whole, well-formed safetensors file is refused.</summary>
    public static new SafetensorsFile Open(string path)
    {
        SafeFileHandle handle = InputFile.Open(path);
        try
        {
            long size = RandomAccess.GetLength(handle);
            Span<byte> first = stackalloc byte[(int)Math.Min(size, FileKind.Sample)];
            InputFile.Read(handle, path, first, 0);
            try
            {
                int length = SafetensorsHeader.Length(first, size, path);
                byte[] json = new byte[length];
                InputFile.Read(handle, path, json, 8);
                return new(path, handle, SafetensorsHeader.Parse(json, size, path));
            }
            catch (WarmException) when (FileKind.Refusal(path, first) is { } other)
            {
                throw other;
            }
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public override IEnumerable<string> Names => Header.Tensors.Keys;

    public override IReadOnlyDictionary<string, string> Metadata => Header.Metadata;

    public override long DataOffset => Header.DataOffset;

    public override bool Contains(string name) => Header.Tensors.ContainsKey(name);

    public override TensorInfo Info(string name) => Header.Tensors[name].Info;

    public override long OffsetOf(string name) => Header.DataOffset + Header.Tensors[name].Start;

    public override void ReadBytes(string name, long start, Span<byte> destination)
    {
        SafetensorsHeader.Entry entry = Header.Tensors[name];
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, entry.Info.Bytes, nameof(destination));
        try
        {
            InputFile.Read(_handle, Path, destination, Header.DataOffset + entry.Start + start);
        }
        catch (ObjectDisposedException error)
        {
            throw new WarmException(Path, "is closed", fix: "Dispose a checkpoint after its last read.", inner: error);
        }
    }

    /// <summary>
    /// A zero-copy view of a tensor. The file is mapped once for all views and stays mapped until the last view and this file are disposed.
    /// Trap: a file that another program makes shorter while it is mapped kills the process at the next touch; read into memory to be safe from that.
    /// </summary>
    public override TensorView View(string name)
    {
        SafetensorsHeader.Entry entry = Header.Tensors[name];
        lock (_gate)
        {
            if (_disposed) throw new WarmException(Path, "is closed", fix: "Dispose a checkpoint after its last view was made.");
            if (_map is null)
            {
                using var file = MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                _map = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            }
            return new MappedView(entry.Info, _map, Header.DataOffset + entry.Start);
        }
    }

    public override void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _map?.Dispose();
            _handle.Dispose();
        }
    }
}
