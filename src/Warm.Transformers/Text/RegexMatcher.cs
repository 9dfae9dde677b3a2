using System.Globalization;
using System.Numerics;

namespace Warm.Transformers;

/// <summary>
/// Runs a <see cref="RegexProgram"/> over a text by backtracking with a stack of its own (no recursion but for look-around and atomic groups, whose depth is
/// the pattern's). The number of steps is limited, so that a hostile pattern ends in an error and not in a hang.
/// </summary>
internal ref struct RegexMatcher
{
    private readonly RegexInstruction[] _code;
    private readonly RegexProgram _program;
    private readonly ReadOnlySpan<char> _text;
    private readonly int[] _slots;
    private Resume[] _stack = new Resume[32];
    private int _depth, _keep = -1, _searchStart;
    private long _steps;

    /// <summary>How to go on after a failure. Kind 0: at Pc from Position. 1: a greedy loop gives a point back, not below Bits. 2: a lazy loop takes one more,
    /// Bits times at most. 3: the next alternative of those in Bits. 4: put Position back into slot Pc.</summary>
    private readonly record struct Resume(int Kind, int Pc, int Position, ulong Bits);

    public RegexMatcher(RegexProgram program, ReadOnlySpan<char> text)
    {
        (_program, _code, _slots) = (program, program.Code, new int[program.Slots]);
        _text = text;
        _steps = 1_000_000 + 500L * text.Length;
        Array.Fill(_slots, -1);
    }

    /// <summary>The next match at or after a place: its start (as \K says) and end, or false.</summary>
    public bool Search(int from, out int start, out int end)
    {
        _searchStart = from;
        for (int at = from; at <= _text.Length;)
        {
            if (_program.First is { } first)
            {
                while (at < _text.Length && !first.Contains(Point(at, out int skip))) at += skip;
                if (at >= _text.Length) break;
            }
            _keep = -1;
            _depth = 0;
            end = Run(0, at, -1);
            if (end >= 0)
            {
                start = _keep >= 0 ? _keep : at;
                return true;
            }
            if (at >= _text.Length) break;
            int next = at + Width(at);
            if (_program.LeadingLoop) while (next < _text.Length && _code[0].Set!.Contains(Point(next, out int width)) && _code[0].Set!.Contains(Point(at, out _))) next += width;
            at = next;
        }
        (start, end) = (-1, -1);
        return false;
    }

    /// <summary>Where a match of the program at <paramref name="pc"/> from a place ends (there and nowhere else, if <paramref name="mustEnd"/> is not negative), or -1.</summary>
    private int Run(int pc, int at, int mustEnd)
    {
        int bottom = _depth;
        while (true)
        {
            if (--_steps < 0) throw new TimeoutException();
            ref readonly RegexInstruction now = ref _code[pc];
            bool holds = true;
            switch (now.Op)
            {
                case RegexOp.One:
                    if (at < _text.Length && now.Set!.Contains(Point(at, out int width))) at += width;
                    else holds = false;
                    break;
                case RegexOp.Loop or RegexOp.PossessiveLoop:
                {
                    int floor = now.X == 0 ? at : -1, count = 0, before = at;
                    while (count < now.Y && at < _text.Length && now.Set!.Contains(Point(at, out int taken)))
                    {
                        at += taken;
                        if (++count == now.X) floor = at;
                    }
                    _steps -= at - before >> 3;
                    if (floor < 0) holds = false;
                    else if (at > floor && now.Op == RegexOp.Loop) Push(new(1, pc + 1, at, (ulong)floor));
                    break;
                }
                case RegexOp.LazyLoop:
                    for (int i = 0; holds && i < now.X; i++)
                        if (at < _text.Length && now.Set!.Contains(Point(at, out int taken))) at += taken;
                        else holds = false;
                    if (holds && now.Y > now.X) Push(new(2, pc, at, (ulong)(now.Y - now.X)));
                    break;
                case RegexOp.Split: Push(new(0, now.X, at, 0)); break;
                case RegexOp.SplitLazy:
                    Push(new(0, pc + 1, at, 0));
                    pc = now.X;
                    continue;
                case RegexOp.Jump: pc = now.X; continue;
                case RegexOp.Choice:
                {
                    ulong viable = now.Choice!.Viable(at < _text.Length ? Point(at, out _) : -1);
                    if (viable == 0) { holds = false; break; }
                    int pick = BitOperations.TrailingZeroCount(viable);
                    if ((viable &= viable - 1) != 0) Push(new(3, pc, at, viable));
                    pc = now.Choice.Targets[pick];
                    continue;
                }
                case RegexOp.Save or RegexOp.Mark:
                    Push(new(4, now.X, _slots[now.X], 0));
                    _slots[now.X] = at;
                    break;
                case RegexOp.CheckProgress:
                    if (_slots[now.X] == at) { pc += 2; continue; } // an empty round ends the loop
                    break;
                case RegexOp.Reference: holds = Again(now, ref at); break;
                case RegexOp.Place: holds = Stands((RegexPlace)now.X, at); break;
                case RegexOp.Keep: _keep = at; break;
                case RegexOp.Grapheme:
                    if (at >= _text.Length) holds = false;
                    else at += StringInfo.GetNextTextElementLength(_text[at..]);
                    break;
                case RegexOp.Atomic:
                {
                    int inner = _depth, ended = Run(pc + 1, at, -1);
                    if (ended < 0) { holds = false; break; }
                    Commit(inner);
                    at = ended;
                    pc = now.X;
                    continue;
                }
                case RegexOp.Look:
                {
                    var look = (RegexNode.Look)now.Node!;
                    int inner = _depth;
                    bool found = look.Behind ? Behind(pc + 1, at, look.Body.Width) : Run(pc + 1, at, -1) >= 0;
                    if (look.Negative) Undo(inner);
                    else Commit(inner);
                    if (found == look.Negative) { holds = false; break; }
                    pc = now.X;
                    continue;
                }
                case RegexOp.Match:
                    if (mustEnd < 0 || at == mustEnd) return at;
                    holds = false;
                    break;
            }
            if (holds) { pc++; continue; }
            if (!Retreat(bottom, ref pc, ref at)) return -1;
        }
    }

    private bool Retreat(int bottom, ref int pc, ref int at)
    {
        while (_depth > bottom)
        {
            Resume last = _stack[--_depth];
            switch (last.Kind)
            {
                case 0:
                    (pc, at) = (last.Pc, last.Position);
                    return true;
                case 1:
                    at = Before(last.Position);
                    if (at > (int)last.Bits) Push(last with { Position = at });
                    pc = last.Pc;
                    return true;
                case 2:
                    if (last.Position >= _text.Length || !_code[last.Pc].Set!.Contains(Point(last.Position, out int width))) continue;
                    at = last.Position + width;
                    if (last.Bits > 1) Push(last with { Position = at, Bits = last.Bits - 1 });
                    pc = last.Pc + 1;
                    return true;
                case 3:
                    int pick = BitOperations.TrailingZeroCount(last.Bits);
                    if ((last.Bits & last.Bits - 1) != 0) Push(last with { Bits = last.Bits & last.Bits - 1 });
                    (pc, at) = (_code[last.Pc].Choice!.Targets[pick], last.Position);
                    return true;
                default:
                    _slots[last.Pc] = last.Position;
                    break;
            }
        }
        return false;
    }

    /// <summary>Forgets the ways back above a depth, but not what slots held before.</summary>
    private void Commit(int depth)
    {
        int kept = depth;
        for (int i = depth; i < _depth; i++) if (_stack[i].Kind == 4) _stack[kept++] = _stack[i];
        _depth = kept;
    }

    private void Undo(int depth)
    {
        while (_depth > depth) if (_stack[--_depth] is { Kind: 4 } saved) _slots[saved.Pc] = saved.Position;
    }

    private bool Behind(int pc, int at, (int Least, int? Most) width)
    {
        int start = at;
        for (int points = 0; points <= width.Most; points++)
        {
            if (points >= width.Least && Run(pc, start, at) >= 0) return true;
            if (start == 0) return false;
            start = Before(start);
        }
        return false;
    }

    private readonly bool Again(RegexInstruction reference, ref int at)
    {
        int start = _slots[reference.X], end = _slots[reference.X + 1], length = end - start;
        if (start < 0 || length < 0 || at + length > _text.Length) return false;
        ReadOnlySpan<char> said = _text[start..end], here = _text.Slice(at, length);
        if (reference.Y == 0 ? !said.SequenceEqual(here) : !Alike(said, here)) return false;
        at += length;
        return true;

        static bool Alike(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
        {
            for (int i = 0; i < a.Length; i++) if (CaseFolding.Fold(a[i]) != CaseFolding.Fold(b[i])) return false;
            return true;
        }
    }

    private readonly bool Stands(RegexPlace place, int at) => place switch
    {
        RegexPlace.LineStart => at == 0 || (_text[at - 1] == '\n' && at < _text.Length),
        RegexPlace.LineEnd => at == _text.Length || _text[at] == '\n',
        RegexPlace.TextStart => at == 0,
        RegexPlace.TextEnd => at == _text.Length,
        RegexPlace.TextEndOrLastLineFeed => at == _text.Length || (at == _text.Length - 1 && _text[at] == '\n'),
        RegexPlace.SearchStart => at == _searchStart,
        _ => (at > 0 && IsWord(Before(at)) != (at < _text.Length && IsWord(at)) || (at == 0 && at < _text.Length && IsWord(at))) == (place == RegexPlace.WordBoundary),
    };

    private readonly bool IsWord(int at) => RegexPattern.Word.Contains(Point(at, out _));

    private readonly int Point(int at, out int width)
    {
        char unit = _text[at];
        if (char.IsHighSurrogate(unit) && at + 1 < _text.Length && char.IsLowSurrogate(_text[at + 1]))
        {
            width = 2;
            return char.ConvertToUtf32(unit, _text[at + 1]);
        }
        width = 1;
        return unit;
    }

    private readonly int Width(int at) => char.IsHighSurrogate(_text[at]) && at + 1 < _text.Length && char.IsLowSurrogate(_text[at + 1]) ? 2 : 1;

    private readonly int Before(int at) => at >= 2 && char.IsLowSurrogate(_text[at - 1]) && char.IsHighSurrogate(_text[at - 2]) ? at - 2 : at - 1;

    private void Push(Resume resume)
    {
        if (_depth == _stack.Length) Array.Resize(ref _stack, _depth * 2);
        _stack[_depth++] = resume;
    }
}
