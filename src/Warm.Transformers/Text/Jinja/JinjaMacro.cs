namespace Warm.Transformers;

/// <summary>The parameters and body of a macro or a call block.</summary>
internal sealed class JinjaMacroBody(string? name, string[] parameters, JinjaExpression[] defaults, JinjaStatement[] body) : JinjaNode
{
    private JinjaFramePlan? _plan;
    private int[] _slots = [];
    private int? _caller, _kwargs, _varargs;

    public string? Name { get; } = name;
    public bool TakesNamed => _kwargs is not null;
    public bool TakesMore => _varargs is not null;
    public bool ReadsCaller { get; private set; }
    public IReadOnlyList<string> Parameters => parameters;
    public override IEnumerable<JinjaNode> Parts => [.. defaults, .. body];
    public override void Collect(JinjaScope scope) { }

    public override void Bind(JinjaScope scope)
    {
        JinjaRun.EnsureStack();
        var inner = new JinjaScope(scope);
        foreach (string parameter in parameters) inner.Parameter(parameter);
        foreach (JinjaNode part in Parts) part.Collect(inner);
        _slots = [.. parameters.Select(p => inner.Find(p)!.Value.Slot)];
        if (ReadsCaller = Reads(body, "caller"))
        {
            int at = Array.IndexOf(parameters, "caller");
            if (at < 0) _caller = inner.Parameter("caller");
            else if (at < parameters.Length - defaults.Length)
                throw new JinjaException("TemplateAssertionError", "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.") { Line = Line };
        }
        if (Reads(body, "kwargs") && !parameters.Contains("kwargs")) _kwargs = inner.Parameter("kwargs");
        if (Reads(body, "varargs") && !parameters.Contains("varargs")) _varargs = inner.Parameter("varargs");
        foreach (JinjaNode part in Parts) part.Bind(inner);
        _plan = inner.Plan();
    }

    /// <summary>Runs the body in the frame that the macro was made in; its value is what it writes.</summary>
    public JinjaValue Call(JinjaRun run, JinjaFrame made, JinjaArguments arguments)
    {
        using var depth = run.Enter();
        var frame = new JinjaFrame(run, made, _plan!);
        var named = new List<KeyValuePair<string, JinjaValue>>(arguments.Named);
        for (int i = 0; i < parameters.Length; i++)
            frame.Values[_slots[i]] = i < arguments.Positional.Count ? arguments.Positional[i] : Take(parameters[i]);
        if (_caller is { } caller) frame.Values[caller] = Take("caller") ?? JinjaUndefined.Because("No caller defined");
        if (_kwargs is { } kwargs)
        {
            var rest = new JinjaDictionary(named.Count);
            foreach ((string name, JinjaValue value) in named) rest.Set(name, value);
            frame.Values[kwargs] = rest;
        }
        else if (named.Exists(n => n.Key == "caller"))
            throw JinjaException.Type($"macro {Quoted} was invoked with two values for the special caller argument. This is most likely a bug.");
        else if (named.Count > 0) throw JinjaException.Type($"macro {Quoted} takes no keyword argument {JinjaRepr.Quote(named[0].Key)}");
        if (_varargs is { } varargs) frame.Values[varargs] = new JinjaTuple([.. arguments.Positional.Skip(parameters.Length)]);
        else if (arguments.Positional.Count > parameters.Length) throw JinjaException.Type($"macro {Quoted} takes not more than {parameters.Length} argument(s)");
        for (int i = 0; i < parameters.Length; i++)
        {
            if (frame.Values[_slots[i]] is not null) continue;
            int given = i - (parameters.Length - defaults.Length);
            frame.Values[_slots[i]] = given >= 0 ? defaults[given].Evaluate(run, frame) : JinjaUndefined.Because($"parameter {JinjaRepr.Quote(parameters[i])} was not provided");
        }
        int line = run.Line;
        string text = run.Capture(() => JinjaStatement.ExecuteAll(body, run, frame));
        run.Line = line;
        return run.Text(text, run.Autoescape);

        JinjaValue? Take(string name)
        {
            int place = named.FindIndex(n => n.Key == name);
            if (place < 0) return null;
            JinjaValue value = named[place].Value;
            named.RemoveAt(place);
            return value;
        }
    }

    private string Quoted => Name is null ? "None" : JinjaRepr.Quote(Name);
}

/// <summary>A macro as a value: callable, and printed as what it is.</summary>
internal sealed class JinjaMacroValue(JinjaMacroBody body, JinjaFrame made) : JinjaValue
{
    public override string TypeName => "Macro";
    public override bool IsCallable => true;
    public override void Repr(JinjaRepr to) => to.Append(body.Name is null ? "<Macro anonymous>" : $"<Macro {JinjaRepr.Quote(body.Name)}>");
    public override JinjaValue? Attribute(string name) => name switch
    {
        "name" => body.Name is null ? JinjaNone.Value : new JinjaString(body.Name),
        "arguments" => new JinjaTuple([.. body.Parameters.Select(p => new JinjaString(p))]),
        "catch_kwargs" => JinjaBoolean.Of(body.TakesNamed),
        "catch_varargs" => JinjaBoolean.Of(body.TakesMore),
        "caller" => JinjaBoolean.Of(body.ReadsCaller),
        "explicit_caller" => JinjaBoolean.Of(body.Parameters.Contains("caller")),
        _ => null,
    };
    public override JinjaValue Call(JinjaRun run, JinjaArguments arguments) => body.Call(run, made, arguments);
}

/// <summary><c>{% macro name(..) %}</c></summary>
internal sealed class JinjaMacro(JinjaNameTarget name, JinjaMacroBody body) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [name, body];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        name.Assign(run, frame, new JinjaMacroValue(body, frame));
        return JinjaFlow.Next;
    }
}

/// <summary><c>{% call(..) f(..) %}</c>: a call that is handed the body as <c>caller</c>.</summary>
internal sealed class JinjaCallBlock(JinjaCall call, JinjaMacroBody body) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [call, body];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        run.PrintText(call.Evaluate(run, frame, new JinjaMacroValue(body, frame)));
        return JinjaFlow.Next;
    }
}

/// <summary><c>{% generation %}</c>: what the assistant said, for training masks; printed as it is, in a scope of its own.</summary>
internal sealed class JinjaGeneration(JinjaMacroBody body) : JinjaStatement
{
    public override IEnumerable<JinjaNode> Parts => [body];
    public override JinjaFlow Execute(JinjaRun run, JinjaFrame frame)
    {
        run.Print(body.Call(run, frame, JinjaArguments.None));
        return JinjaFlow.Next;
    }
}
