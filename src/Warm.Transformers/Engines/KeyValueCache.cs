namespace Warm.Transformers;

/// <summary>
/// Keys and values of texts that a causal model goes on with, attention by attention, so that a pass computes new tokens only. A first pass over <see cref="Begin"/>'s layout fills it, passes over
/// <see cref="Continue"/>'s add one token to each of some texts. What the model computes has the bits of a pass over the whole texts.
/// </summary>
/// <remarks>
/// Only for models whose tokens do not depend on their text's length (<see cref="Architecture.SharesBeginnings"/>) and that ask for <see cref="Engine.SelfAttention"/>. Not safe from several threads.
/// Memory: 2 x attentions x key columns singles a token; a beginning that texts share is kept once. Texts that are not continued stay until Dispose.
/// </remarks>
public sealed class KeyValueCache(Engine engine) : IDisposable
{
    private readonly List<(EngineTensor Keys, EngineTensor Values)> _attentions = [];
    private readonly List<int> _ids = []; // of each row
    private readonly List<BatchLayout.Segment> _segments = [];
    private readonly List<int> _last = []; // the segment in which each text ends
    private int _next; // which attention of the pass comes next

    /// <summary>Where the keys of the texts of the last pass lie.</summary>
    public BatchLayout Layout { get; private set; } = BatchLayout.Of([]);

    /// <summary>Number of attentions whose keys are kept: 0 after a pass of a model that does not ask for <see cref="Engine.SelfAttention"/>.</summary>
    public int Attentions => _attentions.Count;

    /// <summary>Rows for the texts' first tokens, which fill the cache. Once.</summary>
    public BatchLayout Begin(IReadOnlyList<IReadOnlyList<int>> texts, bool shareBeginnings)
    {
        if (_ids.Count > 0) throw new InvalidOperationException("The cache holds texts already.");
        BatchLayout plain = BatchLayout.Of(texts, shareBeginnings);
        _ids.AddRange(plain.Ids);
        _segments.AddRange(plain.Segments);
        for (int text = 0; text < plain.Texts; text++) _last.Add(plain.LastSegment(text));
        return Layout = new BatchLayout([.. _ids], [.. _segments], [.. _last], this);
    }

    /// <summary>Rows for one more token of some texts: row i is the next token of text <c>texts[i]</c>, which is a number in <see cref="Begin"/>'s list and occurs once.</summary>
    public BatchLayout Continue(IReadOnlyList<int> texts, IReadOnlyList<int> ids)
    {
        if (texts.Count != ids.Count) throw new ArgumentException($"{ids.Count} ids for {texts.Count} texts.", nameof(ids));
        if (_attentions.Count == 0) throw new InvalidOperationException("No pass has filled the cache.");
        _next = 0;
        var added = new BatchLayout.Segment[texts.Count];
        for (int i = 0; i < added.Length; i++)
        {
            BatchLayout.Segment before = _segments[_last[texts[i]]];
            added[i] = new BatchLayout.Segment(i, 1, before.Start + before.Length, -1);
            _segments.Add(added[i] with { Row = _ids.Count, Parent = _last[texts[i]] });
            _ids.Add(ids[i]);
            _last[texts[i]] = _segments.Count - 1;
        }
        Layout = new BatchLayout([.. _ids], [.. _segments], [.. texts.Select(text => _last[text])], null);
        return new BatchLayout([.. ids], added, [.. Enumerable.Range(0, added.Length)], this);
    }

    /// <summary>Adds what the next attention of this pass computed, and gives all that is kept for it.</summary>
    internal (EngineTensor Keys, EngineTensor Values) Add(EngineTensor keys, EngineTensor values)
    {
        int attention = _next++;
        if (attention == _attentions.Count) _attentions.Add((engine.CacheAppend(null, keys), engine.CacheAppend(null, values))); // the first pass
        else _attentions[attention] = (engine.CacheAppend(_attentions[attention].Keys, keys), engine.CacheAppend(_attentions[attention].Values, values));
        return _attentions[attention];
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach ((EngineTensor keys, EngineTensor values) in _attentions)
        {
            keys.Dispose();
            values.Dispose();
        }
        _attentions.Clear();
    }

    /// <summary><c>24 attentions, 1,840 tokens of 8 texts</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Attentions} attentions, {_ids.Count:N0} tokens of {_last.Count:N0} texts");
}
