using System.Text.RegularExpressions;

namespace Warm;

/// <summary>The files that belong to a model beside its weights and its config: tokenizer, template, generation defaults, licence. Weights, cards, training states and hidden files are not among them.</summary>
internal static partial class CompanionFiles
{
    /// <summary>Paths relative to the folder, in order.</summary>
    public static IReadOnlyList<string> Of(string folder)
    {
        bool code = File.Exists(Path.Combine(folder, "config.json")) && File.ReadAllText(Path.Combine(folder, "config.json")).Contains("\"auto_map\"", StringComparison.Ordinal);
        IEnumerable<string> top = Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)!).Where(name => Named().IsMatch(name) || (code && name.EndsWith(".py", StringComparison.Ordinal)));
        string templates = Path.Combine(folder, "additional_chat_templates");
        IEnumerable<string> more = Directory.Exists(templates) ? Directory.EnumerateFiles(templates, "*.jinja").Select(f => Path.Combine("additional_chat_templates", Path.GetFileName(f))) : [];
        return [.. top.Concat(more).Where(name => File.Exists(Path.Combine(folder, name))).Order(StringComparer.Ordinal)];
    }

    [GeneratedRegex(@"^(tokenizer[\w.-]*\.(json|model)|vocab[\w.-]*\.(json|txt)|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template\.(jinja|json)|generation_config\.json|(spiece|spm|sentencepiece[\w.]*|source|target)\.(model|spm)|[\w.-]+\.(tiktoken|spm|bpe)|bpe\.codes|dict\.txt|sentencepiece\.bpe\.model|bpe\.model|(pre)?processor_config\.json|preprocessor_config\.json|normalizer\.json|sentence_bert_config\.json|(LICEN[CS]E|NOTICE|USE_POLICY)[\w.-]*)$")]
    private static partial Regex Named();
}
