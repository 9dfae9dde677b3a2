namespace Warm.Transformers;

/// <summary>Makes statements of a template's tokens; expressions are <see cref="JinjaExpressionParser"/>'s.</summary>
internal sealed class JinjaParser(List<JinjaToken> tokens)
{
    private readonly JinjaTokens _tokens = new(tokens);
    private readonly Stack<string[]> _ends = new();
    private readonly Stack<string> _tags = new();
    private readonly Dictionary<string, JinjaBlock> _blocks = [];
    private JinjaExpressionParser? _expressions;
    private int _loops, _nesting;

    public IReadOnlyDictionary<string, JinjaBlock> Blocks => _blocks;
    private JinjaExpressionParser Expressions => _expressions ??= new(_tokens);

    /// <summary>The whole template.</summary>
    public JinjaStatement[] Template() => Body(null);

    /// <summary>Statements up to one of the end tags, whose name is then the current token.</summary>
    private JinjaStatement[] Body(string[]? ends)
    {
        if (++_nesting > JinjaLimits.Nesting) throw new JinjaException("RecursionError", $"blocks are nested more than {JinjaLimits.Nesting} deep") { Line = _tokens.Current.Line };
        JinjaRun.EnsureStack();
        if (ends is not null) _ends.Push(ends);
        var body = new List<JinjaStatement>();
        while (_tokens.Current.Kind != JinjaTokenKind.End)
        {
            JinjaToken token = _tokens.Next();
            if (token.Kind == JinjaTokenKind.Data) body.Add(new JinjaData(token.Text) { Line = token.Line });
            else if (token.Kind == JinjaTokenKind.VariableBegin)
            {
                body.Add(new JinjaPrint(Expressions.Tuple()) { Line = token.Line });
                _tokens.Expect(JinjaTokenKind.VariableEnd);
            }
            else
            {
                if (ends is not null && _tokens.Current.Kind == JinjaTokenKind.Name && ends.Contains(_tokens.Current.Text)) break;
                body.Add(Statement());
                _tokens.Expect(JinjaTokenKind.BlockEnd);
            }
        }
        if (ends is not null && _tokens.Current.Kind == JinjaTokenKind.End) throw Unexpected(null);
        if (ends is not null) _ends.Pop();
        _nesting--;
        return [.. body];
    }

    /// <summary>The body of a tag, from the tag's end on; the end tag's name is taken and given back.</summary>
    private JinjaStatement[] BodyOfTag(out string end, params string[] ends)
    {
        _tokens.Skip(":");
        _tokens.Expect(JinjaTokenKind.BlockEnd);
        JinjaStatement[] body = Body(ends);
        end = _tokens.Next().Text;
        return body;
    }

    private JinjaStatement[] BodyOfTag(string end) => BodyOfTag(out _, end);

    private JinjaStatement Statement()
    {
        JinjaToken tag = _tokens.Current;
        if (tag.Kind != JinjaTokenKind.Name) throw JinjaException.Syntax("tag name expected", tag.Line);
        _tags.Push(tag.Text);
        _tokens.Next();
        int line = tag.Line;
        JinjaStatement statement = tag.Text switch
        {
            "for" => For(line),
            "if" => If(line),
            "set" => Set(line),
            "macro" => Macro(line),
            "call" => Call(line),
            "filter" => new JinjaFilterBlock(Expressions.Filters(null, inline: true)!, BodyOfTag("endfilter")) { Line = line },
            "with" => With(line),
            "generation" => new JinjaGeneration(Scoped(null, [], [], "endgeneration", line)) { Line = line },
            "autoescape" => new JinjaAutoescape(Expressions.Expression(), BodyOfTag("endautoescape")) { Line = line },
            "block" => Block(line),
            "print" => PrintTag(line),
            "break" => Jump(JinjaFlow.Break, line),
            "continue" => Jump(JinjaFlow.Continue, line),
            "include" or "import" or "from" or "extends" => LoadTag(tag.Text, line),
            _ => throw Unexpected(_tags.Pop(), line),
        };
        _tags.Pop();
        return statement;
    }

