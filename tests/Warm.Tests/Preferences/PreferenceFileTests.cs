using System.IO.Compression;
using System.Text;
using Warm.Testing;

namespace Warm.Tests.Preferences;

public class PreferenceFileTests
{
    private static List<Preference> Read(string text, PreferenceFileOptions? options = null, string name = "heldout.jsonl")
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using (Stream file = name.EndsWith(".gz") ? new GZipStream(File.Create(folder[name]), CompressionMode.Compress) : File.Create(folder[name])) file.Write(bytes);
        return [.. PreferenceFile.Read(folder[name], options)];
    }

    private static string Message(Action read)
    {
        string message = Assert.Throws<WarmException>(read).Message;
        return message[(message.IndexOf("heldout", StringComparison.Ordinal))..];
    }

    [Theory]
    [InlineData("heldout.jsonl")]
    [InlineData("heldout.jsonl.gz")]
    public void Read_prompt_and_texts(string name)
    {
        Preference pair = Assert.Single(Read("\uFEFF{\"id\":7,\"prompt\":\"Q?\",\"chosen\":\"yes 😀\",\"rejected\":\"no\",\"margin\":0.5,\"topic\":{\"name\":\"t\"}}\r\n\n", name: name));
        Assert.Equal(("Q?", "yes 😀", "no"), (pair.Chosen.Prompt, pair.Chosen.Response, pair.Rejected.Response));
        Assert.Equal(("7", 0.5, 5, 2), (pair.Id, pair.Margin, pair.ChosenLength, pair.RejectedLength));
        Assert.Equal(("t", "Q?", null), (pair.Group("topic.name"), pair.Group("prompt"), pair.Group("nothing")));
        Assert.EndsWith("line 1", pair.Source);
    }

    [Fact]
    public void Read_messages_finds_the_shared_turns()
    {
        Preference pair = Assert.Single(Read("""{"chosen":[{"role":"user","content":"Q"},{"role":"assistant","content":"yes"}],"rejected":[{"role":"user","content":"Q"},{"role":"assistant","content":"no!!"}]}"""));
        Assert.Equal(2, pair.Chosen.Messages!.Count);
        Assert.Equal(("user: Q", 3, 4), (pair.Prompt, pair.ChosenLength, pair.RejectedLength));
    }

    [Theory]
    [InlineData("""{"prompt":[{"role":"user","content":"Q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"Q"}],"chosen":[{"role":"user","content":"Q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"Q"},{"role":"assistant","content":"b"}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"Q"}],"chosen":"a","rejected":"b"}""")]
    [InlineData("""{"prompt":"Q","chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}""")]
    [InlineData("""{"prompt":"Q","chosen":[{"role":"user","content":"Q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"Q"},{"role":"assistant","content":"b"}]}""")]
    public void Read_explicit_prompt_becomes_one_user_turn(string line)
    {
        Preference pair = Assert.Single(Read(line));
        Assert.Equal(["user: Q", "assistant: a"], pair.Chosen.Messages!.Select(m => m.ToString()));
        Assert.Equal(["user: Q", "assistant: b"], pair.Rejected.Messages!.Select(m => m.ToString()));
        Assert.Equal((1, 1), (pair.ChosenLength, pair.RejectedLength));
    }

    [Fact]
    public void Read_dialogues_are_cut_after_the_last_shared_assistant()
    {
        Preference pair = Assert.Single(Read("""{"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: good\n\nAssistant: x","rejected":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: bad"}"""));
        Assert.Equal("\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:", pair.Prompt);
        Assert.Equal((" good\n\nAssistant: x", " bad"), (pair.Chosen.Response, pair.Rejected.Response));
    }

    [Fact]
    public void Read_texts_without_a_prompt_stay_whole()
    {
        Preference pair = Assert.Single(Read("""{"chosen":"It is good","rejected":"It is great"}"""));
        Assert.Equal((null, "It is good", "It is great"), (pair.Prompt, pair.Chosen.Text, pair.Rejected.Text));
    }

    [Fact]
    public void Read_ids()
    {
        Preference pair = Assert.Single(Read("""{"chosen_ids":[1,2,3],"rejected_input_ids":[4]}"""));
        Assert.Equal([1, 2, 3], pair.Chosen.Ids!);
        Assert.Equal((3, 1), (pair.ChosenLength, pair.RejectedLength));
    }

    [Fact]
    public void Read_other_names_and_nested_ones()
    {
        var options = new PreferenceFileOptions { Columns = ColumnNames.Parse("prompt=question, chosen=answers.0.text,rejected=answers.1.text") };
        Preference pair = Assert.Single(Read("""{"question":"Q","answers":[{"text":"a"},{"text":"b"}]}""", options));
        Assert.Equal(("Q", "a", "b"), (pair.Prompt, pair.Chosen.Response, pair.Rejected.Response));
    }

    [Theory]
    [InlineData("""{"prompt":"Q","rejected":"no"}""", "heldout.jsonl, line 3: \"chosen\" is missing; a line needs \"chosen\", \"rejected\"")]
    [InlineData("""{"chosen":null,"rejected":"no"}""", "heldout.jsonl, line 3: \"chosen\" is null")]
    [InlineData("""{"chosen":1,"rejected":"no"}""", "heldout.jsonl, line 3: \"chosen\" is a number")]
    [InlineData("""{"chosen":"a","rejected":[{"role":"user"}]}""", "heldout.jsonl, line 3: \"chosen\" is a text, \"rejected\" is a list")]
    [InlineData("""{"chosen":[],"rejected":[]}""", "heldout.jsonl, line 3: \"chosen\" is an empty list")]
    [InlineData("""{"chosen":[{"content":"a"}],"rejected":[{"role":"user"}]}""", "heldout.jsonl, line 3: \"chosen\"[0] has no \"role\"")]
    [InlineData("""{"chosen":"a","rejected":"b","margin":"x"}""", "heldout.jsonl, line 3: \"margin\" is \"x\"")]
    [InlineData("""{"chosen":"a","rejected":"b","tools":[{}]}""", "heldout.jsonl, line 3: the pair has \"tools\"")]
    [InlineData("""{"chosen":"a","chosen":"b","rejected":"b"}""", "heldout.jsonl, line 3: is not JSON")]
    [InlineData("""{"chosen":"a\ud800","rejected":"b"}""", "heldout.jsonl, line 3: holds half a surrogate pair")]
    [InlineData("""["a"]""", "heldout.jsonl, line 3: is a list")]
    [InlineData("""{"chosen":"a","rejected":"b","margin":-Infinity}""", "heldout.jsonl, line 3: holds Infinity at byte 39, which is no number of JSON; finite numbers. Python writes such")]
    [InlineData("""{"chosen":"a","rejected":NaN}""", "heldout.jsonl, line 3: holds NaN at byte 25")]
    [InlineData("""{"chosen":"a" """, "heldout.jsonl, line 3: is not JSON at byte")]
    public void Read_refuses_a_broken_line_by_its_number(string line, string expected)
    {
        string text = "{\"chosen\":\"a\",\"rejected\":\"b\"}\n\n" + line + "\n{\"chosen\":\"c\",\"rejected\":\"d\"}\n";
        Assert.StartsWith(expected, Message(() => Read(text)));
        var told = new List<WarmException>();
        Assert.Equal(2, Read(text, new() { Broken = told.Add }).Count);
        Assert.Contains("line 3", Assert.Single(told).Where);
    }

    [Fact]
    public void Read_refuses_what_is_not_utf8_or_a_whole_gzip()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["heldout.jsonl"], [.. "{}\n{\"chosen\":\""u8, 0xFF, .. "\"}\n"u8]);
        var told = new List<WarmException>();
        Assert.Empty(PreferenceFile.Read(folder["heldout.jsonl"], new() { Broken = told.Add }));
        Assert.Contains("is not UTF-8 (byte 11 is 0xFF)", told[1].Message);

        using (var gzip = new GZipStream(File.Create(folder["heldout.jsonl.gz"]), CompressionMode.Compress))
            for (int i = 0; i < 5000; i++) gzip.Write(Encoding.UTF8.GetBytes($"{{\"chosen\":\"{i * 7919 % 1000003}\",\"rejected\":\"b\"}}\n"));
        byte[] whole = File.ReadAllBytes(folder["heldout.jsonl.gz"]);
        File.WriteAllBytes(folder["heldout.jsonl.gz"], whole[..(whole.Length / 2)]);
        Assert.Contains("gzip data are broken or cut short", Message(() => PreferenceFile.Read(folder["heldout.jsonl.gz"]).Count()));
        Assert.InRange(PreferenceFile.Read(folder["heldout.jsonl.gz"], new() { Broken = told.Add }).Count(), 1, 4999); // ends, though told to go on
        File.WriteAllBytes(folder["heldout.jsonl.gz"], [.. whole, .. whole]); // members end to end, as bgzip and cat write them
        Assert.Equal(10_000, PreferenceFile.Read(folder["heldout.jsonl.gz"]).Count());
        File.WriteAllBytes(folder["heldout.jsonl.gz"], [.. whole, .. whole[..^9]]);
        Assert.Contains("gzip data are broken or cut short", Message(() => PreferenceFile.Read(folder["heldout.jsonl.gz"]).Count()));
        File.WriteAllText(folder["heldout.jsonl.gz"], "{}");
        Assert.Throws<WarmException>(() => PreferenceFile.Read(folder["heldout.jsonl.gz"]).Count());
        Assert.Throws<WarmException>(() => PreferenceFile.Read(folder["none.jsonl"]).Count());
        Assert.Throws<WarmException>(() => PreferenceFile.Read(folder.Path).Count());
    }

    [Theory]
    [InlineData("prompt")]
    [InlineData("=a")]
    [InlineData("a=")]
    [InlineData("a=b,a=c")]
    [InlineData("a=b,,")]
    public void ColumnNames_refuses(string text) => Assert.Throws<WarmException>(() => ColumnNames.Parse(text));
}
