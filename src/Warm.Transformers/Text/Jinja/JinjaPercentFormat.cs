using System.Globalization;
using System.Numerics;
using System.Text;

namespace Warm.Transformers;

/// <summary>Python's <c>'%s and %5.2f' % (a, b)</c>.</summary>
internal static class JinjaPercentFormat
{
    public static JinjaString Apply(JinjaRun run, JinjaString format, JinjaValue values)
    {
        IReadOnlyList<JinjaValue> items = values is JinjaTuple tuple ? tuple.Elements : [values];
        int used = 0;
        bool named = false;
        string text = format.Value;
        var result = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%') { result.Append(text[i]); continue; }
            i++;
            JinjaValue? value = null;
            if (i < text.Length && text[i] == '(')
            {
                int close = Closing(text, i);
                if (values is not JinjaDictionary dictionary) throw JinjaException.Type("format requires a mapping");
                string key = text[(i + 1)..close];
                value = dictionary.Get(key) ?? throw new JinjaException("KeyError", JinjaRepr.Quote(key));
                named = true;
                i = close + 1;
            }
            bool left = false, zero = false, alternate = false;
            char sign = '-';
            for (; i < text.Length && text[i] is '-' or '+' or ' ' or '#' or '0'; i++)
            {
                left |= text[i] == '-';
                zero |= text[i] == '0';
                alternate |= text[i] == '#';
                if (text[i] == '+' || text[i] == ' ' && sign != '+') sign = text[i];
            }
            int width = Count(ref i);
            if (width < 0 && i > 0 && text[i - 1] == '*') (left, width) = (true, -width);
            int precision = -1;
            if (i < text.Length && text[i] == '.')
            {
                i++;
                precision = Math.Max(0, Count(ref i));
            }
            while (i < text.Length && text[i] is 'h' or 'l' or 'L') i++;
            if (i >= text.Length) throw JinjaException.Value("incomplete format");
            char type = text[i];
            if (type == '%') { result.Append('%'); continue; }
            if (type is not ('s' or 'r' or 'a' or 'c' or 'd' or 'i' or 'u' or 'o' or 'x' or 'X' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G'))
                throw JinjaException.Value($"unsupported format character '{type}' (0x{(int)type:x}) at index {i}");
            value ??= Next();
            string field = Field(run, value, type, left, zero, alternate, sign, Math.Max(0, width), precision);
            if (format.Safe && value is not JinjaString { Safe: true }) field = JinjaString.Escape(field);
            result.Append(field);
            if (result.Length > JinjaLimits.Text) run.Reserve(long.MaxValue);
        }
        // Values that have elements by key may be left over.
        if (!named && used < items.Count && values is not (JinjaDictionary or JinjaList or JinjaRange or JinjaUndefined)) throw JinjaException.Type("not all arguments converted during string formatting");
        return run.Text(result.ToString(), format.Safe);

        JinjaValue Next() => used < items.Count ? items[used++] : throw JinjaException.Type("not enough arguments for format string");

        int Count(ref int i)
        {
            if (i < text.Length && text[i] == '*')
            {
                i++;
                JinjaValue given = Next();
                if (given is not JinjaInteger) throw JinjaException.Type("* wants int");
                int n = JinjaNumber.Index(given);
                return Math.Abs((long)n) > JinjaLimits.Width ? throw JinjaFormatSpec.TooWide() : n;
            }
            long count = 0;
            for (; i < text.Length && char.IsAsciiDigit(text[i]); i++)
                if ((count = count * 10 + text[i] - '0') > JinjaLimits.Width) throw JinjaFormatSpec.TooWide();
            return (int)count;
        }
    }

    private static int Closing(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            if (text[i] == ')' && --depth == 0) return i;
        }
        throw JinjaException.Value("incomplete format key");
    }

    private static string Field(JinjaRun run, JinjaValue value, char type, bool left, bool zero, bool alternate, char sign, int width, int precision)
    {
        string prefix = "", body;
        switch (type)
        {
            case 's' or 'r' or 'a':
                var text = new JinjaString(type == 's' ? value.ToText(run) : type == 'a' ? JinjaRepr.Ascii(JinjaRepr.Of(run, value)) : JinjaRepr.Of(run, value));
                body = precision >= 0 && precision < text.Count ? text.Value[..text.UnitAt(precision)] : text.Value;
                zero = false;
                break;
            case 'c':
                body = value is JinjaString { Count: 1 } one ? one.Value
                    : JinjaNumber.TryInteger(value, out BigInteger code) ? code >= 0 && code <= 0x10FFFF ? JinjaString.PointText((int)code) : throw new JinjaException("OverflowError", "%c arg not in range(0x110000)")
                    : throw JinjaException.Type("%c requires int or char");
                zero = false;
                break;
            case 'd' or 'i' or 'u' or 'o' or 'x' or 'X':
                bool decimals = type is 'd' or 'i' or 'u';
                if (!JinjaNumber.TryInteger(value, out BigInteger integer))
                    integer = value is JinjaFloat f && decimals ? Truncated(f.Value) : throw JinjaException.Type($"%{type} format: {(decimals ? "a real number" : "an integer")} is required, not {value.TypeName}");
                BigInteger size = BigInteger.Abs(integer);
                body = type switch
                {
                    'o' => JinjaFormatSpec.Octal(size),
                    'x' or 'X' => size.IsZero ? "0" : size.ToString(type.ToString(), CultureInfo.InvariantCulture).TrimStart('0'),
                    _ => size.ToString(CultureInfo.InvariantCulture),
                };
                body = body.PadLeft(Math.Max(0, precision), '0');
                prefix = (integer.Sign < 0 ? "-" : sign == '-' ? "" : sign.ToString()) + (alternate && !decimals ? $"0{type}" : "");
                break;
            default:
                if (!JinjaNumber.IsNumber(value)) throw JinjaException.Type($"must be real number, not {value.TypeName}");
                JinjaNumber.TryDouble(value, out double number);
                body = JinjaFloatText.Of(Math.Abs(number), type, precision, alternate)!;
                prefix = double.IsNegative(number) && !double.IsNaN(number) ? "-" : sign == '-' ? "" : sign.ToString();
                zero &= double.IsFinite(number);
                break;
        }
        int missing = width - prefix.Length - JinjaString.CountOf(body);
        if (missing <= 0) return prefix + body;
        run.Step(missing >> 4);
        return left ? prefix + body + new string(' ', missing) : zero ? prefix + new string('0', missing) + body : new string(' ', missing) + prefix + body;
    }

    private static BigInteger Truncated(double value) =>
        double.IsNaN(value) ? throw JinjaException.Value("cannot convert float NaN to integer")
        : double.IsInfinity(value) ? throw new JinjaException("OverflowError", "cannot convert float infinity to integer") : new BigInteger(value);
}
