using System.Text.RegularExpressions;

namespace Warm;

/// <summary>A Hugging Face folder without its tensors: config.json, tokenizer, template and other companion files.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Config">Its config.json, or null where there is none.</param>
public sealed partial record ModelFolder(string Path, ModelConfig? Config)
{
    /// <summary>The file beside the weights that says where they come from.</summary>
    internal const string RecipeFile = "warm.json";

    /// <summary>Where tokenizer and template lie: the folder itself, or that of an adapter which was saved with its own.</summary>
    public string TokenizerPath { get; init; } = Path;

    /// <summary>The path of a file of the model, whether it exists or not.</summary>
    public string File(string name) => System.IO.Path.Combine(TokenizerFile().IsMatch(name) ? TokenizerPath : Path, name);

    /// <summary>Whether the model has that file.</summary>
    public bool Has(string name) => System.IO.File.Exists(File(name));

    /// <summary>Paths of the files that belong to a model beside its weights and are there: config, tokenizer, template, licence. In a fixed order.</summary>
    public IReadOnlyList<string> Companions => [.. ((string[])[File("config.json"), .. CompanionNames.Select(c => c.Path), File(RecipeFile)]).Where(System.IO.File.Exists)];

    /// <summary>
    /// The files that a copy of the model keeps as they are, by name and path: those of <see cref="Companions"/> without config and recipe, which a copy writes anew. Weights, cards, training states and hidden files are not among them.
    /// </summary>
    internal IReadOnlyList<(string Name, string Path)> CompanionNames
    {
        get
        {
            bool code = Config?.Has("auto_map") == true;
            IEnumerable<string> Named(string folder, Func<string, bool> named) => Directory.EnumerateFiles(folder).Select(f => System.IO.Path.GetFileName(f)!).Where(named);
            string templates = System.IO.Path.Combine(TokenizerPath, "additional_chat_templates");
            return [.. Named(TokenizerPath, name => TokenizerFile().IsMatch(name))
                .Concat(Named(Path, name => OtherFile().IsMatch(name) || (code && name.EndsWith(".py", StringComparison.Ordinal))))
                .Select(name => (name, File(name)))
                .Concat(Directory.Exists(templates) ? Directory.EnumerateFiles(templates, "*.jinja").Select(path => (System.IO.Path.GetRelativePath(TokenizerPath, path), path)) : [])
                .Where(companion => System.IO.File.Exists(companion.Item2)).OrderBy(companion => companion.Item1, StringComparer.Ordinal)];
        }
    }

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

    [GeneratedRegex(@"^(tokenizer[\w.-]*\.(json|model)|vocab[\w.-]*\.(json|txt)|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template\.(jinja|json)|(spiece|spm|sentencepiece[\w.]*|source|target)\.(model|spm)|[\w.-]+\.(tiktoken|spm|bpe)|bpe\.codes|dict\.txt|bpe\.model)$")]
    private static partial Regex TokenizerFile();

    [GeneratedRegex(@"^(generation_config\.json|(pre)?processor_config\.json|preprocessor_config\.json|normalizer\.json|sentence_bert_config\.json|(LICEN[CS]E|NOTICE|USE_POLICY)[\w.-]*)$")]
    private static partial Regex OtherFile();
}
