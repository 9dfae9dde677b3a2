using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary>How fast a tokenizer turns texts into ids: ids only, with the special tokens that it adds; no lap remembers a word of an earlier one.</summary>
internal static class TokenizerBench
{
    /// <summary>Times laps over all texts after a warm-up of at least <paramref name="warmUp"/> (so that compiled code is what is timed).</summary>
    /// <returns><c>bytes, tokens, seconds[], megabytesPerSecond</c>: UTF-8 bytes and tokens of one lap, every lap's seconds, and 10^6 bytes a second of the median lap.</returns>
    public static JsonObject Run(Tokenizer tokenizer, IReadOnlyList<string> texts, int laps = 5, TimeSpan? warmUp = null)
    {
        long bytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text)), tokens = 0;
        var started = Stopwatch.StartNew();
        do tokens = Lap(tokenizer, texts);
        while (started.Elapsed < (warmUp ?? TimeSpan.FromSeconds(1)));
        var seconds = new double[laps];
        for (int lap = 0; lap < laps; lap++)
        {
            var clock = Stopwatch.StartNew();
            Lap(tokenizer, texts);
            seconds[lap] = clock.Elapsed.TotalSeconds;
        }
        double median = seconds.Order().ElementAt(laps / 2);
        return new JsonObject
        {
            ["tokenizer"] = tokenizer.Kind,
            ["texts"] = texts.Count,
            ["bytes"] = bytes,
            ["tokens"] = tokens,
            ["seconds"] = new JsonArray([.. seconds.Select(s => (JsonNode)s)]),
            ["megabytesPerSecond"] = bytes / median / 1e6,
        };
    }

    private static long Lap(Tokenizer tokenizer, IReadOnlyList<string> texts)
    {
        long tokens = 0;
        foreach (int[] ids in tokenizer.EncodeIds(texts)) tokens += ids.Length;
        return tokens;
    }
}
