using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm bench DIR</c>: how fast a model scores. Loading and tokenising are measured apart; a warm-up comes first; the figure is the median of the laps.</summary>
internal static class BenchCommand
{
    private const int Laps = 5;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2), Longest = TimeSpan.FromSeconds(90);

    public static WarmCommand Create()
    {
        var command = new WarmCommand("bench", "Measure how fast a model scores.", "warm bench family/warm --from texts.jsonl --threads 1");
        var input = new LinesInput.Options(command, "Texts to score, as for warm score; 64 of 128 random ids where none are given", required: false);
        var scoring = new ScoringArguments(command);
        return command.Runs((parsed, report, cancellation) => Task.Run(() => Run(parsed, report, input, scoring, cancellation), cancellation));
    }

    private static int Run(ParseResult parsed, Report report, LinesInput.Options inputOptions, ScoringArguments arguments, CancellationToken cancellation)
    {
        if (arguments.Model(parsed) is var file && Path.GetFileName(file) == "tokenizer.json") return RunTokenizer(file, parsed, report, inputOptions, cancellation);
        ScoringOptions options = arguments.Options(parsed);
        CpuEngine engine = arguments.Engine(parsed);
        long started = Stopwatch.GetTimestamp();
        using Weights weights = arguments.Open(parsed);
        using RewardModel model = RewardModel.Load(weights, engine, arguments.Loading(parsed));
        double loadSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        started = Stopwatch.GetTimestamp();
        EncodedText[] texts = parsed.GetValue(inputOptions.From) is null ? [.. RandomIds(model.VocabularySize).Select(ids => model.Read(Candidate.OfIds(ids), options))] : Read();
        double readSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (texts.Length == 0) throw new WarmException(parsed.GetValue(inputOptions.From) ?? "texts", "there are none", "at least one line");

        // Enough of the work that the runtime has compiled its best code and every weight has been touched.
        EncodedText[] some = [.. texts.Take(8)];
        for (started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < WarmUp;) Score(some);

        List<double> seconds = [], processor = [];
        long first = Stopwatch.GetTimestamp();
        while (seconds.Count < Laps && (seconds.Count < 3 || Stopwatch.GetElapsedTime(first) < Longest))
        {
            long lap = Stopwatch.GetTimestamp();
            TimeSpan busy = Environment.CpuUsage.TotalTime;
            Score(texts);
            processor.Add((Environment.CpuUsage.TotalTime - busy).TotalSeconds);
            seconds.Add(Stopwatch.GetElapsedTime(lap).TotalSeconds);
            report.Progress("laps", seconds.Count / (double)Laps);
        }
        long tokens = texts.Sum(text => (long)text.Ids.Count);
        double median = seconds.Order().ElementAt(seconds.Count / 2), perSecond = tokens / median;
        if (report.IsJson)
        {
            report.Line(new JsonObject
            {
                ["tokens"] = tokens,
                ["texts"] = texts.Length,
                ["seconds"] = new JsonArray([.. seconds.Select(s => JsonValue.Create(s))]),
                ["processorSeconds"] = new JsonArray([.. processor.Select(s => JsonValue.Create(s))]), // on a busy machine the wall clock says little
                ["tokensPerSecond"] = perSecond,
                ["loadSeconds"] = loadSeconds,
                ["readSeconds"] = readSeconds,
                ["privateBytes"] = PrivateBytes(),
                ["kernel"] = engine.Name.Split(',')[0],
                ["threads"] = engine.Threads,
            });
        }
        else
        {
            report.Line(FormattableString.Invariant($"{perSecond:N0} tokens/s: {tokens:N0} tokens of {texts.Length:N0} texts in {median:F3} s (median of {seconds.Count} laps: {string.Join(", ", seconds.Select(s => s.ToString("F3", CultureInfo.InvariantCulture)))})"));
            report.Line(FormattableString.Invariant($"loaded in {loadSeconds:F2} s, texts read in {readSeconds:F2} s, {PrivateBytes() / 1e6:N0} MB private, {engine.Name}"));
        }
        return 0;

        void Score(EncodedText[] texts) => model.Score(texts, new string?[texts.Length], options, null, cancellation);

        EncodedText[] Read()
        {
            using LinesInput input = LinesInput.Open(parsed, inputOptions);
            return [.. input.Lines(line => model.Read(line.Candidate(), options), cancellation).Where(line => line.Error is null).Select(line => line.Value!)];
        }
    }

    /// <summary><c>warm bench tokenizer.json --from FILE</c></summary>
    private static int RunTokenizer(string file, ParseResult parsed, Report report, LinesInput.Options inputOptions, CancellationToken cancellation)
    {
        Tokenizer tokenizer = Tokenizer.Open(file);
        using LinesInput input = LinesInput.Open(parsed, inputOptions);
        string[] texts = [.. input.Lines(line => line.Text("text"), cancellation).Where(line => line.Error is null).Select(line => line.Value!)];
        JsonObject result = TokenizerBench.Run(tokenizer, texts);
        if (report.IsJson) report.Line(result);
        else report.Line(FormattableString.Invariant($"{(double)result["megabytesPerSecond"]!:F1} MB/s: {(long)result["bytes"]!:N0} bytes, {(long)result["tokens"]!:N0} tokens, {tokenizer.Kind}"));
        return 0;
    }

    private static IEnumerable<int[]> RandomIds(int vocabulary)
    {
        var random = new Random(1);
        return Enumerable.Range(0, 64).Select(_ => Enumerable.Range(0, 128).Select(_ => random.Next(vocabulary)).ToArray());
    }

    /// <summary>Memory that belongs to this process alone: pages of mapped files do not count.</summary>
    private static long PrivateBytes()
    {
        if (OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)) is { } line)
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1], CultureInfo.InvariantCulture) * 1024;
        using Process self = Process.GetCurrentProcess();
        return self.PrivateMemorySize64;
    }
}
