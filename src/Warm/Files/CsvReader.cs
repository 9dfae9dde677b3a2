using System.Text;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The rows of a CSV file (RFC 4180) as objects of texts: the first row has the names; a field in quotes may hold separators, line ends and, doubled, quotes. A field with nothing in it is null, a
/// pair of quotes the empty text. UTF-8. Memory is one row.
/// </summary>
internal sealed class CsvReader(Stream stream, string name, char separator) : RowReader
{
    private const int LongestField = 1 << 28;
    private readonly StreamReader _text = new(stream, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, 1 << 16);
    private readonly StringBuilder _field = new();
    private string[]? _names;
    private int _line = 1, _row = 1; // where reading stands, and where its row began
    private bool _ended, _first = true;

    /// <inheritdoc/>
    public override bool TryRead(out FileLine line)
    {
        line = default;
        try
        {
            if (_names is null)
            {
                if (Record() is not { } head) throw new WarmException(name, "is empty", "a CSV file whose first row has the names of its columns");
                _names = [.. head.Select(column => column ?? "")];
                if (_names.GroupBy(column => column).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new WarmException($"{name}, line 1", $"two columns are called {JsonText.Quote(twice.Key)}", "names that differ");
            }
            if (Record() is not { } fields) return false;
            if (fields.Count != _names.Length)
                throw new WarmException(FormattableString.Invariant($"{name}, line {_row}"), FormattableString.Invariant($"has {fields.Count} fields"), FormattableString.Invariant($"{_names.Length}: {string.Join(", ", _names.Take(8))}"), "A field that holds a separator or a line end stands in quotes.");
            var row = new JsonObject();
            for (int i = 0; i < _names.Length; i++) row[_names[i]] = fields[i];
            line = new FileLine(name, _row, [], row);
            return true;
        }
        catch (DecoderFallbackException error)
        {
            _ended = true;
            throw new WarmException(FormattableString.Invariant($"{name}, at or after line {_row}"), "is not UTF-8", "text in UTF-8", inner: error);
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            _ended = true;
            throw new WarmException(FormattableString.Invariant($"{name}, after line {_row}"), $"cannot be read ({error.Message.TrimEnd('.')})", inner: error);
        }
    }

    /// <summary>The fields of the next row that is not blank; null at the end.</summary>
    private List<string?>? Record()
    {
        if (_ended) return null;
        if (_first && _text.Peek() == '\uFEFF') _text.Read();
        _first = false;
        List<string?> fields = [];
        _row = _line;
        while (true)
        {
            bool quoted = _text.Peek() == '"';
            if (quoted) Quoted();
            int end = Plain(quoted);
            fields.Add(!quoted && _field.Length == 0 ? null : _field.ToString());
            _field.Clear();
            if (end == separator) continue;
            _ended = end < 0;
            if (end == '\n') _line++;
            // A line end closes a row; a file without a last one as well. A line with nothing in it is no row.
            if (fields is not [null]) return fields;
            if (_ended) return null;
            fields.Clear();
            _row = _line;
        }
    }

    /// <summary>Up to the separator, line end or file end, which is returned.</summary>
    private int Plain(bool quoted)
    {
        while (true)
        {
            int c = _text.Read();
            if (c == '\r' && _text.Peek() == '\n') c = _text.Read();
            if (c < 0 || c == separator || c == '\n') return c;
            if (quoted) throw Broken("something follows a closing quote");
            Append((char)c);
        }
    }

    private void Quoted()
    {
        int from = _line;
        _text.Read();
        while (true)
        {
            int c = _text.Read();
            if (c < 0) throw Broken("a quote is never closed", from);
            if (c == '"')
            {
                if (_text.Peek() != '"') return;
                _text.Read();
            }
            if (c == '\n') _line++;
            Append((char)c);
        }
    }

    private void Append(char c)
    {
        if (_field.Length == LongestField) throw Broken("a field is longer than 256 million characters");
        _field.Append(c);
    }

    private WarmException Broken(string found, int? line = null)
    {
        _ended = true;
        return new(FormattableString.Invariant($"{name}, line {line ?? _line}"), found, "a CSV file", "A quote inside a quoted field is doubled.");
    }

    /// <inheritdoc/>
    public override void Dispose() => _text.Dispose();
}
