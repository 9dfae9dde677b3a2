namespace Warm;

/// <summary>The objects of a JSON file that is one list, <c>[{..}, {..}]</c>, one in memory at a time.</summary>
internal sealed class JsonListReader : RowReader
{
    private readonly Stream _stream;
    private readonly string _name;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end, _number;
    private bool _closed;

    public JsonListReader(Stream stream, string name)
    {
        (_stream, _name) = (stream, name);
        if (Peek() == 0xEF) _start += 3; // a byte order mark
        IsList = Peek() == '[';
        if (IsList) _start++;
    }

    /// <summary>Whether the file begins as a list.</summary>
    public bool IsList { get; }

    /// <inheritdoc/>
    public override bool TryRead(out FileLine line)
    {
        line = default;
        if (_closed) return false;
        if (!IsList) throw Broken("does not begin with [", "a JSON list of objects, or JSON lines");
        int next = Peek();
        if (next == ']')
        {
            _closed = true;
            _start++;
            return Peek() < 0 ? false : throw Broken("something follows the list", "one JSON list");
        }
        if (_number > 0)
        {
            if (next != ',') throw Broken(next < 0 ? "ends inside the list" : "two entries stand side by side", "entries apart by commas, and ] at the end");
            _start++;
            Peek();
        }
        line = new FileLine(_name, ++_number, Entry(), null, "entry");
        if (line.Utf8.Length == 0) throw Broken("an entry is missing", "an object");
        return true;
    }

    /// <summary>The bytes of one entry: to the comma or bracket that stands outside of all brackets and quotes. Whether it is JSON is for the entry's reader.</summary>
    private byte[] Entry()
    {
        int at = 0, depth = 0;
        for (bool quoted = false; ; at++)
        {
            while (_start + at >= _end) if (!Fill()) throw Broken("ends inside the list", "entries apart by commas, and ] at the end");
            byte b = _buffer[_start + at];
            if (quoted)
            {
                if (b == '"') quoted = false;
                else if (b == '\\') at++; // whatever is escaped does not end the text
            }
            else if (b == '"') quoted = true;
            else if (b is (byte)'{' or (byte)'[') depth++;
            else if (depth == 0 && b is (byte)',' or (byte)']') break;
            else if (b is (byte)'}' or (byte)']') depth--;
        }
        byte[] entry = _buffer.AsSpan(_start, at).TrimEnd(" \t\r\n"u8).ToArray();
        _start += at;
        if (!System.Text.Unicode.Utf8.IsValid(entry)) throw Broken("is not UTF-8", "text in UTF-8");
        return entry;
    }

    /// <summary>The next byte that is no space, or -1.</summary>
    private int Peek()
    {
        while (true)
        {
            if (_start == _end && !Fill()) return -1;
            if (_buffer[_start] is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')) return _buffer[_start];
            _start++;
        }
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_end >= LineReader.LongestLine) throw Broken($"is longer than {LineReader.LongestLine >> 20} MiB", "a list of objects");
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
        try
        {
            int read = _stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            return read > 0;
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            _closed = true;
            throw new WarmException(FormattableString.Invariant($"{_name}, after entry {_number}"), $"cannot be read ({error.Message.TrimEnd('.')})", inner: error);
        }
    }

    private WarmException Broken(string found, string expected)
    {
        _closed = true;
        return new(FormattableString.Invariant($"{_name}, {(_number == 0 ? "entry 1" : $"entry {_number}")}"), found, expected);
    }

    /// <inheritdoc/>
    public override void Dispose() => _stream.Dispose();
}
