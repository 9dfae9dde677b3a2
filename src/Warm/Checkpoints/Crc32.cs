using System.Buffers.Binary;

namespace Warm;

/// <summary>The checksum of zip entries (ISO 3309, reflected polynomial 0xEDB88320), eight bytes a step.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = MakeTable();

    /// <summary>The checksum of bytes that follow those of <paramref name="crc"/>; begin with 0.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        while (bytes.Length >= 8)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ state, high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            state = Table[0x700 + (low & 0xFF)] ^ Table[0x600 + (low >> 8 & 0xFF)] ^ Table[0x500 + (low >> 16 & 0xFF)] ^ Table[0x400 + (low >> 24)]
                ^ Table[0x300 + (high & 0xFF)] ^ Table[0x200 + (high >> 8 & 0xFF)] ^ Table[0x100 + (high >> 16 & 0xFF)] ^ Table[high >> 24];
            bytes = bytes[8..];
        }
        foreach (byte value in bytes) state = Table[(state ^ value) & 0xFF] ^ state >> 8;
        return ~state;
    }

    /// <summary>Table k holds what a byte does that is followed by k zero bytes.</summary>
    private static uint[] MakeTable()
    {
        var table = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320 : value >> 1;
            table[i] = value;
        }
        for (int i = 256; i < table.Length; i++) table[i] = table[i - 256] >> 8 ^ table[table[i - 256] & 0xFF];
        return table;
    }
}
