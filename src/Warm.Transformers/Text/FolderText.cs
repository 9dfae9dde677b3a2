namespace Warm.Transformers;

/// <summary>What makes text and token ids of candidates for a model folder: its tokenizer, or one that takes its place, and its chat template. Each is read when it is first asked for.</summary>
internal sealed class FolderText
{
    private readonly Lazy<Tokenizer> _tokenizer;
    private readonly Lazy<ChatTemplate> _template;

    /// <param name="folder">The folder.</param>
    /// <param name="given">A tokenizer that takes the place of the folder's, or null.</param>
    /// <param name="withoutTemplate">What to do where a template is asked for and there is none.</param>
    public FolderText(ModelFolder folder, Tokenizer? given, string withoutTemplate)
    {
        HasTokenizer = given is not null || folder.Has("tokenizer.json");
        _tokenizer = new(() => given ?? Tokenizer.Open(folder.TokenizerPath));
        _template = new(() => ChatTemplate.Open(folder.TokenizerPath)
            ?? throw new WarmException(folder.Path, "has no chat template", "chat_template.jinja, or the key chat_template of tokenizer_config.json", withoutTemplate));
    }

    /// <summary>Whether there is a tokenizer at all.</summary>
    public bool HasTokenizer { get; }

    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Turns as the template writes them.</summary>
    public string Render(IReadOnlyList<Message> turns, string where, TemplateOptions? options = null)
    {
        ChatTemplate template = _template.Value;
        try
        {
            return template.Render(turns, options);
        }
        catch (WarmException refusal)
        {
            throw new WarmException(where, $"the chat template refuses it: {refusal.Found} ({refusal.Where})", refusal.Expected, refusal.Fix, refusal);
        }
    }

    /// <summary>A text that ends with the end-of-text token, where the tokenizer names one.</summary>
    public string WithEnd(string text) => Tokenizer.Special.Eos is not { } end || text.EndsWith(end, StringComparison.Ordinal) ? text : text + end;

    /// <summary>A candidate's prompt and response. Of a conversation without a template one question and its answer can still be read.</summary>
    public static (string Prompt, string Response) PromptAndResponse(Candidate candidate, TextForm form, string where) => candidate.Messages switch
    {
        null => (candidate.Prompt!, candidate.Response!),
        [{ Role: "user", Content: { } question }, { Role: "assistant", Content: { } answer }] => (question, answer),
        { Count: var turns } => throw new WarmException(where, $"a conversation of {turns} turns cannot be read by the text form {form}", "the chat template, or one user and one assistant turn"),
    };

    /// <summary>What a message calls a candidate.</summary>
    public static string Where(Candidate candidate) => candidate.Source ?? candidate.Id ?? JsonText.Quote(candidate.ToString());

    /// <summary>Refuses ids that a model of so many does not have.</summary>
    public static void CheckIds(IReadOnlyList<int> ids, int vocabulary, string where)
    {
        foreach (int id in ids)
            if (id < 0 || id >= vocabulary) throw new WarmException(where, $"token id {id} is outside the vocabulary", FormattableString.Invariant($"ids from 0 to {vocabulary - 1}"));
    }
}
