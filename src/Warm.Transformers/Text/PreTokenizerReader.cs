namespace Warm.Transformers;

/// <summary>The pre-tokenizer of a tokenizer.json.</summary>
internal static class PreTokenizerReader
{
    public static PreTokenizer Read(JsonPlace json, int depth = 0) => TokenizerJson.TypeOf(json, depth) switch
    {
        "Sequence" => new PreTokenizerSequence([.. json["pretokenizers"].Items().Select(step => Read(step, depth + 1))]),
        "ByteLevel" => ByteLevel(json),
        "Metaspace" => new Metaspace(json["replacement"].Character, PrefixOf(json), json.Find("split")?.Flag ?? true),
        "Split" => new Split(TokenizerJson.Pattern(json["pattern"]), BehaviorOf(json["behavior"]), json["invert"].Flag),
        "Whitespace" => new WordRuns(),
        "WhitespaceSplit" => SplitAt.WhitespaceOnly,
        "BertPreTokenizer" => new BertPreTokenizer(),
        "Punctuation" => new SplitAt(SplitAt.PunctuationMarks, json.Find("behavior") is { } behavior ? BehaviorOf(behavior) : SplitBehavior.Isolated),
        "Digits" => new SplitAt(SplitAt.Digits, json["individual_digits"].Flag ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "CharDelimiterSplit" => new SplitAt(CodePointSet.Of((json["delimiter"].Character, json["delimiter"].Character)), SplitBehavior.Removed),
        "FixedLength" => new FixedLength((json.Find("length")?.Natural ?? 5) is > 0 and int length ? length : throw json["length"].Refuse("is 0", "pieces have at least one character")),
        string type => throw json.Refuse($"the pre-tokenizer {type} is not built"),
    };

    /// <summary>Where a Metaspace puts its mark; older files say add_prefix_space.</summary>
    public static MetaspacePrefix PrefixOf(JsonPlace json)
    {
        MetaspacePrefix prefix = json.Find("prepend_scheme") is not { } scheme ? MetaspacePrefix.Always : scheme.Text switch
        {
            "always" => MetaspacePrefix.Always,
            "first" => MetaspacePrefix.First,
            "never" => MetaspacePrefix.Never,
            string other => throw scheme.Refuse($"is {other}", "always, first or never"),
        };
        if (json.Find("add_prefix_space") is { } old && old.Flag == false && prefix != MetaspacePrefix.Never)
            throw old.Refuse("is false", "prepend_scheme then has to be 'never'", "Write both, or save the tokenizer again with the tokenizers library.");
        return prefix;
    }

    private static ByteLevel ByteLevel(JsonPlace json)
    {
        _ = json["trim_offsets"].Flag;
        return new ByteLevel(json["add_prefix_space"].Flag, json.Find("use_regex")?.Flag ?? true);
    }

    private static SplitBehavior BehaviorOf(JsonPlace json) => json.Text switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw json.Refuse($"is {other}", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"),
    };
}
