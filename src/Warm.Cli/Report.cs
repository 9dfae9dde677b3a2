using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Warm.Cli;

/// <summary>Where a command's results go: standard output as text or JSON; progress, remarks and errors to standard error.</summary>
internal sealed class Report(bool json, bool quiet) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StreamWriter _out = new(Console.OpenStandardOutput(), new System.Text.UTF8Encoding(false), 1 << 16) { AutoFlush = false };
    private bool _progressShown;

    /// <summary>How every document is written: short, no needless escapes, floats in their shortest exact form.</summary>
    public static JsonSerializerOptions JsonOptions { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Whether results are JSON.</summary>
    public bool IsJson => json;

    /// <summary>A JSON document or line; flushed, so that a reader on a pipe has it.</summary>
    public void Line(JsonNode? document)
    {
        lock (_gate)
        {
            _out.Write(document?.ToJsonString(JsonOptions) ?? "null");
            _out.Write('\n');
            _out.Flush();
        }
    }

    /// <summary>A line of text.</summary>
    public void Line(string text = "")
    {
        lock (_gate)
        {
            ClearProgress();
            _out.Write(text);
            _out.Write('\n');
            _out.Flush();
        }
    }

    /// <summary>Rows of cells in columns as wide as their widest cell; numbers (cells that begin with a digit, a sign or a point) to the right.</summary>
    public void Table(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> all = [head, .. rows];
        int[] widths = [.. head.Select((_, column) => all.Max(row => row[column].Length))];
        foreach (IReadOnlyList<string> row in all)
            Line(string.Join("  ", row.Select((cell, column) => Right(column) ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());

        bool Right(int column) => all.Skip(1).All(row => row[column].Length == 0 || char.IsAsciiDigit(row[column][0]) || row[column][0] is '-' or '+' or '.');
    }

    /// <summary>The ends of an interval as a cell shows them; nothing where there is none.</summary>
    public static string Interval(Estimate estimate, string format = "F3") => double.IsNaN(estimate.Error) ? "" : $"{estimate.Low.ToString(format, CultureInfo.InvariantCulture)} to {estimate.High.ToString(format, CultureInfo.InvariantCulture)}";

    /// <summary>A standard error as a cell shows it; nothing where there is none.</summary>
    public static string Error(Estimate estimate, string format = "F3") => double.IsNaN(estimate.Error) ? "" : estimate.Error.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>Something a reader should know, on standard error.</summary>
    public void Remark(string text)
    {
        if (quiet) return;
        lock (_gate)
        {
            ClearProgress();
            Console.Error.WriteLine($"remark: {text}");
        }
    }

    /// <summary>How far the work is, on standard error of a terminal; nothing on a pipe.</summary>
    public void Progress(string what, double share)
    {
        if (quiet || json || Console.IsErrorRedirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 }) return;
        lock (_gate)
        {
            Console.Error.Write(FormattableString.Invariant($"\r{what} {share,4:P0} {new string('#', (int)(share * 30)),-30}"));
            _progressShown = true;
        }
    }

    /// <summary>The one message of a command that refuses.</summary>
    public void Error(WarmException error)
    {
        if (json) Line(Document(error));
        lock (_gate)
        {
            ClearProgress();
            Console.Error.WriteLine(error.Message);
        }
    }

    /// <summary><c>{"error":{"where":..,"found":..,"expected":..,"fix":..}}</c></summary>
    public static JsonObject Document(WarmException error) =>
        new() { ["error"] = new JsonObject { ["where"] = error.Where, ["found"] = error.Found, ["expected"] = error.Expected, ["fix"] = error.Fix } };

    /// <summary>Says that the work was cut short.</summary>
    public void Cancelled()
    {
        lock (_gate)
        {
            ClearProgress();
            Console.Error.WriteLine("cancelled");
        }
    }

    private void ClearProgress()
    {
        if (!_progressShown) return;
        Console.Error.Write($"\r{new string(' ', 60)}\r");
        _progressShown = false;
    }

    public void Dispose() => _out.Dispose();
}
