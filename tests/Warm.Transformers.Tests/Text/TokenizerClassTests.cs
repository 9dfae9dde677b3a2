using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>What transformers 5 makes of a folder beside its tokenizer.json, against what it was seen to make: which texts get other ids there, and which.</summary>
public class TokenizerClassTests(ITestOutputHelper output)
{
    /// <summary>The texts that were asked of every folder; the others were asked of two spellings of each only.</summary>
    private static readonly string[] Short = ["empty", "space-0", "trim-0", "trim-3", "trim-7", "plain-1", "plain-3", "sentence-0", "sentence-1", "tab-newline-11", "nbsp-0", "emoji-2", "nfc-nfd-1", "casing-0",
        "cjk-1", "numbers-5", "code-0", "contractions-0", "specials-0", "specials-14", "specials-15", "specials-17", "specials-20", "specials-21", "specials-23", "specials-24", "markers-1", "byte-fallback-1", "mixed-0", "mixed-2"];

    [ReferenceFact]
    public void Other_gives_the_ids_that_transformers_was_seen_to_give()
    {
        (string Name, string Text)[] strings = [.. JsonNode.Parse(File.ReadAllText(Reference.Path("tokenizers", "strings.json")))!["strings"]!.AsArray().Select(s => ((string)s![0]!, (string)s[1]!)).Where(s => s.Item1 != "long-text")];
        using var stream = new GZipStream(File.OpenRead(Reference.Path("tokenizers", "auto.json.gz")), CompressionMode.Decompress);
        using JsonDocument rows = JsonDocument.Parse(stream);
        int right = 0, all = 0, place = 0;
        var files = new Dictionary<(string, string), int[]>();
        var wrong = new Dictionary<string, int>();
        var kinds = new Dictionary<string, byte[]>();
        foreach (JsonElement row in rows.RootElement.EnumerateArray())
        {
            string kind = row.GetProperty("kind").GetString()!, variant = row.GetProperty("variant").GetString()!;
            if (variant != "as-published" && ++place % 4 != 0) continue; // all 1,030 take too long for every day; each kind and each variant is among them
            using var folder = new TemporaryFolder();
            if (!kinds.TryGetValue(kind, out byte[]? bytes)) kinds[kind] = bytes = File.ReadAllBytes(Reference.Path("tokenizers", "kinds", kind, "tokenizer.json"));
            foreach (JsonProperty file in row.GetProperty("files").EnumerateObject())
                if (file.Name == "tokenizer.json") File.WriteAllBytes(folder[file.Name], bytes);
                else if (file.Value.ValueKind == JsonValueKind.Object) File.WriteAllText(folder[file.Name], file.Value.GetRawText());
            Tokenizer tokenizer = Tokenizer.Open(folder.Path);
            Tokenizer? other = tokenizer.Other?.Tokenizer;
            var seen = row.GetProperty("differs_from_json").EnumerateArray().Where(d => d[1].TryGetProperty("ids_special", out _))
                .ToDictionary(d => d[0].GetString()!, d => d[1].GetProperty("ids_special").EnumerateArray().Select(id => id.GetInt32()).ToArray());
            bool holds = true;
            foreach ((string name, string text) in row.GetProperty("compared").GetString() == "all" ? strings : strings.Where(s => Short.Contains(s.Name)))
            {
                int[] file = files.TryGetValue((kind, name), out int[]? known) ? known : files[(kind, name)] = tokenizer.EncodeIds(text), ours = other?.EncodeIds(text) ?? file;
                // The WordPiece vocabularies and Gemma's were learned anew after these answers were recorded: there only which texts differ can be compared.
                holds &= !tokenizer.Kind.Contains("WordPiece") && kind != "gemma" ? ours.SequenceEqual(seen.GetValueOrDefault(name) ?? file) : ours.SequenceEqual(file) != seen.ContainsKey(name);
            }
            all++;
            if (holds) right++;
            else wrong[$"{kind} {variant}"] = seen.Count;
        }
        foreach ((string what, int texts) in wrong) output.WriteLine($"{what} ({texts} texts differ there)");
        output.WriteLine($"{right} of {all}");
        Reference.Count("folders as transformers 5 reads them", right);
        Assert.Equal(all, right);
    }

    /// <summary>Seen in transformers 5.23: with split_special_tokens a special token's spelling is text; a class for another kind of model is taken all the same.</summary>
    [Fact]
    public void Remarks_name_what_tokenizer_config_changes()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Repository.Golden("text", "byte-level.json"), folder["tokenizer.json"]);
        Assert.Empty(Tokenizer.Open(folder.Path).Remarks);
        File.WriteAllText(folder["tokenizer_config.json"], """{"split_special_tokens":true}""");
        Tokenizer tokenizer = Tokenizer.Open(folder.Path), other = tokenizer.Other!.Value.Tokenizer;
        Assert.Contains("split_special_tokens", Assert.Single(tokenizer.Remarks));
        Assert.Equal(tokenizer.EncodeIds("a b"), other.EncodeIds("a b"));
        Assert.Contains(tokenizer.IdOf("<|end|>")!.Value, tokenizer.EncodeIds("a<|end|>"));
        Assert.DoesNotContain(tokenizer.IdOf("<|end|>")!.Value, other.EncodeIds("a<|end|>"));
        File.WriteAllText(folder["tokenizer_config.json"], """{"tokenizer_class":"BertTokenizer"}""");
        Assert.Contains("BertTokenizer, a class for WordPiece models where this is BPE", Assert.Single(Tokenizer.Open(folder.Path).Remarks));
    }
}
