namespace Warm.Transformers;

/// <summary>The normalizer of a tokenizer.json.</summary>
internal static class NormalizerReader
{
    public static Normalizer Read(JsonPlace json, int depth = 0) => TokenizerJson.TypeOf(json, depth) switch
    {
        "Sequence" => new NormalizerSequence([.. json["normalizers"].Items().Select(step => Read(step, depth + 1))]),
        "NFC" => new NormalForm("NFC", false, true),
        "NFD" => NormalForm.Decomposed,
        "NFKC" => new NormalForm("NFKC", true, true),
        "NFKD" => new NormalForm("NFKD", true, false),
        "Lowercase" => Lowercase.Instance,
        "StripAccents" => new StripAccents(),
        "Strip" => new StripSpaces(json["strip_left"].Flag, json["strip_right"].Flag),
        "Prepend" => new Prepend(json["prepend"].Text),
        "Nmt" => new NmtNormalizer(),
        "Replace" => new ReplaceMatches(TokenizerJson.Pattern(json["pattern"]), json["content"].Text),
        "ByteLevel" => new ByteLevelNormalizer(),
        "BertNormalizer" => Bert(json),
        "Precompiled" => Precompiled(json["precompiled_charsmap"]),
        string type => throw json.Refuse($"the normalizer {type} is not built"),
    };

    private static CharacterMap Precompiled(JsonPlace map)
    {
        try { return new CharacterMap(Convert.FromBase64String(map.Text)); }
        catch (FormatException error) { throw map.Refuse("is not a character map: " + error.Message.TrimEnd('.')); }
    }

    private static BertNormalizer Bert(JsonPlace json)
    {
        bool lowercase = json["lowercase"].Flag;
        return new BertNormalizer(json["clean_text"].Flag, json["handle_chinese_chars"].Flag, json.Find("strip_accents")?.Flag ?? lowercase, lowercase);
    }
}
