namespace Warm.Transformers;

/// <summary>
/// What a template may use up. Templates come with models and are not trusted: Python's sandbox bounds only <c>range</c>, so that a line of
/// template can run for ever or take all memory. Each bound has its own error, which names it.
/// </summary>
internal static class JinjaLimits
{
    /// <summary>Steps of one rendering: statements, calls, items; a loop's turn counts as five, 16 characters of new text as one.</summary>
    public const long Steps = 10_000_000;
    /// <summary>Characters of the output and of any single string.</summary>
    public const int Text = 64 << 20;
    /// <summary>Elements of a list, tuple or dictionary.</summary>
    public const int List = 1_000_000;
    /// <summary>Elements of a range; the same as the Python sandbox's.</summary>
    public const int Range = 100_000;
    /// <summary>Macros and recursive loops inside one another.</summary>
    public const int Calls = 200;
    /// <summary>Blocks and brackets inside one another in the source, and containers inside one another when printed or compared.</summary>
    public const int Nesting = 100;
    /// <summary>Operators or filters in a row.</summary>
    public const int Chain = 500;
    /// <summary>For blocks inside one another; the same as the Python compiler's.</summary>
    public const int Loops = 20;
    /// <summary>Decimal digits of an integer.</summary>
    public const int Digits = 4300;
    /// <summary>Width or precision of a formatted field.</summary>
    public const int Width = 100_000;
    /// <summary>Characters of a template's source.</summary>
    public const int Source = 4 << 20;
}
