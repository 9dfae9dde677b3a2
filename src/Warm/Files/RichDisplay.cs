using System.Diagnostics.CodeAnalysis;

namespace Warm;

/// <summary>What a notebook shows as HTML instead of a list of properties.</summary>
internal interface IRichDisplay
{
    /// <summary>A self-contained piece of HTML; what comes from outside is encoded.</summary>
    string ToHtml();
}

/// <summary>
/// Says how a notebook shows a type. .NET Interactive looks for an attribute of this name, whatever assembly declares it, and calls <c>CreateTypeFormatters()</c> of what it names, then <c>MimeType</c> and
/// <c>Format(object, TextWriter)</c> of what comes back: so the library needs nothing of it.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class TypeFormatterSourceAttribute([DynamicallyAccessedMembers(TypeFormatterSourceAttribute.Called)] Type formatterSourceType) : Attribute
{
    internal const DynamicallyAccessedMemberTypes Called = DynamicallyAccessedMemberTypes.PublicParameterlessConstructor | DynamicallyAccessedMemberTypes.PublicMethods;

    /// <summary>What makes the formatters.</summary>
    [DynamicallyAccessedMembers(Called)]
    public Type FormatterSourceType { get; } = formatterSourceType;

    /// <summary>What is asked for first.</summary>
    public string[] PreferredMimeTypes { get; } = ["text/html"];
}

/// <summary>The formatters of every <see cref="IRichDisplay"/>: one.</summary>
internal sealed class RichDisplay
{
    /// <summary>Called by name.</summary>
    public IEnumerable<object> CreateTypeFormatters() => [new Formatter()];

    /// <summary>Called by name.</summary>
    internal sealed class Formatter
    {
        public string MimeType => "text/html";

        public bool Format(object value, TextWriter writer)
        {
            if (value is not IRichDisplay rich) return false;
            writer.Write(rich.ToHtml());
            return true;
        }
    }
}
