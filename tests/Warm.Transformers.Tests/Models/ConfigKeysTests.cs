using Warm.Testing;

namespace Warm.Transformers.Tests;

public class ConfigKeysTests
{
    [Theory]
    [InlineData("quantization_config", "{\"quant_method\": \"bitsandbytes\"}")]
    [InlineData("auto_map", "{\"AutoModel\": \"x.Y\"}")]
    [InlineData("per_layer_config", "{\"0\": {\"hidden_size\": 8}}")]
    public void TextOfComposite_refuses_what_makes_another_model_of_any(string key, string value)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], $"{{\"text_config\": {{\"{key}\": {value}}}}}");
        Assert.Contains($"\"text_config.{key}\" is", Assert.Throws<WarmException>(() => new ConfigKeys(ModelConfig.Read(folder["config.json"])).TextOfComposite()).Message);
    }
}
