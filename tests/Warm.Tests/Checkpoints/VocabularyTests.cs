using Warm.Testing;

namespace Warm.Tests;

public class VocabularyTests
{
    private const string Tokenizer = """
        {"added_tokens":[{"id":3,"content":"<s>","special":true}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"truncation":{"max_length":5},
         "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}}
        """;

    private static Vocabulary? Of(params (string Name, string Text)[] files)
    {
        using var folder = new TemporaryFolder();
        foreach ((string name, string text) in files) File.WriteAllText(folder[name], text);
        return Vocabulary.Of(new ModelFolder(folder.Path, null));
    }

    [Fact]
    public void Of_reads_words_special_tokens_and_template()
    {
        Vocabulary vocabulary = Of(("tokenizer.json", Tokenizer), ("tokenizer_config.json", """{"bos_token":{"content":"<s>"},"eos_token":"b","pad_token":null,"chat_template":"x"}"""), ("special_tokens_map.json", """{"eos_token":"a","unk_token":"?"}"""))!;
        Assert.Equal("BPE", vocabulary.Kind);
        Assert.Equal(4, vocabulary.Words.Count);
        Assert.Equal(3, vocabulary.IdOf("bos_token"));
        Assert.Equal(1, vocabulary.IdOf("eos_token"));
        Assert.Null(vocabulary.IdOf("unk_token")); // its token is no word
        Assert.False(vocabulary.Special.ContainsKey("pad_token"));
        Assert.Equal("x", vocabulary.Template);
    }

    [Fact]
    public void PipelineHash_sees_what_changes_ids_and_nothing_else()
    {
        string Hash(string json) => Of(("tokenizer.json", json))!.PipelineHash;
        string hash = Hash(Tokenizer);
        Assert.Equal(hash, Hash(Tokenizer.Replace("\"max_length\":5", "\"max_length\":9")));
        Assert.Equal(hash, Hash(Tokenizer.Replace("{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", "{ \"add_prefix_space\":false, \"type\":\"ByteLevel\" }")));
        Assert.NotEqual(hash, Hash(Tokenizer.Replace("\"add_prefix_space\":false", "\"add_prefix_space\":true")));
        Assert.NotEqual(hash, Hash(Tokenizer.Replace("[\"a\",\"b\"]", "[\"b\",\"a\"]")));
    }

    [Fact]
    public void TemplateOf_prefers_the_file_and_the_default_of_several()
    {
        const string Config = """{"chat_template":[{"name":"rag","template":"r"},{"name":"default","template":"d"}]}""";
        Assert.Equal("d", Of(("tokenizer.json", Tokenizer), ("tokenizer_config.json", Config))!.Template);
        Assert.Equal("file\n", Of(("tokenizer.json", Tokenizer), ("tokenizer_config.json", Config), ("chat_template.jinja", "file\n"))!.Template);
        Assert.Null(Of(("tokenizer.json", Tokenizer))!.TemplateHash);
    }

    [Fact]
    public void Of_reads_older_files()
    {
        Vocabulary words = Of(("vocab.txt", "[PAD]\n[UNK]\nhello\n"), ("added_tokens.json", """{"<x>":3}"""))!;
        Assert.Equal((4, 2, 3), (words.Words.Count, words.Words["hello"], words.Words["<x>"]));
        Assert.Equal("vocab.json", Of(("vocab.json", """{"a":0}"""), ("merges.txt", "#v\n"))!.Kind);
        Assert.Null(Of(("config.json", "{}")));
        Assert.Contains("id of \"a\"", Assert.Throws<WarmException>(() => Of(("vocab.json", """{"a":"0"}"""))).Message);
        Assert.Contains("no \"model\"", Assert.Throws<WarmException>(() => Of(("tokenizer.json", "{}"))).Message);
    }
}
