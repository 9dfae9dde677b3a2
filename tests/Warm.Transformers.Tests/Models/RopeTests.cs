using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

public class RopeTests
{
    [ReferenceFact]
    public void Frequencies_of_well_known_models_agree_with_the_reference()
    {
        JsonElement tables = JsonText.Read(Reference.Path("architectures", "operations", "tables.json"), namedNumbers: true);
        int compared = 0;
        foreach (JsonElement table in tables.GetProperty("rope").EnumerateArray())
        {
            string json = $$"""{"rope_parameters":{{table.GetProperty("rope_parameters")}}}""";
            int headSize = table.GetProperty("head_dim").GetInt32(), positions = table.GetProperty("max_position_embeddings").GetInt32();
            Rope rope = Of(json, headSize, positions);
            Assert.Equal(table.GetProperty("attention_factor").GetDouble(), rope.AttentionFactor, 1e-12);
            double[] expected = [.. table.GetProperty("inv_freq_float64").EnumerateArray().Select(f => f.GetDouble())], actual = rope.Frequencies(table.GetProperty("length").GetInt32());
            Assert.Equal(expected.Length, actual.Length);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], expected[i] * 1e-12);
            compared++;
        }
        Assert.True(compared >= 10);
        Reference.Count("rope tables", compared);
    }

    [Fact]
    public void Of_old_and_new_spelling_agree() =>
        Assert.Equal(Of("""{"rope_parameters":{"rope_type":"linear","factor":4.0,"rope_theta":500000.0}}""").Frequencies(1), Of("""{"rope_theta":500000.0,"rope_scaling":{"type":"linear","factor":4.0}}""").Frequencies(1));

    [Fact]
    public void Of_nothing_is_theta_10000() => Assert.Equal([1, 0.1, 0.01, 0.001], Of("{}").Frequencies(1).Select(f => Math.Round(f, 12)));

    [Fact]
    public void Of_both_spellings_lets_rope_scaling_win() =>
        Assert.Equal(0.25, Of("""{"rope_parameters":{"rope_type":"default","rope_theta":10000.0},"rope_scaling":{"rope_type":"linear","factor":4.0}}""").Frequencies(1)[0]);

    [Fact]
    public void Of_both_spellings_looks_at_no_theta_of_the_newer() =>
        Assert.Equal(Of("{}").Frequencies(1), Of("""{"rope_parameters":{"rope_type":"linear","factor":4.0,"rope_theta":500000.0},"rope_scaling":{"rope_type":"default"}}""").Frequencies(1));

    [Fact]
    public void Of_an_empty_rope_scaling_is_of_none() =>
        Assert.Equal(0.25, Of("""{"rope_parameters":{"rope_type":"linear","factor":4.0},"rope_scaling":{}}""").Frequencies(1)[0]);

    [Theory] // transformers 5.23: standardize_rope_params lets the top level win, and takes max_position_embeddings where neither says it
    [InlineData("yarn", "")]
    [InlineData("llama3", ""","low_freq_factor":1.0,"high_freq_factor":4.0""")]
    public void Of_original_positions_at_top_level_lets_them_win(string type, string more)
    {
        double[] With(string inside, string outside, int positions) => Of("{" + outside + $"\"rope_scaling\":{{\"rope_type\":\"{type}\",\"factor\":4.0{more}{inside}}}" + "}", positions: positions).Frequencies(1);
        double[] expected = With(""","original_max_position_embeddings":4096""", "", 64);
        Assert.Equal(expected, With(""","original_max_position_embeddings":16""", "\"original_max_position_embeddings\":4096,", 64));
        Assert.Equal(expected, With("", "", 4096));
        Assert.NotEqual(expected, With("", "", 64));
    }

    [Theory]
    [InlineData("""{"rope_scaling":{"type":"linear","factor":2.0}}""", "rope_type")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":2.0},"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", "rope_scaling")]
    [InlineData("""{"rope_parameters":{"full_attention":{"rope_type":"yarn","factor":2.0,"truncate":false}}}""", "truncate")]
    public void Of_a_layers_rotation_that_transformers_would_not_see_is_refused(string json, string named) =>
        Assert.Contains(named, Assert.Throws<WarmException>(() => Of(json, keys: new() { LayerType = "full_attention" })).Message);

    [Theory]
    [InlineData("""{"rope_scaling":{"rope_type":"strange"}}""", "strange")]
    [InlineData("""{"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", "full_attention")]
    [InlineData("""{"rope_scaling":{"type":"su","factor":2.0}}""", "longrope")]
    [InlineData("""{"rope_scaling":{"rope_type":"llama3","factor":8.0}}""", "low_freq_factor")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear"}}""", "factor")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":-1}}""", "factor")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":"4"}}""", "factor")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"beta_fast":"x"}}""", "beta_fast")]
    [InlineData("""{"rope_scaling":"linear"}""", "rope_scaling")]
    [InlineData("""{"rope_parameters":{"rope_type":"default","rope_theta":0}}""", "rope_theta")]
    [InlineData("""{"rope_parameters":{"rope_type":"default","partial_rotary_factor":0.5}}""", "partial_rotary_factor")]
    public void Of_a_setting_that_is_not_built_is_refused(string json, string named) => Assert.Contains(named, Assert.Throws<WarmException>(() => Of(json)).Message);

    [Fact]
    public void Of_odd_heads_is_refused() => Assert.Throws<WarmException>(() => Of("{}", headSize: 3));

    private static Rope Of(string json, int headSize = 8, int positions = 64, RopeKeys? keys = null)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], json);
        return Rope.Of(new ConfigKeys(ModelConfig.Read(folder["config.json"])), headSize, positions, keys);
    }
}
