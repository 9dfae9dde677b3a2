using System.IO.Compression;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>The recorded answers of the tokenizers library (reference/tokenizers): every string and pair, with ids, tokens, spans, types, masks and decodes.</summary>
internal static class TokenizerReference
{
    public static JsonElement Load(params string[] parts)
    {
        string file = Reference.Path(["tokenizers", .. parts]);
        using Stream raw = File.OpenRead(file);
        using Stream stream = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw;
        return JsonDocument.Parse(stream).RootElement;
    }

    private static readonly Lazy<(string Name, string Text)[]> s_strings = new(() => [.. Load("strings.json").GetProperty("strings").EnumerateArray().Select(s => (s[0].GetString()!, s[1].GetString()!))]);

    public static (string Name, string Text)[] Strings => s_strings.Value;

    /// <summary>Differences of a tokenizer from the recorded cases, and how many cases were compared.</summary>
    public static (List<string> Wrong, int Compared) Compare(Tokenizer tokenizer, JsonElement expected, bool withLong, bool emptyLong = false)
    {
        var wrong = new List<string>();
        int compared = 0;
        (string Name, string Text)[] strings = withLong ? Strings : emptyLong ? [.. Strings.Select(s => s.Name == "long-text" ? (s.Name, "") : s)] : [.. Strings.Where(s => s.Name != "long-text")];
        IEnumerable<(string Name, string Text)> extra = expected.TryGetProperty("extra", out JsonElement more) ? more.EnumerateArray().Select((x, i) => ($"extra {i}", x.ValueKind == JsonValueKind.String ? x.GetString()! : x[1].GetString()!)) : [];
        IEnumerable<JsonElement> cases = expected.GetProperty("cases").EnumerateArray().Concat(expected.TryGetProperty("extra_cases", out JsonElement moreCases) ? moreCases.EnumerateArray() : []);
        foreach (((string name, string text), JsonElement c) in strings.Concat(extra).Zip(cases))
        {
            compared++;
            if (Difference(tokenizer, text, c) is { } what) wrong.Add($"{name}: {what}");
        }
        if (expected.TryGetProperty("pairs", out JsonElement pairs))
            foreach (JsonElement pair in pairs.EnumerateArray())
                foreach (bool special in (bool[])[true, false])
                {
                    compared++;
                    JsonElement c = pair.GetProperty(special ? "special" : "plain");
                    if (c.TryGetProperty("error", out _)) { wrong.Add("an error is expected for a pair"); continue; }
                    (string a, string b) = (pair.GetProperty("a").GetString()!, pair.GetProperty("b").GetString()!);
                    TokenizedText got = tokenizer.Encode(a, b, special);
                    if (a.Concat(b).All(x => !char.IsSurrogate(x)) && Unlike("spans", c.GetProperty("offsets"), Flat(got)) is { } spans) wrong.Add($"pair {a}|{b} {spans}");
                    if ((Unlike("ids", c.GetProperty("ids"), got.Ids) ?? Unlike("types", c.GetProperty("types"), got.TypeIds) ?? Unlike("mask", c.GetProperty("mask"), got.SpecialMask.Select(m => m ? 1 : 0))) is { } difference)
                        wrong.Add($"pair {a}|{b} {difference}");
                    if (!got.Ids.SequenceEqual(tokenizer.EncodeIds(a, b, special))) wrong.Add("pair: ids alone differ");
                }
        return (wrong, compared);
    }

    private static string? Difference(Tokenizer tokenizer, string text, JsonElement c)
    {
        TokenizedText plain, special;
        try
        {
            plain = tokenizer.Encode(text, null, false);
            special = tokenizer.Encode(text);
        }
        catch (WarmException error) { return c.TryGetProperty("error", out _) ? null : error.Message; }
        if (c.TryGetProperty("error", out _)) return "an error is expected";
        bool full = c.TryGetProperty("tokens", out _); // real tokenizers have no tokens, types and masks recorded
        int[] zeros = new int[special.Ids.Count];
        return Unlike("ids", c.GetProperty("ids"), plain.Ids)
            ?? Unlike("ids_special", c.GetProperty("ids_special"), special.Ids)
            ?? (!full || plain.Tokens.SequenceEqual(c.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!)) ? null : $"tokens {string.Join('|', plain.Tokens)} for {c.GetProperty("tokens")}")
            ?? Unlike("offsets", c.TryGetProperty("offsets16", out JsonElement units) ? units : c.GetProperty("offsets"), Flat(plain))
            ?? (c.TryGetProperty("offsets_special", out JsonElement spans) && text.All(x => !char.IsSurrogate(x)) ? Unlike("offsets_special", spans, Flat(special)) : null)
            ?? (c.TryGetProperty("types", out JsonElement types) ? Unlike("types", types, plain.TypeIds) : null)
            ?? (c.TryGetProperty("mask_special", out JsonElement mask) ? Unlike("mask", mask, special.SpecialMask.Select(m => m ? 1 : 0)) : full && special.SpecialMask.Any(m => m) ? "mask without special tokens" : null)
            ?? (c.TryGetProperty("types_special", out JsonElement typesSpecial) ? Unlike("types_special", typesSpecial, special.TypeIds) : !full || special.TypeIds.SequenceEqual(zeros) ? null : "types not 0")
            ?? (c.TryGetProperty("decoded", out JsonElement decoded) && tokenizer.Decode(special.Ids) is var said && said != decoded.GetString() ? $"decoded [{said}] for [{decoded.GetString()}]" : null)
            ?? ((c.TryGetProperty("decoded_skip", out JsonElement skip) || c.TryGetProperty("decoded", out skip)) && tokenizer.Decode(special.Ids, true) is var skipped && skipped != skip.GetString() ? $"decoded_skip [{skipped}] for [{skip.GetString()}]" : null)
            ?? (tokenizer.EncodeIds(text).SequenceEqual(special.Ids) ? null : "ids alone differ");
    }

    private static IEnumerable<int> Flat(TokenizedText text) => text.Offsets.SelectMany(o => new[] { o.Start, o.End });

    private static string? Unlike(string what, JsonElement expected, IEnumerable<int> got) =>
        expected.EnumerateArray().Select(e => e.GetInt32()).SequenceEqual(got) ? null : $"{what} {string.Join(',', got)} for {expected.GetRawText()}";
}
