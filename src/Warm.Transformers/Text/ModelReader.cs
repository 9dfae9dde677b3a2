using System.Text.Json;

namespace Warm.Transformers;

/// <summary>The model of a tokenizer.json; old files do not name its type, then the fields tell.</summary>
internal static class ModelReader
{
    public static TokenModel Read(JsonPlace json, bool byteLevel)
    {
        string type = json.Find("type")?.Text ?? (json.Has("merges") ? "BPE" : json.Find("vocab")?.Kind == JsonValueKind.Array ? "Unigram" : json.Has("continuing_subword_prefix") ? "WordPiece" : "WordLevel");
        return type switch
        {
            "BPE" => BytePairs(json, byteLevel),
            "WordPiece" => new WordPiece(Vocabulary(json), json["unk_token"].Text, json["continuing_subword_prefix"].Text, json["max_input_chars_per_word"].Natural),
            "WordLevel" => new WordLevel(Vocabulary(json), json["unk_token"].Text),
            _ => throw json.Refuse($"the model {type} is not built", "BPE, WordPiece and WordLevel are"),
        };
    }

    private static TokenTable Vocabulary(JsonPlace json)
    {
        var table = new TokenTable();
        foreach ((string token, JsonPlace id) in json["vocab"].Fields()) table.Set(token, id.Natural);
        return table;
    }

    private static BytePairEncoding BytePairs(JsonPlace json, bool byteLevel)
    {
        if (json.Find("dropout") is { } dropout)
        {
            double share = dropout.Kind == JsonValueKind.Number ? dropout.Value.GetDouble() : throw dropout.Refuse("is not a number");
            if (share != 0) throw dropout.Refuse($"is {share}", share is > 0 and <= 1 ? "with dropout a text has random ids; only 0 or null is built" : "it lies between 0 and 1");
        }
        TokenTable vocabulary = Vocabulary(json);
        var options = new BytePairOptions
        {
            Unknown = json.Find("unk_token")?.Text,
            ContinuingPrefix = json.Find("continuing_subword_prefix")?.Text ?? "",
            EndOfWordSuffix = json.Find("end_of_word_suffix")?.Text ?? "",
            FuseUnknown = json.Find("fuse_unk")?.Flag ?? false,
            ByteFallback = json.Find("byte_fallback")?.Flag ?? false,
            IgnoreMerges = json.Find("ignore_merges")?.Flag ?? false,
        };
        JsonPlace list = json["merges"];
        var merges = new MergeTable(list.Kind == JsonValueKind.Array ? list.Value.GetArrayLength() : 0);
        int rank = 0;
        bool? pairs = null;
        foreach (JsonPlace merge in list.Items())
        {
            bool isPair = merge.Kind == JsonValueKind.Array;
            if (!isPair && rank == 0 && merge.Text.StartsWith("#version", StringComparison.Ordinal)) continue;
            if ((pairs ??= isPair) != isPair) throw merge.Refuse("has another form than the merges before it", "all are strings \"a b\" or all are pairs [\"a\", \"b\"]");
            string[] parts = isPair ? [.. merge.Items().Select(part => part.Text)] : merge.Text.Split(' ');
            if (parts.Length != 2) throw merge.Refuse($"has {parts.Length} parts", "a merge joins two");
            int left = Known(merge, vocabulary, parts[0]), right = Known(merge, vocabulary, parts[1]);
            if (parts[1].Length < options.ContinuingPrefix.Length) throw merge.Refuse($"'{parts[1]}' is shorter than the prefix {options.ContinuingPrefix}");
            merges.Set(left, right, rank++, Known(merge, vocabulary, parts[0] + parts[1][options.ContinuingPrefix.Length..]));
        }
        return new BytePairEncoding(vocabulary, merges, options, byteLevel);
    }

    private static int Known(JsonPlace merge, TokenTable vocabulary, string token) =>
        vocabulary.Find(token) is >= 0 and int id ? id : throw merge.Refuse($"'{token}' is not in the vocabulary", "a merge's parts and what it makes have to be");
}
