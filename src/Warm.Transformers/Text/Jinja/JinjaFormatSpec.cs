using System.Globalization;
using System.Numerics;
using System.Text;

namespace Warm.Transformers;

/// <summary>Python's format specification: <c>[[fill]align][sign][z][#][0][width][,|_][.precision][type]</c>.</summary>
internal sealed record JinjaFormatSpec
{
    public string Fill { get; init; } = " ";
    public char Align { get; init; }
    public char Sign { get; init; }
    public bool NoNegativeZero { get; init; }
    public bool Alternate { get; init; }
    public int Width { get; init; }
    public char Grouping { get; init; }
    public int Precision { get; init; } = -1;
    public char Type { get; init; }

    public static JinjaFormatSpec Parse(string text, string type)
    {
        var spec = new JinjaFormatSpec();
        int[] points = JinjaString.CodePoints(text);
        int at = 0;
        if (points.Length > 1 && points[1] is '<' or '>' or '=' or '^') (spec, at) = (spec with { Fill = JinjaString.PointText(points[0]), Align = (char)points[1] }, 2);
        else if (points.Length > 0 && points[0] is '<' or '>' or '=' or '^') (spec, at) = (spec with { Align = (char)points[0] }, 1);
        if (at < points.Length && points[at] is '+' or '-' or ' ') spec = spec with { Sign = (char)points[at++] };
        if (at < points.Length && points[at] == 'z') { spec = spec with { NoNegativeZero = true }; at++; }
        if (at < points.Length && points[at] == '#') { spec = spec with { Alternate = true }; at++; }
        if (at < points.Length && points[at] == '0')
        {
            bool filled = points.Length > 1 && points[1] is '<' or '>' or '=' or '^';
            spec = spec with { Fill = filled ? spec.Fill : "0", Align = spec.Align != '\0' ? spec.Align : type == "str" ? '<' : '=' };
            at++;
        }
        (int width, at) = Number(points, at);
        if (width >= 0) spec = spec with { Width = width };
        if (at < points.Length && points[at] is ',' or '_') spec = spec with { Grouping = (char)points[at++] };
        if (at < points.Length && points[at] == '.')
        {
            (int precision, at) = Number(points, at + 1);
            if (precision < 0) throw JinjaException.Value("Format specifier missing precision");
            spec = spec with { Precision = precision };
        }
        if (at < points.Length - 1) throw JinjaException.Value($"Invalid format specifier '{text}' for object of type '{type}'");
        return at < points.Length ? spec with { Type = (char)Math.Min(points[at], 0xFFFF) } : spec;
    }

    private static (int Value, int At) Number(int[] points, int at)
    {
        int begin = at;
        long value = 0;
        for (; at < points.Length && points[at] is >= '0' and <= '9'; at++)
            if ((value = value * 10 + points[at] - '0') > JinjaLimits.Width) throw TooWide();
        return (at == begin ? -1 : (int)value, at);
    }

    public static JinjaException TooWide() => JinjaException.Limit($"a field wider or more precise than {JinjaLimits.Width:N0}");

    /// <summary>The value in that format.</summary>
    public static string Format(JinjaRun run, JinjaValue value, string text)
    {
        if (text.Length == 0) return value.ToText(run);
        if (value is not (JinjaString or JinjaInteger or JinjaFloat or JinjaBoolean)) throw JinjaException.Type($"unsupported format string passed to {value.TypeName}.__format__");
        JinjaFormatSpec spec = Parse(text, value.TypeName);
        run.Step(spec.Width >> 4);
        return value switch
        {
            JinjaString s => spec.OfText(run, s),
            JinjaFloat f => spec.OfFloat(f.Value),
            _ => JinjaNumber.TryInteger(value, out BigInteger i) ? spec.OfInteger(i) : throw new InvalidOperationException(),
        };
    }

