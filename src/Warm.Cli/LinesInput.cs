using System.Collections.Concurrent;
using System.CommandLine;
using System.Runtime.ExceptionServices;
using System.Text.Json.Nodes;

namespace Warm.Cli;

/// <summary>
/// The input lines of every command: <c>--from FILE</c> or <c>-</c> for standard input; what <see cref="RowReader"/> opens, JSON lines by default, and <c>.txt</c> (<c>.txt.gz</c>) whose
/// lines are bare texts. Blank lines of JSON lines are passed over and counted.
/// <code>
/// using var input = LinesInput.Open(parsed, options);
/// foreach (var batch in input.Batches(line => line.Candidate(), 64, cancellation)) ...   // what has arrived; a conversation over a pipe is answered line by line
/// return input.Errors > 0 ? 1 : 0;
/// </code>
/// </summary>
internal sealed class LinesInput : IDisposable
{
    private readonly RowReader _reader;
    private readonly bool _bare, _keepGoing, _waits;
    private readonly ColumnNames? _columns;

    private LinesInput(RowReader reader, string name, bool bare, bool keepGoing, bool waits, ColumnNames? columns) =>
        (_reader, Name, _bare, _keepGoing, _waits, _columns) = (reader, name, bare, keepGoing, waits, columns);

    /// <summary>The options of a command that reads lines. <c>--from</c> is required unless asked otherwise.</summary>
    internal sealed class Options
    {
        public Option<string?> From { get; }
        public Option<string?> Columns { get; } = new("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };
        public Option<bool> KeepGoing { get; } = new("--keep-going") { Description = "Answer a bad line with its error and go on; exit code 1 at the end." };

        public Options(Command command, string what = "JSON lines", bool required = true)
        {
            From = new("--from") { Description = $"{what}: a file (.jsonl, .json, .csv, .txt, each also .gz, or .parquet), or - for standard input.", HelpName = "FILE", Required = required };
            command.Add(From);
            command.Add(Columns);
            command.Add(KeepGoing);
        }
    }

    /// <summary>The file as it was named, or <c>standard input</c>.</summary>
    public string Name { get; }

    /// <summary>Lines that could not be read so far, where the command keeps going.</summary>
    public int Errors { get; private set; }

    /// <summary>Opens what the options name.</summary>
    public static LinesInput Open(ParseResult parsed, Options options) =>
        Open(parsed.GetValue(options.From) ?? throw new WarmException("--from", "is missing", "a file, or - for standard input"),
            parsed.GetValue(options.Columns) is { } columns ? ColumnNames.Parse(columns) : null, parsed.GetValue(options.KeepGoing));

    /// <summary>Opens a file, or standard input for <c>-</c>.</summary>
    public static LinesInput Open(string path, ColumnNames? columns = null, bool keepGoing = false)
    {
        if (path == "-") return Over(Console.OpenStandardInput(), "standard input", waits: true, columns, keepGoing);
        string bare = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        RowReader reader = RowReader.Open(path);
        return new LinesInput(reader, path, bare.EndsWith(".txt", StringComparison.OrdinalIgnoreCase), keepGoing, reader.MayWait, columns);
    }

    /// <summary>Reads a stream; <paramref name="waits"/> where reading on may block.</summary>
    public static LinesInput Over(Stream stream, string name, bool waits, ColumnNames? columns = null, bool keepGoing = false, bool bare = false) =>
        new(new LineReader(stream, name), name, bare, keepGoing, waits, columns);

    /// <summary>Every line on its own, in order.</summary>
    public IEnumerable<Answered<T>> Lines<T>(Func<InputLine, T> read, CancellationToken cancellation = default) => Batches(read, 1, cancellation).SelectMany(batch => batch);

