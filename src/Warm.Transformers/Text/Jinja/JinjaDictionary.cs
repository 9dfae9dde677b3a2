namespace Warm.Transformers;

/// <summary>{..}: keys in the order they came; a key given again keeps its place and takes the last value. True and 1 are one key.</summary>
internal sealed class JinjaDictionary : JinjaValue
{
    private readonly Dictionary<JinjaValue, int> _places;
    private readonly List<KeyValuePair<JinjaValue, JinjaValue>> _pairs;

    public JinjaDictionary(int capacity = 0)
    {
        _places = new(capacity);
        _pairs = new(capacity);
    }

    public IReadOnlyList<KeyValuePair<JinjaValue, JinjaValue>> Pairs => _pairs;

    /// <summary>Only while the dictionary is being made: templates cannot change one.</summary>
    public void Set(JinjaValue key, JinjaValue value)
    {
        if (!key.IsHashable) throw JinjaException.Type($"unhashable type: '{key.TypeName}'");
        if (_places.TryGetValue(key, out int place)) _pairs[place] = new(_pairs[place].Key, value);
        else
        {
            _places.Add(key, _pairs.Count);
            _pairs.Add(new(key, value));
        }
    }

    public void Set(string key, JinjaValue value) => Set(new JinjaString(key), value);
    public JinjaValue? Get(JinjaValue key) => key.IsHashable && _places.TryGetValue(key, out int place) ? _pairs[place].Value : null;
    public JinjaValue? Get(string key) => Get(new JinjaString(key));

    public JinjaDictionary Copy()
    {
        var copy = new JinjaDictionary(_pairs.Count);
        foreach ((JinjaValue key, JinjaValue value) in _pairs) copy.Set(key, value);
        return copy;
    }

    public override string TypeName => "dict";
    public override bool IsTrue => _pairs.Count > 0;
    public override bool IsHashable => false;
    public override int? Length => _pairs.Count;
    public override IEnumerable<JinjaValue> Iterate() => _pairs.Select(p => p.Key);
    public override bool? Contains(JinjaValue item) => item.IsHashable ? _places.ContainsKey(item) : throw JinjaException.Type($"unhashable type: '{item.TypeName}'");
    public override JinjaValue? Item(JinjaRun run, JinjaValue key) => Get(key);
    public override JinjaValue? Attribute(string name) => JinjaDictionaryMethods.Find(this, name);
    public override bool Forbids(string method) => method is "clear" or "pop" or "popitem" or "setdefault" or "update";
    public override void Repr(JinjaRepr to) => to.Mapping(this, "{", _pairs, "}");
    public override bool Equals(object? other)
    {
        JinjaRun.EnsureStack();
        return other is JinjaDictionary that && that._pairs.Count == _pairs.Count && _pairs.All(p => that.Get(p.Key) is { } value && (ReferenceEquals(value, p.Value) || value.Equals(p.Value)));
    }
    public override int GetHashCode() => _pairs.Count;
}

/// <summary>keys(), values() and items() of a dictionary.</summary>
internal sealed class JinjaDictionaryView(JinjaDictionary of, string type, Func<KeyValuePair<JinjaValue, JinjaValue>, JinjaValue> part) : JinjaValue
{
    public override string TypeName => type;
    public override bool IsTrue => of.IsTrue;
    public override bool IsHashable => false;
    public override int? Length => of.Length;
    public override IEnumerable<JinjaValue> Iterate() => of.Pairs.Select(part);
    public override void Repr(JinjaRepr to) => to.Sequence(this, $"{type}([", [.. Iterate()], "])");
}

/// <summary>namespace(..): the one thing whose attributes a template may set, also from inside a loop.</summary>
internal sealed class JinjaNamespace(JinjaDictionary values) : JinjaValue
{
    public JinjaDictionary Values { get; } = values;

    public void Set(string name, JinjaValue value)
    {
        Check(name);
        Values.Set(name, value);
    }

    public static void Check(string name)
    {
        if (name.StartsWith('_'))
            throw new JinjaException("SecurityError", $"Chat templates cannot store underscore-prefixed attributes on a namespace, but got {JinjaRepr.Quote(name)}. Please rename the attribute.");
    }

    public override string TypeName => "TemplateNamespace";
    public override void Repr(JinjaRepr to)
    {
        to.Append("<Namespace ");
        Values.Repr(to);
        to.Append(">");
    }
    public override JinjaValue? Attribute(string name) => Values.Get(name);
    public override JinjaValue? Item(JinjaRun run, JinjaValue key) => key is JinjaString name ? Values.Get(name) : null;
}
