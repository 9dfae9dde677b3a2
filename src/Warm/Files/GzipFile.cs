using System.Buffers.Binary;
using System.IO.Compression;

namespace Warm;

/// <summary>
/// A gzip file, unpacked while reading, that ends with an error where it was cut short. Trap: <see cref="GZipStream"/> takes the end of a truncated file for the end of the text, so that half a
/// data set would be read without a word. The last eight bytes of a whole file are the CRC-32 and the length (modulo 2^32) of its last member; one that was cut has something else there.
/// </summary>
internal sealed class GzipFile(FileStream file) : Stream
{
    private readonly GZipStream _unpacked = new(file, CompressionMode.Decompress, leaveOpen: true);
    private long _length;

    public override int Read(Span<byte> buffer)
    {
        int read = _unpacked.Read(buffer);
        _length += read;
        if (read == 0 && buffer.Length > 0 && file.CanSeek && file.Length > 0 && !IsWhole()) throw new InvalidDataException("The file was cut short.");
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    private bool IsWhole()
    {
        if (file.Length < 18) return false;
        Span<byte> end = stackalloc byte[8];
        file.Position = file.Length - 8;
        file.ReadExactly(end);
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(end), length = BinaryPrimitives.ReadUInt32LittleEndian(end[4..]);
        if ((uint)_length == length) return true;
        if (length > _length) return false;
        // Several members end to end: the last one alone is that long. A second pass says whether its bytes are the ones that were meant.
        file.Position = 0;
        using var again = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true);
        byte[] buffer = new byte[1 << 16];
        long skip = _length - length;
        uint sum = 0xFFFFFFFF;
        for (int read; (read = again.Read(buffer)) > 0;)
        {
            int from = (int)Math.Min(skip, read);
            skip -= from;
            foreach (byte b in buffer.AsSpan(from, read - from))
            {
                sum ^= b;
                for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (0xEDB88320 & (uint)-(int)(sum & 1));
            }
        }
        file.Position = file.Length;
        return ~sum == crc;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
            file.Dispose();
        }
        base.Dispose(disposing);
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