    private JinjaFor For(int line)
    {
        if (++_loops > JinjaLimits.Loops) throw new JinjaException("SyntaxError", $"too many statically nested blocks: more than {JinjaLimits.Loops} for blocks inside one another") { Line = line };
        JinjaTarget target = Expressions.Target(["in"]);
        _tokens.ExpectName("in");
        JinjaExpression items = Expressions.Tuple(conditional: false, ends: ["recursive"]);
        JinjaExpression? test = _tokens.SkipName("if") ? Expressions.Expression() : null;
        bool recursive = _tokens.SkipName("recursive");
        JinjaStatement[] body = BodyOfTag(out string end, "endfor", "else");
        JinjaStatement[] otherwise = end == "else" ? BodyOfTag("endfor") : [];
        _loops--;
        if (SetsLoop([target, .. body, .. otherwise])) throw new JinjaException("TemplateAssertionError", "Can't assign to special loop variable in for-loop target") { Line = line };
        return new JinjaFor(target, items, test, recursive, body, otherwise) { Line = line };
    }

    /// <summary>Whether <c>loop</c> is set anywhere inside. Inner loops have looked already; only what they lack is looked at.</summary>
    private static bool SetsLoop(IEnumerable<JinjaNode> nodes) =>
        nodes.Any(n => n is JinjaNameTarget { Name: "loop" } || n is not (JinjaFor or JinjaExpression) && SetsLoop(n.Parts));

    private JinjaIf If(int line)
    {
        var branches = new List<(JinjaExpression, JinjaStatement[])>();
        while (true)
        {
            JinjaExpression test = Expressions.Tuple(conditional: false);
            branches.Add((test, BodyOfTag(out string end, "elif", "else", "endif")));
            if (end == "elif") continue;
            return new JinjaIf([.. branches], end == "else" ? BodyOfTag("endif") : []) { Line = line };
        }
    }

    private JinjaStatement Set(int line)
    {
        JinjaTarget target = Expressions.Target(null, namespaces: true);
        if (_tokens.Skip("=")) return new JinjaSet(target, Expressions.Tuple()) { Line = line };
        JinjaFilter? filter = Expressions.Filters(null, inline: false);
        return new JinjaSetBlock(target, filter, BodyOfTag("endset")) { Line = line };
    }

    private JinjaMacro Macro(int line)
    {
        JinjaToken name = _tokens.Expect(JinjaTokenKind.Name);
        (string[] parameters, JinjaExpression[] defaults) = Signature();
        return new JinjaMacro(new JinjaNameTarget(name.Text) { Line = line }, Scoped(name.Text, parameters, defaults, "endmacro", line)) { Line = line };
    }

    private JinjaCallBlock Call(int line)
    {
        (string[] parameters, JinjaExpression[] defaults) = _tokens.Current.IsOperator("(") ? Signature() : ([], []);
        if (Expressions.Expression() is not JinjaCall call) throw JinjaException.Syntax("expected call", line);
        return new JinjaCallBlock(call, Scoped("caller", parameters, defaults, "endcall", line, named: false)) { Line = line };
    }

    /// <summary>A body that is a function of its own: loops outside of it do not count.</summary>
    private JinjaMacroBody Scoped(string? name, string[] parameters, JinjaExpression[] defaults, string end, int line, bool named = true)
    {
        int loops = _loops;
        _loops = 0;
        JinjaStatement[] body = BodyOfTag(end);
        _loops = loops;
        return new JinjaMacroBody(named ? name : null, parameters, defaults, body) { Line = line };
    }

