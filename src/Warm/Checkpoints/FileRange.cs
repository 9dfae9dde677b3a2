using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>A part of an open file as a stream, read from front to back; the handle stays its owner's.</summary>
internal sealed class FileRange(SafeFileHandle handle, string path, long offset, long length) : Stream
{
    private long _at;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => length;
    public override long Position { get => _at; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - _at);
        InputFile.Read(handle, path, buffer[..count], offset + _at);
        _at += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
