namespace Warm.Transformers;

/// <summary>Text of the template itself.</summary>
internal sealed class JinjaData(string text) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        run.Write(text);
        return JinjaFlow.Next;
    }
}

/// <summary><c>{{ .. }}</c></summary>
internal sealed class JinjaPrint(JinjaExpression value) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [value];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        run.Print(value.Evaluate(run, frame));
        return JinjaFlow.Next;
    }
}

/// <summary><c>{% if %}</c>: tests and bodies in their order, and what follows else.</summary>
internal sealed class JinjaIf((JinjaExpression Test, JinjaStatement[] Body)[] branches, JinjaStatement[] otherwise) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [.. branches.SelectMany(b => b.Body.Prepend<JinjaNode>(b.Test)), .. otherwise];

    public override void Collect(JinjaScope scope)
    {
        JinjaRun.EnsureStack();
        branches[0].Test.Collect(scope);
        scope.Branch(
            s => CollectAll(branches[0].Body, s),
            s => { foreach (var branch in branches.Skip(1)) new JinjaIf([branch], []).Collect(s); },
            s => CollectAll(otherwise, s));
    }

    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        foreach ((JinjaExpression test, JinjaStatement[] body) in branches)
        {
            run.Step();
            if (test.Evaluate(run, frame).IsTrue) return ExecuteAll(body, run, frame);
        }
        return ExecuteAll(otherwise, run, frame);
    }
}

/// <summary><c>{% set target = value %}</c></summary>
internal sealed class JinjaSet(JinjaTarget target, JinjaExpression value) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [value, target];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        target.Prepare(frame);
        target.Assign(run, frame, value.Evaluate(run, frame));
        return JinjaFlow.Next;
    }
}

/// <summary>A body with a scope of its own, whatever is done with what it writes.</summary>
internal abstract class JinjaScopedBody(JinjaStatement[] body) : JinjaStatement
{
    private JinjaFramePlan? _plan;
    protected JinjaStatement[] Body { get; } = body;

    protected void BindBody(JinjaScope outer, Action<JinjaScope>? before = null, IEnumerable<JinjaNode>? more = null)
    {
        JinjaRun.EnsureStack();
        var inner = new JinjaScope(outer);
        before?.Invoke(inner);
        CollectAll(Body, inner);
        CollectAll(more ?? [], inner);
        BindAll(Body, inner);
        BindAll(more ?? [], inner);
        _plan = inner.Plan();
    }

    protected JinjaFrame NewFrame(JinjaRun run, JinjaFrame outer)
    {
        JinjaRun.EnsureStack();
        return new JinjaFrame(run, outer, _plan!);
    }
}

/// <summary><c>{% set target | filters %}..{% endset %}</c>: what the body writes.</summary>
internal sealed class JinjaSetBlock(JinjaTarget target, JinjaFilter? filter, JinjaStatement[] body) : JinjaScopedBody(body)
{
    public override IEnumerable<JinjaNode> Parts => filter is null ? [target, .. Body] : [target, filter, .. Body];
    public override void Collect(JinjaScope scope) => target.Collect(scope);
    public override void Bind(JinjaScope scope)
    {
        target.Bind(scope);
        BindBody(scope, more: filter is null ? [] : [filter]);
    }
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaFrame inner = NewFrame(run, frame);
        JinjaFlow flow = JinjaFlow.Next;
        JinjaValue value = run.Text(run.Capture(() => flow = ExecuteAll(Body, run, inner)), run.Autoescape);
        if (flow != JinjaFlow.Next) return flow;
        target.Assign(run, frame, filter?.Apply(run, inner, value) ?? value);
        return flow;
    }
}

/// <summary><c>{% filter name %}..{% endfilter %}</c></summary>
internal sealed class JinjaFilterBlock(JinjaFilter filter, JinjaStatement[] body) : JinjaScopedBody(body)
{
    public override IEnumerable<JinjaNode> Parts => [filter, .. Body];
    public override void Collect(JinjaScope scope) => filter.Collect(scope);
    public override void Bind(JinjaScope scope) => BindBody(scope, more: [filter]);
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaFrame inner = NewFrame(run, frame);
        JinjaFlow flow = JinjaFlow.Next;
        JinjaString text = run.Text(run.Capture(() => flow = ExecuteAll(Body, run, inner)), run.Autoescape);
        if (flow == JinjaFlow.Next) run.PrintText(filter.Apply(run, inner, text));
        return flow;
    }
}

