namespace Warm.Transformers;

/// <summary>The tokens of a template, one after the other.</summary>
internal sealed class JinjaTokens(List<JinjaToken> tokens)
{
    private int _at;
    public JinjaToken Current => tokens[_at];
    public JinjaToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];
    public JinjaToken Next() => _at < tokens.Count - 1 ? tokens[_at++] : tokens[_at];

    public bool Skip(string symbol)
    {
        if (!Current.IsOperator(symbol)) return false;
        Next();
        return true;
    }

    public bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        Next();
        return true;
    }

    public JinjaToken Expect(JinjaTokenKind kind) => Current.Kind == kind ? Next() : throw Expected(kind == JinjaTokenKind.Name ? "name" : new JinjaToken(kind, "", 0).Described);
    public void ExpectOperator(string symbol) { if (!Skip(symbol)) throw Expected(symbol); }
    public void ExpectName(string name) { if (!SkipName(name)) throw Expected(name); }

    private JinjaException Expected(string what) => JinjaException.Syntax(
        Current.Kind == JinjaTokenKind.End ? $"unexpected end of template, expected {JinjaRepr.Quote(what)}." : $"expected token {JinjaRepr.Quote(what)}, got {JinjaRepr.Quote(Current.Described)}", Current.Line);
}

/// <summary>
/// Makes expressions of tokens, from the loosest operator to the tightest: if-else, or, and, not, comparisons, + -, ~, * / // %, **, signs, then what follows a value.
/// Trap: a sign binds tighter than **, and ** goes from left to right; a filter belongs to the value beside it, after its sign: <c>-1 | abs</c> is 1.
/// </summary>
internal sealed class JinjaExpressionParser(JinjaTokens tokens)
{
    private int _nesting;

    public JinjaExpression Expression(bool conditional = true)
    {
        if (++_nesting > JinjaLimits.Nesting) throw TooDeep();
        JinjaRun.EnsureStack();
        JinjaExpression value = conditional ? Conditional() : Or();
        _nesting--;
        return value;
    }

    private JinjaException TooDeep() => new("RecursionError", $"expressions are nested more than {JinjaLimits.Nesting} deep") { Line = tokens.Current.Line };

    /// <summary>An expression, or several with commas between them as a tuple.</summary>
    public JinjaExpression Tuple(bool conditional = true, string[]? ends = null, bool parenthesised = false)
    {
        int line = tokens.Current.Line;
        var items = new List<JinjaExpression>();
        bool tuple = false;
        while (true)
        {
            if (items.Count > 0) tokens.ExpectOperator(",");
            if (AtTupleEnd(ends)) break;
            items.Add(Expression(conditional));
            if (!tokens.Current.IsOperator(",")) break;
            tuple = true;
        }
        if (!tuple && items.Count > 0) return items[0];
        if (!tuple && !parenthesised) throw JinjaException.Syntax($"Expected an expression, got {JinjaRepr.Quote(tokens.Current.Described)}", tokens.Current.Line);
        return new JinjaListDisplay([.. items], tuple: true) { Line = line };
    }

    private bool AtTupleEnd(string[]? ends) =>
        tokens.Current.Kind is JinjaTokenKind.VariableEnd or JinjaTokenKind.BlockEnd || tokens.Current.IsOperator(")")
        || ends is not null && tokens.Current.Kind == JinjaTokenKind.Name && ends.Contains(tokens.Current.Text);

    /// <summary>What may stand left of <c>=</c> or <c>in</c>.</summary>
    public JinjaTarget Target(string[]? ends, bool namespaces = false)
    {
        int line = tokens.Current.Line;
        var targets = new List<JinjaTarget>();
        bool tuple = false;
        while (true)
        {
            if (targets.Count > 0) tokens.ExpectOperator(",");
            if (AtTupleEnd(ends)) break;
            targets.Add(SingleTarget(namespaces));
            if (!tokens.Current.IsOperator(",")) break;
            tuple = true;
        }
        if (!tuple && targets.Count == 1) return targets[0];
        if (!tuple) throw JinjaException.Syntax($"Expected an expression, got {JinjaRepr.Quote(tokens.Current.Described)}", tokens.Current.Line);
        return new JinjaTupleTarget([.. targets]) { Line = line };
    }

