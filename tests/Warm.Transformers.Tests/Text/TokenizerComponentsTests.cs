using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Every component and option of a tokenizer.json, its spellings, regexes and decoders, compared with the tokenizers library.</summary>
public class TokenizerComponentsTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [ReferenceFact]
    public void Components_agree_or_are_refused_by_name()
    {
        var wrong = new List<string>();
        (int cases, int agree, int refused) = (0, 0, 0);
        foreach (string file in Directory.GetFiles(Reference.Path("tokenizers", "components"), "*.expected.json.gz").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(file)[..^".expected.json.gz".Length];
            Tokenizer tokenizer;
            try { tokenizer = Tokenizer.Open(Reference.Path("tokenizers", "components", name + ".json")); }
            catch (WarmException error)
            {
                if (!s_refused.Contains(name)) wrong.Add($"{name}: {error.Message}");
                refused++;
                output.WriteLine($"refused {name}: {Short(error.Message)}");
                continue;
            }
            JsonElement expected = TokenizerReference.Load("components", name + ".expected.json.gz");
            if (!expected.TryGetProperty("cases", out _))
            {
                output.WriteLine($"apart {name}: {string.Join(',', expected.EnumerateObject().Select(p => p.Name))}");
                continue;
            }
            (List<string> differences, int compared) = TokenizerReference.Compare(tokenizer, expected, withLong: false);
            cases += compared;
            agree += compared - differences.Count;
            if (differences.Count == 0) continue;
            output.WriteLine($"wrong {name}: {differences.Count} of {compared}");
            foreach (string difference in differences.Take(4)) output.WriteLine($"   {Short(difference)}");
            wrong.Add($"{name}: {differences.Count} of {compared}: {differences[0]}");
        }
        output.WriteLine($"{agree} of {cases} cases agree, {refused} files refused");
        Reference.Count("tokenizer components: texts and pairs", cases);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    /// <summary>Ids that readers disagree about, a sequence at which the library fails, and one pre-tokenizer that is not built.</summary>
    private static readonly string[] s_refused = ["a-empty-content", "a-far-ids", "a-wrong-id", "a-wrong-id-in-vocab", "post-sequence-two-templates", "p-unicode-scripts"];

    [ReferenceFact]
    public void Regexes_match_as_Oniguruma_does_or_are_refused_by_name()
    {
        var wrong = new List<string>();
        int matched = 0;
        foreach (JsonProperty entry in TokenizerReference.Load("regexes.json.gz").EnumerateObject())
        {
            string pattern = entry.Value.GetProperty("pattern").GetString()!;
            RegexPattern? regex = null;
            try { regex = new RegexPattern(pattern); }
            catch (FormatException error)
            {
                output.WriteLine($"refused {entry.Name}: {pattern} {error.Message}");
                if (entry.Value.TryGetProperty("matches", out JsonElement some) && some.ValueKind == JsonValueKind.Array && entry.Name is not "absent") wrong.Add($"{entry.Name}: {error.Message}");
                continue;
            }
            if (!entry.Value.TryGetProperty("matches", out JsonElement matches)) { wrong.Add($"{entry.Name}: an error is expected: {entry.Value}"); continue; }
            foreach (((string name, string text), JsonElement expected) in TokenizerReference.Strings.Where(s => s.Name != "long-text").Zip(matches.EnumerateArray()))
            {
                var got = new List<(int Start, int End)>();
                regex.Matches(text, got);
                int[] points = new int[text.Length + 1]; // unit to code point
                for (int i = 0; i < text.Length; i++) points[i + 1] = points[i] + (char.IsLowSurrogate(text[i]) ? 0 : 1);
                int[] flat = [.. got.Where(m => m.End > m.Start).SelectMany(m => new[] { PointOf(m.Start), PointOf(m.End) })];
                matched++;
                if (!flat.SequenceEqual(expected.EnumerateArray().Select(e => e.GetInt32()))) wrong.Add($"{entry.Name} {pattern} on {name} [{text}]: {string.Join(',', flat)} for {expected}");

                int PointOf(int unit) => text[..unit].EnumerateRunes().Count();
            }
        }
        foreach (string line in wrong.GroupBy(w => w.Split(' ')[0]).Select(g => $"{g.Key}: {g.Count()}: {Short(g.First())}")) output.WriteLine(line);
        Reference.Count("regex matches", matched);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(20).Select(Short)));
    }

    [ReferenceFact]
    public void Spellings_are_read_or_refused_as_the_library_does()
    {
        var wrong = new List<string>();
        int cases = 0;
        foreach (JsonElement variant in TokenizerReference.Load("json-variants.json.gz").EnumerateArray())
        {
            string name = variant.GetProperty("name").GetString()!;
            bool refuses = variant.TryGetProperty("refused", out JsonElement refusal);
            cases++;
            Tokenizer tokenizer;
            try { tokenizer = Tokenizer.Parse(variant.GetProperty("json").GetString()!); }
            catch (WarmException error)
            {
                output.WriteLine($"{(refuses ? "refused" : "STRICTER")} {name}: {Short(error.Message)}");
                if (!refuses && !s_stricter.Contains(name)) wrong.Add($"{name}: {error.Message}");
                continue;
            }
            if (refuses) { wrong.Add($"{name}: read, the library says {refusal}"); continue; }
            foreach (JsonElement encode in variant.GetProperty("encodes").EnumerateArray())
            {
                string text = encode[0].GetString()!;
                if (!encode[1].TryGetProperty("ids", out JsonElement ids)) { output.WriteLine($"no ids {name}: {encode[1]}"); continue; }
                if (name == "truncation-no-direction") continue; // the file's truncation block is not followed
                TokenizedText got = tokenizer.Encode(text);
                if (!got.Ids.SequenceEqual(ids.EnumerateArray().Select(i => i.GetInt32()))) wrong.Add($"{name} [{text}]: {got} for {encode[1]}");
                else if (tokenizer.Decode(got.Ids) != encode[1].GetProperty("decoded").GetString()) wrong.Add($"{name} [{text}]: decodes to {tokenizer.Decode(got.Ids)} for {encode[1]}");
            }
        }
        Reference.Count("tokenizer.json spellings", cases);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Select(Short)));
    }

    /// <summary>Read by the library and refused here, on purpose.</summary>
    private static readonly string[] s_stricter =
    [
        "fixed-length-0", "template-unknown-special", // the library fails with a panic as soon as a text comes
        "template-id-lengths", // two ids and one token: the library's lists then differ in length
    ];

    [ReferenceFact]
    public void Decoders_agree()
    {
        JsonElement reference = TokenizerReference.Load("decoders.json.gz");
        string[][] lists = [.. reference.GetProperty("tokens").EnumerateArray().Select(list => list.EnumerateArray().Select(t => t.GetString()!).ToArray())];
        var wrong = new List<string>();
        int cases = 0;
        foreach (JsonProperty entry in reference.GetProperty("decoders").EnumerateObject())
        {
            Decoder decoder = DecoderReader.Read(new JsonPlace(entry.Value.GetProperty("decoder"), "decoders.json", entry.Name));
            foreach ((string[] tokens, JsonElement expected) in lists.Zip(entry.Value.GetProperty("texts").EnumerateArray()))
            {
                cases++;
                string got = string.Concat(decoder.Apply([.. tokens]));
                if (expected.ValueKind != JsonValueKind.String) { output.WriteLine($"{entry.Name} [{string.Join('|', tokens)}]: [{got}], the library: {expected}"); continue; }
                if (got != expected.GetString()) wrong.Add($"{entry.Name} [{string.Join('|', tokens)}]: [{got}] for [{expected.GetString()}]");
            }
        }
        Reference.Count("decoder token lists", cases);
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static string Short(string text) => text.Length <= 400 ? text : text[..400];
}
