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
        return of.Item(run, key) ?? (key is JinjaString name ? Given(of, name.Value) : null) ?? JinjaUndefined.Missing(of, key);
    }

    /// <summary>An attribute that exists, or what the sandbox gives in its place: Python's internals and methods that change a value are undefined.</summary>
    public static JinjaValue? Given(JinjaValue of, string name) =>
        of.Forbids(name) || Internal.Contains(name) || of is JinjaGenerator && name.StartsWith("gi_", StringComparison.Ordinal) ? JinjaUndefined.Unsafe(of, name) : of.Attribute(name);

    /// <summary>Names with two underscores that every Python object has. Others of that form are just missing.</summary>
    private static readonly HashSet<string> Internal =
    [
        "__class__", "__init__", "__new__", "__doc__", "__dir__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__repr__", "__str__", "__format__", "__sizeof__", "__reduce__",
        "__reduce_ex__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__", "__subclasshook__", "__len__", "__getitem__", "__contains__", "__iter__", "__add__", "__mul__", "__rmul__", "__mod__",
        "__globals__", "__code__", "__closure__", "__defaults__", "__func__", "__self__", "__name__", "__qualname__", "__module__", "__dict__", "__call__",
    ];
}
