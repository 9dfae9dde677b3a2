namespace Warm.Transformers;

/// <summary>
/// Makes prompt ids and response ids of candidates, by TRL's rule: the prompt is encoded alone, prompt and response together, and the response begins at the first token in which the two differ.
/// (So an awkward boundary may move the prompt's last characters into the response.) Texts that are not rendered by a template end with the end-of-text token.
/// </summary>
internal sealed class SequenceReader
{
    private readonly ModelFolder _folder;
    private readonly Architecture _architecture;
    private readonly Lazy<Tokenizer> _tokenizer;
    private readonly Lazy<ChatTemplate> _template;

    public SequenceReader(ModelFolder folder, Architecture architecture, TextForm? asked, Tokenizer? tokenizer)
    {
        (_folder, _architecture) = (folder, architecture);
        TextForm = asked ?? (Vocabulary.TemplateOf(folder) is not null ? TextForm.Template : TextForm.Concatenate);
        if (TextForm == TextForm.Pair || TextForm == TextForm.ResponseOnly)
            throw new WarmException("text form", $"\"{TextForm}\" has no prompt that a response could go on from", "template, concatenate or a format with {prompt} before {response}");
        if (TextForm.IsFormat && TextForm.Name.IndexOf("{prompt}", StringComparison.Ordinal) is var at && (at < 0 || at > TextForm.Name.IndexOf("{response}", StringComparison.Ordinal)))
            throw new WarmException("text form", $"\"{TextForm}\" does not begin with the prompt", "a format with {prompt} before {response}");
        HasTokenizer = tokenizer is not null || folder.Has("tokenizer.json");
        _tokenizer = new(() => tokenizer ?? Tokenizer.Open(folder.TokenizerPath));
        _template = new(() => ChatTemplate.Open(folder.TokenizerPath)
            ?? throw new WarmException(folder.Path, "has no chat template", "chat_template.jinja, or the key chat_template of tokenizer_config.json", "Ask for another text form: TextForm.Concatenate, or a format."));
    }

    public TextForm TextForm { get; }

    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Whether the folder has a tokenizer at all.</summary>
    public bool HasTokenizer { get; }

    /// <summary>A prompt with its response. A bare text and bare ids count as response from their second token on.</summary>
    public TokenSequence Read(Candidate candidate)
    {
        string where = Where(candidate);
        if ((candidate.Ids ?? (candidate.Text is { } text ? Tokenizer.EncodeIds(text) : null)) is { } ids)
            return Checked(new TokenSequence([.. ids.Take(1)], [.. ids.Skip(1)], candidate.Id), where);
        (string prompt, string whole, bool special) = Texts(candidate, where);
        int[] promptIds = Tokenizer.EncodeIds(prompt, addSpecialTokens: special), all = Tokenizer.EncodeIds(whole, addSpecialTokens: special);
        int common = TokenPasses.Common(promptIds, all);
        return Checked(new TokenSequence(all[..common], all[common..], candidate.Id), where);
    }

    /// <summary>What a model goes on from. A conversation that ends with the assistant's turn, and a response, are gone on with; an empty response is begun.</summary>
    public int[] ReadPrompt(Candidate candidate)
    {
        string where = Where(candidate);
        int[] ids = candidate.Ids is { } given ? [.. given] : candidate.Text is { } text ? Tokenizer.EncodeIds(text) : OfTurns();
        Checked(new TokenSequence(ids, []), where);
        return ids;

        int[] OfTurns()
        {
            if (TextForm == TextForm.Template)
            {
                IReadOnlyList<Message> turns = candidate.Messages ?? (candidate.Response is "" ? [new Message("user", candidate.Prompt!)] : [new Message("user", candidate.Prompt!), new Message("assistant", candidate.Response!)]);
                bool open = turns is [.., { Role: "assistant" }];
                return Tokenizer.EncodeIds(Render(turns, new TemplateOptions { AddGenerationPrompt = !open, ContinueFinalMessage = open }, where), addSpecialTokens: false);
            }
            (string prompt, string response) = candidate.Messages is null ? (candidate.Prompt!, candidate.Response!)
                : candidate.Messages is [{ Role: "user", Content: { } question }] ? (question, "") : PromptAndResponse(candidate, where);
            return Tokenizer.EncodeIds(TextForm.IsFormat ? Before(prompt) + response : prompt + response);
        }
    }

