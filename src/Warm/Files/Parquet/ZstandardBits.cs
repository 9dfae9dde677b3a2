using System.Numerics;

namespace Warm;

/// <summary>Bits read from the end of a stream to its beginning, as Zstandard's entropy coders write them. Past the beginning there are zeros, counted.</summary>
internal ref struct ZstandardBits
{
    private readonly ReadOnlySpan<byte> _data;

    public ZstandardBits(ReadOnlySpan<byte> data)
    {
        if (data.Length == 0 || data[^1] == 0) throw new InvalidDataException("a Zstandard bit stream without its end mark");
        _data = data;
        Left = 8 * data.Length - 8 + BitOperations.Log2(data[^1]); // the highest one of the last byte is the mark
    }

    /// <summary>Bits that are left; negative where more were read than there are.</summary>
    public int Left { get; private set; }

    /// <summary>The next bits, at most 32, without taking them.</summary>
    public readonly uint Peek(int count)
    {
        if (count == 0) return 0;
        int from = Left - count, missing = 0;
        if (from < 0) (missing, from) = (-from, 0);
        if (missing >= count) return 0;
        int at = from >> 3, last = Math.Min(_data.Length, at + 5);
        ulong window = 0;
        for (int i = at; i < last; i++) window |= (ulong)_data[i] << (8 * (i - at));
        ulong bits = window >> (from & 7) & ((1UL << (count - missing)) - 1);
        return (uint)(bits << missing);
    }

    public void Take(int count) => Left -= count;

    public uint Read(int count)
    {
        uint bits = Peek(count);
        Left -= count;
        return bits;
    }
}

/// <summary>A table of Zstandard's finite state entropy: for each state its symbol, and how the next state is read.</summary>
internal sealed class ZstandardStates
{
    private readonly byte[] _symbols, _bits;
    private readonly ushort[] _bases;

    /// <summary>Bits of a state.</summary>
    public int Log { get; }

    private ZstandardStates(int log) => (Log, _symbols, _bits, _bases) = (log, new byte[1 << log], new byte[1 << log], new ushort[1 << log]);

    /// <summary>One symbol, for ever.</summary>
    public static ZstandardStates Of(byte symbol)
    {
        var table = new ZstandardStates(0);
        table._symbols[0] = symbol;
        return table;
    }

    /// <summary>The table of a distribution; -1 is less than one in the table's size.</summary>
    public static ZstandardStates Of(ReadOnlySpan<short> shares, int log)
    {
        var table = new ZstandardStates(log);
        int size = 1 << log, high = size, at = 0, step = (size >> 1) + (size >> 3) + 3;
        int[] next = new int[shares.Length];
        for (int s = 0; s < shares.Length; s++)
        {
            if (shares[s] != -1) next[s] = shares[s];
            else (table._symbols[--high], next[s]) = ((byte)s, 1);
        }
        for (int s = 0; s < shares.Length; s++)
        {
            for (int i = 0; i < shares[s]; i++)
            {
                table._symbols[at] = (byte)s;
                do at = at + step & size - 1; while (at >= high);
            }
        }
        for (int state = 0; state < size; state++)
        {
            int count = next[table._symbols[state]]++;
            table._bits[state] = (byte)(log - BitOperations.Log2((uint)count));
            table._bases[state] = (ushort)((count << table._bits[state]) - size);
        }
        return table;
    }

    /// <summary>Reads a distribution, and says how many bytes it took.</summary>
    public static ZstandardStates Read(ReadOnlySpan<byte> data, int mostLog, int mostSymbols, out int taken)
    {
        int bit = 0, log = Forward(data, ref bit, 4) + 5;
        if (log > mostLog) throw new InvalidDataException("a Zstandard table is too large");
        short[] shares = new short[mostSymbols];
        int symbol = 0;
        for (int remaining = 1 << log; remaining > 0;)
        {
            int bits = BitOperations.Log2((uint)remaining + 1) + 1, mask = (1 << (bits - 1)) - 1, threshold = (1 << bits) - 1 - (remaining + 1);
            int from = bit, value = Forward(data, ref bit, bits);
            if ((value & mask) < threshold)
            {
                bit = from + bits - 1;
                value &= mask;
            }
            else if (value > mask) value -= threshold;
            if (symbol == shares.Length) throw new InvalidDataException("a Zstandard table has too many symbols");
            shares[symbol++] = (short)(value - 1);
            remaining -= Math.Abs(value - 1);
            if (remaining < 0) throw new InvalidDataException("a Zstandard table does not add up");
            if (value != 1) continue;
            for (int zeros = 3; zeros == 3;)
            {
                zeros = Forward(data, ref bit, 2);
                if ((symbol += zeros) > shares.Length) throw new InvalidDataException("a Zstandard table has too many symbols");
            }
        }
        taken = (bit + 7) / 8;
        if (taken > data.Length) throw new EndOfStreamException("a Zstandard table ends too soon");
        return Of(shares.AsSpan(0, symbol), log);
    }

