using System.Numerics;
using System.Text;

namespace Warm.Transformers;

/// <summary>Python's <c>'{} {name:&gt;5} {0.x[1]!r}'.format(..)</c>. Attributes go through the sandbox.</summary>
internal sealed class JinjaBraceFormat
{
    private readonly JinjaRun _run;
    private readonly JinjaArguments _arguments;
    private readonly JinjaValue? _mapping;
    private int _next; // -1 once fields are numbered by hand

    private JinjaBraceFormat(JinjaRun run, JinjaArguments arguments, JinjaValue? mapping) => (_run, _arguments, _mapping) = (run, arguments, mapping);

    public static string Apply(JinjaRun run, string format, JinjaArguments arguments, JinjaValue? mapping = null) => new JinjaBraceFormat(run, arguments, mapping).Fill(format, 2);

    private string Fill(string format, int depth)
    {
        if (depth < 0) throw JinjaException.Value("Max string recursion exceeded");
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c) { result.Append(c); i++; continue; }
            if (c == '}') throw JinjaException.Value("Single '}' encountered in format string");
            if (c != '{') { result.Append(c); continue; }
            int end = FieldEnd(format, i + 1);
            result.Append(Field(format[(i + 1)..end], depth));
            if (result.Length > JinjaLimits.Text) _run.Reserve(long.MaxValue);
            i = end;
        }
        return result.ToString();
    }

    private static int FieldEnd(string format, int from)
    {
        if (from >= format.Length) throw JinjaException.Value("Single '{' encountered in format string");
        int depth = 1;
        bool bracket = false;
        for (int i = from; i < format.Length; i++)
        {
            if (format[i] == '[' && depth == 1) bracket = true;
            else if (format[i] == ']') bracket = false;
            else if (bracket) continue;
            else if (format[i] == '{') depth++;
            else if (format[i] == '}' && --depth == 0) return i;
        }
        throw JinjaException.Value("expected '}' before end of string");
    }

    private string Field(string field, int depth)
    {
        _run.Step();
        int colon = -1, bang = -1;
        bool bracket = false;
        for (int i = 0; i < field.Length && colon < 0; i++)
        {
            if (field[i] == '[') bracket = true;
            else if (field[i] == ']') bracket = false;
            else if (bracket) continue;
            else if (field[i] == ':') colon = i;
            else if (field[i] == '!' && bang < 0) bang = i;
        }
        string spec = colon < 0 ? "" : field[(colon + 1)..];
        string name = field[..(bang >= 0 ? bang : colon >= 0 ? colon : field.Length)];
        string conversion = bang < 0 ? "" : field[(bang + 1)..(colon >= 0 ? colon : field.Length)];
        JinjaValue value = Value(name);
        value = conversion switch
        {
            "" when bang < 0 => value,
            "s" => new JinjaString(value.ToText(_run)),
            "r" => new JinjaString(JinjaRepr.Of(_run, value)),
            "a" => new JinjaString(JinjaRepr.Ascii(JinjaRepr.Of(_run, value))),
            "" => throw JinjaException.Value("end of string while looking for conversion specifier"),
            _ => throw JinjaException.Value($"Unknown conversion specifier {JinjaRepr.Quote(conversion)}"),
        };
        return JinjaFormatSpec.Format(_run, value, spec.Contains('{') || spec.Contains('}') ? Fill(spec, depth - 1) : spec);
    }

    private JinjaValue Value(string field)
    {
        int first = field.AsSpan().IndexOfAny('.', '[');
        string name = first < 0 ? field : field[..first];
        JinjaValue value = First(name);
        for (int i = first; i >= 0 && i < field.Length;)
        {
            if (field[i] == '.')
            {
                int end = field.AsSpan(i + 1).IndexOfAny('.', '[');
                end = end < 0 ? field.Length : i + 1 + end;
                string attribute = field[(i + 1)..end];
                if (attribute.Length == 0) throw JinjaException.Value("Empty attribute in format string");
                value = JinjaAccess.Attribute(_run, value, new JinjaString(attribute));
                i = end;
            }
            else if (field[i] == '[')
            {
                int end = field.IndexOf(']', i);
                if (end < 0) throw JinjaException.Value("Missing ']' in format string");
                string key = field[(i + 1)..end];
                if (key.Length == 0) throw JinjaException.Value("Empty attribute in format string");
                value = JinjaAccess.Element(_run, value, key.All(char.IsAsciiDigit) ? JinjaInteger.Of(BigInteger.Parse(key[..Math.Min(key.Length, 20)])) : new JinjaString(key));
                i = end + 1;
            }
            else throw JinjaException.Value("Only '.' or '[' may follow ']' in format field specifier");
        }
        return value;
    }

    private JinjaValue First(string name)
    {
        bool numbered = name.Length > 0 && name.All(char.IsAsciiDigit);
        if (name.Length == 0)
        {
            if (_next < 0) throw JinjaException.Value("cannot switch from manual field specification to automatic field numbering");
            return Positional(_next++);
        }
        if (numbered)
        {
            if (_next > 0) throw JinjaException.Value("cannot switch from automatic field numbering to manual field specification");
            _next = -1;
            return Positional(name.Length > 9 ? int.MaxValue : int.Parse(name, System.Globalization.CultureInfo.InvariantCulture));
        }
        if (_mapping is not null) return _mapping.Item(_run, new JinjaString(name)) ?? throw new JinjaException("KeyError", JinjaRepr.Quote(name));
        foreach ((string given, JinjaValue value) in _arguments.Named)
            if (given == name) return value;
        throw new JinjaException("KeyError", JinjaRepr.Quote(name));
    }

    private JinjaValue Positional(int index) => index < _arguments.Positional.Count ? _arguments.Positional[index] : throw new JinjaException("IndexError", "tuple index out of range");
}
