using Warm.Testing;

namespace Warm.Tests;

public class ModelConfigTests
{
    private static ModelConfig Config(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], json);
        return ModelConfig.Read(folder["config.json"]);
    }

    private static string Refused(Func<object?> ask) => Assert.Throws<WarmException>(ask).Message;

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\": 1 // comment\n}")]
    [InlineData("{\"a\": 1,}")]
    [InlineData("{\"a\": 1")]
    public void Read_refuses_and_names_the_file(string json) => Assert.Contains("config.json", Refused(() => Config(json)));

    [Fact]
    public void Read_refuses_great_depth() => Refused(() => Config($"{{\"a\":{new string('[', 10_000)}{new string(']', 10_000)}}}"));

    [Fact]
    public void Read_steps_over_a_byte_order_mark_and_takes_the_last_of_two_keys()
    {
        ModelConfig config = Config("\uFEFF{\"hidden_size\": 7, \"hidden_size\": 8, \"nothing\": null, \"odd\": NaN}");
        Assert.Equal(8, config.Int("hidden_size"));
        Assert.Contains("hidden_size", Assert.Single(config.Remarks));
        Assert.False(config.Has("nothing"));
        Assert.Equal(3, config.Int("nothing", 3));
        Assert.Contains("\"odd\" is \"NaN\"", Refused(() => config.Double("odd")));
    }

    [Theory]
    [InlineData("8.5")]
    [InlineData("8.0")]
    [InlineData("\"8\"")]
    [InlineData("-8")]
    [InlineData("0")]
    [InlineData("true")]
    [InlineData("[8]")]
    [InlineData("1e3")]
    [InlineData("9999999999")]
    public void Int_refuses_what_is_no_whole_number_in_bounds(string value)
    {
        string message = Refused(() => Config($"{{\"hidden_size\": {value}}}").Int("hidden_size", min: 1));
        Assert.Contains($"\"hidden_size\" is {value}; a whole number of at least 1 is needed", message);
    }

    [Theory]
    [InlineData("{}", null)]
    [InlineData("""{"eos_token_id": null}""", null)]
    [InlineData("""{"eos_token_id": 2}""", new[] { 2 })]
    [InlineData("""{"eos_token_id": -1}""", new[] { -1 })]
    [InlineData("""{"eos_token_id": [1, 107]}""", new[] { 1, 107 })]
    [InlineData("""{"eos_token_id": []}""", new int[0])]
    [InlineData("""{"eos_token_id": 3, "text_config": {"eos_token_id": 4}}""", new[] { 4 })]
    public void EndTokenIds_are_one_or_a_list(string json, int[]? ids) => Assert.Equal(ids, Config(json).EndTokenIds);

    [Theory]
    [InlineData("\"2\"")]
    [InlineData("[1, \"2\"]")]
    [InlineData("[[2]]")]
    [InlineData("{}")]
    [InlineData("-2")]
    [InlineData("2.5")]
    [InlineData("[9999999999]")]
    [InlineData("true")]
    public void EndTokenIds_refuse_what_is_no_id(string value) => Assert.Contains("\"eos_token_id\" is", Refused(() => Config($"{{\"eos_token_id\": {value}}}").EndTokenIds));

    [Fact]
    public void Typed_access_names_missing_and_wrong_keys()
    {
        ModelConfig config = Config("""{"eps": -1, "flag": 1, "name": 5, "list": ["a", 1], "rope_parameters": {"rope_theta": "x"}, "numbers": [1, 2.5]}""");
        Assert.Contains("\"missing\" is missing", Refused(() => config.Int("missing")));
        Assert.Contains("a number above 0", Refused(() => config.Double("eps", above: 0)));
        Assert.Contains("true or false", Refused(() => config.Bool("flag")));
        Assert.Contains("a text", Refused(() => config.String("name")));
        Assert.Contains("a list of texts", Refused(() => config.Strings("list")));
        Assert.Contains("\"rope_parameters.rope_theta\"", Refused(() => config.Section("rope_parameters")!.Double("rope_theta")));
        Assert.Equal([1, 2.5], config.Doubles("numbers"));
        Assert.Null(config.Section("absent"));
        Assert.True(config.Bool("absent", true));
    }

    [Theory]
    [InlineData("{}", 2)]
    [InlineData("""{"id2label": {"0": "A"}}""", 1)]
    [InlineData("""{"id2label": {"0": "A", "1": "B", "2": "C"}}""", 3)]
    [InlineData("""{"id2label": {"0": "A", "1": "B"}, "num_labels": 1}""", 1)]
    [InlineData("""{"id2label": null}""", 2)]
    public void NumLabels_is_written_or_counted_or_two(string json, int expected) => Assert.Equal(expected, Config(json).NumLabels);

    [Fact]
    public void Architecture_refuses_two()
    {
        Assert.Equal("A", Config("""{"architectures": ["A"]}""").Architecture);
        Assert.Null(Config("{}").Architecture);
        Assert.Contains("exactly one", Refused(() => Config("""{"architectures": ["A", "B"]}""").Architecture));
    }

    [Fact]
    public void PadTokenId_of_a_composite_is_the_text_models()
    {
        Assert.Equal(5, Config("""{"pad_token_id": 1, "text_config": {"pad_token_id": 5}}""").PadTokenId);
        Assert.Equal(-1, Config("""{"pad_token_id": -1}""").PadTokenId);
        Assert.Null(Config("""{"pad_token_id": null}""").PadTokenId);
    }

    [Theory] // transformers 5.23: the classes' own values, e.g. GemmaConfig().pad_token_id
    [InlineData("""{"model_type": "gemma"}""", 0)]
    [InlineData("""{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"}}""", 0)]
    [InlineData("""{"model_type": "gemma3", "text_config": {}}""", 0)]
    [InlineData("""{"model_type": "opt"}""", 1)]
    [InlineData("""{"model_type": "olmo2"}""", 1)]
    [InlineData("""{"model_type": "phi3"}""", 32000)]
    [InlineData("""{"model_type": "llama"}""", null)]
    [InlineData("""{"model_type": "gemma", "pad_token_id": null}""", null)]
    public void PadTokenId_that_is_not_written_is_the_familys(string json, int? expected) => Assert.Equal(expected, Config(json).PadTokenId);
}
