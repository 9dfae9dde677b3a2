using System.Numerics;

namespace Warm.Transformers;

/// <summary><c>a:b:c</c> between brackets.</summary>
internal sealed class JinjaSlice(JinjaValue start, JinjaValue stop, JinjaValue step) : JinjaValue
{
    public override string TypeName => "slice";
    public override bool IsHashable => false;

    /// <summary>What it takes of a sequence of that length: the first index, how many, and the way from one to the next.</summary>
    public (int Start, int Count, int Step) Of(int length)
    {
        (BigInteger from, BigInteger to, BigInteger by) = Indices(length);
        BigInteger count = by > 0 ? (to - from + by - 1) / by : (from - to - by - 1) / -by;
        return count <= 0 ? (0, 0, 1) : ((int)from, (int)count, count == 1 ? 1 : (int)by);
    }

    /// <summary>The bounds within a sequence of that length.</summary>
    public (BigInteger From, BigInteger To, BigInteger By) Indices(int length)
    {
        BigInteger by = Bound(step) ?? 1;
        if (by.IsZero) throw JinjaException.Value("slice step cannot be zero");
        BigInteger low = by > 0 ? 0 : -1, high = by > 0 ? length : length - 1;
        BigInteger from = Bound(start) is { } a ? Clamp(a) : by > 0 ? low : high;
        BigInteger to = Bound(stop) is { } b ? Clamp(b) : by > 0 ? high : low;
        return (from, to, by);

        BigInteger Clamp(BigInteger x) => BigInteger.Max(low, BigInteger.Min(high, x < 0 ? x + length : x));
    }

    private static BigInteger? Bound(JinjaValue value) =>
        value is JinjaNone ? null
        : JinjaNumber.TryInteger(value, out BigInteger number) ? number
        : throw JinjaException.Type("slice indices must be integers or None or have an __index__ method");
}

/// <summary>A list or a tuple.</summary>
internal abstract class JinjaSequence(IReadOnlyList<JinjaValue> items) : JinjaValue
{
    /// <summary>The elements. Nothing changes them: the sandbox forbids it.</summary>
    public IReadOnlyList<JinjaValue> Elements { get; } = items;

    public override bool IsTrue => Elements.Count > 0;
    public override int? Length => Elements.Count;
    public override IEnumerable<JinjaValue> Iterate() => Elements;
    protected abstract JinjaValue Like(List<JinjaValue> items);

    public override JinjaValue? Item(JinjaRun run, JinjaValue key)
    {
        if (key is JinjaSlice slice)
        {
            (int start, int count, int step) = slice.Of(Elements.Count);
            run.ReserveList(count);
            var taken = new List<JinjaValue>(count);
            for (int i = 0; i < count; i++) taken.Add(Elements[start + i * step]);
            return Like(taken);
        }
        if (!JinjaNumber.TryInteger(key, out BigInteger index)) return null;
        if (index < 0) index += Elements.Count;
        return index < 0 || index >= Elements.Count ? null : Elements[(int)index];
    }

    protected bool SameElements(JinjaSequence other)
    {
        JinjaRun.EnsureStack();
        if (Elements.Count != other.Elements.Count) return false;
        for (int i = 0; i < Elements.Count; i++)
            if (!ReferenceEquals(Elements[i], other.Elements[i]) && !Elements[i].Equals(other.Elements[i])) return false;
        return true;
    }
}

/// <summary>[..]</summary>
internal sealed class JinjaList(IReadOnlyList<JinjaValue> items) : JinjaSequence(items)
{
    public override string TypeName => "list";
    public override bool IsHashable => false;
    public override void Repr(JinjaRepr to) => to.Sequence(this, "[", Elements, "]");
    protected override JinjaValue Like(List<JinjaValue> items) => new JinjaList(items);
    public override bool Forbids(string method) => method is "append" or "clear" or "pop" or "reverse" or "insert" or "sort" or "extend" or "remove";
    public override JinjaValue? Attribute(string name) => JinjaListMethods.Find(this, name);
    public override bool Equals(object? other) => other is JinjaList list && SameElements(list);
    public override int GetHashCode() => Elements.Count;
}

/// <summary>(..)</summary>
internal sealed class JinjaTuple(IReadOnlyList<JinjaValue> items, bool group = false) : JinjaSequence(items)
{
    public static JinjaTuple Of(params JinjaValue[] items) => new(items);
    public override string TypeName => "tuple";
    public override bool IsHashable => Elements.All(x => x.IsHashable);
    public override void Repr(JinjaRepr to) => to.Sequence(this, "(", Elements, Elements.Count == 1 ? ",)" : ")");
    protected override JinjaValue Like(List<JinjaValue> items) => new JinjaTuple(items);

    /// <summary>The methods of tuples, and the two names of what groupby gives.</summary>
    public override JinjaValue? Attribute(string name) => group && name == "grouper" ? Elements[0] : group && name == "list" ? Elements[1] : JinjaListMethods.Find(this, name);
    public override bool Equals(object? other) => other is JinjaTuple tuple && SameElements(tuple);
    public override int GetHashCode()
    {
        JinjaRun.EnsureStack();
        var hash = new HashCode();
        foreach (JinjaValue item in Elements) hash.Add(item.GetHashCode());
        return hash.ToHashCode();
    }
}

/// <summary>range(..): never more than 100,000 elements.</summary>
internal sealed class JinjaRange(BigInteger start, BigInteger stop, BigInteger step, int count) : JinjaValue
{
    public override string TypeName => "range";
    public override bool IsTrue => count > 0;
    public override int? Length => count;
    public override void Repr(JinjaRepr to) => to.Append(step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})");
    public override IEnumerable<JinjaValue> Iterate()
    {
        if (BigInteger.Abs(start) < int.MaxValue / 2 && BigInteger.Abs(step) * count < int.MaxValue / 2)
        {
            int first = (int)start, by = (int)step;
            for (int i = 0; i < count; i++) yield return JinjaInteger.Of(first + i * by);
        }
        else
            for (int i = 0; i < count; i++) yield return JinjaInteger.Of(start + i * step);
    }
    public override JinjaValue? Item(JinjaRun run, JinjaValue key)
    {
        if (key is JinjaSlice slice)
        {
            (BigInteger from, BigInteger to, BigInteger by) = slice.Indices(count);
            return new JinjaRange(start + from * step, start + to * step, step * by, slice.Of(count).Count);
        }
        if (!JinjaNumber.TryInteger(key, out BigInteger index)) return null;
        if (index < 0) index += count;
        return index < 0 || index >= count ? null : JinjaInteger.Of(start + index * step);
    }
    public override JinjaValue? Attribute(string name) => name switch
    {
        "start" => JinjaInteger.Of(start),
        "stop" => JinjaInteger.Of(stop),
        "step" => JinjaInteger.Of(step),
        _ => JinjaListMethods.Find(this, name),
    };
    public override bool Equals(object? other) => other is JinjaRange range && Iterate().SequenceEqual(range.Iterate());
    public override int GetHashCode() => count;
}

/// <summary>What map, select, batch ... give: elements that are made as they are asked for, once.</summary>
internal sealed class JinjaGenerator(IEnumerable<JinjaValue> items, string type = "generator") : JinjaValue
{
    private readonly IEnumerator<JinjaValue> _items = items.GetEnumerator();
    public override string TypeName => type;
    public override void Repr(JinjaRepr to) => to.Append($"<{type} object at 0x7f0000000000>");
    public override IEnumerable<JinjaValue> Iterate()
    {
        while (_items.MoveNext()) yield return _items.Current;
    }
}
