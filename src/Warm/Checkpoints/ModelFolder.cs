namespace Warm;

/// <summary>A Hugging Face folder without its tensors: config.json, tokenizer, template and other companion files.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Config">Its config.json, or null where there is none.</param>
public sealed record ModelFolder(string Path, ModelConfig? Config)
{
    /// <summary>The path of a file in the folder, whether it exists or not.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Whether the folder holds that file.</summary>
    public bool Has(string name) => System.IO.File.Exists(File(name));

    /// <summary>The path.</summary>
    public override string ToString() => Path;
}
