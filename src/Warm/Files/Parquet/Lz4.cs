namespace Warm;

/// <summary>One block of LZ4: literals and copies of what came before. https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md</summary>
internal static class Lz4
{
    /// <summary>Unpacks into exactly that many bytes; anything else is <see cref="InvalidDataException"/>, or what spans throw at their end.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> unpacked)
    {
        int at = 0, to = 0;
        while (at < packed.Length)
        {
            int token = packed[at++];
            int literals = Length(packed, ref at, token >> 4);
            packed.Slice(at, literals).CopyTo(unpacked[to..]);
            at += literals;
            to += literals;
            if (at == packed.Length) break; // the last sequence has literals only
            int back = packed[at] | packed[at + 1] << 8;
            at += 2;
            int size = checked(Length(packed, ref at, token & 15) + 4);
            CopyBack(unpacked, to, back, size);
            to += size;
        }
        if (to != unpacked.Length) throw new InvalidDataException("LZ4 data end too soon");
    }

    /// <summary>Copies bytes from some way back, which may overlap what is being written: then they repeat.</summary>
    internal static void CopyBack(Span<byte> unpacked, int to, int back, int size)
    {
        if (back <= 0 || back > to) throw new InvalidDataException("a copy from before the beginning");
        if (back >= size) unpacked.Slice(to - back, size).CopyTo(unpacked[to..]);
        else
        {
            Span<byte> target = unpacked.Slice(to, size);
            for (int i = 0; i < size; i++) target[i] = unpacked[to - back + i];
        }
    }

    private static int Length(ReadOnlySpan<byte> packed, ref int at, int length)
    {
        if (length < 15) return length;
        byte more;
        do length = checked(length + (more = packed[at++])); while (more == 255);
        return length;
    }
}
