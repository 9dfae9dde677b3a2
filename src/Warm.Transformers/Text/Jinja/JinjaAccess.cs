namespace Warm.Transformers;

/// <summary>Attributes and elements as the sandbox gives them out.</summary>
internal static class JinjaAccess
{
    /// <summary><c>of.name</c></summary>
    public static JinjaValue Attribute(JinjaRun run, JinjaValue of, JinjaString name)
    {
        if (of is JinjaUndefined undefined && !name.Value.StartsWith("__", StringComparison.Ordinal)) throw undefined.Error();
        return Given(of, name.Value) ?? of.Item(run, name) ?? JinjaUndefined.Missing(of, name);
    }

    /// <summary><c>of[key]</c></summary>
    public static JinjaValue Element(JinjaRun run, JinjaValue of, JinjaValue key)
    {
        if (of is JinjaUndefined undefined) throw undefined.Error();
        if (key is JinjaSlice) return of.Item(run, key) ?? throw JinjaException.Type(of is JinjaDictionary ? "unhashable type: 'slice'" : $"'{of.TypeName}' object is not subscriptable");
        return of.Item(run, key) ?? (key is JinjaString name ? Given(of, name.Value) : null) ?? JinjaUndefined.Missing(of, key);
    }

    /// <summary>An attribute that exists, or what the sandbox gives in its place: Python's internals and methods that change a value are undefined.</summary>
    public static JinjaValue? Given(JinjaValue of, string name)
    {
        bool hidden = of.Forbids(name) || OfObjects.Contains(name) || of is JinjaGenerator && name.StartsWith("gi_", StringComparison.Ordinal)
            || of is not JinjaUndefined && (OfContainers.Contains(name) && of.Iterate() is not null || OfFunctions.Contains(name) && of.IsCallable);
        return hidden ? JinjaUndefined.Unsafe(of, name) : of.Attribute(name);
    }

    // Names with two underscores that the objects have in Python. Others of that form are just missing.
    private static readonly HashSet<string> OfObjects =
    [
        "__class__", "__init__", "__new__", "__doc__", "__dir__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__repr__", "__str__", "__format__", "__sizeof__", "__reduce__",
        "__reduce_ex__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__", "__subclasshook__",
    ];
    private static readonly HashSet<string> OfContainers = ["__len__", "__getitem__", "__contains__", "__iter__", "__add__", "__mul__", "__rmul__", "__mod__", "__rmod__", "__getnewargs__", "__reversed__"];
    private static readonly HashSet<string> OfFunctions = ["__globals__", "__code__", "__closure__", "__defaults__", "__kwdefaults__", "__func__", "__self__", "__name__", "__qualname__", "__module__", "__dict__", "__call__"];
}
