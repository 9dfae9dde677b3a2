using System.Globalization;
using System.Numerics;
using System.Text;

namespace Warm.Transformers;

/// <summary>The kinds of tokens. An operator is its own text.</summary>
internal enum JinjaTokenKind { Data, Name, Text, Integer, Float, Operator, VariableBegin, VariableEnd, BlockBegin, BlockEnd, End }

/// <summary>A token: what it is, its text, its value where it is a literal, and the line it begins on.</summary>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line, JinjaValue? Value = null)
{
    public bool IsName(string name) => Kind == JinjaTokenKind.Name && Text == name;
    public bool IsOperator(string text) => Kind == JinjaTokenKind.Operator && Text == text;

    /// <summary>How an error message calls it.</summary>
    public string Described => Kind switch
    {
        JinjaTokenKind.VariableBegin => "begin of print statement",
        JinjaTokenKind.VariableEnd => "end of print statement",
        JinjaTokenKind.BlockBegin => "begin of statement block",
        JinjaTokenKind.BlockEnd => "end of statement block",
        JinjaTokenKind.End => "end of template",
        JinjaTokenKind.Text => "string",
        JinjaTokenKind.Integer => "integer",
        JinjaTokenKind.Float => "float",
        JinjaTokenKind.Data => "template data / text",
        _ => Text,
    };
}