    private (string[], JinjaExpression[]) Signature()
    {
        var parameters = new List<string>();
        var defaults = new List<JinjaExpression>();
        int line = _tokens.Current.Line;
        _tokens.ExpectOperator("(");
        while (!_tokens.Current.IsOperator(")"))
        {
            if (parameters.Count > 0) _tokens.ExpectOperator(",");
            parameters.Add(_tokens.Expect(JinjaTokenKind.Name).Text);
            if (_tokens.Skip("=")) defaults.Add(Expressions.Expression());
            else if (defaults.Count > 0) throw JinjaException.Syntax("non-default argument follows default argument", _tokens.Current.Line);
        }
        _tokens.ExpectOperator(")");
        if (parameters.GroupBy(p => p).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new JinjaException("SyntaxError", $"duplicate argument '{twice.Key}' in function definition") { Line = line };
        return ([.. parameters], [.. defaults]);
    }

    private JinjaWith With(int line)
    {
        var targets = new List<JinjaTarget>();
        var values = new List<JinjaExpression>();
        while (_tokens.Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (targets.Count > 0) _tokens.ExpectOperator(",");
            targets.Add(Expressions.Target(null));
            _tokens.ExpectOperator("=");
            values.Add(Expressions.Expression());
        }
        return new JinjaWith([.. targets], [.. values], BodyOfTag("endwith")) { Line = line };
    }

    private JinjaBlock Block(int line)
    {
        string name = _tokens.Expect(JinjaTokenKind.Name).Text;
        bool scoped = _tokens.SkipName("scoped");
        bool required = _tokens.SkipName("required");
        if (_tokens.Current.IsOperator("-")) throw JinjaException.Syntax("Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.", line);
        int loops = _loops;
        _loops = 0;
        var block = new JinjaBlock(name, scoped, BodyOfTag("endblock")) { Line = line };
        _loops = loops;
        if (required) throw new JinjaException("TemplateRuntimeError", $"Required block {JinjaRepr.Quote(name)} not found") { Line = line };
        _tokens.SkipName(name);
        if (!_blocks.TryAdd(name, block)) throw new JinjaException("TemplateAssertionError", $"block {JinjaRepr.Quote(name)} defined twice") { Line = line };
        return block;
    }

    private JinjaStatement PrintTag(int line)
    {
        var values = new List<JinjaExpression>();
        while (_tokens.Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (values.Count > 0) _tokens.ExpectOperator(",");
            values.Add(Expressions.Expression());
        }
        return new JinjaIf([(new JinjaConstant(JinjaBoolean.True), [.. values.Select(v => new JinjaPrint(v) { Line = line })])], []) { Line = line };
    }

    private JinjaJump Jump(JinjaFlow flow, int line) => new(flow, inLoop: _loops > 0) { Line = line };

    private JinjaLoadStatement LoadTag(string tag, int line)
    {
        JinjaExpression template = Expressions.Expression();
        var sets = new List<JinjaTarget>();
        if (tag == "import")
        {
            _tokens.ExpectName("as");
            sets.Add(new JinjaNameTarget(_tokens.Expect(JinjaTokenKind.Name).Text) { Line = line });
        }
        if (tag == "from")
        {
            _tokens.ExpectName("import");
            do
            {
                string name = _tokens.Expect(JinjaTokenKind.Name).Text;
                sets.Add(new JinjaNameTarget(_tokens.SkipName("as") ? _tokens.Expect(JinjaTokenKind.Name).Text : name) { Line = line });
            }
            while (_tokens.Skip(","));
        }
        if (_tokens.SkipName("ignore")) _tokens.ExpectName("missing");
        if (_tokens.SkipName("with") || _tokens.SkipName("without")) _tokens.ExpectName("context");
        return new JinjaLoadStatement(template, [.. sets]) { Line = line };
    }

    /// <summary>A tag that is not known or not expected here, or the end of the template where one was.</summary>
    private JinjaException Unexpected(string? name, int line = 0)
    {
        var message = new List<string> { name is null ? "Unexpected end of template." : $"Encountered unknown tag {JinjaRepr.Quote(name)}." };
        string? looking = _ends.TryPeek(out string[]? ends) ? string.Join(" or ", ends.Select(JinjaRepr.Quote)) : null;
        if (looking is not null)
            message.Add(name is not null && _ends.Any(e => e.Contains(name)) ? $"You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for {looking}." : $"Jinja was looking for the following tags: {looking}.");
        if (_tags.TryPeek(out string? innermost)) message.Add($"The innermost block that needs to be closed is {JinjaRepr.Quote(innermost)}.");
        return JinjaException.Syntax(string.Join(' ', message), line == 0 ? _tokens.Current.Line : line);
    }
}
