using System.CommandLine;

namespace Warm.Cli;

/// <summary>A command of <c>warm</c>: its example stands first in its help, and whatever it refuses becomes one message and an exit code.</summary>
internal sealed class WarmCommand : Command
{
    /// <summary>A real command line.</summary>
    public string Example { get; }

    /// <summary>One JSON document (or line) on standard output.</summary>
    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON on standard output." };

    /// <summary>No progress and no remarks.</summary>
    public Option<bool> Quiet { get; } = new("--quiet") { Description = "No progress and no remarks on standard error." };

    /// <summary>Makes a command without work; see <see cref="Runs"/>.</summary>
    public WarmCommand(string name, string description, string example) : base(name, description)
    {
        Example = example;
        Add(Json);
        Add(Quiet);
    }

    /// <summary>Says what the command does. Exit codes: what <paramref name="run"/> returns; 1 for anything refused, 2 where it is an option; 130 when cancelled.</summary>
    public WarmCommand Runs(Func<ParseResult, Report, CancellationToken, Task<int>> run)
    {
        SetAction(async (parsed, cancellation) =>
        {
            using var report = new Report(parsed.GetValue(Json), parsed.GetValue(Quiet));
            try
            {
                return await run(parsed, report, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                report.Cancelled();
                return 130;
            }
            catch (Exception error) when (Environment.GetEnvironmentVariable("WARM_TRACE") != "1")
            {
                WarmException refusal = Refusal(error);
                report.Error(refusal);
                return refusal.Where.StartsWith("--", StringComparison.Ordinal) ? 2 : 1; // what is wrong with an option is wrong usage
            }
        });
        return this;
    }

    /// <summary>The error as where, found, expected, fix.</summary>
    public static WarmException Refusal(Exception error) => error switch
    {
        WarmException refusal => refusal,
        AggregateException { InnerException: { } inner } => Refusal(inner),
        FileNotFoundException missing => new(missing.FileName ?? "file", "is not there", inner: error),
        IOException or UnauthorizedAccessException => new("file system", error.Message.TrimEnd('.'), inner: error),
        OutOfMemoryException => new("memory", "there is not enough of it", inner: error),
        _ => new("warm", $"{error.GetType().Name}: {error.Message.TrimEnd('.')}", fix: "This should not happen; WARM_TRACE=1 shows where.", inner: error),
    };
}
