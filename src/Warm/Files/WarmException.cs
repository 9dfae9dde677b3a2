namespace Warm;

/// <summary>
/// What Warm refuses, said in one form: <c>where: found; expected. What to do.</c> The four facts are properties, so that a program can
/// show them apart; <see cref="Exception.Message"/> joins them.
/// </summary>
public sealed class WarmException : Exception
{
    /// <summary>The file (and line, tensor, key or byte) that the message is about.</summary>
    public string Where { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }

    /// <summary>What should be there, or null where that goes without saying.</summary>
    public string? Expected { get; }

    /// <summary>What the reader can do about it, a whole sentence, or null.</summary>
    public string? Fix { get; }

    /// <summary>Makes the error. None of the parts ends in punctuation but <paramref name="fix"/>.</summary>
    public WarmException(string where, string found, string? expected = null, string? fix = null, Exception? inner = null)
        : base(Join(where, found, expected, fix), inner)
    {
        Where = where;
        Found = found;
        Expected = expected;
        Fix = fix;
    }

    private static string Join(string where, string found, string? expected, string? fix) =>
        $"{where}: {found}{(expected is null ? "" : $"; {expected}")}.{(fix is null ? "" : $" {fix}")}";
}
