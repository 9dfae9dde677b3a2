namespace Warm.Transformers;

/// <summary>A piece of a parsed template. First its names are collected into scopes, then bound to slots; then it can be run any number of times, from any thread.</summary>
internal abstract class JinjaNode
{
    public int Line { get; init; }

    /// <summary>The nodes it is made of.</summary>
    public abstract IEnumerable<JinjaNode> Parts { get; }

    /// <summary>Tells the scope which names are read and set, in the order of the text. Nodes with a scope of their own tell only what lies outside of it.</summary>
    public virtual void Collect(JinjaScope scope)
    {
        JinjaRun.EnsureStack();
        foreach (JinjaNode part in Parts) part.Collect(scope);
    }

    /// <summary>Looks up the slots, once all names of the scope are known.</summary>
    public virtual void Bind(JinjaScope scope)
    {
        JinjaRun.EnsureStack();
        foreach (JinjaNode part in Parts) part.Bind(scope);
    }

    /// <summary>Whether a name is read anywhere inside before it is set there; blocks are not looked into.</summary>
    public static bool Reads(IEnumerable<JinjaNode> nodes, string name) => Search(nodes, name) == true;

    private static bool? Search(IEnumerable<JinjaNode> nodes, string name)
    {
        JinjaRun.EnsureStack();
        foreach (JinjaNode node in nodes)
        {
            bool? found = node switch
            {
                JinjaName read => read.Name == name ? true : null,
                JinjaNameTarget set => set.Name == name ? false : null,
                JinjaBlock => null,
                _ => Search(node.Parts, name),
            };
            if (found is not null) return found;
        }
        return null;
    }
}

/// <summary>A node with a value.</summary>
internal abstract class JinjaExpression : JinjaNode
{
    public abstract JinjaValue Evaluate(JinjaRun run, JinjaFrame frame);
}

/// <summary>What a statement tells the loop around it.</summary>
internal enum JinjaFlow { Next, Break, Continue }

/// <summary>A node that writes or sets.</summary>
internal abstract class JinjaStatement : JinjaNode
{
    public abstract JinjaFlow Execute(JinjaRun run, JinjaFrame frame);

    public static JinjaFlow ExecuteAll(JinjaStatement[] body, JinjaRun run, JinjaFrame frame)
    {
        foreach (JinjaStatement statement in body)
        {
            run.Step();
            run.Line = statement.Line;
            JinjaFlow flow = statement.Execute(run, frame);
            if (flow != JinjaFlow.Next) return flow;
        }
        return JinjaFlow.Next;
    }

    protected static void CollectAll(IEnumerable<JinjaNode> nodes, JinjaScope scope)
    {
        foreach (JinjaNode node in nodes) node.Collect(scope);
    }

    protected static void BindAll(IEnumerable<JinjaNode> nodes, JinjaScope scope)
    {
        foreach (JinjaNode node in nodes) node.Bind(scope);
    }
}
