namespace Warm.Transformers;

/// <summary>What one instruction of a compiled regex does.</summary>
internal enum RegexOp { One, Loop, LazyLoop, PossessiveLoop, Split, SplitLazy, Jump, Choice, Save, Mark, CheckProgress, Reference, Place, Keep, Grapheme, Look, Atomic, Match }

/// <summary>One instruction. X and Y: counts, targets, slots; see <see cref="RegexProgram"/>.</summary>
internal readonly record struct RegexInstruction(RegexOp Op, int X = 0, int Y = 0, CodePointSet? Set = null, RegexChoice? Choice = null, RegexNode? Node = null);

/// <summary>Alternatives, with a table that says for the next character which of them can begin with it.</summary>
internal sealed class RegexChoice
{
    private readonly CodePointSet?[] _first;
    private readonly ulong[] _ascii = new ulong[128];
    private readonly ulong _empty;

    public RegexChoice(IReadOnlyList<RegexNode> items)
    {
        Targets = new int[items.Count];
        _first = [.. items.Select(item => item.First)];
        for (int c = 0; c < 128; c++) _ascii[c] = Slow(c);
        for (int i = 0; i < _first.Length; i++) if (_first[i] is null) _empty |= 1UL << i;
    }

    /// <summary>Where each alternative's instructions begin.</summary>
    public int[] Targets { get; }

    /// <summary>A bit for every alternative that can begin with the point (-1: the end of the text).</summary>
    public ulong Viable(int point) => point < 0 ? _empty : point < 128 ? _ascii[point] : Slow(point);

    private ulong Slow(int point)
    {
        ulong viable = 0;
        for (int i = 0; i < _first.Length; i++) if (_first[i]?.Contains(point) != false) viable |= 1UL << i;
        return viable;
    }
}

/// <summary>A regex as instructions for <see cref="RegexMatcher"/>; programs that would grow beyond 50,000 instructions are refused.</summary>
internal sealed class RegexProgram
{
    private const int SizeLimit = 50_000;
    private readonly List<RegexInstruction> _code = [];
    private readonly bool _captures;

    public RegexProgram(RegexNode node, int groups)
    {
        _captures = HasReference(node);
        Slots = groups * 2 + 2;
        First = node.Width.Least > 0 ? node.First : null;
        LeadingLoop = Leading(node) is { Body: RegexNode.One, Most: null, Kind: not RepeatKind.Lazy, Least: <= 1 } && !_captures;
        Emit(node);
        _code.Add(new RegexInstruction(RegexOp.Match));
        Code = [.. _code];
    }

    public RegexInstruction[] Code { get; }

    /// <summary>Group ends and progress marks.</summary>
    public int Slots { get; private set; }

    /// <summary>What a match can begin with; null where that is not known.</summary>
    public CodePointSet? First { get; }

    /// <summary>
    /// The pattern is an unbounded loop over one set and something more. Where it fails from one place it fails from every later place of the same run, so
    /// the search can leap over the run: \s+$ on a million blanks takes one pass, not a million.
    /// </summary>
    public bool LeadingLoop { get; }

    private static RegexNode.Repeat? Leading(RegexNode node) => node as RegexNode.Repeat ?? ((node as RegexNode.Sequence)?.Items is [RegexNode.Repeat first, ..] ? first : null);

    private static bool HasReference(RegexNode node) => node switch
    {
        RegexNode.Reference => true,
        RegexNode.Sequence sequence => sequence.Items.Any(HasReference),
        RegexNode.Choice choice => choice.Items.Any(HasReference),
        RegexNode.Repeat repeat => HasReference(repeat.Body),
        RegexNode.Group group => HasReference(group.Body),
        RegexNode.Atomic atomic => HasReference(atomic.Body),
        RegexNode.Look look => HasReference(look.Body),
        _ => false,
    };

