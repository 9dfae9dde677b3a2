namespace Warm.Transformers;

/// <summary>An error of a template, by the name that Python gives it: what a template author knows from the Python side.</summary>
internal sealed class JinjaException(string kind, string message) : Exception(message)
{
    /// <summary>TemplateSyntaxError, UndefinedError, SecurityError, TypeError, ValueError ...</summary>
    public string Kind { get; } = kind;

    /// <summary>Line of the template, from 1; 0 where it is not known yet.</summary>
    public int Line { get; set; }

    public static JinjaException Type(string message) => new("TypeError", message);
    public static JinjaException Value(string message) => new("ValueError", message);
    public static JinjaException Syntax(string message, int line) => new("TemplateSyntaxError", message) { Line = line };
    public static JinjaException NotIterable(JinjaValue value) => Type($"'{value.TypeName}' object is not iterable");

    /// <summary>A limit of ours was reached: the message names it.</summary>
    public static JinjaException Limit(string message) => new("LimitError", message);
}
