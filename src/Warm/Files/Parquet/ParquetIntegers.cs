namespace Warm;

/// <summary>
/// Runs of small numbers, as levels, dictionary indices and booleans are kept: each run either one value repeated or values packed bit by bit. Decoded one at a time, so that a run that claims
/// a billion values costs nothing.
/// </summary>
internal sealed class ParquetRuns(byte[] data, int start, int end, int width)
{
    private int _at = start, _value, _bit;
    private long _left;
    private bool _packed;

    public int Next()
    {
        while (_left == 0) Head();
        _left--;
        if (!_packed) return _value;
        int value = Bits(data, _at, end, _bit, width);
        _bit += width;
        _at += _bit >> 3;
        _bit &= 7;
        if (_left == 0 && _bit > 0) (_at, _bit) = (_at + 1, 0);
        return value;
    }

    private void Head()
    {
        ulong head = ParquetDeltas.Varint(data, ref _at, end);
        _packed = (head & 1) == 1;
        _left = checked((long)(head >> 1) * (_packed ? 8 : 1));
        if (_packed) return;
        _value = 0;
        for (int i = 0; i < (width + 7) / 8; i++)
        {
            if (_at >= end) throw new EndOfStreamException("a run ends inside its value");
            _value |= data[_at++] << (8 * i);
        }
    }

    /// <summary>A number of up to 32 bits, least significant bit first.</summary>
    private static int Bits(byte[] data, int at, int end, int bit, int width)
    {
        ulong window = 0;
        int bytes = (bit + width + 7) >> 3;
        if (at + bytes > end) throw new EndOfStreamException("packed values end too soon");
        for (int i = 0; i < bytes; i++) window |= (ulong)data[at + i] << (8 * i);
        return (int)(window >> bit & (1UL << width) - 1);
    }
}

/// <summary>Integers as differences (DELTA_BINARY_PACKED), decoded one at a time.</summary>
internal sealed class ParquetDeltas
{
    private readonly byte[] _data;
    private readonly int _end, _perMini, _minis;
    private int _at, _mini, _inMini, _bit;
    private readonly byte[] _widths;
    private long _value, _least;
    private bool _first = true;

    public ParquetDeltas(byte[] data, int start, int end)
    {
        (_data, _at, _end) = (data, start, end);
        ulong block = Varint(data, ref _at, end), minis = Varint(data, ref _at, end);
        Count = checked((int)Varint(data, ref _at, end));
        if (minis is 0 or > 4096 || block > 1 << 20 || block % minis != 0) throw new InvalidDataException("blocks of differences have an odd size");
        (_minis, _perMini) = ((int)minis, (int)(block / minis));
        _value = Zigzag(Varint(data, ref _at, end));
        _widths = new byte[_minis];
        (_mini, _inMini) = (_minis, 0);
    }

    /// <summary>How many values there are.</summary>
    public int Count { get; }

    public long Next()
    {
        if (_first)
        {
            _first = false;
            return _value;
        }
        if (_mini == _minis)
        {
            _least = Zigzag(Varint(_data, ref _at, _end));
            _data.AsSpan(_at, _minis).CopyTo(_widths);
            _at += _minis;
            (_mini, _inMini, _bit) = (0, 0, 0);
        }
        int width = _widths[_mini];
        if (width > 64) throw new InvalidDataException("differences of more than 64 bits");
        ulong difference = 0;
        for (int have = 0; have < width;)
        {
            int take = Math.Min(8 - _bit, width - have);
            if (_at >= _end) throw new EndOfStreamException("differences end too soon");
            difference |= (ulong)(_data[_at] >> _bit & (1 << take) - 1) << have;
            have += take;
            if ((_bit += take) == 8) (_at, _bit) = (_at + 1, 0);
        }
        _value = unchecked(_value + _least + (long)difference);
        if (++_inMini == _perMini)
        {
            (_mini, _inMini) = (_mini + 1, 0);
            if (_bit > 0) (_at, _bit) = (_at + 1, 0);
        }
        return _value;
    }

    /// <summary>Steps to the end of the block that was begun; what follows it lies there.</summary>
    public int End()
    {
        if (!_first && _mini < _minis)
        {
            // Widths of miniblocks that hold no value may be anything; their bytes are not there.
            _at += _inMini == 0 ? 0 : ((_perMini - _inMini) * _widths[_mini] + _bit) / 8;
        }
        return _at;
    }

    internal static ulong Varint(byte[] data, ref int at, int end)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (at >= end) throw new EndOfStreamException("a number ends too soon");
            byte b = data[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128) return value;
        }
        throw new InvalidDataException("a number longer than 64 bits");
    }

    private static long Zigzag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
