using System.Text.Json;

namespace Warm;

/// <summary>A model's config.json, as it stands; typed access to its keys with errors that name file and key.</summary>
public sealed class ModelConfig
{
    private ModelConfig(string path, JsonElement json)
    {
        Path = path;
        Json = json;
    }

    /// <summary>The file it was read from.</summary>
    public string Path { get; }

    /// <summary>The whole document, an object.</summary>
    public JsonElement Json { get; }

    /// <summary>Reads a config.json.</summary>
    public static ModelConfig Read(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        return new(path, document.RootElement.Clone());
    }
}