    private JinjaTarget SingleTarget(bool namespaces)
    {
        JinjaRun.EnsureStack();
        JinjaToken token = tokens.Next();
        if (token.IsOperator("("))
        {
            JinjaTarget inner = Target([], namespaces);
            tokens.ExpectOperator(")");
            return inner;
        }
        if (token.Kind == JinjaTokenKind.Name && token.Text is not ("true" or "True" or "false" or "False" or "none" or "None"))
        {
            if (!namespaces || !tokens.Skip(".")) return new JinjaNameTarget(token.Text) { Line = token.Line };
            return new JinjaNamespaceTarget(token.Text, tokens.Expect(JinjaTokenKind.Name).Text) { Line = token.Line };
        }
        string what = token.Kind is JinjaTokenKind.Name or JinjaTokenKind.Text or JinjaTokenKind.Integer or JinjaTokenKind.Float ? "const" : token.IsOperator("[") ? "list" : token.IsOperator("{") ? "dict" : "";
        throw JinjaException.Syntax(what.Length > 0 ? $"can't assign to '{what}'" : $"unexpected {JinjaRepr.Quote(token.Described)}", token.Line);
    }

    private JinjaExpression Conditional()
    {
        int line = tokens.Current.Line;
        JinjaExpression value = Or();
        for (int chain = 0; tokens.SkipName("if"); chain++)
        {
            CheckChain(chain);
            JinjaExpression test = Or();
            JinjaExpression? other = tokens.SkipName("else") ? Expression() : null;
            value = new JinjaConditional(test, value, other) { Line = line };
        }
        return value;
    }

    private void CheckChain(int links)
    {
        if (links > JinjaLimits.Chain) throw new JinjaException("RecursionError", $"more than {JinjaLimits.Chain} operators or filters in a row") { Line = tokens.Current.Line };
    }

    private JinjaExpression Or() => Chain(And, ["or"], name: true);
    private JinjaExpression And() => Chain(Not, ["and"], name: true);

    /// <summary>Operators of one level, from left to right.</summary>
    private JinjaExpression Chain(Func<JinjaExpression> operand, string[] symbols, bool name = false)
    {
        JinjaExpression left = operand();
        for (int chain = 0; tokens.Current.Kind == (name ? JinjaTokenKind.Name : JinjaTokenKind.Operator) && symbols.Contains(tokens.Current.Text); chain++)
        {
            CheckChain(chain);
            JinjaToken symbol = tokens.Next();
            JinjaExpression right = operand();
            left = name ? new JinjaLogic(left, right, symbol.Text == "and") { Line = symbol.Line } : new JinjaArithmetic(symbol.Text, left, right) { Line = symbol.Line };
        }
        return left;
    }

    private JinjaExpression Not()
    {
        if (!tokens.Current.IsName("not")) return Comparison();
        if (++_nesting > JinjaLimits.Nesting) throw TooDeep();
        int line = tokens.Next().Line;
        var value = new JinjaNot(Not()) { Line = line };
        _nesting--;
        return value;
    }

