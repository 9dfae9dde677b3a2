using System.Numerics;

namespace Warm.Transformers;

/// <summary>Filters over elements. map, select, batch ... make theirs as they are asked for.</summary>
internal static class JinjaListFilters
{
    public static readonly (string Name, string Parameters, JinjaFilters.Body Body)[] All =
    [
        ("length", "obj", (_, a) => a[0]!.Length is { } length ? JinjaInteger.Of(length) : throw JinjaException.Type($"object of type '{a[0]!.TypeName}' has no len()")),
        ("first", "seq", (run, a) => a[0]!.Items(run).FirstOrDefault() ?? JinjaUndefined.Because("No first item, sequence was empty.")),
        ("last", "seq", (run, a) => Reversed(run, a[0]!).FirstOrDefault() ?? JinjaUndefined.Because("No last item, sequence was empty.")),
        ("list", "value", (run, a) => new JinjaList(a[0]!.ToList(run))),
        ("join", "value d? attribute?", (run, a) => Join(run, a)),
        ("reverse", "value", (run, a) => Reverse(run, a[0]!)),
        ("sort", "value reverse? case_sensitive? attribute?", (run, a) =>
            new JinjaList(JinjaSort.Sorted(run, a[0]!.ToList(run), Keys(run, a[3], !(a[2]?.IsTrue ?? false)), a[1]?.IsTrue ?? false))),
        ("unique", "value case_sensitive? attribute?", (run, a) => new JinjaGenerator(Unique(run, a[0]!, Key(run, a[2], !(a[1]?.IsTrue ?? false))))),
        ("min", "value case_sensitive? attribute?", (run, a) => Extreme(run, a, (x, y) => JinjaOperators.Less(run, x, y))),
        ("max", "value case_sensitive? attribute?", (run, a) => Extreme(run, a, (x, y) => JinjaOperators.Less(run, y, x))),
        ("sum", "iterable attribute? start?", (run, a) => Sum(run, a)),
        ("dictsort", "value case_sensitive? by? reverse?", (run, a) => SortDictionary(run, a)),
        ("groupby", "value attribute default? case_sensitive?", (run, a) => Group(run, a)),
        ("items", "value", (run, a) => new JinjaGenerator(Pairs(a[0]!))),
        ("batch", "value linecount fill_with?", (run, a) => new JinjaGenerator(Batch(run, a[0]!, JinjaNumber.Index(a[1]!), a[2]))),
        ("slice", "value slices fill_with?", (run, a) => new JinjaGenerator(Slice(run, a[0]!, JinjaNumber.Index(a[1]!), a[2]))),
        ("random", "seq", (_, _) => throw JinjaException.Type("random is not built: a chat template that is not the same twice trains and scores nothing")),
    ];

    /// <summary>Filters that hand their arguments on to other filters and tests.</summary>
    public static readonly (string Name, JinjaFilters.Filter Filter)[] Raw =
    [
        ("map", (run, value, a) => new JinjaGenerator(Map(run, value, a))),
        ("select", (run, value, a) => new JinjaGenerator(Select(run, value, a, keep: true, attribute: false))),
        ("reject", (run, value, a) => new JinjaGenerator(Select(run, value, a, keep: false, attribute: false))),
        ("selectattr", (run, value, a) => new JinjaGenerator(Select(run, value, a, keep: true, attribute: true))),
        ("rejectattr", (run, value, a) => new JinjaGenerator(Select(run, value, a, keep: false, attribute: true))),
    ];

    /// <summary>What an attribute like <c>a.b.0</c> gives of an item; the item itself where none is named.</summary>
    private static Func<JinjaValue, JinjaValue> Path(JinjaRun run, JinjaValue? attribute, JinjaValue? otherwise = null)
    {
        JinjaValue[] parts = attribute switch
        {
            null or JinjaNone => [],
            JinjaString text => [.. text.Value.Split('.').Select(p => p.Length > 0 && p.All(char.IsAsciiDigit) && BigInteger.TryParse(p.Length < 20 ? p : "", out BigInteger n) ? (JinjaValue)JinjaInteger.Of(n) : new JinjaString(p))],
            _ => [attribute],
        };
        return item =>
        {
            foreach (JinjaValue part in parts)
            {
                item = JinjaAccess.Element(run, item, part);
                if (item is JinjaUndefined && otherwise is not (null or JinjaNone)) item = otherwise;
            }
            return item;
        };
    }

    private static JinjaValue FoldCase(JinjaRun run, JinjaValue value)
    {
        if (value is not JinjaString text) return value;
        run.Step(text.Value.Length >> 4);
        return new JinjaString(JinjaUnicode.Lower(text.Value));
    }

    private static Func<JinjaValue, JinjaValue> Key(JinjaRun run, JinjaValue? attribute, bool ignoreCase, JinjaValue? otherwise = null)
    {
        Func<JinjaValue, JinjaValue> path = Path(run, attribute, otherwise);
        return ignoreCase ? item => FoldCase(run, path(item)) : path;
    }

