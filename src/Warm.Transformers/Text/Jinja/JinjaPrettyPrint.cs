using System.Text;

namespace Warm.Transformers;

/// <summary>pprint: Python's repr with sorted keys, broken into lines where it is wider than 80.</summary>
internal sealed class JinjaPrettyPrint(JinjaRun run)
{
    private const int Width = 80;
    private readonly StringBuilder _text = new();

    public static string Of(JinjaRun run, JinjaValue value)
    {
        var printer = new JinjaPrettyPrint(run);
        printer.Write(value, 0, 0, 0);
        return printer._text.ToString();
    }

    private void Write(JinjaValue value, int indent, int allowance, int depth)
    {
        JinjaRun.EnsureStack();
        if (depth > JinjaLimits.Nesting) throw new JinjaException("RecursionError", $"values are nested more than {JinjaLimits.Nesting} deep");
        string line = JinjaRepr.Of(run, Sorted(value));
        run.Reserve(_text.Length + (long)line.Length);
        if (line.Length <= Width - indent - allowance || value is not (JinjaSequence or JinjaDictionary)) _text.Append(line);
        else if (value is JinjaDictionary dictionary)
        {
            _text.Append('{');
            IReadOnlyList<KeyValuePair<JinjaValue, JinjaValue>> pairs = ((JinjaDictionary)Sorted(dictionary)).Pairs;
            for (int i = 0; i < pairs.Count; i++)
            {
                if (i > 0) _text.Append(",\n").Append(' ', indent + 1);
                string key = JinjaRepr.Of(run, pairs[i].Key);
                _text.Append(key).Append(": ");
                Write(pairs[i].Value, indent + key.Length + 3, i == pairs.Count - 1 ? allowance + 1 : 1, depth + 1);
            }
            _text.Append('}');
        }
        else
        {
            IReadOnlyList<JinjaValue> items = ((JinjaSequence)value).Elements;
            (string open, string close) = value is JinjaList ? ("[", "]") : ("(", items.Count == 1 ? ",)" : ")");
            _text.Append(open);
            for (int i = 0; i < items.Count; i++)
            {
                if (i > 0) _text.Append(",\n").Append(' ', indent + 1);
                Write(items[i], indent + 1, i == items.Count - 1 ? allowance + close.Length : 1, depth + 1);
            }
            _text.Append(close);
        }
    }

    /// <summary>The value with the keys of its dictionaries in order.</summary>
    private JinjaValue Sorted(JinjaValue value)
    {
        JinjaRun.EnsureStack();
        run.Step();
        if (value is JinjaList list) return new JinjaList([.. list.Elements.Select(Sorted)]);
        if (value is JinjaTuple tuple) return new JinjaTuple([.. tuple.Elements.Select(Sorted)]);
        if (value is not JinjaDictionary dictionary) return value;
        var sorted = new JinjaDictionary(dictionary.Pairs.Count);
        bool comparable = dictionary.Pairs.All(p => p.Key is JinjaString) || dictionary.Pairs.All(p => JinjaNumber.IsNumber(p.Key));
        foreach ((JinjaValue key, JinjaValue item) in comparable ? JinjaSort.Sorted(run, dictionary.Pairs, p => p.Key, reverse: false) : dictionary.Pairs) sorted.Set(key, Sorted(item));
        return sorted;
    }
}
