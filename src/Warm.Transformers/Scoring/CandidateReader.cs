namespace Warm.Transformers;

/// <summary>
/// Makes token ids of candidates: text form, special tokens, truncation, remarks, and the checks that keep a wrong id or a text that is too long from the model.
/// A folder without a tokenizer still takes ids.
/// </summary>
internal sealed class CandidateReader
{
    private readonly ModelFolder _folder;
    private readonly Architecture _architecture;
    private readonly RewardHead _head;
    private readonly Tokenizer? _given;
    private readonly FolderText _text;
    private readonly Lazy<HashSet<int>> _specialIds;
    private readonly Lazy<int?> _bos;

    private CandidateReader(ModelFolder folder, Transformer transformer, TextForm textForm, Tokenizer? tokenizer)
    {
        (_folder, _architecture, _head, TextForm) = (folder, transformer.Architecture, transformer.Head, textForm);
        _given = tokenizer;
        _text = new(folder, tokenizer, "Ask for another text form: --text-form concatenate, pair, response or a format.");
        _specialIds = new(() => [.. _text.Tokenizer.AddedTokens.Where(token => token.Special).Select(token => token.Id)]);
        _bos = new(() => _text.Tokenizer.Special.Bos is { } bos ? _text.Tokenizer.IdOf(bos) : null);
    }

    /// <summary>How prompt and response become text where nobody says otherwise.</summary>
    public TextForm TextForm { get; }

    /// <summary>The reader of a folder. The text form is the asked one, else the folder's own: <see cref="Recipe.TextFormOf"/>.</summary>
    public static CandidateReader Of(ModelFolder folder, Transformer transformer, TextForm? asked, Tokenizer? tokenizer = null)
    {
        var reader = new CandidateReader(folder, transformer, asked ?? Recipe.TextFormOf(folder, encoder: !transformer.Architecture.Causal), tokenizer);
        reader.RefuseIdsWithoutRows();
        return reader;
    }

    /// <summary>The name of a tokenizer that takes the place of the folder's; null where the folder's is read.</summary>
    public string? GivenTokenizer => _given?.Name;

    /// <summary>What a reader should know of the tokenizer. Empty where there is none, or none that can be read: a text is then refused.</summary>
    public IReadOnlyList<string> Remarks => ReadableTokenizer is { } tokenizer ? tokenizer.Remarks : [];

    /// <summary>The folder's tokenizer, or null where it has none or one that cannot be read: ids can be scored all the same.</summary>
    private Tokenizer? ReadableTokenizer
    {
        get
        {
            if (!_text.HasTokenizer) return null;
            try
            {
                return _text.Tokenizer;
            }
            catch (WarmException)
            {
                return null; // the first text says what is wrong with it
            }
        }
    }

    /// <summary>More rows than ids are common (a round number of them); fewer mean that tokenizer and weights are not one model's.</summary>
    private void RefuseIdsWithoutRows()
    {
        if (ReadableTokenizer is { } tokenizer && tokenizer.HighestId >= _architecture.VocabularySize)
            throw new WarmException(_folder.Path, FormattableString.Invariant($"the tokenizer has ids up to {tokenizer.HighestId} ('{tokenizer.TokenOf(tokenizer.HighestId)}'), and the model's embedding has {_architecture.VocabularySize} rows"),
                "a row for each id", "Give the tokenizer that the model was trained with; a token added later needs resize_token_embeddings in the trainer.");
    }

    /// <summary>The read position that the folder's warm.json records, or null.</summary>
    public static RewardPosition? RecordedPosition(ModelFolder folder) => Recipe.RecordedText(folder, "readPosition") is { } recorded ? RewardPositions.Parse(recorded) : null;

    /// <summary>What the model reads for a candidate. What cannot be scored is refused with the candidate's source.</summary>
    public EncodedText Read(Candidate candidate, ScoringOptions options)
    {
        string where = FolderText.Where(candidate);
        if (options.Truncation != Truncation.None && options.MaxLength is null) throw new WarmException("scoring options", "truncation is asked for without a longest length", "both, or none");
        return Checked(candidate.Ids is { } ids ? OfIds(ids, candidate.TypeIds, options, where) : OfText(candidate, options.TextForm ?? TextForm, options, where), where);
    }

