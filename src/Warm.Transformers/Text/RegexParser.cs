using System.Globalization;

namespace Warm.Transformers;

/// <summary>
/// Reads a regex in Oniguruma's Ruby syntax, the one of tokenizer.json files. Classes are those of <see cref="UnicodeTables"/>. What is not built
/// (absent operators, subexpression calls, conditionals, callouts) is refused by name.
/// </summary>
internal sealed class RegexParser
{
    private const int DepthLimit = 100;
    private static readonly CodePointSet s_any = CodePointSet.Of((0, 0x10FFFF)), s_notLineFeed = CodePointSet.Of((0, 9), (11, 0x10FFFF));
    private static readonly Dictionary<string, string> s_aliases = Aliases();
    private readonly string _pattern;
    private readonly Dictionary<string, int> _names = [];
    private readonly bool _hasNames;
    private int _at, _depth, _groups;
    private bool _ignoreCase, _dotAll, _extended;

    private RegexParser(string pattern)
    {
        _pattern = pattern;
        for (int i = pattern.IndexOf("(?<", StringComparison.Ordinal); i >= 0; i = pattern.IndexOf("(?<", i + 1, StringComparison.Ordinal))
            _hasNames |= i + 3 < pattern.Length && pattern[i + 3] is not ('=' or '!');
    }

    /// <summary>The tree and the number of groups. Throws <see cref="FormatException"/>, saying what is wrong.</summary>
    public static (RegexNode Node, int Groups) Parse(string pattern)
    {
        var parser = new RegexParser(pattern);
        RegexNode node = parser.Choice();
        if (parser._at < pattern.Length) throw parser.Wrong("unmatched close parenthesis");
        return (node, parser._groups);
    }

    private RegexNode Choice()
    {
        if (++_depth > DepthLimit) throw Wrong("is nested too deeply");
        var items = new List<RegexNode> { Sequence() };
        while (Take('|')) items.Add(Sequence());
        _depth--;
        return items.Count == 1 ? items[0] : new RegexNode.Choice(items);
    }

