using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Warm.Transformers;

/// <summary>One rendering: the variables, the output as it grows, and what is left of the limits.</summary>
internal sealed class JinjaRun(JinjaTemplate template, IReadOnlyDictionary<string, JinjaValue> variables, Func<DateTimeOffset> clock)
{
    private static readonly BigInteger LargestInteger = BigInteger.Pow(10, JinjaLimits.Digits);
    private long _steps;
    private int _calls;

    public JinjaTemplate Template { get; } = template;

    /// <summary>What strftime_now reads.</summary>
    public Func<DateTimeOffset> Clock { get; } = clock;

    /// <summary>Where statements write; a capture puts another one in its place for a while.</summary>
    public StringBuilder Output { get; private set; } = new();

    /// <summary>Whether printed text is escaped for HTML (inside <c>{% autoescape true %}</c>).</summary>
    public bool Autoescape { get; set; }

    /// <summary>Names set at the top level of the template, which its blocks see.</summary>
    public Dictionary<string, JinjaValue> Exports { get; } = [];

    /// <summary>The line that is being run, for errors.</summary>
    public int Line { get; set; }

    /// <summary>A name that no frame holds: what the template's top level set, the caller's variables, then the globals; null where unknown.</summary>
    public JinjaValue? Resolve(string name)
    {
        if (Exports.TryGetValue(name, out JinjaValue? value) || variables.TryGetValue(name, out value)) return value;
        if (name == "self") return new JinjaTemplateReference(Template);
        return JinjaGlobals.All.GetValueOrDefault(name);
    }

    /// <summary>Takes steps off what is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(long count = 1)
    {
        if ((_steps += count) > JinjaLimits.Steps) throw TooManySteps();
    }

    private static JinjaException TooManySteps() => JinjaException.Limit($"the template takes more than {JinjaLimits.Steps:N0} steps");

    /// <summary>Pays for a text of that many characters before it is made.</summary>
    public void Reserve(long characters)
    {
        if (characters > JinjaLimits.Text) throw JinjaException.Limit($"a text of more than {JinjaLimits.Text >> 20} MiB");
        Step(characters >> 4);
    }

    /// <summary>A new string value, paid for.</summary>
    public JinjaString Text(string value, bool safe = false)
    {
        Reserve(value.Length);
        return new JinjaString(value, safe);
    }

    /// <summary>Pays for a list of that many elements before it is made.</summary>
    public void ReserveList(long elements)
    {
        if (elements > JinjaLimits.List) throw JinjaException.Limit($"a list of more than {JinjaLimits.List:N0} elements");
        Step(elements);
    }

    /// <summary>A new integer value, if it is not too large.</summary>
    public JinjaValue Integer(BigInteger value)
    {
        if (BigInteger.Abs(value) >= LargestInteger) throw TooManyDigits();
        return JinjaInteger.Of(value);
    }

    public static JinjaException TooManyDigits() => JinjaException.Value($"Exceeds the limit ({JinjaLimits.Digits} digits) for integer string conversion");

    /// <summary>Appends to the output.</summary>
    public void Write(string text)
    {
        Step(text.Length >> 4);
        if ((long)Output.Length + text.Length > JinjaLimits.Text) throw JinjaException.Limit($"an output of more than {JinjaLimits.Text >> 20} MiB");
        Output.Append(text);
    }

    /// <summary>Prints a value as <c>{{ }}</c> does.</summary>
    public void Print(JinjaValue value)
    {
        string text = value.ToText(this);
        Write(Autoescape && value is not JinjaString { Safe: true } ? JinjaString.Escape(text) : text);
    }

    /// <summary>Prints what a filter or call block makes. Trap: that has to be a text, nothing makes one of it.</summary>
    public void PrintText(JinjaValue value)
    {
        if (value is not JinjaString) throw JinjaException.Type($"sequence item 0: expected str instance, {value.TypeName} found");
        Print(value);
    }

    /// <summary>What an action writes, as a text.</summary>
    public string Capture(Action action)
    {
        StringBuilder outer = Output;
        Output = new StringBuilder();
        try
        {
            action();
            return Output.ToString();
        }
        finally
        {
            Output = outer;
        }
    }

    /// <summary>Goes one call deeper, for as long as the result is not disposed.</summary>
    public Depth Enter()
    {
        if (_calls >= JinjaLimits.Calls || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new JinjaException("RecursionError", $"macros or recursive loops call one another more than {JinjaLimits.Calls} deep");
        Step();
        _calls++;
        return new Depth(this);
    }

    internal readonly ref struct Depth(JinjaRun run) : IDisposable
    {
        public void Dispose() => run._calls--;
    }

    /// <summary>Refuses to go deeper than the stack carries; called wherever values or nodes contain one another.</summary>
    public static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new JinjaException("RecursionError", "values or expressions are nested too deep");
    }
}
