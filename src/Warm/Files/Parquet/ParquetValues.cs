using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Warm;

/// <summary>The values of one page, one at a time: texts, numbers and booleans as JSON has them; dates and times as ISO 8601, where the calendar has them; bytes that are no text as base64.</summary>
internal sealed class ParquetValues
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private readonly ParquetNode _column;
    private readonly byte[] _data;
    private readonly int _end, _count;
    private readonly object[]? _dictionary;
    private readonly ParquetRuns? _runs;
    private readonly ParquetDeltas? _deltas;
    private readonly int[]? _lengths, _prefixes;
    private readonly bool _split;
    private int _at, _index, _bit;
    private byte[] _previous = [];

    /// <param name="column">What the values are.</param>
    /// <param name="encoding">How they are written.</param>
    /// <param name="data">The page.</param>
    /// <param name="start">Where they begin.</param>
    /// <param name="end">Where they end.</param>
    /// <param name="count">How many values the page has, nulls included.</param>
    /// <param name="dictionary">The dictionary of the chunk, or null.</param>
    public ParquetValues(ParquetNode column, int encoding, byte[] data, int start, int end, int count, object[]? dictionary)
    {
        (_column, _data, _at, _end, _count) = (column, data, start, end, count);
        if (start == end && encoding != 0) encoding = 0; // nulls only: some writers leave out even the head of an encoding
        switch (encoding)
        {
            case 0: break;
            case 2 or 8:
                _dictionary = dictionary ?? throw new InvalidDataException("indices without a dictionary");
                int width = data[start];
                if (width > 32) throw new InvalidDataException($"indices of {width} bits");
                _runs = new(data, start + 1, end, width);
                break;
            case 3 when column.Type == ParquetType.Boolean:
                _runs = new(data, start + 4, end, 1); // led by its length
                break;
            case 5 when column.Type is ParquetType.Int32 or ParquetType.Int64: _deltas = new(data, start, end); break;
            case 6 when column.Type == ParquetType.Bytes: _lengths = Lengths(start, out _at); break;
            case 7 when column.Type is ParquetType.Bytes or ParquetType.FixedBytes:
                _prefixes = Lengths(start, out int next);
                _lengths = Lengths(next, out _at);
                break;
            case 9: _split = true; break;
            default: throw new InvalidDataException($"encoding {encoding} of a column of {column.Type}");
        }
        if (_split) _ = checked(Width() * 1); // refuses types that have no fixed width
    }

    /// <summary>All values, as a dictionary page has them.</summary>
    public object[] All()
    {
        if (_count > _end - _at + 7 && _column.Type != ParquetType.Boolean) throw new InvalidDataException($"a dictionary of {_count} values in {_end - _at} bytes");
        object[] values = new object[_count];
        for (int i = 0; i < values.Length; i++) values[i] = Next();
        return values;
    }

    /// <summary>The next value: a <see cref="string"/>, <see cref="long"/>, <see cref="ulong"/>, <see cref="double"/>, <see cref="float"/>, <see cref="decimal"/> or <see cref="bool"/>.</summary>
    public object Next()
    {
        if (_dictionary is not null) return _dictionary[_runs!.Next()];
        if (_runs is not null) return _runs.Next() != 0;
        if (_deltas is not null) return _column.Type == ParquetType.Int32 ? Int32((int)_deltas.Next()) : Int64(_deltas.Next());
        if (_lengths is not null) return Bytes(Text());
        return _column.Type switch
        {
            ParquetType.Boolean => Bit(),
            ParquetType.Int32 => Int32(BinaryPrimitives.ReadInt32LittleEndian(Take(4))),
            ParquetType.Int64 => Int64(BinaryPrimitives.ReadInt64LittleEndian(Take(8))),
            ParquetType.Int96 => Int96(Take(12)),
            ParquetType.Float => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
            ParquetType.Double => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
            ParquetType.Bytes => Bytes(Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))),
            _ => Bytes(Take(_column.Length)),
        };
    }

    private bool Bit()
    {
        if (_at >= _end) throw new EndOfStreamException("booleans end too soon");
        bool bit = (_data[_at] >> _bit & 1) == 1;
        if (++_bit == 8) (_at, _bit) = (_at + 1, 0);
        return bit;
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (_split) return Gather(length);
        if (length < 0 || length > _end - _at) throw new EndOfStreamException($"a value of {length} bytes where {_end - _at} are left");
        ReadOnlySpan<byte> bytes = _data.AsSpan(_at, length);
        _at += length;
        return bytes;
    }

    // BYTE_STREAM_SPLIT: all first bytes, then all second bytes ... of the values that are there.
    private ReadOnlySpan<byte> Gather(int length)
    {
        int stride = (_end - _at) / Width();
        if (_index >= stride) throw new EndOfStreamException("values end too soon");
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = _data[_at + i * stride + _index];
        _index++;
        return bytes;
    }

    private int Width() => _column.Type switch
    {
        ParquetType.Int32 or ParquetType.Float => 4,
        ParquetType.Int64 or ParquetType.Double => 8,
        ParquetType.FixedBytes when _column.Length > 0 => _column.Length,
        _ => throw new InvalidDataException($"split bytes of a column of {_column.Type}"),
    };

    private int[] Lengths(int start, out int next)
    {
        var deltas = new ParquetDeltas(_data, start, _end);
        if (deltas.Count > _count) throw new InvalidDataException($"{deltas.Count} lengths for {_count} values");
        int[] lengths = new int[deltas.Count];
        for (int i = 0; i < lengths.Length; i++) lengths[i] = checked((int)deltas.Next());
        next = deltas.End();
        return lengths;
    }

    private ReadOnlySpan<byte> Text()
    {
        ReadOnlySpan<byte> rest = Take(_lengths![_index]);
        if (_prefixes is null)
        {
            _index++;
            return rest;
        }
        byte[] whole = [.. _previous.AsSpan(0, _prefixes[_index]), .. rest];
        _index++;
        return _previous = whole;
    }

    private object Int32(int value) => _column.Meaning switch
    {
        ParquetMeaning.Unsigned => (long)(uint)value,
        ParquetMeaning.Decimal => Decimal(value),
        ParquetMeaning.Date => Time(value * (Int128)TimeSpan.TicksPerDay, (long)value, "yyyy-MM-dd"),
        _ => (long)value,
    };

    private object Int64(long value) => _column.Meaning switch
    {
        ParquetMeaning.Unsigned => (ulong)value,
        ParquetMeaning.Decimal => Decimal(value),
        ParquetMeaning.Milliseconds => Time(value * (Int128)TimeSpan.TicksPerMillisecond, value),
        ParquetMeaning.Microseconds => Time(value * (Int128)TimeSpan.TicksPerMicrosecond, value),
        ParquetMeaning.Nanoseconds => Time(value / 100, value),
        _ => value,
    };

    private static object Int96(ReadOnlySpan<byte> bytes) // nanoseconds of the day, then the Julian day
    {
        Int128 nanoseconds = (BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) - 2_440_588L) * (Int128)TimeSpan.NanosecondsPerTick * TimeSpan.TicksPerDay + BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return Time(nanoseconds / 100, (decimal)nanoseconds);
    }

    /// <summary>A time as ISO 8601; what lies outside the years 1 to 9999 stays the number that it is.</summary>
    private static object Time(Int128 ticks, object number, string form = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF") =>
        ticks >= -DateTime.UnixEpoch.Ticks && ticks <= DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks ? DateTime.UnixEpoch.AddTicks((long)ticks).ToString(form, CultureInfo.InvariantCulture) : number;

    private object Bytes(ReadOnlySpan<byte> bytes)
    {
        switch (_column.Meaning)
        {
            case ParquetMeaning.Decimal: return Decimal(new BigInteger(bytes, isBigEndian: true));
            case ParquetMeaning.Half when bytes.Length == 2: return (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);
            case ParquetMeaning.Uuid when bytes.Length == 16: return new Guid(bytes, bigEndian: true).ToString();
            case ParquetMeaning.Text: return Strict.GetString(bytes);
            default:
                // Older writers say of no column that it is text.
                return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Convert.ToBase64String(bytes);
        }
    }

    // Wider than a decimal holds: its digits as a text.
    private object Decimal(BigInteger digits) =>
        _column.Scale <= 28 && BigInteger.Abs(digits) < BigInteger.Pow(2, 96) ? new decimal((int)(uint)(BigInteger.Abs(digits) & uint.MaxValue), (int)(uint)(BigInteger.Abs(digits) >> 32 & uint.MaxValue), (int)(uint)(BigInteger.Abs(digits) >> 64 & uint.MaxValue), digits.Sign < 0, (byte)_column.Scale)
        : $"{digits}e-{_column.Scale}";
}
