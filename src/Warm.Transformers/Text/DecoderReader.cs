namespace Warm.Transformers;

/// <summary>The decoder of a tokenizer.json.</summary>
internal static class DecoderReader
{
    public static Decoder Read(JsonPlace json, int depth = 0) => TokenizerJson.TypeOf(json, depth) switch
    {
        "Sequence" => new DecoderSequence([.. json["decoders"].Items().Select(step => Read(step, depth + 1))]),
        "ByteLevel" => new ByteLevelDecoder(),
        "WordPiece" => new WordPieceDecoder(json["prefix"].Text, json["cleanup"].Flag),
        "Metaspace" => new MetaspaceDecoder(json["replacement"].Character, PreTokenizerReader.PrefixOf(json)),
        "BPEDecoder" => new BytePairDecoder(json["suffix"].Text),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(json["content"].Character, json["start"].Natural, json["stop"].Natural),
        "Replace" => new ReplaceDecoder(TokenizerJson.Pattern(json["pattern"]), json["content"].Text),
        "CTC" => new CtcDecoder(json["pad_token"].Text, json["word_delimiter_token"].Text, json["cleanup"].Flag),
        string type => throw json.Refuse($"the decoder {type} is not built"),
    };
}
