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

    /// <summary>Paths of the files that belong to a model beside its weights and are there: config, tokenizer, template. In a fixed order.</summary>
    public IReadOnlyList<string> Companions => [.. CompanionNames.Where(Has).Select(File)];

    private static readonly string[] CompanionNames =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json",
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "vocab.json", "vocab.txt", "merges.txt", "warm.json",
    ];

    /// <summary>The licence that the model card names (<c>license:</c> in the front matter of README.md), or null where it names none.</summary>
    public string? Licence
    {
        get
        {
            if (!Has("README.md")) return null;
            string[] front = [.. System.IO.File.ReadLines(File("README.md")).Take(200)];
            int end = front is ["---", ..] ? Array.IndexOf(front, "---", 1) : -1;
            string? line = end < 0 ? null : Array.Find(front[1..end], l => l.StartsWith("license:", StringComparison.Ordinal));
            return line?["license:".Length..].Trim() is { Length: > 0 } name ? name.Trim('"', '\'') : null;
        }
    }

    /// <summary>The path.</summary>
    public override string ToString() => Path;
}
