using System.Numerics;

namespace Warm.Transformers;

/// <summary>The functions that every template has. There is no zip, len, str ...: chat templates run without them.</summary>
internal static class JinjaGlobals
{
    public static IReadOnlyDictionary<string, JinjaValue> All { get; } = new Dictionary<string, JinjaValue>
    {
        ["range"] = new JinjaFunction("range", Range, "type"),
        ["dict"] = new JinjaDictionaryType(),
        ["namespace"] = new JinjaFunction("transformers.utils.chat_template_utils._cached_compile_jinja_template.<locals>.TemplateNamespace", (run, a) => Namespace(run, a), "type"),
        ["cycler"] = new JinjaFunction("jinja2.utils.Cycler", (_, a) => new JinjaCycler(a.Positional), "type"),
        ["joiner"] = new JinjaFunction("jinja2.utils.Joiner", (_, a) => new JinjaJoiner(new JinjaSignature("Joiner", "sep?").Bind(a)[0] ?? new JinjaString(", ")), "type"),
        ["lipsum"] = new JinjaFunction("generate_lorem_ipsum", (_, _) => throw JinjaException.Type("lipsum is random text and not built: a chat template has no use for it")),
        ["raise_exception"] = new JinjaFunction("raise_exception", new JinjaSignature("raise_exception", "message"), (run, a) => throw new JinjaException("TemplateError", a[0]!.ToText(run))),
        ["strftime_now"] = new JinjaFunction("strftime_now", new JinjaSignature("strftime_now", "format"), (run, a) =>
            a[0] is JinjaString format ? run.Text(JinjaTime.Format(run, run.Clock(), format.Value)) : throw JinjaException.Type($"strftime() argument 1 must be str, not {a[0]!.TypeName}")),
    };

    private static JinjaRange Range(JinjaRun run, JinjaArguments arguments)
    {
        if (arguments.Named.Count > 0) throw JinjaException.Type("range() takes no keyword arguments");
        if (arguments.Positional.Count is 0 or > 3) throw JinjaException.Type($"range expected at {(arguments.Positional.Count == 0 ? "least 1 argument" : "most 3 arguments")}, got {arguments.Positional.Count}");
        BigInteger[] bounds = [.. arguments.Positional.Select(p => p is JinjaUndefined u ? throw u.Error() : JinjaNumber.TryInteger(p, out BigInteger n) ? n : throw JinjaException.Type($"'{p.TypeName}' object cannot be interpreted as an integer"))];
        (BigInteger start, BigInteger stop, BigInteger step) = bounds.Length == 1 ? (0, bounds[0], 1) : (bounds[0], bounds[1], bounds.Length == 3 ? bounds[2] : 1);
        if (step.IsZero) throw JinjaException.Value("range() arg 3 must not be zero");
        BigInteger count = step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step;
        if (count > JinjaLimits.Range) throw new JinjaException("OverflowError", $"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({JinjaLimits.Range}).");
        return new JinjaRange(start, stop, step, (int)BigInteger.Max(0, count));
    }

    private static JinjaNamespace Namespace(JinjaRun run, JinjaArguments arguments)
    {
        JinjaDictionary values = Dictionary(run, arguments);
        foreach ((JinjaValue key, _) in values.Pairs)
            if (key is JinjaString name) JinjaNamespace.Check(name.Value);
        return new JinjaNamespace(values);
    }

    /// <summary>dict(mapping or pairs, name=value ..)</summary>
    public static JinjaDictionary Dictionary(JinjaRun run, JinjaArguments arguments)
    {
        if (arguments.Positional.Count > 1) throw JinjaException.Type($"dict expected at most 1 argument, got {arguments.Positional.Count}");
        var made = new JinjaDictionary();
        if (arguments.Positional is [JinjaDictionary from]) made = from.Copy();
        else if (arguments.Positional is [{ } pairs])
            foreach (JinjaValue pair in pairs.ToList(run))
            {
                if (pair.Iterate() is null) throw JinjaException.Type($"cannot convert dictionary update sequence element #{made.Pairs.Count} to a sequence");
                List<JinjaValue> two = pair.ToList(run);
                if (two.Count != 2) throw JinjaException.Value($"dictionary update sequence element #{made.Pairs.Count} has length {two.Count}; 2 is required");
                made.Set(two[0], two[1]);
            }
        run.ReserveList(made.Pairs.Count + arguments.Named.Count);
        foreach ((string name, JinjaValue value) in arguments.Named) made.Set(name, value);
        return made;
    }
}

/// <summary><c>dict</c>: callable, with fromkeys.</summary>
internal sealed class JinjaDictionaryType : JinjaValue
{
    public override string TypeName => "TemplateDict";
    public override bool IsCallable => true;
    public override JinjaValue Call(JinjaRun run, JinjaArguments arguments) => JinjaGlobals.Dictionary(run, arguments);
    public override JinjaValue? Attribute(string name) => name != "fromkeys" ? null : new JinjaFunction("fromkeys", new JinjaSignature("fromkeys", "iterable value?"), (run, a) =>
    {
        var made = new JinjaDictionary();
        foreach (JinjaValue key in a[0]!.ToList(run)) made.Set(key, a[1] ?? JinjaNone.Value);
        return made;
    });
}

/// <summary>cycler(..): gives its values in turn.</summary>
internal sealed class JinjaCycler : JinjaValue
{
    private readonly IReadOnlyList<JinjaValue> _items;
    private int _at;
    public JinjaCycler(IReadOnlyList<JinjaValue> items) => _items = items.Count > 0 ? items : throw new JinjaException("RuntimeError", "at least one item has to be provided");
    public override string TypeName => "Cycler";
    public override JinjaValue? Attribute(string name) => name switch
    {
        "current" => _items[_at],
        "pos" => JinjaInteger.Of(_at),
        "items" => new JinjaTuple(_items),
        "next" => new JinjaFunction("next", (_, _) =>
        {
            JinjaValue value = _items[_at];
            _at = (_at + 1) % _items.Count;
            return value;
        }),
        "reset" => new JinjaFunction("reset", (_, _) =>
        {
            _at = 0;
            return JinjaNone.Value;
        }),
        _ => null,
    };
}

/// <summary>joiner(..): nothing the first time, then the separator.</summary>
internal sealed class JinjaJoiner(JinjaValue separator) : JinjaValue
{
    private bool _used;
    public override string TypeName => "Joiner";
    public override bool IsCallable => true;
    public override JinjaValue Call(JinjaRun run, JinjaArguments arguments)
    {
        if (_used) return separator;
        _used = true;
        return JinjaString.Empty;
    }
}
