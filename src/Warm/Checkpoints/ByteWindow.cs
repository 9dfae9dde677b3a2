using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>Bytes read once from front to back, out of a range of a file or out of memory. A length is compared with what is left before anything is taken for it.</summary>
internal sealed class ByteWindow
{
    private readonly SafeFileHandle? _handle;
    private readonly string _path;
    private readonly long _start, _end;
    private readonly byte[] _buffer;
    private long _base; // position of the buffer's first byte
    private int _at, _filled;

    /// <summary>The bytes of a file from <paramref name="start"/> to <paramref name="end"/>, through a buffer of 64 KiB.</summary>
    public ByteWindow(SafeFileHandle handle, string path, long start, long end)
    {
        (_handle, _path, _start, _base, _end) = (handle, path, start, start, end);
        _buffer = new byte[(int)Math.Min(1 << 16, Math.Max(1, end - start))];
    }

    /// <summary>Bytes in memory.</summary>
    public ByteWindow(byte[] bytes, string path) => (_buffer, _path, _filled, _end) = (bytes, path, bytes.Length, bytes.Length);

    /// <summary>Number of bytes before the next one.</summary>
    public long Position => _base + _at - _start;

    /// <summary>Bytes that are left.</summary>
    public long Left => _end - _base - _at;

    /// <summary>The next byte, or -1 at the end.</summary>
    public int Next()
    {
        if (_at == _filled && !Fill()) return -1;
        return _buffer[_at++];
    }

    /// <summary>The next bytes; the caller has looked at <see cref="Left"/>.</summary>
    public void Read(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_at == _filled && !Fill()) throw new WarmException(_path, $"ends at byte {Position:N0}", $"{destination.Length:N0} bytes more");
            int count = Math.Min(destination.Length, _filled - _at);
            _buffer.AsSpan(_at, count).CopyTo(destination);
            _at += count;
            destination = destination[count..];
        }
    }

    private bool Fill()
    {
        if (_handle is null || Left == 0) return false;
        _base += _filled;
        _at = 0;
        _filled = (int)Math.Min(_buffer.Length, _end - _base);
        InputFile.Read(_handle, _path, _buffer.AsSpan(0, _filled), _base);
        return true;
    }
}
