namespace Warm;

/// <summary>Whether two folders turn text into the same ids: vocabulary, special tokens, chat template.</summary>
internal static class TokenizerRules
{
    private static readonly string[] Files =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja", "chat_template.json",
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model",
    ];

    /// <summary>All differences of another folder's tokenizer from the first's.</summary>
    public static IEnumerable<Difference> Compare(ModelFolder first, ModelFolder other)
    {
        if (Files.All(name => SameFile(first.File(name), other.File(name)))) yield break; // the usual case, and quicker than reading a large vocabulary
        (Vocabulary? mine, Vocabulary? theirs) = (Vocabulary.Of(first), Vocabulary.Of(other));
        if (mine is null || theirs is null)
        {
            if (mine is not null || theirs is not null)
                yield return new("tokenizer", (mine is null ? first : other).Path, "has no tokenizer", $"{(mine is null ? other : first).Path} has one{(mine is null ? "; the average has the first member's files" : "")}", Severity.Doubtful);
        }
        else
        {
            foreach (Difference difference in Words(first, mine, theirs)) yield return difference;
            foreach (string role in mine.Special.Keys.Union(theirs.Special.Keys).Order(StringComparer.Ordinal))
                if (mine.Special.GetValueOrDefault(role) != theirs.Special.GetValueOrDefault(role))
                    yield return new("special_tokens", $"{other.Path}: {role}", $"is {Quoted(theirs.Special.GetValueOrDefault(role))}", $"{first.Path} has {Quoted(mine.Special.GetValueOrDefault(role))}", Severity.Doubtful);
        }
        (string? template, string? otherTemplate) = (Vocabulary.TemplateOf(first), Vocabulary.TemplateOf(other));
        if (template != otherTemplate)
            yield return new("template", other.Path, otherTemplate is null ? "has no chat template" : template is null ? "has a chat template" : "has another chat template",
                $"{first.Path} has {(template is null ? "none" : otherTemplate is null ? "one" : "its own")}; the average has the first member's", Severity.Doubtful);
    }

    private static IEnumerable<Difference> Words(ModelFolder first, Vocabulary mine, Vocabulary theirs)
    {
        (string Word, int Mine, int Theirs)[] moved = [.. mine.Words.Where(w => theirs.Words.TryGetValue(w.Key, out int id) && id != w.Value).Select(w => (w.Key, w.Value, theirs.Words[w.Key])).OrderBy(w => w.Value)];
        if (moved.Length > 0)
            yield return new("tokenizer", theirs.File, $"{moved.Length:N0} words have other ids ({JsonText.Quote(moved[0].Word)} is {moved[0].Theirs})", $"the ids of {first.Path} ({moved[0].Mine})", Severity.Refused);
        var taken = new Dictionary<int, string>();
        foreach ((string word, int id) in mine.Words) taken[id] = word;
        string[] missing = [.. mine.Words.Keys.Where(w => !theirs.Words.ContainsKey(w))], more = [.. theirs.Words.Keys.Where(w => !mine.Words.ContainsKey(w))];
        string[] clash = [.. more.Where(w => taken.ContainsKey(theirs.Words[w]) && !theirs.Words.ContainsKey(taken[theirs.Words[w]]))];
        if (clash.Length > 0)
            yield return new("tokenizer", theirs.File, $"{clash.Length:N0} ids mean another word ({theirs.Words[clash[0]]} is {JsonText.Quote(clash[0])})", $"the words of {first.Path} ({JsonText.Quote(taken[theirs.Words[clash[0]]])})", Severity.Refused);
        else if (missing.Length + more.Length > 0)
            yield return new("vocabulary", theirs.File, $"{missing.Length:N0} words are missing and {more.Length:N0} are more{(missing.Concat(more).FirstOrDefault() is { } one ? $" ({JsonText.Quote(one)})" : "")}", $"the {mine.Words.Count:N0} words of {first.Path}", Severity.Doubtful);
        if (moved.Length + clash.Length + missing.Length + more.Length == 0 && mine.Kind == theirs.Kind && mine.PipelineHash != theirs.PipelineHash)
            yield return new("tokenizer", theirs.File, "cuts or normalises text in another way", $"as {first.Path} does", Severity.Doubtful);
    }

    private static bool SameFile(string a, string b)
    {
        (bool one, bool two) = (File.Exists(a), File.Exists(b));
        if (!one || !two) return one == two;
        return new FileInfo(a).Length == new FileInfo(b).Length && File.ReadAllBytes(a).AsSpan().SequenceEqual(File.ReadAllBytes(b));
    }

    private static string Quoted(string? text) => text is null ? "none" : JsonText.Quote(text);
}
