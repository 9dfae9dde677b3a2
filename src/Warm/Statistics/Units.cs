namespace Warm;

/// <summary>
/// Which unit each observation belongs to. Pairs that share a prompt, a topic or a text are not independent: what is resampled, or left out, is the whole unit.
/// </summary>
public sealed class Units
{
    private readonly int[] _of;

    private Units(string name, int[] of, int count) => (Name, _of, Count) = (name, of, count);

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
        var of = new List<int>();
        int count = 0;
        foreach (string? key in keys)
        {
            if (key is not null && numbers.TryGetValue(key, out int known))
            {
                of.Add(known);
                continue;
            }
            if (key is not null) numbers.Add(key, count);
            of.Add(count++);
        }
        return numbers.Count == 0 ? Each(of.Count) : new(name, [.. of], count);
    }

    /// <summary>Sum and number of the values of every unit.</summary>
    internal (double[] Sums, int[] Counts) Totals(ReadOnlySpan<double> values)
    {
        if (values.Length != _of.Length) throw new ArgumentException($"There are {values.Length} values for {_of.Length} observations.");
        var sums = new double[Count];
        var counts = new int[Count];
        for (int i = 0; i < values.Length; i++)
        {
            sums[_of[i]] += values[i];
            counts[_of[i]]++;
        }
        return (sums, counts);
    }

    /// <summary><c>310 prompts</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Count:N0} {Name}{(Count == 1 ? "" : "s")}");
}
