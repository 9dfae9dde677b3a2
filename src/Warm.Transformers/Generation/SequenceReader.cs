namespace Warm.Transformers;

/// <summary>
/// Makes prompt ids and response ids of candidates, by TRL's rule: the prompt is encoded alone, prompt and response together, and the response begins at the first token in which the two differ.
/// (So an awkward boundary may move the prompt's last characters into the response.) Texts that are not rendered by a template end with the end-of-text token.
/// </summary>
internal sealed class SequenceReader
{
    private readonly ModelFolder _folder;
    private readonly Architecture _architecture;
    private readonly FolderText _text;

    public SequenceReader(ModelFolder folder, Architecture architecture, TextForm? asked, Tokenizer? tokenizer)
    {
        (_folder, _architecture) = (folder, architecture);
        TextForm = asked ?? (Vocabulary.TemplateOf(folder) is not null ? TextForm.Template : TextForm.Concatenate);
        if (TextForm == TextForm.Pair || TextForm == TextForm.ResponseOnly)
            throw new WarmException("text form", $"\"{TextForm}\" has no prompt that a response could go on from", "template, concatenate or a format with {prompt} before {response}");
        if (TextForm.IsFormat && TextForm.Name.IndexOf("{prompt}", StringComparison.Ordinal) is var at && (at < 0 || at > TextForm.Name.IndexOf("{response}", StringComparison.Ordinal)))
            throw new WarmException("text form", $"\"{TextForm}\" does not begin with the prompt", "a format with {prompt} before {response}");
        _text = new(folder, tokenizer, "Ask for another text form: TextForm.Concatenate, or a format.");
    }

    public TextForm TextForm { get; }

    public Tokenizer Tokenizer => _text.Tokenizer;

    /// <summary>Whether the folder has a tokenizer at all.</summary>
    public bool HasTokenizer => _text.HasTokenizer;

    /// <summary>A prompt with its response. A bare text and bare ids count as response from their second token on.</summary>
    public TokenSequence Read(Candidate candidate)
    {
        string where = FolderText.Where(candidate);
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
        string where = FolderText.Where(candidate);
        int[] ids = candidate.Ids is { } given ? [.. given] : candidate.Text is { } text ? Tokenizer.EncodeIds(text) : OfTurns();
        Checked(new TokenSequence(ids, []), where);
        return ids;

        int[] OfTurns()
        {
            if (TextForm == TextForm.Template)
            {
                IReadOnlyList<Message> turns = candidate.Messages ?? (candidate.Response is "" ? [new Message("user", candidate.Prompt!)] : [new Message("user", candidate.Prompt!), new Message("assistant", candidate.Response!)]);
                bool open = turns is [.., { Role: "assistant" }];
                return Tokenizer.EncodeIds(_text.Render(turns, where, new TemplateOptions { AddGenerationPrompt = !open, ContinueFinalMessage = open }), addSpecialTokens: false);
            }
            (string prompt, string response) = candidate.Messages is [{ Role: "user", Content: { } question }] ? (question, "") : FolderText.PromptAndResponse(candidate, TextForm, where);
            return Tokenizer.EncodeIds(TextForm.IsFormat ? Before(prompt) + response : prompt + response);
        }
    }

    private (string Prompt, string Whole, bool Special) Texts(Candidate candidate, string where)
    {
        if (TextForm == TextForm.Template)
        {
            IReadOnlyList<Message> turns = candidate.Messages ?? [new Message("user", candidate.Prompt!), new Message("assistant", candidate.Response!)];
            if (turns is not [.., _, { Role: "assistant" }]) throw new WarmException(where, "does not end with an assistant's turn after another's", "a conversation whose last turn is the response");
            return (_text.Render([.. turns.Take(turns.Count - 1)], where, new TemplateOptions { AddGenerationPrompt = true }), _text.Render(turns, where), false);
        }
        (string prompt, string response) = FolderText.PromptAndResponse(candidate, TextForm, where);
        if (TextForm.IsFormat) return (Before(prompt), TextForm.Fill(prompt, response), true);
        return (prompt, _text.WithEnd(prompt + response), true);
    }

    /// <summary>The format up to the response.</summary>
    private string Before(string prompt) => TextForm.Name[..TextForm.Name.IndexOf("{response}", StringComparison.Ordinal)].Replace("{prompt}", prompt, StringComparison.Ordinal);

    /// <summary>Refuses ids that the model does not have, an empty prompt, and what its position table cannot hold.</summary>
    public TokenSequence Checked(TokenSequence sequence, string where)
    {
        if (sequence.Prompt.Count == 0) throw new WarmException(where, "the prompt has no tokens", "at least one, for a first token has no probability", "A tokenizer that adds a beginning-of-text token makes one of an empty text.");
        FolderText.CheckIds(sequence.Prompt, _architecture.VocabularySize, where);
        FolderText.CheckIds(sequence.Response, _architecture.VocabularySize, where);
        int count = sequence.Prompt.Count + sequence.Response.Count;
        if (_architecture.PositionTable is { } table && count > table)
            throw new WarmException(where, FormattableString.Invariant($"the text has {count} tokens"), FormattableString.Invariant($"at most {table}, the size of the model's position table"));
        return sequence;
    }

    /// <summary>The ids that end a response.</summary>
    public IReadOnlyList<int> EndIds()
    {
        if (_folder.Has("generation_config.json") && ModelConfig.Read(_folder.File("generation_config.json")).EndTokenIds is { } generation) return generation;
        if (_folder.Config?.EndTokenIds is { } own) return own;
        return HasTokenizer && Tokenizer.Special.Eos is { } eos && Tokenizer.IdOf(eos) is { } id ? [id] : [];
    }
}