    private RegexNode Sequence()
    {
        var items = new List<RegexNode>();
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            if (_extended && (char.IsWhiteSpace(_pattern[_at]) || _pattern[_at] == '#'))
            {
                if (_pattern[_at] == '#') while (_at < _pattern.Length && _pattern[_at] != '\n') _at++;
                else _at++;
                continue;
            }
            if (Take("(?#"))
            {
                int end = _pattern.IndexOf(')', _at);
                _at = end < 0 ? throw Wrong("end pattern in group") : end + 1;
                continue;
            }
            if (OptionsToTheEnd() is { } rest)
            {
                items.Add(rest);
                break;
            }
            if (Atom() is { } atom) items.Add(Quantified(atom));
        }
        if (_ignoreCase) items = CaseFolding.JoinLiterals(items);
        return items.Count == 1 ? items[0] : new RegexNode.Sequence(items);
    }

    /// <summary><c>(?i)</c> holds to the end of the group, alternatives included: a(?i)b|c is a(?i:b|c).</summary>
    private RegexNode? OptionsToTheEnd()
    {
        int start = _at;
        if (!Take("(?") || _at >= _pattern.Length || _pattern[_at] is not ('i' or 'm' or 'x' or '-')) { _at = start; return null; }
        (bool, bool, bool) saved = (_ignoreCase, _dotAll, _extended);
        Options();
        if (!Take(')')) { (_ignoreCase, _dotAll, _extended) = saved; _at = start; return null; }
        RegexNode rest = Choice();
        (_ignoreCase, _dotAll, _extended) = saved;
        return rest;
    }

    private void Options()
    {
        for (bool on = true; _at < _pattern.Length && _pattern[_at] is not (')' or ':'); _at++)
            switch (_pattern[_at])
            {
                case '-': on = false; break;
                case 'i': _ignoreCase = on; break;
                case 'm': _dotAll = on; break;
                case 'x': _extended = on; break;
                default: throw Wrong($"undefined group option '{_pattern[_at]}'");
            }
    }

    private RegexNode Quantified(RegexNode atom)
    {
        for (int operators = 0; _at < _pattern.Length; operators++)
        {
            (int least, int? most, bool interval)? times = _pattern[_at] switch { '*' => (0, null, false), '+' => (1, null, false), '?' => (0, 1, false), '{' => Interval(), _ => null };
            if (times is not var (least, most, interval)) return atom;
            if (!interval) _at++;
            if (atom is RegexNode.Assertion or RegexNode.Keep) throw Wrong("target of repeat operator is invalid");
            var kind = RepeatKind.Greedy;
            // In this syntax a{n}? is (?:a{n})? and a{n,m}+ is (?:a{n,m})+: only * + ? have possessive forms.
            if (!(interval && least == most) && Take('?')) kind = RepeatKind.Lazy;
            else if (!interval && Take('+')) kind = RepeatKind.Possessive;
            atom = new RegexNode.Repeat(atom, least, most, kind);
            if (operators > DepthLimit) throw Wrong("has too many repeat operators");
        }
        return atom;
    }

    private (int, int?, bool)? Interval()
    {
        int start = _at++;
        int? least = Number(), most = least;
        if (Take(',')) most = Number();
        else if (least is null) { _at = start; return null; }
        bool open = _pattern[_at - 1] == ',';
        if (!Take('}') || (open && least is null)) { _at = start; return null; }
        if (least > 10_000 || most > 10_000) throw Wrong("too big number for repeat range");
        if (least > most) throw Wrong("has a repeat range whose end lies before its start");
        return (least ?? 0, open ? null : most, true);
    }

    private int? Number()
    {
        int start = _at;
        while (_at < _pattern.Length && char.IsAsciiDigit(_pattern[_at]) && _at - start < 7) _at++;
        return _at == start ? null : int.Parse(_pattern.AsSpan(start, _at - start), CultureInfo.InvariantCulture);
    }

    /// <summary>A character, class, group or place; null for an interval brace read as nothing.</summary>
    private RegexNode? Atom()
    {
        char c = _pattern[_at];
        switch (c)
        {
            case '(': return GroupOrLook();
            case '[': _at++; return new RegexNode.One(Class());
            case '.': _at++; return new RegexNode.One(_dotAll ? s_any : s_notLineFeed);
            case '^': _at++; return new RegexNode.Assertion(RegexPlace.LineStart);
            case '$': _at++; return new RegexNode.Assertion(RegexPlace.LineEnd);
            case '\\': return Escape();
            case '*' or '+' or '?': throw Wrong("target of repeat operator is not specified");
            default: return Literal(Point());
        }
    }

    private RegexNode.One Literal(int point) => new(_ignoreCase ? CaseFolding.Close(CodePointSet.Of((point, point))) : CodePointSet.Of((point, point)), point);

    private RegexNode GroupOrLook()
    {
        _at++;
        (bool, bool, bool) saved = (_ignoreCase, _dotAll, _extended);
        Func<RegexNode, RegexNode> make;
        if (!Take('?'))
        {
            int number = _hasNames ? 0 : ++_groups; // with named groups the plain ones do not capture
            make = body => number == 0 ? body : new RegexNode.Group(number, body);
        }
        else if (Take(':')) make = body => body;
        else if (Take('=')) make = body => new RegexNode.Look(body, false, false);
        else if (Take('!')) make = body => new RegexNode.Look(body, false, true);
        else if (Take('>')) make = body => new RegexNode.Atomic(body);
        else if (Take("<=")) make = body => Behind(body, false);
        else if (Take("<!")) make = body => Behind(body, true);
        else if (Take('<'))
        {
            int number = _names[Name('>')] = ++_groups;
            make = body => new RegexNode.Group(number, body);
        }
        else if (_at < _pattern.Length && _pattern[_at] is 'i' or 'm' or 'x' or '-')
        {
            Options();
            if (!Take(':')) throw Wrong("end pattern in group");
            make = body => body;
        }
        else throw Wrong(_at < _pattern.Length ? $"the group (?{_pattern[_at]} is not built (or undefined)" : "end pattern in group");
        RegexNode inner = Choice();
        if (!Take(')')) throw Wrong("end pattern with unmatched parenthesis");
        (_ignoreCase, _dotAll, _extended) = saved;
        return make(inner);
    }

    private RegexNode.Look Behind(RegexNode body, bool negative) =>
        body.Width.Most is <= 255 ? new RegexNode.Look(body, true, negative) : throw Wrong("invalid pattern in look-behind: it has no greatest length");

    private RegexNode Escape()
    {
        int start = _at;
        if (++_at >= _pattern.Length) throw Wrong("end pattern at escape");
        char c = _pattern[_at];
        if (EscapedSet() is { } set) return new RegexNode.One(_ignoreCase ? CaseFolding.Close(set) : set);
        RegexNode? node = c switch
        {
            'A' => new RegexNode.Assertion(RegexPlace.TextStart),
            'z' => new RegexNode.Assertion(RegexPlace.TextEnd),
            'Z' => new RegexNode.Assertion(RegexPlace.TextEndOrLastLineFeed),
            'b' => new RegexNode.Assertion(RegexPlace.WordBoundary),
            'B' => new RegexNode.Assertion(RegexPlace.NoWordBoundary),
            'G' => new RegexNode.Assertion(RegexPlace.SearchStart),
            'K' => new RegexNode.Keep(),
            'X' => new RegexNode.Grapheme(),
            'N' => new RegexNode.One(s_notLineFeed),
            'O' => new RegexNode.One(s_any),
            'R' => new RegexNode.Atomic(new RegexNode.Choice(
            [
                new RegexNode.Sequence([new RegexNode.One(CodePointSet.Of((13, 13))), new RegexNode.One(CodePointSet.Of((10, 10)))]),
                new RegexNode.One(CodePointSet.Of((10, 13), (0x85, 0x85), (0x2028, 0x2029))),
            ])),
            _ => null,
        };
        if (node is not null) { _at++; return node; }
        if (c == 'k')
        {
            _at++;
            if (!Take('<')) throw Wrong("invalid backref");
            string name = Name('>');
            return new RegexNode.Reference(_names.TryGetValue(name, out int named) ? named : int.TryParse(name, out int n) && n >= 1 && n <= _groups ? n : throw Wrong($"undefined name <{name}> reference"), _ignoreCase);
        }
        if (c is >= '1' and <= '9')
        {
            int number = Number()!.Value;
            if (number <= _groups) return new RegexNode.Reference(number, _ignoreCase);
            if (c > '7' || number < 10) throw Wrong("invalid backref number");
            _at = start + 1;
        }
        if (c is 'g' or 'y' or 'Y') throw Wrong($"\\{c} is not built");
        return Literal(EscapedPoint());
    }

    /// <summary>After a backslash: \w \d \s \h and \p{..}, or null.</summary>
    private CodePointSet? EscapedSet()
    {
        char c = _pattern[_at];
        switch (c)
        {
            case 'w' or 'd' or 's' or 'h': _at++; return UnicodeTables.Set("class-" + c);
            case 'W' or 'D' or 'S' or 'H': _at++; return UnicodeTables.Set("class-" + char.ToLowerInvariant(c)).Complement();
            case 'p' or 'P' when _at + 1 < _pattern.Length && _pattern[_at + 1] == '{':
                _at += 2;
                bool negative = c == 'P' ^ Take('^');
                string name = Name('}');
                CodePointSet set = Property(name) ?? throw Wrong($"the property {{{name}}} is not built (or unknown)");
                return negative ? set.Complement() : set;
            default: return null;
        }
    }

    private static CodePointSet? Property(string name) => s_aliases.TryGetValue(Plain(name), out string? table) ? UnicodeTables.Find(table) : Plain(name) == "any" ? s_any : null;

    /// <summary>After a backslash: the character that is meant.</summary>
    private int EscapedPoint()
    {
        char c = _pattern[_at];
        switch (c)
        {
            case 't': _at++; return 9;
            case 'n': _at++; return 10;
            case 'v': _at++; return 11;
            case 'f': _at++; return 12;
            case 'r': _at++; return 13;
            case 'a': _at++; return 7;
            case 'b': _at++; return 8; // inside a class only
            case 'e': _at++; return 27;
            case 'x' when _at + 1 < _pattern.Length && _pattern[_at + 1] == '{':
                _at += 2;
                string hex = Name('}');
                return int.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int wide) && wide is >= 0 and <= 0x10FFFF ? wide : throw Wrong("invalid code point value");
            case 'x': _at++; return Digits(16, 2, "0123456789abcdef") ?? 0;
            case 'u': _at++; return Digits(16, 4, "0123456789abcdef", exactly: true) ?? throw Wrong("too short escape sequence");
            case >= '0' and <= '7': return Digits(8, 3, "01234567")!.Value;
            case 'c' or 'C' or 'M': throw Wrong($"\\{c} is not built");
            default: return Point();
        }
    }

    private int? Digits(int radix, int most, string digits, bool exactly = false)
    {
        int value = 0, count = 0;
        for (; count < most && _at < _pattern.Length && digits.IndexOf(char.ToLowerInvariant(_pattern[_at])) is >= 0 and int digit; count++, _at++) value = value * radix + digit;
        return count == 0 || (exactly && count < most) ? null : value;
    }

    /// <summary>What follows an opening bracket, up to its end.</summary>
    private CodePointSet Class()
    {
        if (++_depth > DepthLimit) throw Wrong("is nested too deeply");
        bool negative = Take('^');
        CodePointSet? whole = null;
        var ranges = new List<(int, int)>();
        CodePointSet current = CodePointSet.Empty;
        for (bool first = true; ; first = false)
        {
            if (_at >= _pattern.Length) throw Wrong("premature end of char-class");
            if (_pattern[_at] == ']' && !(first && _pattern.IndexOf(']', _at + 1) > 0))
            {
                if (first) throw Wrong("empty char-class");
                _at++;
                break;
            }
            if (Take("&&"))
            {
                Fold();
                continue;
            }
            if (Take("[:"))
            {
                bool not = Take('^');
                int end = _pattern.IndexOf(":]", _at, StringComparison.Ordinal);
                if (end > 0 && UnicodeTables.Find("posix-" + _pattern[_at..end]) is { } posix)
                {
                    current = current.Union(not ? posix.Complement() : posix);
                    _at = end + 2;
                    continue;
                }
                _at -= not ? 3 : 2;
            }
            if (Take('['))
            {
                current = current.Union(Class());
                continue;
            }
            if (_pattern[_at] == '\\' && _at + 1 < _pattern.Length)
            {
                _at++;
                if (EscapedSet() is { } set) { current = current.Union(set); continue; }
                if (Take('R') || Take('X')) throw Wrong("\\R and \\X cannot stand in a class");
                _at--;
            }
            int from = ClassPoint(), to = from;
            if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
            {
                int dash = _at++;
                bool set = _pattern[_at] == '[' || (_pattern[_at] == '\\' && _at + 1 < _pattern.Length && "wWdDsShHpP".Contains(_pattern[_at + 1], StringComparison.Ordinal));
                if (set) _at = dash; // "a-\w": the dash is itself
                else if ((to = ClassPoint()) < from) throw Wrong("empty range in char class");
            }
            ranges.Add((from, to));
        }
        Fold();
        _depth--;
        CodePointSet result = whole!;
        if (_ignoreCase) result = CaseFolding.Close(result);
        return negative ? result.Complement() : result;

        void Fold()
        {
            current = current.Union(CodePointSet.Of(ranges));
            whole = whole?.Intersect(current) ?? current;
            current = CodePointSet.Empty;
            ranges.Clear();
        }
    }

    private int ClassPoint()
    {
        if (_at >= _pattern.Length) throw Wrong("premature end of char-class");
        if (!Take('\\')) return Point();
        return _at < _pattern.Length ? EscapedPoint() : throw Wrong("end pattern at escape");
    }

    private int Point()
    {
        char c = _pattern[_at++];
        return char.IsHighSurrogate(c) && _at < _pattern.Length && char.IsLowSurrogate(_pattern[_at]) ? char.ConvertToUtf32(c, _pattern[_at++]) : c;
    }

    private string Name(char close)
    {
        int end = _pattern.IndexOf(close, _at);
        if (end <= _at) throw Wrong("has an empty or unfinished name");
        string name = _pattern[_at..end];
        _at = end + 1;
        return name;
    }

    private bool Take(char c)
    {
        if (_at >= _pattern.Length || _pattern[_at] != c) return false;
        _at++;
        return true;
    }

    private bool Take(string what)
    {
        if (string.CompareOrdinal(_pattern, _at, what, 0, what.Length) != 0) return false;
        _at += what.Length;
        return true;
    }

    private FormatException Wrong(string what) => new($"{what} (at character {_at})");

    private static string Plain(string name) => string.Concat(name.Where(c => c is not (' ' or '_' or '-'))).ToLowerInvariant();

    private static Dictionary<string, string> Aliases()
    {
        string[] tables = [.. ("L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Cn Co LC Han Hiragana Katakana Hangul Arabic Cyrillic Greek Latin Thai Emoji Alphabetic Armenian "
            + "Hebrew Devanagari Bengali Tamil Telugu Kannada Malayalam Gujarati Gurmukhi Georgian Ethiopic Khmer Lao Myanmar Mongolian Tibetan Sinhala Bopomofo Common Inherited Extended_Pictographic Uppercase Lowercase White_Space").Split(' ')];
        Dictionary<string, string> aliases = tables.ToDictionary(Plain);
        string[] longNames = [.. ("L=Letter Lu=UppercaseLetter Ll=LowercaseLetter Lt=TitlecaseLetter Lm=ModifierLetter Lo=OtherLetter M=Mark Mn=NonspacingMark Mc=SpacingMark Me=EnclosingMark N=Number Nd=DecimalNumber "
            + "Nl=LetterNumber No=OtherNumber P=Punctuation Pc=ConnectorPunctuation Pd=DashPunctuation Ps=OpenPunctuation Pe=ClosePunctuation Pi=InitialPunctuation Pf=FinalPunctuation Po=OtherPunctuation S=Symbol Sm=MathSymbol "
            + "Sc=CurrencySymbol Sk=ModifierSymbol So=OtherSymbol Z=Separator Zs=SpaceSeparator Zl=LineSeparator Zp=ParagraphSeparator C=Other Cc=Control Cf=Format Cn=Unassigned Co=PrivateUse").Split(' ')];
        foreach (string entry in longNames) aliases[Plain(entry.Split('=')[1])] = entry.Split('=')[0];
        foreach (string posix in "alnum alpha blank cntrl digit graph lower print punct space upper word xdigit".Split(' ')) aliases[posix] = "posix-" + posix;
        return aliases;
    }
}
