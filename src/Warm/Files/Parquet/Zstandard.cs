using System.Buffers.Binary;

namespace Warm;

/// <summary>
/// Zstandard, decoding only, without dictionaries (RFC 8878): frames of blocks, each of literals and of sequences that copy them and what came before. .NET has it from version 11 on.
/// The checksum at a frame's end is stepped over.
/// </summary>
internal static class Zstandard
{
    private const int MostOfABlock = 128 << 10;

    private static readonly int[] LiteralBases = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
    private static readonly byte[] LiteralBits = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    private static readonly int[] MatchBases =
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539];
    private static readonly byte[] MatchBits = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    private static readonly ZstandardStates UsualLiterals = ZstandardStates.Of([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6);
    private static readonly ZstandardStates UsualOffsets = ZstandardStates.Of([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5);
    private static readonly ZstandardStates UsualMatches = ZstandardStates.Of(
        [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1], 6);

    /// <summary>Unpacks into exactly that many bytes; anything else is <see cref="InvalidDataException"/>, or what spans throw at their end.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> unpacked)
    {
        int to = 0;
        while (packed.Length > 0)
        {
            uint magic = BinaryPrimitives.ReadUInt32LittleEndian(packed);
            if ((magic & 0xFFFFFFF0) == 0x184D2A50) // to be stepped over
            {
                packed = packed[checked(8 + (int)BinaryPrimitives.ReadUInt32LittleEndian(packed[4..]))..];
                continue;
            }
            if (magic != 0xFD2FB528) throw new InvalidDataException("Zstandard data do not begin as they should");
            packed = new Frame().Read(packed[4..], unpacked, ref to);
        }
        if (to != unpacked.Length) throw new InvalidDataException("Zstandard data end too soon");
    }

    /// <summary>What a block leaves to the next one.</summary>
    private sealed class Frame
    {
        private readonly byte[] _literals = new byte[MostOfABlock];
        private ZstandardCode? _code;
        private ZstandardStates? _lengths, _offsets, _matches;
        private int _back1 = 1, _back2 = 4, _back3 = 8, _start;

        public ReadOnlySpan<byte> Read(ReadOnlySpan<byte> data, Span<byte> unpacked, scoped ref int to)
        {
            byte head = data[0];
            bool whole = (head & 32) != 0;
            if ((head & 8) != 0) throw new InvalidDataException("Zstandard data of a later version");
            int dictionary = (head & 3) switch { 3 => 4, var n => n }, size = head >> 6 == 0 ? whole ? 1 : 0 : 1 << (head >> 6), at = 1 + (whole ? 0 : 1);
            if (data.Slice(at, dictionary).IndexOfAnyExcept((byte)0) >= 0) throw new InvalidDataException("Zstandard data that need a dictionary");
            data = data[(at + dictionary + size)..];
            _start = to;
            for (bool last = false; !last;)
            {
                int block = data[0] | data[1] << 8 | data[2] << 16, length = block >> 3;
                last = (block & 1) == 1;
                data = data[3..];
                switch (block >> 1 & 3)
                {
                    case 0:
                        data[..length].CopyTo(unpacked[to..]);
                        data = data[length..];
                        to += length;
                        break;
                    case 1:
                        unpacked.Slice(to, length).Fill(data[0]);
                        data = data[1..];
                        to += length;
                        break;
                    case 2:
                        Block(data[..length], unpacked, ref to);
                        data = data[length..];
                        break;
                    default: throw new InvalidDataException("a Zstandard block of no kind");
                }
            }
            return (head & 4) != 0 ? data[4..] : data;
        }

        private void Block(ReadOnlySpan<byte> data, Span<byte> unpacked, scoped ref int to)
        {
            ReadOnlySpan<byte> literals = Literals(ref data);
            int count = data[0];
            data = data[1..];
            if (count == 255)
            {
                count = data[0] + (data[1] << 8) + 0x7F00;
                data = data[2..];
            }
            else if (count >= 128)
            {
                count = (count - 128 << 8) + data[0];
                data = data[1..];
            }
            if (count > 0)
            {
                int modes = data[0];
                data = data[1..];
                _lengths = Table(modes >> 6, ref data, UsualLiterals, _lengths, 9, LiteralBases.Length);
                _offsets = Table(modes >> 4 & 3, ref data, UsualOffsets, _offsets, 8, 32);
                _matches = Table(modes >> 2 & 3, ref data, UsualMatches, _matches, 9, MatchBases.Length);
                Sequences(data, count, ref literals, unpacked, ref to);
            }
            literals.CopyTo(unpacked[to..]);
            to += literals.Length;
        }

        private ReadOnlySpan<byte> Literals(ref ReadOnlySpan<byte> data)
        {
            int kind = data[0] & 3, format = data[0] >> 2 & 3;
            if (kind < 2)
            {
                int head = format switch { 1 => 2, 3 => 3, _ => 1 }, length = head == 1 ? data[0] >> 3 : data[0] >> 4 | data[1] << 4 | (head == 3 ? data[2] << 12 : 0);
                Span<byte> plain = _literals.AsSpan(0, length);
                if (kind == 0) data.Slice(head, length).CopyTo(plain);
                else plain.Fill(data[head]);
                data = data[(head + (kind == 0 ? length : 1))..];
                return plain;
            }
            int bits = format switch { 2 => 14, 3 => 18, _ => 10 }, bytes = (4 + 2 * bits) / 8;
            ulong header = 0;
            for (int i = 0; i < bytes; i++) header |= (ulong)data[i] << (8 * i);
            int size = (int)(header >> 4 & (1UL << bits) - 1), packed = (int)(header >> (4 + bits) & (1UL << bits) - 1);
            ReadOnlySpan<byte> code = data.Slice(bytes, packed);
            data = data[(bytes + packed)..];
            if (kind == 2)
            {
                _code = ZstandardCode.Read(code, out int taken);
                code = code[taken..];
            }
            ZstandardCode known = _code ?? throw new InvalidDataException("Zstandard literals without their code");
            Span<byte> literals = _literals.AsSpan(0, size);
            if (format == 0)
            {
                known.Decode(code, literals);
                return literals;
            }
            int quarter = (size + 3) / 4, a = code[0] | code[1] << 8, b = code[2] | code[3] << 8, c = code[4] | code[5] << 8;
            code = code[6..];
            known.Decode(code[..a], literals[..quarter]);
            known.Decode(code.Slice(a, b), literals.Slice(quarter, quarter));
            known.Decode(code.Slice(a + b, c), literals.Slice(2 * quarter, quarter));
            known.Decode(code[(a + b + c)..], literals[(3 * quarter)..]);
            return literals;
        }

        private static ZstandardStates Table(int mode, ref ReadOnlySpan<byte> data, ZstandardStates usual, ZstandardStates? before, int mostLog, int mostSymbols)
        {
            switch (mode)
            {
                case 0: return usual;
                case 1:
                    if (data[0] >= mostSymbols) throw new InvalidDataException("a Zstandard symbol that there is not");
                    ZstandardStates one = ZstandardStates.Of(data[0]);
                    data = data[1..];
                    return one;
                case 2:
                    ZstandardStates table = ZstandardStates.Read(data, mostLog, mostSymbols, out int taken);
                    data = data[taken..];
                    return table;
                default: return before ?? throw new InvalidDataException("Zstandard sequences without their table");
            }
        }

        private void Sequences(ReadOnlySpan<byte> data, int count, ref ReadOnlySpan<byte> literals, Span<byte> unpacked, scoped ref int to)
        {
            var bits = new ZstandardBits(data);
            int length = (int)bits.Read(_lengths!.Log), offset = (int)bits.Read(_offsets!.Log), match = (int)bits.Read(_matches!.Log);
            for (int i = 0; i < count; i++)
            {
                int offsetCode = _offsets.Symbol(offset), matchCode = _matches.Symbol(match), lengthCode = _lengths.Symbol(length);
                long value = (1L << offsetCode) + bits.Read(offsetCode);
                int size = MatchBases[matchCode] + (int)bits.Read(MatchBits[matchCode]), run = LiteralBases[lengthCode] + (int)bits.Read(LiteralBits[lengthCode]);
                if (i < count - 1)
                {
                    length = _lengths.Next(length, ref bits);
                    match = _matches.Next(match, ref bits);
                    offset = _offsets.Next(offset, ref bits);
                }
                if (bits.Left < 0) throw new EndOfStreamException("Zstandard sequences end too soon");
                literals[..run].CopyTo(unpacked[to..]);
                literals = literals[run..];
                to += run;
                int back = Back(value, run);
                if (back > to - _start) throw new InvalidDataException("a copy from before the beginning");
                Lz4.CopyBack(unpacked, to, back, size);
                to += size;
            }
            if (bits.Left != 0) throw new InvalidDataException("Zstandard sequences do not end where they should");
        }

        /// <summary>How far back to copy from: the three last distances have short names, which move by one where no literal comes before.</summary>
        private int Back(long value, int run)
        {
            if (value > 3)
            {
                (_back1, _back2, _back3) = (checked((int)(value - 3)), _back1, _back2);
                return _back1;
            }
            switch (value + (run == 0 ? 1 : 0))
            {
                case 1: break;
                case 2: (_back1, _back2) = (_back2, _back1); break;
                case 3: (_back1, _back2, _back3) = (_back3, _back1, _back2); break;
                default: (_back1, _back2, _back3) = (_back1 - 1, _back1, _back2); break;
            }
            return _back1;
        }
    }
}
