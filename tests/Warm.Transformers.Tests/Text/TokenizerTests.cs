using System.Diagnostics;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>The tokenizer against recorded answers that travel with the tests, its promises, and what it does with hostile input.</summary>
public class TokenizerTests
{
    private static Tokenizer Golden(string name) => Tokenizer.Open(Repository.Golden("text", name + ".json"));

    [Theory]
    [InlineData("byte-level")]
    [InlineData("word-piece")]
    public void Encode_and_Decode_agree_with_the_library(string name)
    {
        Tokenizer tokenizer = Golden(name);
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Repository.Golden("text", "golden.json")));
        foreach (JsonElement answer in golden.RootElement.GetProperty(name).EnumerateArray())
        {
            (string text, string? pair) = (answer.GetProperty("text").GetString()!, answer.GetProperty("pair").GetString());
            TokenizedText got = tokenizer.Encode(text, pair);
            Assert.Equal(Numbers("ids"), got.Ids);
            Assert.Equal(answer.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!), got.Tokens);
            Assert.Equal(answer.GetProperty("offsets").EnumerateArray().Select(o => (o[0].GetInt32(), o[1].GetInt32())), got.Offsets);
            Assert.Equal(Numbers("types"), got.TypeIds);
            Assert.Equal(Numbers("mask"), got.SpecialMask.Select(m => m ? 1 : 0));
            Assert.Equal(answer.GetProperty("decoded").GetString(), tokenizer.Decode(got.Ids));
            Assert.Equal(answer.GetProperty("skipped").GetString(), tokenizer.Decode(got.Ids, skipSpecialTokens: true));
            Assert.Equal(got.Ids, tokenizer.EncodeIds(text, pair));

            IEnumerable<int> Numbers(string field) => answer.GetProperty(field).EnumerateArray().Select(n => n.GetInt32());
        }
    }

    [Fact]
    public void Encode_and_Decode_agree_with_the_library_in_the_corners()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Repository.Golden("text", "corners.json")));
        foreach (JsonElement corner in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string name = corner.GetProperty("name").GetString()!;
            Tokenizer tokenizer = Tokenizer.Parse(corner.GetProperty("file").GetRawText());
            foreach (JsonElement answer in corner.GetProperty("answers").EnumerateArray())
            {
                TokenizedText got = tokenizer.Encode(answer.GetProperty("text").GetString()!);
                Assert.Equal((name, string.Join(' ', answer.GetProperty("ids").EnumerateArray())), (name, string.Join(' ', got.Ids)));
                Assert.Equal(answer.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!), got.Tokens);
                Assert.Equal(answer.GetProperty("offsets").EnumerateArray().Select(o => (o[0].GetInt32(), o[1].GetInt32())), got.Offsets);
                Assert.Equal(answer.GetProperty("decoded").GetString(), tokenizer.Decode(got.Ids));
            }
        }
    }

    /// <summary>A model that sees a text as one piece takes it in stretches; the naive way takes it whole.</summary>
    [Theory]
    [InlineData("[[\"t\",\"h\"],[\"th\",\"e\"],[\"▁\",\"the\"],[\"e\",\"▁\"],[\"the\",\"é\"]]", true, null)]
    [InlineData("[[\"t\",\"h\"],[\"th\",\"e\"],[\"▁\",\"the\"],[\"h\",\"e\"]]", true, null)]
    [InlineData("[[\"t\",\"h\"],[\"th\",\"e\"],[\"<0x0A>\",\"<0x0A>\"]]", true, "e")]
    [InlineData("[[\"t\",\"h\"],[\"th\",\"e\"],[\"▁\",\"the\"]]", false, "é")]
    [InlineData("[[\"t\",\"h\"],[\"th\",\"e\"],[\"▁\",\"the\"]]", false, null)]
    public void Tokens_in_stretches_are_those_of_the_whole(string merges, bool bytes, string? unknown)
    {
        string[] words = [.. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), "t", "h", "e", "▁", "é", "th", "he", "the", "▁the", "e▁", "theé", "<0x0A><0x0A>"];
        string vocabulary = string.Join(',', words.Select((word, id) => $"\"{word}\":{id}"));
        TokenModel model = TokenizerJson.Parse(System.Text.Encoding.UTF8.GetBytes($$"""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{"type":"BPE","dropout":null,
            "unk_token":{{(unknown is null ? "null" : $"\"{unknown}\"")}},"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":{{(bytes ? "true" : "false")}},"ignore_merges":false,"vocab":{ {{vocabulary}} },"merges":{{merges}} } }
            """), "tokenizer.json").Model;
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(41, 200)).Select(_ => random.Next(12) switch { < 3 => "t", < 6 => "h", < 8 => "e", 8 => "▁", 9 => "é", 10 => "\n", _ => "😀" }));
            var whole = new List<ModelToken>();
            model.Encode(text, whole);
            Assert.Equal(whole, new WordCache().Tokens(text, model).ToArray());
        }
    }

    [Fact]
    public void Encode_gives_the_same_from_many_threads_and_in_a_stream_of_texts()
    {
        Tokenizer tokenizer = Golden("byte-level");
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => $"The {i} eggs, and {i * 7} more; it's Käse {(char)(0x4E00 + i)}")];
        int[][] alone = [.. texts.Select(text => tokenizer.EncodeIds(text))];
        Assert.Equal(alone, tokenizer.EncodeIds(texts));
        Parallel.For(0, texts.Length * 4, i => Assert.Equal(alone[i % texts.Length], tokenizer.EncodeIds(texts[i % texts.Length])));
    }

    [Fact]
    public void IdOf_and_TokenOf_know_vocabulary_and_added_tokens()
    {
        Tokenizer tokenizer = Golden("byte-level");
        AddedToken end = tokenizer.AddedTokens.Single(token => token.Content == "<|end|>");
        Assert.Equal(end.Id, tokenizer.IdOf("<|end|>"));
        Assert.Equal("<|end|>", tokenizer.TokenOf(end.Id));
        Assert.Equal(tokenizer.VocabularySize, end.Id + 1);
        Assert.Null(tokenizer.IdOf("no such token"));
        Assert.Null(tokenizer.TokenOf(-1));
        Assert.Null(tokenizer.TokenOf(1_000_000));
        Assert.Equal("BPE (byte level)", tokenizer.Kind);
        Assert.True(tokenizer.HasSpecialToken("a <|end|> b"));
        Assert.False(tokenizer.HasSpecialToken("a <|end b"));
        Assert.Equal("ab", tokenizer.Decode([tokenizer.IdOf("a")!.Value, 1_000_000, -5, tokenizer.IdOf("b")!.Value]));
    }

    [Fact]
    public void Encode_takes_half_a_surrogate_pair_as_the_replacement_character()
    {
        Tokenizer tokenizer = Golden("byte-level");
        Assert.Equal(tokenizer.EncodeIds("a\uFFFDb\uFFFD"), tokenizer.EncodeIds("a\uD83Db\uDE00"));
        Assert.Equal((1, 2), tokenizer.Encode("a\uD83Db", null, false).Offsets[1]);
    }

    /// <summary>A million equal letters, blanks, marks, emoji ...: no worse than n log n.</summary>
    [Theory]
    [InlineData("byte-level", "a")]
    [InlineData("byte-level", " ")]
    [InlineData("byte-level", " \n")]
    [InlineData("byte-level", "\u0301")]
    [InlineData("byte-level", "😀")]
    [InlineData("byte-level", "ab1 .")]
    [InlineData("word-piece", "a")]
    [InlineData("word-piece", "\u0323\u0301")]
    [InlineData("word-piece", "你")]
    [InlineData("word-piece", "[SEP]")]
    public void EncodeIds_takes_a_text_of_a_million_characters(string name, string unit)
    {
        Tokenizer tokenizer = Golden(name);
        string text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        var clock = Stopwatch.StartNew();
        Assert.NotEmpty(tokenizer.EncodeIds(text));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed}");
    }

    [Theory]
    [InlineData(@"\s+$", " ")] // fails at every place of a run: leapt over
    [InlineData(@"(?:a|a)*b", "a")]
    [InlineData(@"(a+)+b", "a")]
    [InlineData(@"(?=(a+))\1\1\1b", "a")]
    public void Regex_ends_in_matches_or_an_error_whatever_the_pattern(string pattern, string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 20_000)) + "x";
        var clock = Stopwatch.StartNew();
        try { new RegexPattern(pattern).Matches(text, []); }
        catch (WarmException error) { Assert.Contains("too many steps", error.Message, StringComparison.Ordinal); }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed}");
    }

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("{}", "'model' is missing")]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", "git-LFS pointer")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "model.merges[0]: 'b' is not in the vocabulary")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "model.vocab.a: is -1")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":4294967295},"merges":[]}}""", "model.vocab.a: is 4294967295")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":1},"merges":[]}}""", "half a surrogate pair")]
    [InlineData("""{"model":{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}}""", "random ids")]
    [InlineData("""{"model":{"type":"Nonsense"}}""", "the model Nonsense is not built")]
    [InlineData("""{"normalizer":{"type":"Nonsense"},"model":{"type":"BPE","vocab":{},"merges":[]}}""", "normalizer: the normalizer Nonsense is not built")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?~a)"},"behavior":"Isolated","invert":false},"model":{"type":"BPE","vocab":{},"merges":[]}}""", "pre_tokenizer.pattern.Regex: the regex (?~a)")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"((a{1000}){1000}){1000}"},"behavior":"Isolated","invert":false},"model":{"type":"BPE","vocab":{},"merges":[]}}""", "too large")]
    [InlineData("""{"added_tokens":[{"id":7,"content":"x","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""", "added_tokens[0]: 'x' has the id 7 in the file but gets 1")]
    public void Open_refuses_with_the_place(string json, string said)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer.json"], json);
        WarmException error = Assert.Throws<WarmException>(() => Tokenizer.Open(folder.Path));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(folder["tokenizer.json"], error.Where, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_refuses_deep_nesting_and_a_missing_file()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("is not there", Assert.Throws<WarmException>(() => Tokenizer.Open(folder.Path)).Message, StringComparison.Ordinal);
        string sequences = string.Concat(Enumerable.Repeat("""{"type":"Sequence","normalizers":[""", 5000)) + string.Concat(Enumerable.Repeat("]}", 5000));
        File.WriteAllText(folder["tokenizer.json"], "{\"normalizer\":" + sequences + ",\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}");
        Assert.Throws<WarmException>(() => Tokenizer.Open(folder.Path));
    }

    [Theory]
    [InlineData("vocab.json", "merges.txt")]
    [InlineData("vocab.txt")]
    [InlineData("spiece.model")]
    public void Open_of_an_older_folder_names_its_files_and_the_line_that_writes_a_tokenizer_json(params string[] files)
    {
        using var folder = new TemporaryFolder();
        foreach (string file in files) File.WriteAllText(folder[file], "");
        string message = Assert.Throws<WarmException>(() => Tokenizer.Open(folder.Path)).Message;
        Assert.All(files, file => Assert.Contains(file, message));
        Assert.Contains($"A.from_pretrained('{folder.Path}').save_pretrained('{folder.Path}')", message);
    }

    [Fact]
    public void Open_refuses_an_added_token_that_normalises_to_nothing()
    {
        string json = """
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":1,"content":" ","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false}],
            "normalizer":{"type":"Strip","strip_left":true,"strip_right":true},"pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}
            """;
        Assert.Contains("nothing is left of the added token ' '", Assert.Throws<WarmException>(() => Tokenizer.Parse(json)).Message);
    }

    [Fact]
    public void Special_follows_the_files_beside_the_tokenizer()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Repository.Golden("text", "byte-level.json"), folder["tokenizer.json"]);
        int end = Tokenizer.Open(folder.Path).IdOf("<|end|>")!.Value;
        File.WriteAllText(folder["config.json"], $$"""{"pad_token_id":{{end}},"bos_token_id":null}""");
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":{"content":"<|begin|>"},"eos_token":"wrong","unk_token":null}""");
        File.WriteAllText(folder["special_tokens_map.json"], """{"eos_token":"<|end|>"}""");
        SpecialTokens special = Tokenizer.Open(folder.Path).Special;
        Assert.Equal(("<|begin|>", "<|end|>", "<|end|>", null), (special.Bos, special.Eos, special.Pad, special.Unk));
        File.WriteAllText(folder["tokenizer_config.json"], """{"added_tokens_decoder":{},"eos_token":"<|begin|>"}""");
        Assert.Equal("<|begin|>", Tokenizer.Open(folder.Path).Special.Eos);
    }
}