    /// <summary>The key of sort: several attributes with commas between them.</summary>
    private static Func<JinjaValue, JinjaValue> Keys(JinjaRun run, JinjaValue? attribute, bool ignoreCase)
    {
        if (attribute is not JinjaString text) return item => new JinjaList([Key(run, attribute, ignoreCase)(item)]);
        Func<JinjaValue, JinjaValue>[] keys = [.. text.Value.Split(',').Select(part => Key(run, new JinjaString(part), ignoreCase))];
        return item => new JinjaList([.. keys.Select(k => k(item))]);
    }

    private static IEnumerable<JinjaValue> Reversed(JinjaRun run, JinjaValue value)
    {
        if (value is JinjaUndefined) return [];
        if (value is JinjaGenerator || value.Iterate() is null) throw JinjaException.Type($"'{value.TypeName}' object is not reversible");
        return value.ToList(run).AsEnumerable().Reverse();
    }

    private static JinjaValue Reverse(JinjaRun run, JinjaValue value)
    {
        if (value is JinjaString text) return text.Item(run, new JinjaSlice(JinjaNone.Value, JinjaNone.Value, JinjaInteger.Of(-1)))!;
        if (value.Iterate() is null) throw new JinjaException("FilterArgumentError", "argument must be iterable");
        if (value is JinjaGenerator)
        {
            List<JinjaValue> list = value.ToList(run);
            list.Reverse();
            return new JinjaList(list);
        }
        return new JinjaGenerator(Reversed(run, value), value is JinjaList ? "list_reverseiterator" : "reversed");
    }

    private static JinjaString Join(JinjaRun run, JinjaValue?[] a)
    {
        Func<JinjaValue, JinjaValue> path = Path(run, a[2]);
        JinjaValue between = a[1] ?? JinjaString.Empty;
        var items = new List<JinjaString>();
        long length = 0;
        string by = between.ToText(run);
        foreach (JinjaValue item in a[0]!.Items(run))
        {
            JinjaString text = JinjaFilters.Text(run, path(item));
            items.Add(text);
            if ((length += text.Value.Length + by.Length) > JinjaLimits.Text) run.Reserve(length);
        }
        bool safe = run.Autoescape && (between is JinjaString { Safe: true } || items.Exists(i => i.Safe));
        if (!safe) return run.Text(string.Join(by, items.Select(i => i.Value)));
        return run.Text(string.Join(between is JinjaString { Safe: true } ? by : JinjaString.Escape(by), items.Select(i => i.Safe ? i.Value : JinjaString.Escape(i.Value))), safe: true);
    }

    private static IEnumerable<JinjaValue> Unique(JinjaRun run, JinjaValue value, Func<JinjaValue, JinjaValue> key)
    {
        var seen = new HashSet<JinjaValue>();
        foreach (JinjaValue item in value.Items(run))
        {
            JinjaValue by = key(item);
            if (!by.IsHashable) throw JinjaException.Type($"unhashable type: '{by.TypeName}'");
            if (seen.Add(by)) yield return item;
        }
    }

    private static JinjaValue Extreme(JinjaRun run, JinjaValue?[] a, Func<JinjaValue, JinjaValue, bool> better)
    {
        Func<JinjaValue, JinjaValue> key = Key(run, a[2], !(a[1]?.IsTrue ?? false));
        JinjaValue? best = null, bestKey = null;
        foreach (JinjaValue item in a[0]!.Items(run))
        {
            JinjaValue by = key(item);
            if (bestKey is null || better(by, bestKey)) (best, bestKey) = (item, by);
        }
        return best ?? JinjaUndefined.Because("No aggregated item, sequence was empty.");
    }

    private static JinjaValue Sum(JinjaRun run, JinjaValue?[] a)
    {
        Func<JinjaValue, JinjaValue> path = Path(run, a[1]);
        JinjaValue sum = a[2] ?? JinjaInteger.Of(0);
        if (sum is JinjaString) throw JinjaException.Type("sum() can't sum strings [use ''.join(seq) instead]");
        foreach (JinjaValue item in a[0]!.Items(run)) sum = JinjaOperators.Arithmetic(run, "+", sum, path(item));
        return sum;
    }

