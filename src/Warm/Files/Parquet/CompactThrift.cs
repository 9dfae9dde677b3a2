using System.Text;

namespace Warm;

/// <summary>
/// Thrift's compact protocol, in which Parquet writes its footer and page headers: just what reading needs. Reading past the end throws <see cref="IndexOutOfRangeException"/>;
/// whatever else is broken <see cref="InvalidDataException"/>. Sizes are believed only as far as bytes are there.
/// </summary>
internal ref struct CompactThrift(ReadOnlySpan<byte> data)
{
    public const byte True = 1, False = 2, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;
    private const int DeepestNesting = 32;
    private readonly ReadOnlySpan<byte> _data = data;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>The next field of a struct; false at the struct's end.</summary>
    /// <param name="last">Number of the field before, 0 at first; becomes this one's.</param>
    /// <param name="type">Its type; a boolean's value is its type, <see cref="True"/> or <see cref="False"/>.</param>
    public bool Field(ref int last, out byte type)
    {
        byte head = _data[Position++];
        type = (byte)(head & 15);
        if (type == 0) return false;
        last = head >> 4 is > 0 and var step ? last + step : (int)Integer();
        return true;
    }

    /// <summary>The head of a list: how many of what.</summary>
    public int ListOf(out byte type)
    {
        byte head = _data[Position++];
        type = (byte)(head & 15);
        long count = head >> 4 is < 15 and var few ? few : (long)Varint();
        if (count > _data.Length - Position) throw new InvalidDataException($"a list of {count} in {_data.Length - Position} bytes"); // each takes a byte at least
        return (int)count;
    }

    /// <summary>An integer of 16, 32 or 64 bits.</summary>
    public long Integer()
    {
        ulong zigzag = Varint();
        return (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
    }

    /// <summary>An integer that must fit 32 bits.</summary>
    public int Int32() => checked((int)Integer());

    /// <summary>A text.</summary>
    public string Text()
    {
        int length = checked((int)Varint());
        ReadOnlySpan<byte> bytes = _data.Slice(Position, length);
        Position += length;
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Steps over a value.</summary>
    public void Skip(byte type, int depth = 0)
    {
        if (depth > DeepestNesting) throw new InvalidDataException("nested too deep");
        switch (type)
        {
            case True or False: break;
            case 3: Position++; break;
            case 4 or 5 or 6: Varint(); break;
            case 7: Position += 8; break;
            case 13: Position += 16; break;
            case Binary:
                int length = checked((int)Varint());
                Position = checked(Position + length);
                break;
            case List or Set:
                for (int left = ListOf(out byte of); left > 0; left--) Element(of, depth);
                break;
            case Map:
                int pairs = checked((int)Varint());
                if (pairs == 0) break;
                byte kinds = _data[Position++];
                for (; pairs > 0; pairs--)
                {
                    Element((byte)(kinds >> 4), depth);
                    Element((byte)(kinds & 15), depth);
                }
                break;
            case Struct:
                for (int last = 0; Field(ref last, out byte inner);) Skip(inner, depth + 1);
                break;
            default: throw new InvalidDataException($"a value of type {type}");
        }
        if (Position > _data.Length) throw new IndexOutOfRangeException();
    }

    // A boolean in a list takes a byte, elsewhere none.
    private void Element(byte type, int depth)
    {
        if (type is True or False) _ = _data[Position++];
        else Skip(type, depth + 1);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte b = _data[Position++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128) return value;
        }
        throw new InvalidDataException("a number longer than 64 bits");
    }
}
