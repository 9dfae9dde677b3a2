using System.Text;

namespace Warm.Transformers;

/// <summary>Python's repr: how lists, dictionaries and what is in them are printed.</summary>
internal sealed class JinjaRepr(JinjaRun? run)
{
    private readonly StringBuilder _text = new();
    private readonly List<JinjaValue> _inside = [];

    public static string Of(JinjaRun? run, JinjaValue value)
    {
        var repr = new JinjaRepr(run);
        value.Repr(repr);
        return repr._text.ToString();
    }

    /// <summary>For messages.</summary>
    public static string Short(JinjaValue value) => Of(null, value) is var text && text.Length > 200 ? text[..200] + "..." : text;

    public void Append(string text)
    {
        run?.Step(1 + (text.Length >> 4));
        if (_text.Length + (long)text.Length > JinjaLimits.Text) run?.Reserve(long.MaxValue);
        if (run is null && _text.Length > 1000) return; // a message needs no more
        _text.Append(text);
    }

    public void Sequence(JinjaValue self, string open, IReadOnlyList<JinjaValue> items, string close)
    {
        if (!Enter(self, open, close)) return;
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) Append(", ");
            items[i].Repr(this);
        }
        Leave(close);
    }

    public void Mapping(JinjaValue self, string open, IReadOnlyList<KeyValuePair<JinjaValue, JinjaValue>> pairs, string close)
    {
        if (!Enter(self, open, close)) return;
        for (int i = 0; i < pairs.Count; i++)
        {
            if (i > 0) Append(", ");
            pairs[i].Key.Repr(this);
            Append(": ");
            pairs[i].Value.Repr(this);
        }
        Leave(close);
    }

    /// <summary>False where the value is inside itself (through a namespace): then three dots stand for it.</summary>
    private bool Enter(JinjaValue self, string open, string close)
    {
        JinjaRun.EnsureStack();
        if (_inside.Exists(x => ReferenceEquals(x, self)))
        {
            Append($"{open}...{close}");
            return false;
        }
        if (_inside.Count >= JinjaLimits.Nesting) throw new JinjaException("RecursionError", $"values are nested more than {JinjaLimits.Nesting} deep");
        _inside.Add(self);
        Append(open);
        return true;
    }

    private void Leave(string close)
    {
        _inside.RemoveAt(_inside.Count - 1);
        Append(close);
    }

    /// <summary>A text between quotes: single ones unless it holds a single and no double one; what cannot be printed is escaped.</summary>
    public static string Quote(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var result = new StringBuilder(text.Length + 2).Append(quote);
        foreach (int point in JinjaString.CodePoints(text))
            _ = point switch
            {
                '\\' => result.Append("\\\\"),
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                _ when point == quote => result.Append('\\').Append(quote),
                _ when JinjaUnicode.IsPrintable(point) => result.Append(JinjaString.PointText(point)),
                _ => result.Append(Escape(point)),
            };
        return result.Append(quote).ToString();
    }

    /// <summary>With everything that is not ASCII escaped.</summary>
    public static string Ascii(string repr) => string.Concat(JinjaString.CodePoints(repr).Select(p => p < 128 ? ((char)p).ToString() : Escape(p)));

    private static string Escape(int point) => point switch
    {
        < 0x100 => $"\\x{point:x2}",
        < 0x10000 => $"\\u{point:x4}",
        _ => $"\\U{point:x8}",
    };
}
