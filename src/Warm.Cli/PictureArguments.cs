using System.CommandLine;
using System.Text;

namespace Warm.Cli;

/// <summary>The chart of a command, <c>--svg FILE</c>, and what else it writes for people to look at; a file that is there is replaced only with <c>--overwrite</c>.</summary>
internal sealed class PictureArguments
{
    private readonly Option<string?> _picture;
    private readonly Option<string?>[] _others;
    private readonly Option<bool> _overwrite;

    /// <param name="command">What gets the options.</param>
    /// <param name="what">What the picture is, as help says it.</param>
    /// <param name="others">Other files that the command writes; they are options of the command already.</param>
    public PictureArguments(Command command, string what = "Write the chart.", params Option<string?>[] others)
    {
        _picture = new("--svg") { Description = what, HelpName = "FILE" };
        _others = others;
        _overwrite = new("--overwrite") { Description = $"Replace the file{(others.Length == 0 ? " that --svg names" : $"s that {string.Join(", ", others.Select(other => other.Name))} and --svg name")}." };
        command.Add(_picture);
        command.Add(_overwrite);
    }

    /// <summary>Whether the chart is asked for.</summary>
    public bool IsAsked(ParseResult parsed) => parsed.GetValue(_picture) is not null;

    /// <summary>Refuses places that are taken: to be asked before hours of work.</summary>
    public void Demand(ParseResult parsed)
    {
        foreach (Option<string?> file in (Option<string?>[])[.. _others, _picture])
            if (parsed.GetValue(file) is { } place) AtomicFile.Demand(place, parsed.GetValue(_overwrite));
    }

    /// <summary>Writes the picture if one is asked for.</summary>
    public void Write(ParseResult parsed, Func<string> svg) => Write(parsed, _picture, svg);

    /// <summary>Writes another file if it is asked for.</summary>
    public void Write(ParseResult parsed, Option<string?> file, Func<string> text)
    {
        if (parsed.GetValue(file) is { } place) AtomicFile.Write(place, Encoding.UTF8.GetBytes(text()), parsed.GetValue(_overwrite));
    }
}
