using System.Text;
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
            "Unigram" => UnigramOf(json),
            _ => throw json.Refuse($"the model {type} is not built", "BPE, WordPiece, WordLevel and Unigram are"),
        };
    }

    private static Unigram UnigramOf(JsonPlace json)
    {
        var entries = new List<(string, double)>();
        foreach (JsonPlace entry in json["vocab"].Items())
        {
            JsonPlace[] parts = [.. entry.Items()];
            if (parts.Length != 2 || parts[1].Kind != JsonValueKind.Number) throw entry.Refuse("is not an entry and its score", "[\"token\", -1.5]");
            entries.Add((parts[0].Text, Score(parts[1].Value.GetRawText())));
        }
        int? unknown = json.Find("unk_id")?.Natural;
        if (unknown >= entries.Count) throw json["unk_id"].Refuse($"is {unknown}", $"the vocabulary has {entries.Count} entries");
        return new Unigram(entries, unknown, json.Find("byte_fallback")?.Flag ?? false);
    }

    /// <summary>
    /// Trap: the library's JSON reader does not round numbers to the nearest double. It makes an integer of the digits (as many as fit 64 bits) and divides
    /// it by a power of ten, two roundings; ways through a text that tie in one reading do not in the other.
    /// </summary>
    private static double Score(string number)
    {
        ulong digits = 0;
        int exponent = 0, at = number[0] == '-' ? 1 : 0;
        bool full = false, fraction = false;
        for (; at < number.Length && (char.IsAsciiDigit(number[at]) || number[at] == '.'); at++)
        {
            if (number[at] == '.') { fraction = true; continue; }
            uint digit = (uint)(number[at] - '0');
            full |= digits > (ulong.MaxValue - digit) / 10;
            if (!full) digits = digits * 10 + digit;
            if (full && !fraction) exponent++;
            if (!full && fraction) exponent--;
        }
        if (at < number.Length) exponent += int.TryParse(number.AsSpan(at + 1), out int written) ? Math.Clamp(written, -100_000, 100_000) : 0;
        double value = digits;
        for (; exponent < -308 && value != 0; exponent += 308) value /= 1e308;
        value = exponent >= 0 ? value * Power(exponent) : value / Power(-exponent);
        return number[0] == '-' ? -value : value;

        static double Power(int exponent) => exponent > 308 ? double.PositiveInfinity : double.Parse($"1e{exponent}", System.Globalization.CultureInfo.InvariantCulture);
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
            merges.Set(left, right, rank++, Known(merge, vocabulary, parts[0] + WithoutPrefix(merge, parts[1], options.ContinuingPrefix)));
        }
        return new BytePairEncoding(vocabulary, merges, options, byteLevel);
    }

    /// <summary>Trap: as many UTF-8 bytes go as the prefix has, whether the part begins with it or not.</summary>
    private static string WithoutPrefix(JsonPlace merge, string part, string prefix)
    {
        int bytes = Encoding.UTF8.GetByteCount(prefix), units = 0;
        while (bytes > 0 && units < part.Length)
        {
            Rune rune = Rune.GetRuneAt(part, units);
            (bytes, units) = (bytes - rune.Utf8SequenceLength, units + rune.Utf16SequenceLength);
        }
        return bytes == 0 ? part[units..] : throw merge.Refuse($"'{part}' does not begin with the prefix {prefix}", "the right part of a merge continues a word");
    }

    private static int Known(JsonPlace merge, TokenTable vocabulary, string token) =>
        vocabulary.Find(token) is >= 0 and int id ? id : throw merge.Refuse($"'{token}' is not in the vocabulary", "a merge's parts and what it makes have to be");
}
