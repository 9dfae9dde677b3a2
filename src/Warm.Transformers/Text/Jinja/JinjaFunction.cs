namespace Warm.Transformers;

/// <summary>What a call hands over: values by position, then by name.</summary>
internal sealed class JinjaArguments(IReadOnlyList<JinjaValue> positional, IReadOnlyList<KeyValuePair<string, JinjaValue>>? named = null)
{
    public static JinjaArguments None { get; } = new([]);
    public IReadOnlyList<JinjaValue> Positional { get; } = positional;
    public IReadOnlyList<KeyValuePair<string, JinjaValue>> Named { get; } = named ?? [];

    /// <summary>The same without the first values.</summary>
    public JinjaArguments Without(int first) => new([.. Positional.Skip(first)], Named);

    /// <summary>The same with one more by name.</summary>
    public JinjaArguments With(string name, JinjaValue value) => new(Positional, [.. Named, new(name, value)]);
}

/// <summary>The parameters of a function: <c>"value old new count?"</c>, a question mark after what may be left out; <c>"/ .."</c> where none may be given by name.</summary>
internal sealed class JinjaSignature(string function, string parameters)
{
    private readonly (string Name, bool Optional)[] _parameters = [.. parameters.TrimStart('/').Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => (p.TrimEnd('?'), p.EndsWith('?')))];

    /// <summary>A value for each parameter, null for those left out. Errors are Python's.</summary>
    public JinjaValue?[] Bind(JinjaArguments arguments, JinjaValue? first = null)
    {
        int given = arguments.Positional.Count + (first is null ? 0 : 1);
        if (given > _parameters.Length)
            throw JinjaException.Type(_parameters.Length == 0 ? $"{function}() takes no arguments ({given} given)" : $"{function}() takes from {_parameters.Count(p => !p.Optional)} to {_parameters.Length} positional arguments but {given} were given");
        if (arguments.Named.Count > 0 && parameters.StartsWith('/')) throw JinjaException.Type($"{function}() takes no keyword arguments");
        var bound = new JinjaValue?[_parameters.Length];
        int next = 0;
        if (first is not null) bound[next++] = first;
        foreach (JinjaValue value in arguments.Positional) bound[next++] = value;
        foreach ((string name, JinjaValue value) in arguments.Named)
        {
            int place = Array.FindIndex(_parameters, p => p.Name == name);
            if (place < 0) throw JinjaException.Type($"{function}() got an unexpected keyword argument '{name}'");
            if (bound[place] is not null) throw JinjaException.Type($"{function}() got multiple values for argument '{name}'");
            bound[place] = value;
        }
        string[] missing = [.. _parameters.Where((p, i) => !p.Optional && bound[i] is null).Select(p => $"'{p.Name}'")];
        if (missing.Length > 0)
            throw JinjaException.Type($"{function}() missing {missing.Length} required positional argument{(missing.Length == 1 ? "" : "s")}: {string.Join(" and ", missing)}");
        return bound;
    }
}

/// <summary>A function that the language has: a global, or a method bound to its object.</summary>
internal sealed class JinjaFunction(string name, Func<JinjaRun, JinjaArguments, JinjaValue> body, string type = "builtin_function_or_method") : JinjaValue
{
    /// <summary>A function with a signature.</summary>
    public JinjaFunction(string name, JinjaSignature signature, Func<JinjaRun, JinjaValue?[], JinjaValue> body)
        : this(name, (run, arguments) => body(run, signature.Bind(arguments))) { }

    public override string TypeName => type;
    public override bool IsCallable => true;
    public override void Repr(JinjaRepr to) => to.Append(type == "type" ? $"<class '{name}'>" : $"<function {name} at 0x7f0000000000>");
    public override JinjaValue Call(JinjaRun run, JinjaArguments arguments)
    {
        run.Step();
        return body(run, arguments);
    }
}
