namespace Warm.Transformers;

/// <summary>A value of the template language. The language is Python's: so are types, truth, equality, attributes and texts.</summary>
internal abstract class JinjaValue
{
    /// <summary>The name of the Python type, as error messages give it.</summary>
    public abstract string TypeName { get; }

    /// <summary>What <c>if</c> makes of it.</summary>
    public virtual bool IsTrue => true;

    /// <summary>What <c>{{ }}</c> prints.</summary>
    public virtual string ToText(JinjaRun run) => JinjaRepr.Of(run, this);

    /// <summary>What stands for it inside a printed list.</summary>
    public virtual void Repr(JinjaRepr to) => to.Append($"<{TypeName} object>");

    /// <summary>Python's attribute of that name (a method, a property), or null.</summary>
    public virtual JinjaValue? Attribute(string name) => null;

    /// <summary>The element under that key, or null where there is none or where the type has no elements.</summary>
    public virtual JinjaValue? Item(JinjaRun run, JinjaValue key) => null;

    /// <summary>The elements, or null where the type cannot be iterated.</summary>
    public virtual IEnumerable<JinjaValue>? Iterate() => null;

    /// <summary>Number of elements, or null where the type has none.</summary>
    public virtual int? Length => null;

    /// <summary>Whether <c>in</c> finds an element; null where the type does not know.</summary>
    public virtual bool? Contains(JinjaValue item) => Iterate()?.Any(x => ReferenceEquals(x, item) || x.Equals(item));

    public virtual bool IsCallable => false;

    public virtual JinjaValue Call(JinjaRun run, JinjaArguments arguments) => throw JinjaException.Type($"'{TypeName}' object is not callable");

    /// <summary>Whether it may be a key of a dictionary.</summary>
    public virtual bool IsHashable => true;

    /// <summary>Whether it is part of Python's list, dict ... whose methods that change it are forbidden.</summary>
    public virtual bool Forbids(string method) => false;

    /// <summary>The elements; an error where it cannot be iterated. Each element taken is a step.</summary>
    public IEnumerable<JinjaValue> Items(JinjaRun run)
    {
        IEnumerable<JinjaValue> items = Iterate() ?? throw JinjaException.NotIterable(this);
        foreach (JinjaValue item in items)
        {
            run.Step();
            yield return item;
        }
    }

    /// <summary>The elements as a list of their own.</summary>
    public List<JinjaValue> ToList(JinjaRun run)
    {
        if (Length is { } length && this is not JinjaUndefined) run.ReserveList(length);
        var list = new List<JinjaValue>();
        foreach (JinjaValue item in Items(run))
        {
            if (list.Count == JinjaLimits.List) run.ReserveList(JinjaLimits.List + 1L);
            list.Add(item);
        }
        return list;
    }

    public override string ToString() => TypeName;

    /// <summary>Python's ==.</summary>
    public override bool Equals(object? other) => ReferenceEquals(this, other);
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>none.</summary>
internal sealed class JinjaNone : JinjaValue
{
    public static JinjaNone Value { get; } = new();
    private JinjaNone() { }
    public override string TypeName => "NoneType";
    public override bool IsTrue => false;
    public override string ToText(JinjaRun run) => "None";
    public override void Repr(JinjaRepr to) => to.Append("None");
}

/// <summary>A name that nothing was given to, or an element that is not there: prints nothing, is false, and fails when used further.</summary>
internal sealed class JinjaUndefined : JinjaValue
{
    private readonly string _kind;
    private readonly string _message;

    private JinjaUndefined(string message, string kind = "UndefinedError") => (_message, _kind) = (message, kind);

    public static JinjaUndefined Name(string name) => new($"'{name}' is undefined");
    public static JinjaUndefined Because(string message) => new(message);

    /// <summary>An attribute or element that an object lacks.</summary>
    public static JinjaUndefined Missing(JinjaValue from, JinjaValue key) =>
        from is JinjaUndefined undefined ? throw undefined.Error()
        : key is JinjaString name ? new($"'{ObjectName(from)}' has no attribute {JinjaRepr.Quote(name.Value)}")
        : new($"{ObjectName(from)} has no element {JinjaRepr.Short(key)}");

    /// <summary>An attribute that the sandbox does not give.</summary>
    public static JinjaUndefined Unsafe(JinjaValue from, string name) =>
        new($"access to attribute {JinjaRepr.Quote(name)} of '{from.TypeName}' object is unsafe.", "SecurityError");

    private static string ObjectName(JinjaValue value) => value switch
    {
        JinjaNone => "None",
        JinjaNamespace => "transformers.utils.chat_template_utils.TemplateNamespace object",
        _ => $"{value.TypeName} object",
    };

    /// <summary>What using it raises.</summary>
    public JinjaException Error() => new(_kind, _message);

    public override string TypeName => "Undefined";
    public override bool IsTrue => false;
    public override string ToText(JinjaRun run) => "";
    public override void Repr(JinjaRepr to) => to.Append("Undefined");
    public override IEnumerable<JinjaValue> Iterate() => [];
    public override int? Length => 0;
    public override bool IsCallable => true;
    public override JinjaValue Call(JinjaRun run, JinjaArguments arguments) => throw Error();
    public override bool Equals(object? other) => other is JinjaUndefined;
    public override int GetHashCode() => 7;
}