    private static JinjaList SortDictionary(JinjaRun run, JinjaValue?[] a)
    {
        string by = a[2]?.ToText(run) ?? "key";
        if (by is not ("key" or "value")) throw new JinjaException("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
        if (a[0] is JinjaUndefined undefined) throw undefined.Error();
        if (a[0] is not JinjaDictionary dictionary) throw new JinjaException("AttributeError", $"'{a[0]!.TypeName}' object has no attribute 'items'");
        bool ignoreCase = !(a[1]?.IsTrue ?? false);
        return new JinjaList([.. JinjaSort.Sorted(run, dictionary.Pairs, p => (by == "key" ? p.Key : p.Value) is var key && ignoreCase ? FoldCase(run, key) : key, a[3]?.IsTrue ?? false)
            .Select(p => JinjaTuple.Of(p.Key, p.Value))]);
    }

    private static JinjaList Group(JinjaRun run, JinjaValue?[] a)
    {
        bool ignoreCase = !(a[3]?.IsTrue ?? false);
        Func<JinjaValue, JinjaValue> key = Key(run, a[1], ignoreCase, a[2]), plain = Path(run, a[1], a[2]);
        var groups = new List<(JinjaValue Key, List<JinjaValue> Items)>();
        foreach (JinjaValue item in JinjaSort.Sorted(run, a[0]!.ToList(run), key, reverse: false))
        {
            JinjaValue by = key(item);
            if (groups.Count == 0 || !groups[^1].Key.Equals(by)) groups.Add((by, []));
            groups[^1].Items.Add(item);
        }
        return new JinjaList([.. groups.Select(g => new JinjaTuple([ignoreCase ? plain(g.Items[0]) : g.Key, new JinjaList(g.Items)], group: true))]);
    }

    private static IEnumerable<JinjaValue> Pairs(JinjaValue value)
    {
        if (value is JinjaUndefined) yield break;
        if (value is not JinjaDictionary dictionary) throw JinjaException.Type("Can only get item pairs from a mapping.");
        foreach ((JinjaValue key, JinjaValue item) in dictionary.Pairs) yield return JinjaTuple.Of(key, item);
    }

    private static IEnumerable<JinjaValue> Batch(JinjaRun run, JinjaValue value, int size, JinjaValue? fill)
    {
        run.ReserveList(size);
        var batch = new List<JinjaValue>();
        foreach (JinjaValue item in value.Items(run))
        {
            if (batch.Count == size)
            {
                yield return new JinjaList(batch);
                batch = [];
            }
            batch.Add(item);
        }
        if (batch.Count == 0) yield break;
        if (fill is not (null or JinjaNone))
            while (batch.Count < size) batch.Add(fill);
        yield return new JinjaList(batch);
    }

    private static IEnumerable<JinjaValue> Slice(JinjaRun run, JinjaValue value, int slices, JinjaValue? fill)
    {
        List<JinjaValue> items = value.ToList(run);
        if (slices == 0) throw new JinjaException("ZeroDivisionError", "integer division or modulo by zero");
        run.ReserveList(slices);
        int each = slices > 0 ? items.Count / slices : 0, extra = slices > 0 ? items.Count % slices : 0, at = 0;
        for (int i = 0; i < slices; i++)
        {
            int count = each + (i < extra ? 1 : 0);
            List<JinjaValue> slice = items.GetRange(at, count);
            at += count;
            if (fill is not (null or JinjaNone) && i >= extra) slice.Add(fill);
            yield return new JinjaList(slice);
        }
    }

    private static IEnumerable<JinjaValue> Map(JinjaRun run, JinjaValue value, JinjaArguments a)
    {
        if (!value.IsTrue) yield break;
        if (value.Iterate() is null) throw JinjaException.NotIterable(value);
        Func<JinjaValue, JinjaValue> map;
        if (a.Positional.Count == 0 && a.Named.FirstOrDefault(n => n.Key == "attribute").Value is { } attribute)
        {
            if (a.Named.FirstOrDefault(n => n.Key is not ("attribute" or "default")).Key is { } other) throw new JinjaException("FilterArgumentError", $"Unexpected keyword argument {JinjaRepr.Quote(other)}");
            map = Path(run, attribute, a.Named.FirstOrDefault(n => n.Key == "default").Value);
        }
        else
        {
            if (a.Positional.Count == 0) throw new JinjaException("FilterArgumentError", "map requires a filter argument");
            JinjaFilters.Filter filter = JinjaFilters.Get(a.Positional[0].ToText(run));
            JinjaArguments rest = a.Without(1);
            map = item => filter(run, item, rest);
        }
        foreach (JinjaValue item in value.Items(run)) yield return map(item);
    }

    private static IEnumerable<JinjaValue> Select(JinjaRun run, JinjaValue value, JinjaArguments a, bool keep, bool attribute)
    {
        if (!value.IsTrue) yield break;
        if (value.Iterate() is null) throw JinjaException.NotIterable(value);
        if (attribute && a.Positional.Count == 0) throw new JinjaException("FilterArgumentError", "Missing parameter for attribute name");
        Func<JinjaValue, JinjaValue> path = Path(run, attribute ? a.Positional[0] : null);
        int first = attribute ? 1 : 0;
        JinjaTests.Test? test = a.Positional.Count > first ? JinjaTests.Get(a.Positional[first].ToText(run)) : null;
        JinjaArguments rest = a.Without(first + 1);
        foreach (JinjaValue item in value.Items(run))
            if ((test?.Invoke(run, path(item), rest) ?? path(item).IsTrue) == keep) yield return item;
    }
}
