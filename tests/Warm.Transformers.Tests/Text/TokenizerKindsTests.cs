using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Tokenizers with the structure of published families, compared with the tokenizers library.</summary>
public class TokenizerKindsTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [ReferenceFact]
    public void Kinds_agree()
    {
        var wrong = new List<string>();
        int cases = 0;
        foreach (string folder in Directory.GetDirectories(Reference.Path("tokenizers", "kinds")).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(folder);
            Tokenizer tokenizer = Tokenizer.Open(folder);
            (List<string> differences, int compared) = TokenizerReference.Compare(tokenizer, TokenizerReference.Load("kinds", name, "expected.json.gz"), withLong: true);
            differences.AddRange(Stages(tokenizer, name));
            output.WriteLine($"{name}: {compared - differences.Count} of {compared} {string.Join("; ", differences.Take(3).Select(d => d[..Math.Min(d.Length, 300)]))}");
            cases += compared;
            if (differences.Count > 0) wrong.Add($"{name}: {differences.Count} of {compared}: {differences[0]}");
        }
        Reference.Count("tokenizer kinds: texts and pairs", cases);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static IEnumerable<string> Stages(Tokenizer tokenizer, string name)
    {
        foreach (((string which, string text), JsonElement c) in TokenizerReference.Strings.Zip(TokenizerReference.Load("kinds", name, "stages.json.gz").GetProperty("cases").EnumerateArray()))
        {
            if (which == "long-text") continue; // not recorded
            string normalized = c.TryGetProperty("normalized", out JsonElement n) ? n.GetString()! : text;
            if (tokenizer.Normalize(text) != normalized) yield return $"{which}: normalised [{tokenizer.Normalize(text)}] for [{normalized}]";
            if (!c.TryGetProperty("pieces", out JsonElement expected)) continue;
            PieceList pieces = tokenizer.Pieces(text);
            string[] got = [.. pieces.Cuts.Select(cut => pieces.Text.Units[cut.Start..cut.End].ToString())];
            if (!got.SequenceEqual(expected.EnumerateArray().Select(p => p.GetString()!))) yield return $"{which}: pieces {string.Join('|', got)} for {expected}";
        }
    }
}