    private int Add(RegexInstruction instruction)
    {
        if (_code.Count >= SizeLimit) throw new FormatException("is too large once its repeats are written out");
        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void Emit(RegexNode node)
    {
        switch (node)
        {
            case RegexNode.One one: Add(new(RegexOp.One, Set: one.Set)); break;
            case RegexNode.Sequence sequence: foreach (RegexNode item in sequence.Items) Emit(item); break;
            case RegexNode.Choice choice: EmitChoice(choice.Items); break;
            case RegexNode.Repeat repeat: EmitRepeat(repeat); break;
            case RegexNode.Group group when _captures:
                Add(new(RegexOp.Save, group.Number * 2));
                Emit(group.Body);
                Add(new(RegexOp.Save, group.Number * 2 + 1));
                break;
            case RegexNode.Group group: Emit(group.Body); break;
            case RegexNode.Reference reference: Add(new(RegexOp.Reference, reference.Number * 2, reference.IgnoreCase ? 1 : 0)); break;
            case RegexNode.Assertion assertion: Add(new(RegexOp.Place, (int)assertion.Place)); break;
            case RegexNode.Keep: Add(new(RegexOp.Keep)); break;
            case RegexNode.Grapheme: Add(new(RegexOp.Grapheme)); break;
            case RegexNode.Atomic atomic: EmitInner(RegexOp.Atomic, atomic, atomic.Body); break;
            case RegexNode.Look look: EmitInner(RegexOp.Look, look, look.Body); break;
            default: throw new FormatException($"{node.GetType().Name} is not built");
        }
    }

    /// <summary>An inner program: its instructions follow, ended by Match; X says where the outer one goes on.</summary>
    private void EmitInner(RegexOp op, RegexNode node, RegexNode body)
    {
        int at = Add(default);
        Emit(body);
        Add(new(RegexOp.Match));
        _code[at] = new(op, _code.Count, Node: node);
    }

    private void EmitChoice(IReadOnlyList<RegexNode> items)
    {
        if (items.Count > 64) // the 64th alternative holds the rest
        {
            EmitChoice([.. items.Take(63), new RegexNode.Choice([.. items.Skip(63)])]);
            return;
        }
        var choice = new RegexChoice(items);
        Add(new(RegexOp.Choice, Choice: choice));
        var ends = new List<int>();
        for (int i = 0; i < items.Count; i++)
        {
            choice.Targets[i] = _code.Count;
            Emit(items[i]);
            if (i < items.Count - 1) ends.Add(Add(new(RegexOp.Jump)));
        }
        foreach (int end in ends) _code[end] = new(RegexOp.Jump, _code.Count);
    }

    private void EmitRepeat(RegexNode.Repeat repeat)
    {
        if (repeat.Body is RegexNode.One one)
        {
            RegexOp op = repeat.Kind switch { RepeatKind.Lazy => RegexOp.LazyLoop, RepeatKind.Possessive => RegexOp.PossessiveLoop, _ => RegexOp.Loop };
            Add(new(op, repeat.Least, repeat.Most ?? int.MaxValue, one.Set));
            return;
        }
        if (repeat.Kind == RepeatKind.Possessive)
        {
            EmitInner(RegexOp.Atomic, repeat, repeat with { Kind = RepeatKind.Greedy });
            return;
        }
        RegexOp split = repeat.Kind == RepeatKind.Lazy ? RegexOp.SplitLazy : RegexOp.Split;
        for (int i = 0; i < repeat.Least; i++) Emit(repeat.Body);
        if (repeat.Most is { } most)
        {
            var exits = new List<int>();
            for (int i = repeat.Least; i < most; i++)
            {
                exits.Add(Add(default));
                Emit(repeat.Body);
            }
            foreach (int exit in exits) _code[exit] = new(split, _code.Count);
            return;
        }
        int slot = Slots++, head = Add(default);
        Add(new(RegexOp.Mark, slot));
        Emit(repeat.Body);
        Add(new(RegexOp.CheckProgress, slot));
        Add(new(RegexOp.Jump, head));
        _code[head] = new(split, _code.Count);
    }
}