/// <summary>
/// Cuts a template's source into tokens. The rules of white space that chat templates are written for: a block tag takes the blanks before it on its line
/// (lstrip) and one newline after it (trim); <c>-</c> takes all white space on its side, <c>+</c> none; one newline at the end of the source is dropped.
/// </summary>
internal sealed class JinjaLexer
{
    private static readonly string[] Operators = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];
    private readonly string _source;
    private readonly List<JinjaToken> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at;
    private int _line = 1;

    private JinjaLexer(string source)
    {
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        _source = source.EndsWith('\n') ? source[..^1] : source;
    }

    public static List<JinjaToken> Tokens(string source)
    {
        if (source.Length > JinjaLimits.Source) throw JinjaException.Limit($"a template of more than {JinjaLimits.Source >> 20} MiB");
        var lexer = new JinjaLexer(source);
        lexer.Root();
        return lexer._tokens;
    }

    /// <summary>Text and, after each piece of it, the tag that ends it.</summary>
    private void Root()
    {
        bool lineStarting = true; // whether what was read last ended in a newline, so that blanks here begin a line
        while (_at < _source.Length)
        {
            int tag = FindTag(_at);
            if (tag < 0)
            {
                Data(_at, _source.Length);
                _at = _source.Length;
                break;
            }
            char kind = _source[tag + 1];
            bool raw = kind == '%' && RawLength(tag) > 0;
            char sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            Data(_at, StrippedEnd(_at, tag, sign, kind != '{', lineStarting));
            Advance(tag + 2 + (sign == ' ' ? 0 : 1));
            if (raw) Raw(tag);
            else if (kind == '#') Comment();
            else Tag(kind == '{' ? JinjaTokenKind.VariableBegin : JinjaTokenKind.BlockBegin);
            lineStarting = _at > 0 && _source[_at - 1] == '\n';
        }
        _tokens.Add(new(JinjaTokenKind.End, "", _line));
    }

    private int FindTag(int from)
    {
        for (int i = _source.IndexOf('{', from); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
            if (_source[i + 1] is '{' or '%' or '#') return i;
        return -1;
    }

    /// <summary>Where the text before a tag ends, blanks that the tag takes left out.</summary>
    private int StrippedEnd(int from, int tag, char sign, bool block, bool lineStarting)
    {
        int end = tag;
        if (sign == '-')
        {
            while (end > from && JinjaUnicode.IsSpace(_source[end - 1])) end--;
        }
        else if (sign != '+' && block)
        {
            int begin = tag;
            while (begin > from && _source[begin - 1] != '\n' && JinjaUnicode.IsSpace(_source[begin - 1])) begin--;
            if (begin > from ? _source[begin - 1] == '\n' : lineStarting) end = begin;
        }
        return end;
    }

    private void Data(int from, int to)
    {
        if (to > from) _tokens.Add(new(JinjaTokenKind.Data, _source[from..to], _line));
    }

    private void Advance(int to)
    {
        _line += _source.AsSpan(_at, to - _at).Count('\n');
        _at = to;
    }

    private int SkipSpace(int from)
    {
        while (from < _source.Length && JinjaUnicode.IsSpace(_source[from])) from++;
        return from;
    }

    /// <summary>Length of <c>{% raw %}</c> at that place, or 0.</summary>
    private int RawLength(int tag) => TagLength(tag, "raw", trimNewline: false, plus: false);

    private int TagLength(int tag, string word, bool trimNewline, bool plus)
    {
        int i = tag + 2;
        if (i < _source.Length && _source[i] is '-' or '+') i++;
        i = SkipSpace(i);
        if (!_source.AsSpan(i).StartsWith(word)) return 0;
        i = SkipSpace(i + word.Length);
        int end = EndLength(i, "%}", trimNewline, plus);
        return end == 0 ? 0 : i + end - tag;
    }

    /// <summary>Length of a tag's end with the white space that it takes, or 0 where there is none.</summary>
    private int EndLength(int at, string end, bool trimNewline, bool plus = true)
    {
        ReadOnlySpan<char> rest = _source.AsSpan(at);
        if (plus && rest.StartsWith("+") && rest[1..].StartsWith(end)) return 1 + end.Length;
        if (rest.StartsWith("-") && rest[1..].StartsWith(end)) return SkipSpace(at + 1 + end.Length) - at;
        if (!rest.StartsWith(end)) return 0;
        return end.Length + (trimNewline && rest.Length > end.Length && rest[end.Length] == '\n' ? 1 : 0);
    }

    private void Raw(int tag)
    {
        int line = _line;
        Advance(tag + RawLength(tag));
        if (_at == _source.Length) return; // as the Python side: with nothing behind it, nothing is missing
        for (int i = _source.IndexOf("{%", _at, StringComparison.Ordinal); i >= 0; i = _source.IndexOf("{%", i + 1, StringComparison.Ordinal))
        {
            int length = TagLength(i, "endraw", trimNewline: true, plus: true);
            if (length == 0) continue;
            char sign = _source[i + 2] is '-' or '+' ? _source[i + 2] : ' ';
            Data(_at, StrippedEnd(_at, i, sign, block: true, _at > 0 && _source[_at - 1] == '\n'));
            Advance(i + length);
            return;
        }
        throw JinjaException.Syntax("Missing end of raw directive", line);
    }

    private void Comment()
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (_at == _source.Length) return;
        if (end < 0) throw JinjaException.Syntax("Missing end of comment tag", _line);
        if (end > _at && _source[end - 1] is '-' or '+') end--;
        Advance(end + EndLength(end, "#}", trimNewline: true));
    }

    private void Tag(JinjaTokenKind begin)
    {
        _tokens.Add(new(begin, "", _line));
        bool variable = begin == JinjaTokenKind.VariableBegin;
        _open.Clear();
        while (true)
        {
            if (_open.Count == 0)
            {
                int end = EndLength(_at, variable ? "}}" : "%}", trimNewline: !variable, plus: !variable);
                if (end > 0)
                {
                    _tokens.Add(new(variable ? JinjaTokenKind.VariableEnd : JinjaTokenKind.BlockEnd, "", _line));
                    Advance(_at + end);
                    return;
                }
            }
            if (_at >= _source.Length) return; // the parser says what is missing
            if (JinjaUnicode.IsSpace(_source[_at])) Advance(SkipSpace(_at));
            else if (!Number() && !Name() && !Literal()) Operator();
        }
    }

    private void Operator()
    {
        string? found = Array.Find(Operators, o => _source.AsSpan(_at).StartsWith(o));
        if (found is null) throw JinjaException.Syntax($"unexpected char {JinjaRepr.Quote(_source[_at].ToString())} at {_at}", _line);
        if (found is "{" or "(" or "[")
        {
            _open.Push(found == "{" ? '}' : found == "(" ? ')' : ']');
            if (_open.Count > JinjaLimits.Nesting) throw new JinjaException("RecursionError", $"brackets are nested more than {JinjaLimits.Nesting} deep") { Line = _line };
        }
        else if (found is "}" or ")" or "]")
        {
            if (!_open.TryPop(out char expected)) throw JinjaException.Syntax($"unexpected '{found}'", _line);
            if (expected != found[0]) throw JinjaException.Syntax($"unexpected '{found}', expected '{expected}'", _line);
        }
        _tokens.Add(new(JinjaTokenKind.Operator, found, _line));
        _at += found.Length;
    }

    private bool Name()
    {
        int end = _at;
        while (end < _source.Length)
        {
            int point = char.IsHighSurrogate(_source[end]) && end + 1 < _source.Length && char.IsLowSurrogate(_source[end + 1]) ? char.ConvertToUtf32(_source[end], _source[end + 1]) : _source[end];
            bool part = JinjaUnicode.IsWord(point) || CharUnicodeInfo.GetUnicodeCategory(point) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation;
            if (!part || end == _at && JinjaUnicode.IsNumeric(point) && !JinjaUnicode.IsAlpha(point)) break;
            end += point > 0xFFFF ? 2 : 1;
        }
        if (end == _at) return false;
        _tokens.Add(new(JinjaTokenKind.Name, _source[_at..end], _line));
        _at = end;
        return true;
    }

    private bool Number()
    {
        if (!char.IsAsciiDigit(_source[_at])) return false;
        int whole = Digits(_at, char.IsAsciiDigit), end = whole;
        if (_at == 0 || _source[_at - 1] != '.') // 1.2.3 is an element of an element
        {
            if (whole + 1 < _source.Length && _source[whole] == '.' && char.IsAsciiDigit(_source[whole + 1])) end = Digits(whole + 1, char.IsAsciiDigit);
            int exponent = end;
            if (exponent < _source.Length && _source[exponent] is 'e' or 'E')
            {
                exponent++;
                if (exponent < _source.Length && _source[exponent] is '+' or '-') exponent++;
                if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent])) end = Digits(exponent, char.IsAsciiDigit);
            }
            if (end > whole)
            {
                string number = _source[_at..end];
                _tokens.Add(new(JinjaTokenKind.Float, number, _line, new JinjaFloat(double.Parse(number.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture))));
                _at = end;
                return true;
            }
        }
        (int radix, Func<char, bool> digit) = _at + 1 < _source.Length && _source[_at] == '0' ? (_source[_at + 1] | 32) switch
        {
            'b' => (2, c => c is '0' or '1'),
            'o' => (8, c => c is >= '0' and <= '7'),
            'x' => (16, char.IsAsciiHexDigit),
            _ => (10, (Func<char, bool>)(c => c == '0')),
        } : (10, char.IsAsciiDigit);
        int from = radix == 10 ? _at : _at + 2;
        if (radix != 10 && from < _source.Length && _source[from] == '_') from++;
        if (radix != 10 && (from >= _source.Length || !digit(_source[from]))) (radix, from, digit) = (10, _at, c => c == '0');
        end = Digits(from, digit);
        string digits = _source[from..end].Replace("_", "");
        if (digits.Length > JinjaLimits.Digits) throw JinjaRun.TooManyDigits();
        BigInteger value = digits.Aggregate(BigInteger.Zero, (sum, c) => sum * radix + Convert.ToInt32(c.ToString(), 16));
        _tokens.Add(new(JinjaTokenKind.Integer, _source[_at..end], _line, JinjaInteger.Of(value)));
        _at = end;
        return true;
    }

    /// <summary>The end of digits that may have single underscores between them.</summary>
    private int Digits(int from, Func<char, bool> digit)
    {
        int i = from;
        while (i < _source.Length && (digit(_source[i]) || _source[i] == '_' && i > from && i + 1 < _source.Length && digit(_source[i + 1]))) i++;
        return i;
    }

    private bool Literal()
    {
        char quote = _source[_at];
        if (quote is not ('\'' or '"')) return false;
        int end = _at + 1;
        while (end < _source.Length && _source[end] != quote) end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length) return false;
        int line = _line;
        string text = Unescape(_source.AsSpan(_at + 1, end - _at - 1), line);
        _tokens.Add(new(JinjaTokenKind.Text, text, line, new JinjaString(text)));
        Advance(end + 1);
        return true;
    }

    /// <summary>The escapes of Python's string literals.</summary>
    private static string Unescape(ReadOnlySpan<char> text, int line)
    {
        if (!text.Contains('\\')) return text.ToString();
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\') { result.Append(text[i]); continue; }
            char c = text[++i];
            switch (c)
            {
                case '\n': break;
                case 'n': result.Append('\n'); break;
                case 't': result.Append('\t'); break;
                case 'r': result.Append('\r'); break;
                case 'a': result.Append('\a'); break;
                case 'b': result.Append('\b'); break;
                case 'f': result.Append('\f'); break;
                case 'v': result.Append('\v'); break;
                case '\\' or '\'' or '"': result.Append(c); break;
                case >= '0' and <= '7':
                    int octal = 0, last = Math.Min(i + 3, text.Length);
                    for (; i < last && text[i] is >= '0' and <= '7'; i++) octal = octal * 8 + text[i] - '0';
                    i--;
                    JinjaString.Append(result, octal);
                    break;
                case 'x' or 'u' or 'U':
                    int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                    if (i + digits >= text.Length + 0 && i + digits > text.Length - 1 || !int.TryParse(text.Slice(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int point))
                        throw JinjaException.Syntax($"truncated \\{c}{new string('X', digits)} escape", line);
                    if (point is < 0 or > 0x10FFFF) throw JinjaException.Syntax("illegal Unicode character", line);
                    JinjaString.Append(result, point);
                    i += digits;
                    break;
                case 'N': throw JinjaException.Syntax(i + 1 < text.Length && text[i + 1] == '{' ? "unknown Unicode character name" : "malformed \\N character escape", line);
                default: result.Append('\\').Append(c); break;
            }
        }
        return result.ToString();
    }
}
