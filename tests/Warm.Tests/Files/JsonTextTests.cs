using System.Text;

namespace Warm.Tests;

public class JsonTextTests
{
    [Theory]
    [InlineData("{\n  \"a\": 01}", "line 2, column 9")]
    [InlineData("{\"a\": 1,}", "line 1, column 9")]
    [InlineData("{\"a\": 1 // no\n}", "line 1")]
    [InlineData("{\"a\": \"\\ud800\"}", "line 1, column 7")]
    [InlineData("{\"a\": 1", "line 1")]
    [InlineData("{'a': 1}", "line 1, column 2")]
    [InlineData("{} {}", "line 1")]
    [InlineData("", "is empty")]
    [InlineData(" \n", "is empty")]
    public void Parse_names_the_place(string json, string place)
    {
        string message = Assert.Throws<WarmException>(() => JsonText.Parse(Encoding.UTF8.GetBytes(json), "x.json")).Message;
        Assert.StartsWith("x.json", message);
        Assert.Contains(place, message);
    }

    [Fact]
    public void Parse_refuses_what_is_no_UTF8() =>
        Assert.Contains("line 2, column 2: byte 0xFF", Assert.Throws<WarmException>(() => JsonText.Parse(new byte[] { (byte)'"', (byte)'\n', (byte)'a', 0xFF }, "x")).Message);

    [Fact]
    public void Parse_stops_at_its_depth()
    {
        string Nested(int depth) => new string('[', depth) + new string(']', depth);
        Assert.NotEqual(default, JsonText.Parse(Encoding.UTF8.GetBytes(Nested(JsonText.Depth)), "x").ValueKind);
        Assert.Throws<WarmException>(() => JsonText.Parse(Encoding.UTF8.GetBytes(Nested(JsonText.Depth + 1)), "x"));
        Assert.Throws<WarmException>(() => JsonText.Parse(Encoding.UTF8.GetBytes(Nested(100_000)), "x"));
    }

    [Fact]
    public void Parse_tells_keys_that_stand_twice_after_unescaping()
    {
        var told = new List<string>();
        Assert.Equal(3, JsonText.Parse("{\"a\":1,\n\"b\":{\"a\":2},\"\\u0061\":3}"u8.ToArray(), "x", told.Add).GetProperty("a").GetInt32());
        Assert.Equal("x, line 2, column 13: the key \"a\" stands twice", Assert.Single(told));
    }

    [Fact]
    public void Parse_reads_the_numbers_of_Python_as_texts_only_when_asked()
    {
        byte[] json = Encoding.UTF8.GetBytes("{\"a\": NaN, \"b\": [-Infinity, Infinity], \"NaN \\\" NaN\": \"NaN\"}");
        Assert.Throws<WarmException>(() => JsonText.Parse(json, "x"));
        Assert.Equal("{\"a\": \"NaN\", \"b\": [\"-Infinity\", \"Infinity\"], \"NaN \\\" NaN\": \"NaN\"}", JsonText.Parse(json, "x", namedNumbers: true).GetRawText());
    }
}
