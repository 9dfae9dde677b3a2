using System.Numerics;

namespace Warm.Transformers;

internal sealed class JinjaConstant(JinjaValue value) : JinjaExpression
{
    public JinjaValue Value { get; } = value;
    public override IEnumerable<JinjaNode> Parts => [];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame) => Value;
}

/// <summary>A name that is read.</summary>
internal sealed class JinjaName(string name) : JinjaExpression
{
    private int _hops, _slot;
    public string Name { get; } = name;
    public override IEnumerable<JinjaNode> Parts => [];
    public override void Collect(JinjaScope scope) => scope.Read(Name);
    public override void Bind(JinjaScope scope) => (_hops, _slot) = scope.Find(Name)!.Value;
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        for (int hops = _hops; hops > 0; hops--) frame = frame.Parent!;
        return frame.Values[_slot] ?? JinjaUndefined.Name(Name);
    }
}

internal sealed class JinjaListDisplay(JinjaExpression[] items, bool tuple) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => items;
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        run.ReserveList(items.Length);
        var values = new JinjaValue[items.Length];
        for (int i = 0; i < items.Length; i++) values[i] = items[i].Evaluate(run, frame);
        return tuple ? new JinjaTuple(values) : new JinjaList(values);
    }
}

internal sealed class JinjaDictionaryDisplay((JinjaExpression Key, JinjaExpression Value)[] pairs) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => pairs.SelectMany(p => new JinjaNode[] { p.Key, p.Value });
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        run.ReserveList(pairs.Length);
        var dictionary = new JinjaDictionary(pairs.Length);
        foreach ((JinjaExpression key, JinjaExpression value) in pairs) dictionary.Set(key.Evaluate(run, frame), value.Evaluate(run, frame));
        return dictionary;
    }
}

internal sealed class JinjaNot(JinjaExpression of) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [of];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        return JinjaBoolean.Of(!of.Evaluate(run, frame).IsTrue);
    }
}

/// <summary><c>and</c>, <c>or</c>: the value that decided.</summary>
internal sealed class JinjaLogic(JinjaExpression left, JinjaExpression right, bool and) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [left, right];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        JinjaValue value = left.Evaluate(run, frame);
        return value.IsTrue == and ? right.Evaluate(run, frame) : value;
    }
}

/// <summary><c>value if test else other</c>.</summary>
internal sealed class JinjaConditional(JinjaExpression test, JinjaExpression value, JinjaExpression? other) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => other is null ? [test, value] : [test, value, other];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        return test.Evaluate(run, frame).IsTrue ? value.Evaluate(run, frame)
            : other?.Evaluate(run, frame) ?? JinjaUndefined.Because($"the inline if-expression on line {Line} evaluated to false and no else section was defined.");
    }
}

/// <summary><c>a &lt; b == c in d</c>: each with its neighbour, up to the first that does not hold.</summary>
internal sealed class JinjaComparison(JinjaExpression first, (string Operator, JinjaExpression Operand)[] rest) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [first, .. rest.Select(r => r.Operand)];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        JinjaValue left = first.Evaluate(run, frame);
        foreach ((string name, JinjaExpression operand) in rest)
        {
            JinjaValue right = operand.Evaluate(run, frame);
            if (!JinjaOperators.Compare(run, name, left, right)) return JinjaBoolean.False;
            left = right;
        }
        return JinjaBoolean.True;
    }
}

internal sealed class JinjaArithmetic(string name, JinjaExpression left, JinjaExpression right) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [left, right];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        run.Step();
        return JinjaOperators.Arithmetic(run, name, left.Evaluate(run, frame), right.Evaluate(run, frame));
    }
}

internal sealed class JinjaSign(bool minus, JinjaExpression of) : JinjaExpression
{
    public bool Minus => minus;
    public JinjaExpression Of => of;
    public override IEnumerable<JinjaNode> Parts => [of];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        JinjaValue value = of.Evaluate(run, frame);
        if (JinjaNumber.TryInteger(value, out BigInteger integer)) return JinjaInteger.Of(minus ? -integer : integer);
        if (value is JinjaFloat number) return minus ? new JinjaFloat(-number.Value) : number;
        throw value is JinjaUndefined undefined ? undefined.Error() : JinjaException.Type($"bad operand type for unary {(minus ? '-' : '+')}: '{value.TypeName}'");
    }
}

/// <summary><c>a ~ b</c>: texts end to end.</summary>
internal sealed class JinjaConcatenation(JinjaExpression[] items) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => items;
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        var texts = new string[items.Length];
        for (int i = 0; i < items.Length; i++)
        {
            JinjaValue value = items[i].Evaluate(run, frame);
            texts[i] = value.ToText(run);
            if (run.Autoescape && value is not JinjaString { Safe: true }) texts[i] = JinjaString.Escape(texts[i]);
        }
        run.Reserve(texts.Sum(t => (long)t.Length));
        return new JinjaString(string.Concat(texts), run.Autoescape);
    }
}

/// <summary><c>value.name</c>: the attribute, then the element of that name.</summary>
internal sealed class JinjaAttribute(JinjaExpression of, string name) : JinjaExpression
{
    private readonly JinjaString _key = new(name);
    public override IEnumerable<JinjaNode> Parts => [of];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        return JinjaAccess.Attribute(run, of.Evaluate(run, frame), _key);
    }
}