/// <summary><c>{% with a = 1 %}..{% endwith %}</c>; the values are those of the scope outside.</summary>
internal sealed class JinjaWith(JinjaTarget[] targets, JinjaExpression[] values, JinjaStatement[] body) : JinjaScopedBody(body)
{
    public override IEnumerable<JinjaNode> Parts => [.. targets, .. values, .. Body];
    public override void Collect(JinjaScope scope) => CollectAll(values, scope);
    public override void Bind(JinjaScope scope)
    {
        BindAll(values, scope);
        BindBody(scope, before: inner => Array.ForEach(targets, t => t.Declare(inner)), more: targets);
    }
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaFrame inner = NewFrame(run, frame);
        for (int i = 0; i < targets.Length; i++) targets[i].Assign(run, inner, values[i].Evaluate(run, frame));
        return ExecuteAll(Body, run, inner);
    }
}

/// <summary><c>{% autoescape %}</c>: printed values become HTML.</summary>
internal sealed class JinjaAutoescape(JinjaExpression on, JinjaStatement[] body) : JinjaScopedBody(body)
{
    public override IEnumerable<JinjaNode> Parts => [on, .. Body];
    public override void Collect(JinjaScope scope) { }
    public override void Bind(JinjaScope scope) => BindBody(scope, more: [on]);
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaFrame inner = NewFrame(run, frame);
        bool before = run.Autoescape;
        run.Autoescape = on.Evaluate(run, inner).IsTrue;
        try
        {
            return ExecuteAll(Body, run, inner);
        }
        finally
        {
            run.Autoescape = before;
        }
    }
}

/// <summary><c>{% break %}</c> and <c>{% continue %}</c>.</summary>
internal sealed class JinjaJump(JinjaFlow flow, bool inLoop) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [];
    public override void Bind(JinjaScope scope)
    {
        if (!inLoop) throw new JinjaException("SyntaxError", flow == JinjaFlow.Break ? "'break' outside loop" : "'continue' not properly in loop") { Line = Line };
    }
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame) => flow;
}

/// <summary>include, import, from and extends: there is nothing that a chat template could load.</summary>
internal sealed class JinjaLoadStatement(JinjaExpression template, JinjaTarget[] sets) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [template, .. sets];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        template.Evaluate(run, frame);
        throw JinjaException.Type("no loader for this environment specified");
    }
}

/// <summary><c>{% block name %}</c>: printed where it stands; sees what the template's top level set, nothing of the loops around it unless it is scoped.</summary>
internal sealed class JinjaBlock(string name, bool scoped, JinjaStatement[] body) : JinjaStatement
{
    private JinjaFramePlan? _plan;
    private (string Name, int Hops, int Slot)[] _visible = [];
    public string Name { get; } = name;
    public override IEnumerable<JinjaNode> Parts => body;
    public override void Collect(JinjaScope scope) { }
    public override void Bind(JinjaScope scope)
    {
        var inner = new JinjaScope(null);
        CollectAll(body, inner);
        BindAll(body, inner);
        _plan = inner.Plan();
        if (scoped) _visible = [.. scope.Stored().Select(n => (n, scope.Find(n)!.Value.Hops, scope.Find(n)!.Value.Slot))];
    }
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        JinjaRun.EnsureStack();
        Dictionary<string, JinjaValue> before = new(run.Exports);
        foreach ((string name, int hops, int slot) in _visible)
            if (frame.Outer(hops).Values[slot] is { } value) run.Exports[name] = value;
        ExecuteAll(body, run, new JinjaFrame(run, null, _plan!));
        if (_visible.Length > 0)
        {
            run.Exports.Clear();
            foreach ((string name, JinjaValue value) in before) run.Exports[name] = value;
        }
        return JinjaFlow.Next;
    }

    /// <summary>The block as <c>self.name()</c> gives it.</summary>
    public JinjaValue Render(JinjaRun run)
    {
        using var depth = run.Enter();
        return run.Text(run.Capture(() => ExecuteAll(body, run, new JinjaFrame(run, null, _plan!))), run.Autoescape);
    }
}

/// <summary><c>self</c>: the template's blocks.</summary>
internal sealed class JinjaTemplateReference(JinjaTemplate template) : JinjaValue
{
    public override string TypeName => "TemplateReference";
    public override void Repr(JinjaRepr to) => to.Append("<TemplateReference None>");
    public override JinjaValue? Item(JinjaRun run, JinjaValue key) =>
        key is JinjaString name && template.Blocks.GetValueOrDefault(name.Value) is { } block ? new JinjaFunction(name.Value, (r, _) => block.Render(r)) : null;
}