    /// <summary>
    /// Lines in groups of at most <paramref name="most"/>: as many as are there. Where reading on would block, what has arrived comes at once. A line that <paramref name="read"/> (or
    /// JSON, or UTF-8) refuses ends the reading with its error, after the lines before it were handed out; with <c>--keep-going</c> it comes as its error and reading goes on.
    /// </summary>
    public IEnumerable<IReadOnlyList<Answered<T>>> Batches<T>(Func<InputLine, T> read, int most, CancellationToken cancellation = default)
    {
        var batch = new List<Answered<T>>();
        using var arrivals = new Arrivals(_reader, _waits, cancellation);
        while (true)
        {
            if (!arrivals.TryTake(wait: batch.Count == 0, out FileLine line, out WarmException? error))
            {
                // The end, or nothing more for the moment.
                if (batch.Count > 0) yield return batch;
                if (arrivals.Ended) yield break;
                batch = [];
                continue;
            }
            if (error is null && !_bare && line.IsBlank) continue;
            Answered<T> answer = error is null ? Answer(line, read) : new(null, default, error);
            if (answer.Error is { } refusal)
            {
                if (!_keepGoing)
                {
                    if (batch.Count > 0) yield return batch;
                    ExceptionDispatchInfo.Throw(refusal);
                }
                Errors++;
            }
            batch.Add(answer);
            if (batch.Count < most) continue;
            yield return batch;
            batch = [];
        }
    }

    private Answered<T> Answer<T>(FileLine line, Func<InputLine, T> read)
    {
        InputLine? input = null;
        try
        {
            JsonObject json = _bare ? new JsonObject { ["text"] = line.Text } : line.Json();
            input = new InputLine(line.Where, line.Number, json);
            _columns?.Apply(json);
            return new(input, read(input), null);
        }
        catch (WarmException refusal)
        {
            return new(input, default, refusal);
        }
    }

    public void Dispose() => _reader.Dispose();

    /// <summary>Lines as they come. Where the source may block, a thread reads ahead, so that an empty queue means: reading on would block.</summary>
    private sealed class Arrivals : IDisposable
    {
        // Longest time in which a line that lies ready in a pipe reaches the queue: a program that writes ten lines at once gets them scored as one batch.
        private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(3);
        private readonly RowReader _reader;
        private readonly BlockingCollection<(FileLine Line, WarmException? Error)>? _queue;
        private readonly CancellationToken _cancellation;
        private readonly CancellationTokenSource _stop = new();

        public bool Ended { get; private set; }

        public Arrivals(RowReader reader, bool waits, CancellationToken cancellation)
        {
            (_reader, _cancellation) = (reader, cancellation);
            if (!waits) return;
            _queue = new(4096);
            new Thread(ReadAhead) { IsBackground = true, Name = "input lines" }.Start();
        }

        /// <summary>True with a line (or what is wrong with it); false where none is there: the end, or nothing has arrived and the caller does not wait.</summary>
        public bool TryTake(bool wait, out FileLine line, out WarmException? error)
        {
            _cancellation.ThrowIfCancellationRequested();
            (line, error) = (default, null);
            if (_queue is null)
            {
                (FileLine Line, WarmException? Error)? next = Next(_reader);
                if (next is null) Ended = true;
                else (line, error) = next.Value;
                return next is not null;
            }
            if (!_queue.TryTake(out (FileLine Line, WarmException? Error) item, wait ? Timeout.Infinite : (int)Grace.TotalMilliseconds, _cancellation))
            {
                Ended = _queue.IsCompleted;
                return false;
            }
            (line, error) = item;
            return true;
        }

        private static (FileLine, WarmException?)? Next(RowReader reader)
        {
            try
            {
                return reader.TryRead(out FileLine line) ? (line, null) : null;
            }
            catch (WarmException refusal)
            {
                return (default, refusal);
            }
        }

        private void ReadAhead()
        {
            try
            {
                while (Next(_reader) is { } item) _queue!.Add(item, _stop.Token);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                // The command is done with its input.
            }
            finally
            {
                _queue!.CompleteAdding();
            }
        }

        public void Dispose() => _stop.Cancel();
    }
}

/// <summary>An input line and what was made of it, or why that failed.</summary>
/// <param name="Line">Null where not even its JSON could be read.</param>
/// <param name="Value">Default where there is an error.</param>
/// <param name="Error">Null where all is well.</param>
internal readonly record struct Answered<T>(InputLine? Line, T? Value, WarmException? Error);
