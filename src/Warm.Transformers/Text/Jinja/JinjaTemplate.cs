namespace Warm.Transformers;

/// <summary>A parsed template. It can be run any number of times, from any thread.</summary>
internal sealed class JinjaTemplate
{
    private readonly JinjaStatement[] _body;
    private readonly JinjaFramePlan _plan;

    private JinjaTemplate(JinjaStatement[] body, IReadOnlyDictionary<string, JinjaBlock> blocks)
    {
        (_body, Blocks) = (body, blocks);
        var scope = new JinjaScope(null) { IsTop = true };
        foreach (JinjaStatement statement in body) statement.Collect(scope);
        foreach (JinjaStatement statement in body) statement.Bind(scope);
        _plan = scope.Plan();
    }

    /// <summary>The blocks by name, for <c>self</c>.</summary>
    public IReadOnlyDictionary<string, JinjaBlock> Blocks { get; }

    /// <summary>Reads a template. Errors are JinjaExceptions with a line.</summary>
    public static JinjaTemplate Parse(string source)
    {
        var parser = new JinjaParser(JinjaLexer.Tokens(source));
        return new JinjaTemplate(parser.Template(), parser.Blocks);
    }

    /// <summary>The text that the template makes of the variables.</summary>
    public string Render(IReadOnlyDictionary<string, JinjaValue> variables, Func<DateTimeOffset> clock)
    {
        var run = new JinjaRun(this, variables, clock);
        try
        {
            JinjaStatement.ExecuteAll(_body, run, new JinjaFrame(run, null, _plan));
            return run.Output.ToString();
        }
        catch (JinjaException error)
        {
            if (error.Line == 0) error.Line = run.Line;
            throw;
        }
    }
}
