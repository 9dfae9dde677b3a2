using System.Text;
using System.Text.Unicode;

namespace Warm;

/// <summary>
/// The lines of a text file, numbered from 1, read as a stream: memory is one line. UTF-8 without exception (a byte order mark at the start is skipped); gzip where
/// the name ends in <c>.gz</c>. A line ends at <c>\n</c> and nowhere else, so that a text may hold every other separator; a <c>\r</c> before it goes too.
/// </summary>
internal sealed class LineReader(Stream stream, string name) : RowReader
{
    /// <summary>A longer line is refused: most likely the file is not one of lines. 256 MiB.</summary>
    public const int LongestLine = 1 << 28;

    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end, _number;
    private bool _ended;

    /// <summary>Opens a file of lines, whatever its name.</summary>
    public static new LineReader Open(string path)
    {
        Stream stream = OpenStream(path, out bool mayWait);
        return new LineReader(stream, path) { MayWait = mayWait };
    }

    /// <summary>The next line; false at the end. A last line without an end counts; after a final end there is none.</summary>
    public override bool TryRead(out FileLine line)
    {
        int searched = 0;
        while (true)
        {
            int at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                line = Make(searched + at, 1);
                return true;
            }
            searched = _end - _start;
            if (_ended)
            {
                if (searched == 0)
                {
                    line = default;
                    return false;
                }
                line = Make(searched, 0);
                return true;
            }
            Fill();
        }
    }

    private FileLine Make(int length, int terminator)
    {
        _number++;
        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, length);
        _start += length + terminator;
        if (_number == 1 && bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        if (terminator == 1 && bytes.EndsWith("\r"u8)) bytes = bytes[..^1];
        var line = new FileLine(name, _number, bytes.ToArray());
        if (Utf8.IsValid(bytes)) return line;
        int good = 0;
        while (Rune.DecodeFromUtf8(bytes[good..], out _, out int consumed) == System.Buffers.OperationStatus.Done) good += consumed;
        throw new WarmException(line.Where, $"is not UTF-8 (byte {good} is 0x{bytes[good]:X2})", "text in UTF-8",
            _number == 1 && name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) == false && bytes.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) ? "This is a gzip file: name it .gz." : null);
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_end >= LongestLine) throw Broken(new WarmException(FormattableString.Invariant($"{name}, line {_number + 1}"), $"is longer than {LongestLine >> 20} MiB", "a file of lines"));
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        try
        {
            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            _ended = read == 0;
        }
        catch (InvalidDataException error)
        {
            throw Broken(new WarmException(FormattableString.Invariant($"{name}, after line {_number}"), "the gzip data are broken or cut short", "a whole gzip file", inner: error));
        }
        catch (IOException error)
        {
            throw Broken(new WarmException(name, $"cannot be read ({error.Message.TrimEnd('.')})", inner: error));
        }
    }

    /// <summary>Nothing can be read after this error.</summary>
    private WarmException Broken(WarmException error)
    {
        (_start, _end, _ended) = (0, 0, true);
        return error;
    }

    public override void Dispose() => stream.Dispose();
}
