namespace Warm.Transformers;

/// <summary>How a slot of a frame gets its first value.</summary>
internal enum JinjaLoad { Parameter, Resolve, Alias, Undefined }

/// <summary>
/// The names of one piece of a template (the whole, a loop's body, a macro ...), found before anything runs. The language's scoping is static: whether a name
/// is the caller's variable, an outer name or undefined until it is set depends on where it is read and set in the text.
/// Two rules surprise. A name that is read before it is set in a scope begins as the caller's variable, one that is set first begins as undefined, also for the loops
/// and macros inside. And a name that only some branches of an if set begins as what it is outside.
/// </summary>
internal sealed class JinjaScope
{
    private readonly Dictionary<string, int> _slots;                     // shared by the branches of an if
    private readonly Dictionary<string, int> _references;
    private readonly Dictionary<int, (JinjaLoad Load, string Name)> _loads;
    private readonly HashSet<string> _stores;
    private readonly JinjaScope? _parent;

    public JinjaScope(JinjaScope? parent) => (_parent, _slots, _references, _loads, _stores) = (parent, [], [], [], []);

    private JinjaScope(JinjaScope? parent, Dictionary<string, int> slots, Dictionary<string, int> references, Dictionary<int, (JinjaLoad, string)> loads, HashSet<string> stores) =>
        (_parent, _slots, _references, _loads, _stores) = (parent, slots, references, loads, stores);

    /// <summary>Whether this is the template's own level, whose names its blocks see.</summary>
    public bool IsTop { get; init; }

    /// <summary>Where a name's slot is: how many frames outward, and which.</summary>
    public (int Hops, int Slot)? Find(string name)
    {
        int hops = 0;
        for (JinjaScope? scope = this; scope is not null; scope = scope._parent, hops++)
            if (scope._references.TryGetValue(name, out int slot)) return (hops, slot);
        return null;
    }

    public void Read(string name)
    {
        if (Find(name) is null) Define(name, JinjaLoad.Resolve);
    }

    public void Store(string name)
    {
        _stores.Add(name);
        if (!_references.ContainsKey(name)) Define(name, _parent?.Find(name) is null ? JinjaLoad.Undefined : JinjaLoad.Alias);
    }

    /// <summary>A name that is given its value when the frame is entered: a loop's target, a macro's parameter.</summary>
    public int Parameter(string name)
    {
        _stores.Add(name);
        return Define(name, JinjaLoad.Parameter);
    }

    private int Define(string name, JinjaLoad load)
    {
        if (!_slots.TryGetValue(name, out int slot)) _slots.Add(name, slot = _slots.Count);
        _references[name] = slot;
        _loads[slot] = (load, name);
        return slot;
    }

    /// <summary>Collects the branches of an if, each as though the others were not there, then brings them together.</summary>
    public void Branch(params Action<JinjaScope>[] branches)
    {
        var copies = new List<JinjaScope>();
        foreach (Action<JinjaScope> branch in branches)
        {
            var copy = new JinjaScope(_parent, _slots, new(_references), new(_loads), new(_stores)) { IsTop = IsTop };
            branch(copy);
            copies.Add(copy);
        }
        Dictionary<string, int> counts = [];
        foreach (string name in copies.SelectMany(c => c._stores.Where(s => !_stores.Contains(s)))) counts[name] = counts.GetValueOrDefault(name) + 1;
        foreach (JinjaScope copy in copies)
        {
            foreach ((string name, int slot) in copy._references) _references[name] = slot;
            foreach ((int slot, (JinjaLoad, string) load) in copy._loads) _loads[slot] = load;
            _stores.UnionWith(copy._stores);
        }
        foreach ((string name, int count) in counts)
            if (count < copies.Count) _loads[_references[name]] = (_parent?.Find(name) is null ? JinjaLoad.Resolve : JinjaLoad.Alias, name);
    }

    /// <summary>The plan of the frames of this scope, once all its names are known.</summary>
    public JinjaFramePlan Plan() => new(_slots.Count,
        [.. _loads.Where(l => l.Value.Load != JinjaLoad.Parameter).OrderBy(l => l.Key).Select(l => (l.Key, l.Value.Load, l.Value.Name, l.Value.Load == JinjaLoad.Alias ? _parent!.Find(l.Value.Name)!.Value : default))]);

    /// <summary>All names set here and further out, nearest first.</summary>
    public IEnumerable<string> Stored() => _stores.Concat(_parent?.Stored() ?? []).Distinct();
}

/// <summary>What is done when a frame is entered.</summary>
internal sealed record JinjaFramePlan(int Slots, (int Slot, JinjaLoad Load, string Name, (int Hops, int Slot) Outer)[] Loads);

/// <summary>The values of a scope's names while it runs. Macros keep the frame they were made in.</summary>
internal sealed class JinjaFrame
{
    private readonly JinjaFramePlan _plan;

    public JinjaFrame(JinjaRun run, JinjaFrame? parent, JinjaFramePlan plan)
    {
        (Parent, _plan, Values) = (parent, plan, plan.Slots == 0 ? [] : new JinjaValue?[plan.Slots]);
        Enter(run);
    }

    public JinjaFrame? Parent { get; }

    /// <summary>Null where nothing was given to the name yet.</summary>
    public JinjaValue?[] Values { get; }

    /// <summary>Gives the names their first values; a loop does so at every turn.</summary>
    public void Enter(JinjaRun run)
    {
        foreach ((int slot, JinjaLoad load, string name, (int Hops, int Slot) outer) in _plan.Loads)
            Values[slot] = load switch
            {
                JinjaLoad.Resolve => run.Resolve(name),
                JinjaLoad.Alias => Parent!.Outer(outer.Hops).Values[outer.Slot],
                _ => null,
            };
    }

    public JinjaFrame Outer(int hops)
    {
        JinjaFrame frame = this;
        while (hops-- > 0) frame = frame.Parent!;
        return frame;
    }
}