    private string OfText(JinjaRun run, JinjaString text)
    {
        if (Type is not ('\0' or 's')) throw Unknown("str");
        if (Sign != '\0') throw JinjaException.Value("Sign not allowed in string format specifier");
        if (Grouping != '\0') throw JinjaException.Value($"Cannot specify '{Grouping}' with 's'.");
        if (Align == '=') throw JinjaException.Value("'=' alignment not allowed in string format specifier");
        string cut = Precision >= 0 && Precision < text.Count ? text.Value[..text.UnitAt(Precision)] : text.Value;
        return Pad("", cut, '<');
    }

    private JinjaException Unknown(string type) => JinjaException.Value($"Unknown format code '{Type}' for object of type '{type}'");

    public string OfInteger(BigInteger value)
    {
        if (Type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%') return OfFloat(JinjaNumber.TryDouble(JinjaInteger.Of(value), out double x) ? x : 0);
        if (Precision >= 0) throw JinjaException.Value("Precision not allowed in integer format specifier");
        BigInteger size = BigInteger.Abs(value);
        string digits = Type switch
        {
            '\0' or 'd' or 'n' => size.ToString(CultureInfo.InvariantCulture),
            'b' => size.IsZero ? "0" : size.ToString("B", CultureInfo.InvariantCulture).TrimStart('0'),
            'o' => Octal(size),
            'x' or 'X' => size.IsZero ? "0" : size.ToString(Type.ToString(), CultureInfo.InvariantCulture).TrimStart('0'),
            'c' => size <= 0x10FFFF && value.Sign >= 0 ? JinjaString.PointText((int)size) : throw new JinjaException("OverflowError", "%c arg not in range(0x110000)"),
            _ => throw Unknown("int"),
        };
        string prefix = Alternate && Type is 'b' or 'o' or 'x' or 'X' && Alternate ? $"0{Type}" : "";
        if (Type == 'c') return Pad("", digits, '<');
        string sign = SignOf(value.Sign < 0) + prefix;
        return Pad(sign, Group(digits, Type is 'b' or 'o' or 'x' or 'X' ? 4 : 3, sign.Length), '>');
    }

    public static string Octal(BigInteger value)
    {
        if (value.IsZero) return "0";
        var digits = new StringBuilder();
        for (; !value.IsZero; value >>= 3) digits.Insert(0, (char)('0' + (int)(value & 7)));
        return digits.ToString();
    }

    private string SignOf(bool negative) => negative ? "-" : Sign is '-' or '\0' ? "" : Sign.ToString();

    public string OfFloat(double value)
    {
        bool negative = double.IsNegative(value) && !double.IsNaN(value);
        string body = Type == '\0' && Precision < 0 ? JinjaNumber.Repr(Math.Abs(value)) : JinjaFloatText.Of(Math.Abs(value), Type, Precision, Alternate) ?? throw Unknown("float");
        if (NoNegativeZero && body.All(c => c is '0' or '.')) negative = false;
        int point = body.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (point < 0) point = body.Length;
        string sign = SignOf(negative);
        return Pad(sign, Group(body[..point], 3, sign.Length + body.Length - point) + body[point..], '>');
    }

    private string Group(string digits, int size, int beside)
    {
        if (Grouping == '\0' || !digits.All(char.IsAsciiHexDigit)) return digits;
        if (Fill == "0" && Align == '=') digits = PadGrouped(digits, size, beside);
        var text = new StringBuilder();
        for (int i = 0; i < digits.Length; i++)
        {
            if (i > 0 && (digits.Length - i) % size == 0) text.Append(Grouping);
            text.Append(digits[i]);
        }
        return text.ToString();
    }

    /// <summary>Zeros in front so that digits and separators, with the sign and fraction beside them, fill the width.</summary>
    private string PadGrouped(string digits, int size, int beside)
    {
        int count = digits.Length;
        while (count + (count - 1) / size + beside < Width) count++;
        return digits.PadLeft(count, '0');
    }

    private string Pad(string sign, string body, char otherwise)
    {
        int missing = Width - sign.Length - JinjaString.CountOf(body);
        if (missing <= 0) return sign + body;
        char align = Align == '\0' ? otherwise : Align;
        int left = align switch { '<' => 0, '^' => missing / 2, _ => missing };
        string before = Filled(left), after = Filled(missing - left);
        return align == '=' ? sign + before + body : before + sign + body + after;
    }

    private string Filled(int count) => new StringBuilder(count * Fill.Length).Insert(0, Fill, count).ToString();
}

/// <summary>Doubles in C's formats e, f, g and %, exact to the last digit.</summary>
internal static class JinjaFloatText
{
    /// <summary>A value that is not negative; null where the type is unknown.</summary>
    public static string? Of(double value, char type, int precision, bool alternate)
    {
        if (type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%')) return null;
        bool upper = type is 'E' or 'F' or 'G';
        if (double.IsNaN(value)) return upper ? "NAN" : type == '%' ? "nan%" : "nan";
        if (double.IsInfinity(value)) return upper ? "INF" : type == '%' ? "inf%" : "inf";
        if (precision < 0) precision = 6;
        string text = type switch
        {
            'e' or 'E' => Exponent(value, precision, alternate),
            'f' or 'F' => Fixed(value, precision, alternate),
            '%' => Fixed(value * 100, precision, alternate) + "%",
            _ => General(value, Math.Max(1, precision), alternate, type == '\0'),
        };
        return upper ? text.ToUpperInvariant() : text;
    }

    private static string Fixed(double value, int precision, bool alternate)
    {
        (BigInteger digits, _) = Rounded(value, precision);
        string text = digits.ToString(CultureInfo.InvariantCulture).PadLeft(precision + 1, '0');
        return precision == 0 ? text + (alternate ? "." : "") : $"{text[..^precision]}.{text[^precision..]}";
    }

    /// <summary>A value rounded to tens, hundreds ...: precision is negative.</summary>
    public static string Scaled(double value, int precision) => Rounded(value, precision).Digits.ToString(CultureInfo.InvariantCulture) + "e" + (-precision).ToString(CultureInfo.InvariantCulture);

    /// <summary>value x 10^places as an integer, rounded half to even on the exact value.</summary>
    private static (BigInteger Digits, bool Exact) Rounded(double value, int places)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52 & 0x7FF);
        BigInteger mantissa = bits & 0xFFFFFFFFFFFFF;
        if (exponent == 0) exponent++;
        else mantissa |= 1L << 52;
        exponent -= 1075;
        BigInteger above = mantissa, below = BigInteger.One;
        if (exponent > 0) above <<= exponent;
        else below <<= -exponent;
        if (places >= 0) above *= BigInteger.Pow(10, places);
        else below *= BigInteger.Pow(10, -places);
        BigInteger quotient = BigInteger.DivRem(above, below, out BigInteger rest);
        int half = (rest * 2).CompareTo(below);
        return (half > 0 || half == 0 && !quotient.IsEven ? quotient + 1 : quotient, rest.IsZero);
    }

    private static (string Digits, int Exponent) Significant(double value, int count)
    {
        if (value == 0) return (new string('0', count), 0);
        int exponent = (int)Math.Floor(Math.Log10(value)) - 1; // too small by one or two; the number of digits tells
        while (true)
        {
            string digits = Rounded(value, count - 1 - exponent).Digits.ToString(CultureInfo.InvariantCulture);
            if (digits.Length <= count) return (digits.PadRight(count, '0'), exponent);
            exponent++;
        }
    }

    private static string Exponent(double value, int precision, bool alternate)
    {
        (string digits, int exponent) = Significant(value, precision + 1);
        return $"{digits[0]}{(precision > 0 || alternate ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string General(double value, int precision, bool alternate, bool none)
    {
        (string digits, int exponent) = Significant(value, precision);
        bool scientific = exponent < -4 || exponent >= precision;
        if (!alternate) digits = digits.TrimEnd('0') is { Length: > 0 } cut ? cut : "0";
        if (scientific) return $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        string text = exponent < 0 ? "0." + new string('0', -exponent - 1) + digits : digits.Length <= exponent + 1 ? digits.PadRight(exponent + 1, '0') : $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
        return none && !text.Contains('.') ? text + ".0" : text;
    }
}
