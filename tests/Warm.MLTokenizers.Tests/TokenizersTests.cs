using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Warm.Transformers;

namespace Warm.MLTokenizers.Tests;

/// <summary>The sample family's tokenizer in both libraries: the same ids whichever way it is reached.</summary>
public sealed class TokenizersTests
{
    private static readonly string Folder = Repository.Path("samples", "family", "rm-1");
    private static readonly string[] Texts = ["TV is better than Books", "I like TV more\nbecause it's fun :)", "Zahlen 12,345 und Äpfel", ""];

    /// <summary>The same byte-level BPE from vocabulary and merges, as Microsoft.ML.Tokenizers reads them.</summary>
    private static BpeTokenizer Theirs()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "tokenizer.json")));
        JsonElement model = json.RootElement.GetProperty("model");
        var options = new BpeOptions(model.GetProperty("vocab").EnumerateObject().Select(entry => new KeyValuePair<string, int>(entry.Name, entry.Value.GetInt32())))
        {
            Merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.Array ? $"{merge[0]} {merge[1]}" : merge.GetString()!),
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(new System.Text.RegularExpressions.Regex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), null),
        };
        return BpeTokenizer.Create(options);
    }

    [Fact]
    public void A_tokenizer_of_theirs_scores_as_the_folders_own()
    {
        Transformers.Tokenizer own = Transformers.Tokenizer.Open(Folder);
        Dictionary<string, int> special = own.AddedTokens.Where(token => token.Special).ToDictionary(token => token.Content, token => token.Id);
        Transformers.Tokenizer theirs = Theirs().ForWarm("bpe", special, own.Special);
        foreach (string text in Texts)
        {
            Assert.Equal(own.EncodeIds(text), theirs.EncodeIds(text));
            Assert.Equal(own.Encode(text).Offsets, theirs.Encode(text).Offsets);
            Assert.Equal(text, theirs.Decode(theirs.EncodeIds(text)));
        }
        using Checkpoint checkpoint = Checkpoint.Open(Folder);
        using RewardModel a = RewardModel.Load(checkpoint), b = RewardModel.Load(checkpoint, options: new() { Tokenizer = theirs });
        Assert.Equal(a.Score("TV is better than Books", ["I like TV."])[0].Reward, b.Score("TV is better than Books", ["I like TV."])[0].Reward); // through the template, with its special tokens
        Assert.NotEqual(a.Identity, b.Identity);
        Assert.Contains("'<x>' is put around texts", Assert.Throws<WarmException>(() => Theirs().ForWarm("bpe", before: ["<x>"])).Message);
    }

    [Fact]
    public void A_tokenizer_of_ours_serves_their_programs()
    {
        Transformers.Tokenizer own = Transformers.Tokenizer.Open(Folder);
        Microsoft.ML.Tokenizers.Tokenizer theirs = own.ForMicrosoftML();
        foreach (string text in Texts)
        {
            Assert.Equal(own.EncodeIds(text, addSpecialTokens: false), theirs.EncodeToIds(text));
            Assert.Equal(own.EncodeIds(text, addSpecialTokens: false).Length, theirs.CountTokens(text));
            Assert.Equal(text, theirs.Decode(theirs.EncodeToIds(text)));
        }
        IReadOnlyList<int> some = theirs.EncodeToIds(Texts[0], 3, out _, out int consumed);
        Assert.Equal(theirs.EncodeToIds(Texts[0]).Take(3), some);
        Assert.InRange(consumed, 1, Texts[0].Length - 1);
    }
}