    private JinjaExpression Comparison()
    {
        JinjaExpression first = Sum();
        var rest = new List<(string, JinjaExpression)>();
        while (true)
        {
            if (tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" }) rest.Add((tokens.Next().Text, Sum()));
            else if (tokens.SkipName("in")) rest.Add(("in", Sum()));
            else if (tokens.Current.IsName("not") && tokens.Following.IsName("in"))
            {
                tokens.Next();
                tokens.Next();
                rest.Add(("not in", Sum()));
            }
            else break;
        }
        return rest.Count == 0 ? first : new JinjaComparison(first, [.. rest]) { Line = first.Line };
    }

    private JinjaExpression Sum() => Chain(Concatenation, ["+", "-"]);

    private JinjaExpression Concatenation()
    {
        JinjaExpression first = Product();
        if (!tokens.Current.IsOperator("~")) return first;
        var items = new List<JinjaExpression> { first };
        while (tokens.Skip("~")) items.Add(Product());
        return new JinjaConcatenation([.. items]) { Line = first.Line };
    }

    private JinjaExpression Product() => Chain(Power, ["*", "/", "//", "%"]);

    /// <summary>
    /// Powers, from left to right. Trap: a negative number that is written out, to a power that is not, is the negative of the power: <c>-2 ** x</c>.
    /// (The Python side compiles such a number to its text, where Python's own rule takes over.) <c>-2 ** 2</c> is 4.
    /// </summary>
    private JinjaExpression Power()
    {
        JinjaExpression left = Unary();
        for (int chain = 0; tokens.Current.IsOperator("**"); chain++)
        {
            CheckChain(chain);
            int line = tokens.Next().Line;
            JinjaExpression right = Unary();
            left = left is JinjaSign { Minus: true, Of: JinjaConstant { Value: JinjaInteger or JinjaFloat } number } && !IsConstant(right)
                ? new JinjaSign(true, new JinjaArithmetic("**", number, right) { Line = line }) { Line = line }
                : new JinjaArithmetic("**", left, right) { Line = line };
        }
        return left;
    }

    private static bool IsConstant(JinjaNode node) => node is JinjaConstant || node is JinjaSign or JinjaArithmetic or JinjaListDisplay && node.Parts.All(IsConstant);


    private JinjaExpression Unary(bool filters = true)
    {
        JinjaToken token = tokens.Current;
        JinjaExpression value;
        if (token.IsOperator("-") || token.IsOperator("+"))
        {
            if (++_nesting > JinjaLimits.Nesting) throw TooDeep();
            tokens.Next();
            value = new JinjaSign(token.Text == "-", Unary(filters: false)) { Line = token.Line };
            _nesting--;
        }
        else value = Primary();
        value = Postfix(value);
        return filters ? FiltersAndTests(value) : value;
    }

    private JinjaExpression Primary()
    {
        JinjaToken token = tokens.Next();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                JinjaValue? constant = token.Text switch
                {
                    "true" or "True" => JinjaBoolean.True,
                    "false" or "False" => JinjaBoolean.False,
                    "none" or "None" => JinjaNone.Value,
                    _ => null,
                };
                return constant is null ? new JinjaName(token.Text) { Line = token.Line } : new JinjaConstant(constant) { Line = token.Line };
            case JinjaTokenKind.Text when tokens.Current.Kind == JinjaTokenKind.Text:
                var text = new System.Text.StringBuilder(token.Text);
                while (tokens.Current.Kind == JinjaTokenKind.Text) text.Append(tokens.Next().Text);
                return new JinjaConstant(new JinjaString(text.ToString())) { Line = token.Line };
            case JinjaTokenKind.Text or JinjaTokenKind.Integer or JinjaTokenKind.Float:
                return new JinjaConstant(token.Value!) { Line = token.Line };
            case JinjaTokenKind.Operator when token.Text == "(":
                JinjaExpression inner = Tuple(parenthesised: true);
                tokens.ExpectOperator(")");
                return inner;
            case JinjaTokenKind.Operator when token.Text == "[":
                var items = new List<JinjaExpression>();
                while (!tokens.Current.IsOperator("]"))
                {
                    if (items.Count > 0) tokens.ExpectOperator(",");
                    if (tokens.Current.IsOperator("]")) break;
                    items.Add(Expression());
                }
                tokens.ExpectOperator("]");
                return new JinjaListDisplay([.. items], tuple: false) { Line = token.Line };
            case JinjaTokenKind.Operator when token.Text == "{":
                return Dictionary(token.Line);
            default:
                throw JinjaException.Syntax($"unexpected {JinjaRepr.Quote(token.Described)}", token.Line);
        }
    }

    private JinjaDictionaryDisplay Dictionary(int line)
    {
        var pairs = new List<(JinjaExpression, JinjaExpression)>();
        while (!tokens.Current.IsOperator("}"))
        {
            if (pairs.Count > 0) tokens.ExpectOperator(",");
            if (tokens.Current.IsOperator("}")) break;
            JinjaExpression key = Expression();
            tokens.ExpectOperator(":");
            pairs.Add((key, Expression()));
        }
        tokens.ExpectOperator("}");
        return new JinjaDictionaryDisplay([.. pairs]) { Line = line };
    }

    /// <summary>Attributes, elements and calls.</summary>
    private JinjaExpression Postfix(JinjaExpression value)
    {
        for (int chain = 0; ; chain++)
        {
            CheckChain(chain);
            int line = tokens.Current.Line;
            if (tokens.Skip(".")) value = Member(value, line);
            else if (tokens.Skip("[")) value = new JinjaElement(value, Subscript()) { Line = line };
            else if (tokens.Current.IsOperator("(")) value = new JinjaCall(value, Arguments()) { Line = line };
            else return value;
        }
    }

    private JinjaExpression Member(JinjaExpression of, int line)
    {
        JinjaToken name = tokens.Next();
        return name.Kind switch
        {
            JinjaTokenKind.Name => new JinjaAttribute(of, name.Text) { Line = line },
            JinjaTokenKind.Integer => new JinjaElement(of, new JinjaConstant(name.Value!)) { Line = line },
            _ => throw JinjaException.Syntax("expected name or number", name.Line),
        };
    }

