namespace Warm;

/// <summary>
/// Which unit each observation belongs to. Pairs that share a prompt, a topic or a text are not independent: what is resampled, or left out, is the whole unit.
/// </summary>
public sealed class Units
{
    private readonly int[] _of;
    private readonly int[]? _and;

    private Units(string name, int[] of, int count, int[]? and = null) => (Name, _of, Count, _and) = (name, of, count, and);

    /// <summary>What a unit is: prompt, pair, topic ...</summary>
    public string Name { get; }

    /// <summary>Number of units.</summary>
    public int Count { get; }

    /// <summary>The unit of every observation, numbered from 0 in order of first appearance.</summary>
    public ReadOnlySpan<int> Of => _of;

    /// <summary>Every observation is a unit of its own.</summary>
    public static Units Each(int observations, string name = "pair") => new(name, [.. Enumerable.Range(0, observations)], observations);

    /// <summary>Observations with equal keys share a unit; one without a key (null) is a unit of its own. Where no observation has a key, the units are the pairs.</summary>
    public static Units By(string name, IEnumerable<string?> keys)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        return ByNumber(name, keys.Select(key => key is null ? -1 : numbers.TryGetValue(key, out int known) ? known : numbers[key] = numbers.Count));
    }

    /// <summary>The same of keys that were numbered already, from 0 and without large gaps; -1 is no key.</summary>
    internal static Units ByNumber(string name, IEnumerable<int> keys)
    {
        var units = new List<int>(); // of each number, or -1
        var of = new List<int>(keys.TryGetNonEnumeratedCount(out int known) ? known : 0);
        int count = 0;
        foreach (int key in keys)
        {
            while (units.Count <= key) units.Add(-1);
            if (key < 0) of.Add(count++);
            else of.Add(units[key] >= 0 ? units[key] : units[key] = count++);
        }
        return units.Count == 0 ? Each(of.Count) : new(name, [.. of], count);
    }

    /// <summary>
    /// Every observation belongs to two units: a pair to its two texts. Resampled, it weighs the product of how often the two were drawn (the pigeonhole bootstrap, Owen 2007), which allows for
    /// texts that are in many pairs; it errs on the wide side, by up to sqrt 3 where no text is in two. Left out, it goes with either.
    /// </summary>
    /// <param name="name">What a unit is.</param>
    /// <param name="first">The one unit of every observation: equal numbers, equal units.</param>
    /// <param name="second">The other, as many, numbered alike.</param>
    public static Units Crossed(string name, IReadOnlyList<int> first, IReadOnlyList<int> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Count != second.Count) throw new ArgumentException($"There are {first.Count} and {second.Count} units.", nameof(second));
        var numbers = new Dictionary<int, int>();
        var of = new int[first.Count];
        var and = new int[first.Count];
        for (int i = 0; i < of.Length; i++) (of[i], and[i]) = (Number(first[i]), Number(second[i]));
        return new(name, of, numbers.Count, and);

        int Number(int key) => numbers.TryGetValue(key, out int known) ? known : numbers[key] = numbers.Count;
    }

    /// <summary>The second unit of every observation; empty where each has one.</summary>
    internal ReadOnlySpan<int> And => _and;

    /// <summary>Whether observations are grouped alike, whatever the units are called.</summary>
    internal bool Same(Units other) => _of.AsSpan().SequenceEqual(other._of) && And.SequenceEqual(other.And);

    /// <summary>The sum of every unit's values; a value counts in both of its units.</summary>
    internal double[] Sums(ReadOnlySpan<double> values)
    {
        if (values.Length != _of.Length) throw new ArgumentException($"There are {values.Length} values for {_of.Length} observations.");
        var sums = new double[Count];
        for (int i = 0; i < values.Length; i++)
        {
            sums[_of[i]] += values[i];
            if (_and is not null && _and[i] != _of[i]) sums[_and[i]] += values[i];
        }
        return sums;
    }

    /// <summary>How many observations every unit has; one counts in both of its units.</summary>
    internal double[] Sizes()
    {
        var sizes = new double[Count];
        for (int i = 0; i < _of.Length; i++)
        {
            sizes[_of[i]]++;
            if (_and is not null && _and[i] != _of[i]) sizes[_and[i]]++;
        }
        return sizes;
    }

    /// <summary><c>310 prompts</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Count:N0} {Name}{(Count == 1 ? "" : "s")}");
}
