namespace Warm.Transformers;

/// <summary>What stands left of <c>=</c> or between <c>for</c> and <c>in</c>.</summary>
internal abstract class JinjaTarget : JinjaNode
{
    public abstract void Assign(JinjaRun run, JinjaFrame frame, JinjaValue value);

    /// <summary>Declares its names as parameters of a scope (a loop's target, a with's names).</summary>
    public abstract void Declare(JinjaScope scope);

    /// <summary>One that can be bound to another scope.</summary>
    public abstract JinjaTarget Copy();

    /// <summary>The names that it sets.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>Checks that are made before the value is computed.</summary>
    public virtual void Prepare(JinjaFrame frame) { }
}

internal sealed class JinjaNameTarget(string name) : JinjaTarget
{
    private int _slot;
    private bool _export;
    public string Name { get; } = name;
    public override IEnumerable<JinjaNode> Parts => [];
    public override IEnumerable<string> Names => [Name];
    public override void Collect(JinjaScope scope) => scope.Store(Name);
    public override void Declare(JinjaScope scope) => scope.Parameter(Name);
    public override void Bind(JinjaScope scope) => (_slot, _export) = (scope.Find(Name)!.Value.Slot, scope.IsTop);
    public override JinjaTarget Copy() => new JinjaNameTarget(Name) { Line = Line };
    public override void Assign(JinjaRun run, JinjaFrame frame, JinjaValue value)
    {
        frame.Values[_slot] = value;
        if (_export) run.Exports[Name] = value;
    }
}

internal sealed class JinjaTupleTarget(JinjaTarget[] targets) : JinjaTarget
{
    public override IEnumerable<JinjaNode> Parts => targets;
    public override IEnumerable<string> Names => targets.SelectMany(t => t.Names);
    public override void Declare(JinjaScope scope) => Array.ForEach(targets, t => t.Declare(scope));
    public override JinjaTarget Copy() => new JinjaTupleTarget([.. targets.Select(t => t.Copy())]) { Line = Line };
    public override void Prepare(JinjaFrame frame) => Array.ForEach(targets, t => t.Prepare(frame));
    public override void Assign(JinjaRun run, JinjaFrame frame, JinjaValue value)
    {
        if (value.Iterate() is null) throw JinjaException.Type($"cannot unpack non-iterable {value.TypeName} object");
        List<JinjaValue> items = [.. value.Items(run).Take(targets.Length + 1)];
        if (items.Count > targets.Length) throw JinjaException.Value($"too many values to unpack (expected {targets.Length})");
        if (items.Count < targets.Length) throw JinjaException.Value($"not enough values to unpack (expected {targets.Length}, got {items.Count})");
        for (int i = 0; i < targets.Length; i++) targets[i].Assign(run, frame, items[i]);
    }
}

/// <summary><c>ns.name</c>: an attribute of a namespace.</summary>
internal sealed class JinjaNamespaceTarget(string name, string attribute) : JinjaTarget
{
    private (int Hops, int Slot) _place;
    public override IEnumerable<JinjaNode> Parts => [];
    public override IEnumerable<string> Names => [];
    public override void Collect(JinjaScope scope) => scope.Read(name);
    public override void Declare(JinjaScope scope) => scope.Read(name);
    public override void Bind(JinjaScope scope) => _place = scope.Find(name)!.Value;
    public override JinjaTarget Copy() => new JinjaNamespaceTarget(name, attribute) { Line = Line };
    public override void Prepare(JinjaFrame frame) => Namespace(frame);
    public override void Assign(JinjaRun run, JinjaFrame frame, JinjaValue value) => Namespace(frame).Set(attribute, value);
    private JinjaNamespace Namespace(JinjaFrame frame) => frame.Outer(_place.Hops).Values[_place.Slot] as JinjaNamespace
        ?? throw new JinjaException("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
}