    public byte Symbol(int state) => _symbols[state];

    public int Next(int state, scoped ref ZstandardBits bits) => _bases[state] + (int)bits.Read(_bits[state]);

    // Bits from the beginning on, least significant first; zeros past the end, which the caller notices.
    private static int Forward(ReadOnlySpan<byte> data, ref int bit, int count)
    {
        int value = 0;
        for (int i = 0; i < count; i++, bit++)
            if (bit >> 3 < data.Length) value |= (data[bit >> 3] >> (bit & 7) & 1) << i;
        return value;
    }
}

/// <summary>A Huffman code of Zstandard: symbols by the next bits.</summary>
internal sealed class ZstandardCode
{
    private const int MostBits = 11;
    private readonly byte[] _symbols, _lengths;
    private readonly int _bits;

    private ZstandardCode(int bits) => (_bits, _symbols, _lengths) = (bits, new byte[1 << bits], new byte[1 << bits]);

    /// <summary>Reads a code's weights, and says how many bytes they took.</summary>
    public static ZstandardCode Read(ReadOnlySpan<byte> data, out int taken)
    {
        byte[] weights = new byte[256];
        int count = 0, head = data[0];
        if (head >= 128)
        {
            count = head - 127;
            taken = 1 + (count + 1) / 2;
            for (int i = 0; i < count; i++) weights[i] = (byte)(data[1 + i / 2] >> (i % 2 == 0 ? 4 : 0) & 15);
        }
        else
        {
            taken = 1 + head;
            ReadOnlySpan<byte> packed = data.Slice(1, head);
            ZstandardStates table = ZstandardStates.Read(packed, 6, 16, out int used);
            var bits = new ZstandardBits(packed[used..]);
            // Two states take turns; when a turn has no bits left, the other state's symbol is the last.
            int even = (int)bits.Read(table.Log), odd = (int)bits.Read(table.Log);
            while (true)
            {
                if (count > 253) throw new InvalidDataException("a Zstandard code has too many weights");
                weights[count++] = table.Symbol(even);
                even = table.Next(even, ref bits);
                if (bits.Left < 0)
                {
                    weights[count++] = table.Symbol(odd);
                    break;
                }
                (even, odd) = (odd, even);
            }
        }
        // The last weight is what makes the code whole.
        int sum = 0;
        for (int i = 0; i < count; i++)
        {
            if (weights[i] > MostBits) throw new InvalidDataException("a Zstandard code is too long");
            sum += weights[i] == 0 ? 0 : 1 << (weights[i] - 1);
        }
        if (sum == 0) throw new InvalidDataException("a Zstandard code has no weights");
        int longest = BitOperations.Log2((uint)sum) + 1, rest = (1 << longest) - sum;
        if (longest > MostBits || !BitOperations.IsPow2(rest)) throw new InvalidDataException("a Zstandard code does not add up");
        weights[count++] = (byte)(BitOperations.Log2((uint)rest) + 1);

        var code = new ZstandardCode(longest);
        int at = 0;
        for (int weight = 1; weight <= longest; weight++)
        {
            for (int s = 0; s < count; s++)
            {
                if (weights[s] != weight) continue;
                int places = 1 << (weight - 1);
                code._symbols.AsSpan(at, places).Fill((byte)s);
                code._lengths.AsSpan(at, places).Fill((byte)(longest + 1 - weight));
                at += places;
            }
        }
        return code;
    }

    /// <summary>Decodes one stream into exactly that many symbols.</summary>
    public void Decode(ReadOnlySpan<byte> data, Span<byte> symbols)
    {
        var bits = new ZstandardBits(data);
        for (int i = 0; i < symbols.Length; i++)
        {
            int next = (int)bits.Peek(_bits);
            symbols[i] = _symbols[next];
            bits.Take(_lengths[next]);
        }
        if (bits.Left != 0) throw new InvalidDataException("Zstandard literals do not end where they should");
    }
}