    private EncodedText OfText(Candidate candidate, TextForm form, ScoringOptions options, string where)
    {
        var remarks = new List<string>();
        string?[] written = [candidate.Text, candidate.Prompt, candidate.Response, .. candidate.Messages?.Select(m => m.Content) ?? []];
        bool isText = candidate.Text is not null, isTemplate = !isText && form == TextForm.Template, isPair = !isText && form == TextForm.Pair;
        (string prompt, string response) = isText || isTemplate ? (candidate.Prompt!, candidate.Response!) : FolderText.PromptAndResponse(candidate, form, where);
        string first = isText ? candidate.Text! : isTemplate ? _text.Render(candidate.Messages ?? [new Message("user", prompt), new Message("assistant", response)], where)
            : isPair ? prompt : form == TextForm.Concatenate ? _text.WithEnd(prompt + response) : form == TextForm.ResponseOnly ? response : form.Fill(prompt, response);
        TokenizedText tokens = _text.Tokenizer.Encode(first, isPair ? response : null, addSpecialTokens: !isTemplate);
        if (_text.Tokenizer.Other is { } other && !other.Tokenizer.EncodeIds(first, isPair ? response : null, addSpecialTokens: !isTemplate).SequenceEqual(tokens.Ids))
            remarks.Add($"transformers 5 reads other token ids here ({other.Class}); these are those of tokenizer.json");

        if (written.Any(part => part is not null && _text.Tokenizer.HasSpecialToken(part))) remarks.Add("the spelling of a special token stands in the text and becomes that token");
        if (tokens.Ids.Count > 1 && _bos.Value is { } bos && tokens.Ids[0] == bos && tokens.Ids[1] == bos) remarks.Add("begins with two beginning-of-text tokens");
        if (options.MaxLength is not { } most || tokens.Ids.Count <= most) return new(tokens.Ids, Types(tokens.TypeIds), -1, 0, remarks);

        if (options.Truncation == Truncation.None) throw TooLong(where, tokens.Ids.Count, $"at most {most}");
        int[] kept = TextCut.Keep(tokens, most, options.Truncation, isPair, _specialIds.Value.Contains, where);
        remarks.Add(CutRemark(options));
        return new([.. kept.Select(i => tokens.Ids[i])], Types([.. kept.Select(i => tokens.TypeIds[i])]), -1, tokens.Ids.Count - kept.Length, remarks);
    }

    private IReadOnlyList<int>? Types(IReadOnlyList<int> types) => _architecture.TokenTypes > 1 && types.Any(type => type != 0) ? types : null; // RoBERTa has one type, and its tokenizers give it none

    private static EncodedText OfIds(IReadOnlyList<int> ids, IReadOnlyList<int>? types, ScoringOptions options, string where)
    {
        if (types is not null && types.Count != ids.Count) throw new WarmException(where, $"there are {ids.Count} ids and {types.Count} token types", "one type for each id");
        if (options.MaxLength is not { } most || ids.Count <= most) return new(ids, types, -1, 0, []);
        if (options.Truncation == Truncation.None) throw TooLong(where, ids.Count, $"at most {most}");
        int from = options.Truncation == Truncation.Left ? ids.Count - most : 0;
        return new([.. ids.Skip(from).Take(most)], types is null ? null : [.. types.Skip(from).Take(most)], -1, ids.Count - most, [CutRemark(options)]);
    }

    private EncodedText Checked(EncodedText text, string where)
    {
        if (text.Ids.Count == 0) throw new WarmException(where, "the text has no tokens", "at least one");
        FolderText.CheckIds(text.Ids, _architecture.VocabularySize, where);
        if (_architecture.TokenTypes > 0 && text.TypeIds is { } types)
            foreach (int type in types)
                if (type < 0 || type >= _architecture.TokenTypes)
                    throw new WarmException(where, $"token type {type} is not there", FormattableString.Invariant($"types from 0 to {_architecture.TokenTypes - 1}"));
        if (_architecture.PositionTable is { } table && text.Ids.Count > table) throw TooLong(where, text.Ids.Count, $"at most {table}, the size of the model's position table");
        IReadOnlyList<string> remarks = _architecture.TrainedPositions is { } trained && text.Ids.Count > trained
            ? [.. text.Remarks, FormattableString.Invariant($"longer than the {trained} positions that the model knows")] : text.Remarks;
        return text with { ReadAt = _head.ReadAt(text.Ids, where), Remarks = remarks };
    }

    private static string CutRemark(ScoringOptions options) => FormattableString.Invariant($"cut on the {(options.Truncation == Truncation.Left ? "left" : "right")} to {options.MaxLength} tokens");

    private static WarmException TooLong(string where, int count, string expected) =>
        new(where, FormattableString.Invariant($"the text has {count} tokens"), expected, "Cut it: --max-length N --truncate left or right, or ScoringOptions in a program.");
}
