using System.IO.Compression;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Published tokenizers (bert-base-uncased, roberta-base, falcon ...) on the recorded strings and on 300 real texts.</summary>
public class RealTokenizersTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [ReferenceFact]
    public void Real_tokenizers_agree_or_are_refused_by_name()
    {
        string data = Path.GetFullPath(Path.Combine(Reference.Root!, "..", "data"));
        if (!Directory.Exists(data)) return;
        string[] texts = Texts(data);
        var wrong = new List<string>();
        int cases = 0;
        foreach (string file in Directory.GetFiles(Reference.Path("tokenizers", "real"), "*.expected.json.gz").Order(StringComparer.Ordinal))
        {
            JsonElement expected = TokenizerReference.Load("real", Path.GetFileName(file));
            string source = expected.GetProperty("file").GetString()!, name = Path.GetFileName(file)[..^".expected.json.gz".Length];
            if (!source.EndsWith(".json", StringComparison.Ordinal)) continue; // sentencepiece models
            Tokenizer tokenizer;
            try { tokenizer = Tokenizer.Open(Path.Combine(data, source)); }
            catch (WarmException error)
            {
                bool known = (expected.TryGetProperty("load", out JsonElement load) && load.ValueKind != JsonValueKind.Null);
                output.WriteLine($"{name}: refuses, {error.Message} (the library: {load})");
                if (!known) wrong.Add($"{name}: {error.Message}");
                continue;
            }
            if (!expected.TryGetProperty("cases", out _)) { wrong.Add($"{name}: read, the library refuses it: {expected.GetProperty("load")}"); continue; }
            (List<string> differences, int compared) = TokenizerReference.Compare(tokenizer, expected, withLong: false, emptyLong: true);
            if (expected.TryGetProperty("texts", out JsonElement ids))
            {
                int i = 0;
                foreach (JsonElement each in ids.EnumerateArray())
                {
                    compared++;
                    if (!tokenizer.EncodeIds(texts[i]).SequenceEqual(each.EnumerateArray().Select(x => x.GetInt32()))) differences.Add($"text {i}");
                    i++;
                }
            }
            output.WriteLine($"{name}: {compared - differences.Count} of {compared}");
            foreach (string difference in differences.Take(3)) output.WriteLine("   " + difference[..Math.Min(difference.Length, 300)]);
            cases += compared;
            if (differences.Count > 0) wrong.Add($"{name}: {differences.Count} of {compared}: {differences[0]}");
        }
        Reference.Count("real tokenizers: texts", cases);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    /// <summary>texts.json names file, line (from 0) and field.</summary>
    private static string[] Texts(string data)
    {
        var lines = new Dictionary<string, string[]>();
        return [.. TokenizerReference.Load("real", "texts.json").EnumerateArray().Select(place =>
        {
            string file = place.GetProperty("file").GetString()!;
            if (!lines.TryGetValue(file, out string[]? all)) lines[file] = all = Lines(Path.Combine(data, file));
            JsonElement row = JsonDocument.Parse(all[place.GetProperty("line").GetInt32()]).RootElement;
            JsonElement field = row.GetProperty(place.GetProperty("field").GetString()!);
            return place.TryGetProperty("key", out JsonElement key) ? field.GetProperty(key.GetString()!).GetString()! : field.GetString()!;
        })];
    }

    private static string[] Lines(string file)
    {
        using Stream raw = File.OpenRead(file);
        using var reader = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw);
        return reader.ReadToEnd().Split('\n');
    }
}