/// <summary><c>value[key]</c>: the element, then the attribute of that name.</summary>
internal sealed class JinjaElement(JinjaExpression of, JinjaExpression key) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [of, key];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        return JinjaAccess.Element(run, of.Evaluate(run, frame), key.Evaluate(run, frame));
    }
}

internal sealed class JinjaSliceDisplay(JinjaExpression? start, JinjaExpression? stop, JinjaExpression? step) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => new[] { start, stop, step }.OfType<JinjaNode>();
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame) => new JinjaSlice(Bound(start, run, frame), Bound(stop, run, frame), Bound(step, run, frame));
    private static JinjaValue Bound(JinjaExpression? bound, JinjaRun run, JinjaFrame frame) => bound?.Evaluate(run, frame) ?? JinjaNone.Value;
}

/// <summary>The values between the parentheses of a call, a filter or a test.</summary>
internal sealed class JinjaCallArguments(JinjaExpression[] positional, (string Name, JinjaExpression Value)[] named, JinjaExpression? list, JinjaExpression? dictionary) : JinjaNode
{
    public static JinjaCallArguments None { get; } = new([], [], null, null);
    public override IEnumerable<JinjaNode> Parts => [.. positional, .. named.Select(n => n.Value), .. new[] { list, dictionary }.OfType<JinjaNode>()];

    public JinjaArguments Evaluate(JinjaRun run, JinjaFrame frame)
    {
        if (positional.Length == 0 && named.Length == 0 && list is null && dictionary is null) return JinjaArguments.None;
        var values = new List<JinjaValue>(positional.Length);
        foreach (JinjaExpression item in positional) values.Add(item.Evaluate(run, frame));
        if (list is not null) values.AddRange(list.Evaluate(run, frame).ToList(run));
        if (named.Length == 0 && dictionary is null) return new JinjaArguments(values);
        var names = new List<KeyValuePair<string, JinjaValue>>();
        foreach ((string name, JinjaExpression value) in named) names.Add(new(name, value.Evaluate(run, frame)));
        if (dictionary is not null)
        {
            if (dictionary.Evaluate(run, frame) is not JinjaDictionary more) throw JinjaException.Type("argument after ** must be a mapping");
            foreach ((JinjaValue key, JinjaValue value) in more.Pairs)
                names.Add(new(key is JinjaString name ? name.Value : throw JinjaException.Type("keywords must be strings"), value));
        }
        if (names.DistinctBy(n => n.Key).Count() < names.Count) throw JinjaException.Type("got multiple values for a keyword argument");
        return new JinjaArguments(values, names);
    }
}

/// <summary><c>f(..)</c></summary>
internal sealed class JinjaCall(JinjaExpression function, JinjaCallArguments arguments) : JinjaExpression
{
    public override IEnumerable<JinjaNode> Parts => [function, arguments];
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame) => Evaluate(run, frame, null);

    /// <summary>The call with a call block's body as <c>caller</c>.</summary>
    public JinjaValue Evaluate(JinjaRun run, JinjaFrame frame, JinjaValue? caller)
    {
        JinjaRun.EnsureStack();
        run.Step();
        JinjaValue callee = function.Evaluate(run, frame);
        JinjaArguments values = arguments.Evaluate(run, frame);
        if (Line > 0) run.Line = Line;
        return callee.Call(run, caller is null ? values : values.With("caller", caller));
    }
}

/// <summary><c>value | name(..)</c>; without a value it takes a block's text.</summary>
internal sealed class JinjaFilter(JinjaExpression? of, string name, JinjaCallArguments arguments) : JinjaExpression
{
    private JinjaFilters.Filter _filter = null!; // found when the template is bound
    public override IEnumerable<JinjaNode> Parts => of is null ? [arguments] : [of, arguments];
    public override void Bind(JinjaScope scope)
    {
        _filter = JinjaFilters.Find(name) ?? throw new JinjaException("TemplateAssertionError", $"No filter named {JinjaRepr.Quote(name)}.") { Line = Line };
        base.Bind(scope);
    }
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame) => Apply(run, frame, null);

    /// <summary>The filters in a row, on a block's text.</summary>
    public JinjaValue Apply(JinjaRun run, JinjaFrame frame, JinjaValue? body)
    {
        JinjaRun.EnsureStack();
        run.Step();
        JinjaValue value = of switch
        {
            null => body!,
            JinjaFilter inner => inner.Apply(run, frame, body),
            _ => of.Evaluate(run, frame),
        };
        return _filter(run, value, arguments.Evaluate(run, frame));
    }
}

/// <summary><c>value is name(..)</c></summary>
internal sealed class JinjaTest(JinjaExpression of, string name, JinjaCallArguments arguments) : JinjaExpression
{
    private JinjaTests.Test _test = null!; // found when the template is bound
    public override IEnumerable<JinjaNode> Parts => [of, arguments];
    public override void Bind(JinjaScope scope)
    {
        _test = JinjaTests.Find(name) ?? throw new JinjaException("TemplateAssertionError", $"No test named {JinjaRepr.Quote(name)}.") { Line = Line };
        base.Bind(scope);
    }
    public override JinjaValue Evaluate(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        run.Step();
        return JinjaBoolean.Of(_test(run, of.Evaluate(run, frame), arguments.Evaluate(run, frame)));
    }
}
