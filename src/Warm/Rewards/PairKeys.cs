namespace Warm;

/// <summary>What pairs are grouped by, one key after another. Keys may be prompts of pages: they are numbered and not kept.</summary>
internal sealed class PairKeys
{
    private readonly HashNumbers _numbers = new();
    private readonly List<int> _keys = [];

    /// <summary>Number of pairs.</summary>
    public int Count => _keys.Count;

    /// <summary>Whether any pair has a key.</summary>
    public bool Any => _numbers.Count > 0;

    /// <summary>Takes in the key of the next pair; null for none.</summary>
    public void Add(string? key) => _keys.Add(key is null ? -1 : _numbers.Of(CandidateHash.Of(key), out _));

    /// <summary>The units of all pairs, as <see cref="Units.By"/> makes them of the keys.</summary>
    /// <param name="field">What the keys are.</param>
    /// <param name="where">Where the pairs stand, for the message; null where nobody knows.</param>
    /// <param name="orPairs">Whether the pairs are the units where no pair has the field; for a prompt they always are.</param>
    /// <exception cref="WarmException">No pair has the field.</exception>
    public Units Units(string field, string? where, bool orPairs = false) =>
        Any || orPairs || field is "prompt" or "pair" ? Warm.Units.ByNumber(field, _keys)
        : throw new WarmException(where ?? "resample", $"no pair has a field \"{field}\"", "something to resample by: prompt, text, pair, or a field of the pairs");

    /// <summary>The units of some of the pairs, named alike.</summary>
    public Units UnitsOf(string name, IEnumerable<int> pairs) => Warm.Units.ByNumber(name, pairs.Select(i => _keys[i]));
}
