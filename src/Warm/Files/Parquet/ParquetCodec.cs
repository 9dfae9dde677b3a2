using System.IO.Compression;

namespace Warm;

/// <summary>What pages are compressed with. Each gives exactly as many bytes as the page's head says, or the page is refused; <see cref="NotSupportedException"/> where the codec is none of ours.</summary>
internal static class ParquetCodec
{
    public static void Unpack(int codec, ReadOnlySpan<byte> packed, Memory<byte> unpacked)
    {
        if (unpacked.Length == 0) return; // a page of nulls alone: some writers compress nothing to nothing
        switch (codec)
        {
            case 1: Snappy.Unpack(packed, unpacked.Span); break;
            case 2: Stream(packed, unpacked.Span, stream => new GZipStream(stream, CompressionMode.Decompress)); break;
            case 4:
                if (!BrotliDecoder.TryDecompress(packed, unpacked.Span, out int written) || written != unpacked.Length) throw new InvalidDataException("the Brotli data are broken");
                break;
            case 7: Lz4.Unpack(packed, unpacked.Span); break;
            case 6: Zstandard.Unpack(packed, unpacked.Span); break;
            default: throw new NotSupportedException($"compressed with {codec switch { 3 => "LZO", 5 => "the deprecated LZ4 of Hadoop", _ => $"codec {codec}" }}");
        }
    }

    private static void Stream(ReadOnlySpan<byte> packed, Span<byte> unpacked, Func<Stream, Stream> open)
    {
        using Stream stream = open(new MemoryStream(packed.ToArray()));
        stream.ReadExactly(unpacked);
        if (stream.ReadByte() >= 0) throw new InvalidDataException("a page is longer than it says");
    }
}