    private JinjaExpression Subscript()
    {
        int line = tokens.Current.Line;
        var keys = new List<JinjaExpression>();
        while (!tokens.Current.IsOperator("]"))
        {
            if (keys.Count > 0) tokens.ExpectOperator(",");
            keys.Add(Key());
        }
        tokens.ExpectOperator("]");
        return keys.Count == 1 ? keys[0] : new JinjaListDisplay([.. keys], tuple: true) { Line = line };
    }

    private JinjaExpression Key()
    {
        int line = tokens.Current.Line;
        JinjaExpression? start = tokens.Current.IsOperator(":") ? null : Expression();
        if (!tokens.Skip(":")) return start!;
        JinjaExpression? stop = AtKeyEnd() || tokens.Current.IsOperator(":") ? null : Expression();
        JinjaExpression? step = tokens.Skip(":") && !AtKeyEnd() ? Expression() : null;
        return new JinjaSliceDisplay(start, stop, step) { Line = line };
    }

    private bool AtKeyEnd() => tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "]" or "," };

    private JinjaExpression FiltersAndTests(JinjaExpression value)
    {
        for (int chain = 0; ; chain++)
        {
            CheckChain(chain);
            if (tokens.Current.IsOperator("|")) value = Filters(value, inline: false)!;
            else if (tokens.Current.IsName("is")) value = Test(value);
            else if (tokens.Current.IsOperator("(")) value = new JinjaCall(value, Arguments()) { Line = tokens.Current.Line };
            else return value;
        }
    }

    /// <summary>Filters in a row; inline means that the first one's name comes without a bar, as in a filter block.</summary>
    public JinjaFilter? Filters(JinjaExpression? value, bool inline)
    {
        JinjaFilter? filter = value as JinjaFilter;
        for (int chain = 0; inline || tokens.Skip("|"); chain++)
        {
            CheckChain(chain);
            inline = false;
            (string name, int line) = DottedName();
            filter = new JinjaFilter(value, name, tokens.Current.IsOperator("(") ? Arguments() : JinjaCallArguments.None) { Line = line };
            value = filter;
        }
        return filter;
    }

    private JinjaExpression Test(JinjaExpression value)
    {
        tokens.Next();
        bool negated = tokens.SkipName("not");
        (string name, int line) = DottedName();
        JinjaCallArguments arguments = JinjaCallArguments.None;
        JinjaToken next = tokens.Current;
        if (next.IsOperator("(")) arguments = Arguments();
        else if (next.Kind is JinjaTokenKind.Name or JinjaTokenKind.Text or JinjaTokenKind.Integer or JinjaTokenKind.Float || next.IsOperator("[") || next.IsOperator("{"))
        {
            if (next.IsName("is")) throw JinjaException.Syntax("You cannot chain multiple tests with is", next.Line);
            if (!next.IsName("else") && !next.IsName("or") && !next.IsName("and")) arguments = new([Postfix(Primary())], [], null, null);
        }
        JinjaExpression test = new JinjaTest(value, name, arguments) { Line = line };
        return negated ? new JinjaNot(test) { Line = line } : test;
    }

    private (string Name, int Line) DottedName()
    {
        JinjaToken first = tokens.Expect(JinjaTokenKind.Name);
        string name = first.Text;
        while (tokens.Skip(".")) name += "." + tokens.Expect(JinjaTokenKind.Name).Text;
        return (name, first.Line);
    }

    private JinjaCallArguments Arguments()
    {
        int line = tokens.Current.Line;
        tokens.ExpectOperator("(");
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        JinjaExpression? list = null, dictionary = null;
        for (bool first = true; !tokens.Current.IsOperator(")"); first = false)
        {
            if (!first)
            {
                tokens.ExpectOperator(",");
                if (tokens.Current.IsOperator(")")) break;
            }
            if (tokens.Skip("*"))
            {
                Ensure(list is null && dictionary is null);
                list = Expression();
            }
            else if (tokens.Skip("**"))
            {
                Ensure(dictionary is null);
                dictionary = Expression();
            }
            else if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Following.IsOperator("="))
            {
                Ensure(dictionary is null);
                string name = tokens.Next().Text;
                tokens.Next();
                named.Add((name, Expression()));
            }
            else
            {
                Ensure(list is null && dictionary is null && named.Count == 0);
                positional.Add(Expression());
            }
        }
        tokens.ExpectOperator(")");
        return new JinjaCallArguments([.. positional], [.. named], list, dictionary) { Line = line };

        void Ensure(bool holds)
        {
            if (!holds) throw JinjaException.Syntax("invalid syntax for function call expression", line);
        }
    }
}
