namespace Warm.Transformers;

/// <summary><c>{% for target in items if test recursive %}..{% else %}..{% endfor %}</c>. Else runs where no turn came to its end.</summary>
internal sealed class JinjaFor(JinjaTarget target, JinjaExpression items, JinjaExpression? test, bool recursive, JinjaStatement[] body, JinjaStatement[] otherwise) : JinjaStatement
{
    private readonly JinjaTarget _testTarget = target.Copy();
    private JinjaFramePlan? _bodyPlan, _testPlan, _elsePlan;
    private const int TurnCost = 4; // steps of a turn, whatever the body does: empty loops inside one another end soon
    private int _loopSlot = -1; // -1 where nothing reads `loop`

    public override IEnumerable<JinjaNode> Parts => test is null ? [target, items, .. body, .. otherwise] : [target, items, test, .. body, .. otherwise];
    public override void Collect(JinjaScope scope) => items.Collect(scope);

    public override void Bind(JinjaScope scope)
    {
        JinjaRun.EnsureStack();
        items.Bind(scope);
        var inner = new JinjaScope(scope);
        if (recursive || Reads(body, "loop")) _loopSlot = inner.Parameter("loop");
        target.Declare(inner);
        CollectAll(body, inner);
        target.Bind(inner);
        BindAll(body, inner);
        _bodyPlan = inner.Plan();

        var other = new JinjaScope(scope);
        CollectAll(otherwise, other);
        BindAll(otherwise, other);
        _elsePlan = other.Plan();

        if (test is null) return;
        var testing = new JinjaScope(scope);
        _testTarget.Declare(testing);
        test.Collect(testing);
        _testTarget.Bind(testing);
        test.Bind(testing);
        _testPlan = testing.Plan();
    }

    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        if (recursive) run.Print(run.Text(Recurse(run, frame, items.Evaluate(run, frame), 0), run.Autoescape));
        else Loop(run, frame, items.Evaluate(run, frame), 0);
        return JinjaFlow.Next;
    }

    /// <summary>What the loop writes for other items: <c>loop(items)</c> inside it.</summary>
    public string Recurse(JinjaRun run, JinjaFrame frame, JinjaValue over, int depth)
    {
        using var call = run.Enter();
        return run.Capture(() => Loop(run, frame, over, depth));
    }

    private void Loop(JinjaRun run, JinjaFrame frame, JinjaValue over, int depth)
    {
        JinjaRun.EnsureStack();
        var inner = new JinjaFrame(run, frame, _bodyPlan!);
        bool ended = false;
        using var turns = new JinjaLoop(run, test is null ? over : new JinjaGenerator(Kept(run, frame, over)), recursive ? o => Recurse(run, frame, o, depth + 1) : null, depth);
        while (turns.Next() is { } item)
        {
            run.Step(TurnCost);
            inner.Enter(run);
            target.Assign(run, inner, item);
            if (_loopSlot >= 0) inner.Values[_loopSlot] = turns;
            JinjaFlow flow = ExecuteAll(body, run, inner);
            if (flow == JinjaFlow.Break) break;
            if (flow == JinjaFlow.Next) ended = true;
        }
        if (!ended && otherwise.Length > 0) ExecuteAll(otherwise, run, new JinjaFrame(run, frame, _elsePlan!));
    }

    private IEnumerable<JinjaValue> Kept(JinjaRun run, JinjaFrame frame, JinjaValue over)
    {
        var testing = new JinjaFrame(run, frame, _testPlan!);
        foreach (JinjaValue item in over.Items(run))
        {
            run.Step(TurnCost);
            _testTarget.Assign(run, testing, item);
            if (test!.Evaluate(run, testing).IsTrue) yield return item;
        }
    }
}

/// <summary><c>loop</c>: where the loop stands. Its length asks a generator for all that is left.</summary>
internal sealed class JinjaLoop(JinjaRun run, JinjaValue over, Func<JinjaValue, string>? recurse, int depth) : JinjaValue, IDisposable
{
    private IEnumerator<JinjaValue> _items = over.Items(run).GetEnumerator();
    private JinjaValue? _before, _current, _after;
    private JinjaTuple? _changed;
    private int _index = -1;
    private int? _length;

    /// <summary>The next item; null at the end.</summary>
    public JinjaValue? Next()
    {
        JinjaValue? next = _after ?? Take();
        _after = null;
        if (next is null) return null;
        _index++;
        (_before, _current) = (_current, next);
        return next;
    }

    private JinjaValue? Take() => _items.MoveNext() ? _items.Current : null;
    private JinjaValue? Peek() => _after ??= Take();

    private int Total()
    {
        if (_length is { } known) return known;
        if (over.Length is { } length) return (_length = length).Value;
        var rest = new List<JinjaValue>();
        while (Take() is { } item)
        {
            if (rest.Count == JinjaLimits.List) run.ReserveList(JinjaLimits.List + 1L);
            rest.Add(item);
        }
        _items = rest.GetEnumerator();
        return (_length = rest.Count + _index + 1 + (_after is null ? 0 : 1)).Value;
    }

    public override string TypeName => "LoopContext";
    public override int? Length => Total();
    public override bool IsTrue => Total() > 0;
    public override void Repr(JinjaRepr to) => to.Append($"<LoopContext {_index + 1}/{Total()}>");
    public override bool IsCallable => true;
    public override JinjaValue Call(JinjaRun caller, JinjaArguments arguments)
    {
        JinjaValue? inner = new JinjaSignature("LoopContext.__call__", "iterable").Bind(arguments)[0];
        return recurse is null ? throw JinjaException.Type("The loop must have the 'recursive' marker to be called recursively.") : caller.Text(recurse(inner!), caller.Autoescape);
    }

    public override JinjaValue? Attribute(string name) => name switch
    {
        "index" => JinjaInteger.Of(_index + 1),
        "index0" => JinjaInteger.Of(_index),
        "revindex" => JinjaInteger.Of(Total() - _index),
        "revindex0" => JinjaInteger.Of(Total() - _index - 1),
        "first" => JinjaBoolean.Of(_index == 0),
        "last" => JinjaBoolean.Of(Peek() is null),
        "length" => JinjaInteger.Of(Total()),
        "depth" => JinjaInteger.Of(depth + 1),
        "depth0" => JinjaInteger.Of(depth),
        "previtem" => _index == 0 ? JinjaUndefined.Because("there is no previous item") : _before,
        "nextitem" => Peek() ?? JinjaUndefined.Because("there is no next item"),
        "cycle" => new JinjaFunction("cycle", (_, a) => a.Positional.Count == 0 ? throw JinjaException.Type("no items for cycling given") : a.Positional[_index % a.Positional.Count]),
        "changed" => new JinjaFunction("changed", (_, a) => Changed(new JinjaTuple(a.Positional))),
        _ => null,
    };

    private JinjaBoolean Changed(JinjaTuple value)
    {
        if (value.Equals(_changed)) return JinjaBoolean.False;
        _changed = value;
        return JinjaBoolean.True;
    }

    public void Dispose() => _items.Dispose();
}
