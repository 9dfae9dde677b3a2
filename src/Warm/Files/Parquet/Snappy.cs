namespace Warm;

/// <summary>Snappy's raw format: the length, then literals and copies of what came before. https://github.com/google/snappy/blob/main/format_description.txt</summary>
internal static class Snappy
{
    /// <summary>Unpacks into exactly that many bytes; anything else is <see cref="InvalidDataException"/>, or what spans throw at their end.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> unpacked)
    {
        int at = 0, to = 0;
        ulong length = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = packed[at++];
            length |= (ulong)(b & 127) << shift;
            if (b < 128) break;
            if (shift > 28) throw new InvalidDataException("a Snappy length of more than 32 bits");
        }
        if (length != (ulong)unpacked.Length) throw new InvalidDataException($"Snappy data of {length} bytes where the page says {unpacked.Length}");
        while (at < packed.Length)
        {
            int tag = packed[at++], size, back;
            switch (tag & 3)
            {
                case 0:
                    size = (tag >> 2) + 1;
                    if (size > 60)
                    {
                        int bytes = size - 60;
                        size = 0;
                        for (int i = 0; i < bytes; i++) size |= packed[at + i] << (8 * i);
                        size = checked(size + 1);
                        at += bytes;
                    }
                    packed.Slice(at, size).CopyTo(unpacked[to..]);
                    at += size;
                    to += size;
                    continue;
                case 1:
                    (size, back) = ((tag >> 2 & 7) + 4, tag >> 5 << 8 | packed[at++]);
                    break;
                case 2:
                    (size, back) = ((tag >> 2) + 1, packed[at] | packed[at + 1] << 8);
                    at += 2;
                    break;
                default:
                    (size, back) = ((tag >> 2) + 1, packed[at] | packed[at + 1] << 8 | packed[at + 2] << 16 | packed[at + 3] << 24);
                    at += 4;
                    break;
            }
            Lz4.CopyBack(unpacked, to, back, size);
            to += size;
        }
        if (to != unpacked.Length) throw new InvalidDataException("Snappy data end too soon");
    }
}