    private (string Prompt, string Whole, bool Special) Texts(Candidate candidate, string where)
    {
        if (TextForm == TextForm.Template)
        {
            IReadOnlyList<Message> turns = candidate.Messages ?? [new Message("user", candidate.Prompt!), new Message("assistant", candidate.Response!)];
            if (turns is not [.., _, { Role: "assistant" }]) throw new WarmException(where, "does not end with an assistant's turn after another's", "a conversation whose last turn is the response");
            return (Render([.. turns.Take(turns.Count - 1)], new TemplateOptions { AddGenerationPrompt = true }, where), Render(turns, TemplateOptions.Default, where), false);
        }
        (string prompt, string response) = candidate.Messages is null ? (candidate.Prompt!, candidate.Response!) : PromptAndResponse(candidate, where);
        if (TextForm.IsFormat) return (Before(prompt), TextForm.Fill(prompt, response), true);
        string whole = prompt + response;
        return (prompt, Tokenizer.Special.Eos is not { } end || whole.EndsWith(end, StringComparison.Ordinal) ? whole : whole + end, true);
    }

    /// <summary>The format up to the response.</summary>
    private string Before(string prompt) => TextForm.Name[..TextForm.Name.IndexOf("{response}", StringComparison.Ordinal)].Replace("{prompt}", prompt, StringComparison.Ordinal);

    private (string Prompt, string Response) PromptAndResponse(Candidate candidate, string where) =>
        candidate.Messages is [{ Role: "user", Content: { } question }, { Role: "assistant", Content: { } answer }] ? (question, answer)
        : throw new WarmException(where, $"a conversation of {candidate.Messages!.Count} turns cannot be read by the text form {TextForm}", "the chat template, or one user and one assistant turn");

    private string Render(IReadOnlyList<Message> turns, TemplateOptions options, string where)
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

    /// <summary>Refuses ids that the model does not have, an empty prompt, and what its position table cannot hold.</summary>
    public TokenSequence Checked(TokenSequence sequence, string where)
    {
        if (sequence.Prompt.Count == 0) throw new WarmException(where, "the prompt has no tokens", "at least one, for a first token has no probability", "A tokenizer that adds a beginning-of-text token makes one of an empty text.");
        foreach (int id in sequence.Prompt.Concat(sequence.Response))
            if (id < 0 || id >= _architecture.VocabularySize)
                throw new WarmException(where, $"token id {id} is outside the vocabulary", FormattableString.Invariant($"ids from 0 to {_architecture.VocabularySize - 1}"));
        int count = sequence.Prompt.Count + sequence.Response.Count;
        if (_architecture.PositionTable is { } table && count > table)
            throw new WarmException(where, FormattableString.Invariant($"the text has {count} tokens"), FormattableString.Invariant($"at most {table}, the size of the model's position table"));
        return sequence;
    }

    /// <summary>The ids that end a response.</summary>
    public IReadOnlyList<int> EndIds()
    {
        if (_folder.Has("generation_config.json") && Ids(ModelConfig.Read(_folder.File("generation_config.json"))) is { } generation) return generation;
        if (_folder.Config is { } config && Ids(config.Text) is { } own) return own;
        return HasTokenizer && Tokenizer.Special.Eos is { } eos && Tokenizer.IdOf(eos) is { } id ? [id] : [];

        static int[]? Ids(ModelConfig config) => config.Find("eos_token_id") is not { } eos ? null
            : eos.ValueKind != System.Text.Json.JsonValueKind.Array ? [config.Int("eos_token_id", min: -1)]
            : [.. eos.EnumerateArray().Select(e => e.ValueKind == System.Text.Json.JsonValueKind.Number && e.TryGetInt32(out int id) ? id : throw config.Refuse($"\"eos_token_id\" is {JsonText.Show(eos)}", "a token id, or a list of them"))];
    }

    private static string Where(Candidate candidate) => candidate.Source ?? candidate.Id ?? JsonText.Quote(candidate.ToString());
}
