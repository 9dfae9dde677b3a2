namespace Warm.Transformers;

/// <summary>Makes token ids of candidates: text form, special tokens, truncation, and the checks that keep a wrong id or a text that is too long from the model.</summary>
internal sealed class CandidateReader
{
    private readonly ModelFolder _folder;
    private readonly Architecture _architecture;
    private readonly RewardHead _head;

    private CandidateReader(ModelFolder folder, Transformer transformer, TextForm textForm) =>
        (_folder, _architecture, _head, TextForm) = (folder, transformer.Architecture, transformer.Head, textForm);

    public TextForm TextForm { get; }

    public IReadOnlyList<string> ModelRemarks { get; } = [];

    public static CandidateReader Of(ModelFolder folder, Transformer transformer, TextForm? textForm)
    {
        return new(folder, transformer, textForm ?? (transformer.Architecture.Causal ? TextForm.Concatenate : TextForm.Pair));
    }

    public EncodedText Read(Candidate candidate, ScoringOptions options)
    {
        string where = candidate.Source ?? candidate.Id ?? $"\"{candidate}\"";
        if (candidate.Ids is not { } ids) throw new WarmException(_folder.Path, "has no tokenizer.json", "token ids, or a folder with a tokenizer");
        if (candidate.TypeIds is { } types && types.Count != ids.Count) throw new WarmException(where, $"there are {ids.Count} ids and {types.Count} token types", "one type for each id");
        var remarks = new List<string>();
        int cut = 0;
        IReadOnlyList<int>? typeIds = candidate.TypeIds;
        if (options.MaxLength is { } most && ids.Count > most)
        {
            cut = ids.Count - most;
            if (options.Truncation == Truncation.None) throw TooLong(where, ids.Count, $"at most {most}");
            int from = options.Truncation == Truncation.Left ? cut : 0;
            ids = [.. ids.Skip(from).Take(most)];
            typeIds = typeIds is null ? null : [.. typeIds.Skip(from).Take(most)];
            remarks.Add("truncated");
        }
        return Checked(new(ids, typeIds, -1, cut, remarks), where);
    }

    private EncodedText Checked(EncodedText text, string where)
    {
        if (text.Ids.Count == 0) throw new WarmException(where, "the text has no tokens", "at least one");
        foreach (int id in text.Ids)
            if (id < 0 || id >= _architecture.VocabularySize)
                throw new WarmException(where, $"token id {id} is outside the vocabulary", FormattableString.Invariant($"ids from 0 to {_architecture.VocabularySize - 1}"));
        if (_architecture.TokenTypes > 0 && text.TypeIds is { } types)
            foreach (int type in types)
                if (type < 0 || type >= _architecture.TokenTypes)
                    throw new WarmException(where, $"token type {type} is not there", FormattableString.Invariant($"types from 0 to {_architecture.TokenTypes - 1}"));
        if (_architecture.PositionTable is { } table && text.Ids.Count > table) throw TooLong(where, text.Ids.Count, $"at most {table}, the size of the model's position table");
        IReadOnlyList<string> remarks = _architecture.TrainedPositions is { } trained && text.Ids.Count > trained
            ? [.. text.Remarks, FormattableString.Invariant($"{text.Ids.Count} tokens, beyond the {trained} positions that the model knows")] : text.Remarks;
        return text with { ReadAt = _head.ReadAt(text.Ids, where), Remarks = remarks };
    }

    private static WarmException TooLong(string where, int count, string expected) =>
        new(where, FormattableString.Invariant($"the text has {count} tokens"), expected, "Cut it: --max-length N --truncate left or right, or ScoringOptions in a program.");
}
