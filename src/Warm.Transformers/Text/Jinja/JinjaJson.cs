using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>tojson: Python's json.dumps, with letters as they are unless asked for ASCII.</summary>
internal sealed class JinjaJson
{
    private readonly JinjaRun _run;
    private readonly StringBuilder _text = new();
    private readonly bool _ascii, _sort;
    private readonly string? _indent;
    private readonly string _item, _key;

    private JinjaJson(JinjaRun run, JinjaValue?[] options)
    {
        _run = run;
        _ascii = options[1]?.IsTrue ?? false;
        _indent = options[2] switch
        {
            null or JinjaNone => null,
            JinjaString text => text.Value,
            { } width => new string(' ', Math.Clamp(JinjaNumber.Index(width), 0, JinjaLimits.Width)),
        };
        (_item, _key) = (_indent is null ? ", " : ",", ": ");
        if (options[3] is { } separators and not JinjaNone)
        {
            List<JinjaValue> two = separators.ToList(run);
            if (two is not [JinjaString item, JinjaString key]) throw two.Count == 2 ? JinjaException.Type("separators must be strings") : JinjaException.Value($"separators must be two strings (got {two.Count})");
            (_item, _key) = (item.Value, key.Value);
        }
        _sort = options[4]?.IsTrue ?? false;
    }

    private static readonly JinjaSignature Signature = new("tojson", "x ensure_ascii? indent? separators? sort_keys?");

    public static JinjaString Of(JinjaRun run, JinjaValue value, JinjaArguments arguments)
    {
        JinjaValue?[] options = Signature.Bind(arguments, value);
        var json = new JinjaJson(run, options);
        json.Write(value, 0);
        return new JinjaString(json._text.ToString());
    }

    private void Append(string text)
    {
        _run.Step(1 + (text.Length >> 4));
        if ((long)_text.Length + text.Length > JinjaLimits.Text) _run.Reserve(long.MaxValue);
        _text.Append(text);
    }

    private void Write(JinjaValue value, int depth)
    {
        if (depth > JinjaLimits.Nesting) throw new JinjaException("RecursionError", $"values are nested more than {JinjaLimits.Nesting} deep");
        switch (value)
        {
            case JinjaNone: Append("null"); break;
            case JinjaBoolean b: Append(b.Value ? "true" : "false"); break;
            case JinjaInteger i: Append(i.ToText(_run)); break;
            case JinjaFloat f: Append(Number(f.Value)); break;
            case JinjaString s: Append(Quote(s.Value)); break;
            case JinjaSequence list: Members("[", "]", [.. list.Elements.Select(e => ((string?)null, e))], depth); break;
            case JinjaDictionary dictionary: Members("{", "}", Keys(dictionary), depth); break;
            default: throw JinjaException.Type($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    private List<(string?, JinjaValue)> Keys(JinjaDictionary dictionary)
    {
        IEnumerable<KeyValuePair<JinjaValue, JinjaValue>> pairs = dictionary.Pairs;
        if (_sort) pairs = JinjaSort.Sorted(_run, dictionary.Pairs, p => p.Key, reverse: false);
        return [.. pairs.Select(p => ((string?)Key(p.Key), p.Value))];
    }

    private string Key(JinjaValue key) => key switch
    {
        JinjaString s => s.Value,
        JinjaBoolean b => b.Value ? "true" : "false",
        JinjaNone => "null",
        JinjaFloat f => Number(f.Value),
        JinjaInteger i => i.ToText(_run),
        _ => throw JinjaException.Type($"keys must be str, int, float, bool or None, not {key.TypeName}"),
    };

    private void Members(string open, string close, List<(string? Key, JinjaValue Value)> members, int depth)
    {
        Append(open);
        for (int i = 0; i < members.Count; i++)
        {
            if (i > 0) Append(_item);
            NewLine(depth + 1);
            if (members[i].Key is { } key) Append(Quote(key) + _key);
            Write(members[i].Value, depth + 1);
        }
        if (members.Count > 0) NewLine(depth);
        Append(close);
    }

    private void NewLine(int depth)
    {
        if (_indent is null) return;
        Append("\n");
        for (int i = 0; i < depth; i++) Append(_indent);
    }

    private static string Number(double value) => double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? value > 0 ? "Infinity" : "-Infinity" : JinjaNumber.Repr(value);

    private string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (char c in text)
            _ = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\f' => quoted.Append("\\f"),
                '\b' => quoted.Append("\\b"),
                _ when c < ' ' || _ascii && c > '~' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => quoted.Append(c),
            };
        return quoted.Append('"').ToString();
    }
}
