using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>A tokenizer of another library in the place of the folder's.</summary>
public class ForeignTokenizerTests
{
    /// <summary>Every character is a token: its id is its code less 90.</summary>
    private static Tokenizer Letters(params string[] before) => Tokenizer.Of("letters", text => [.. text.Select((c, i) => new ForeignToken(c - 90, i, i + 1))], ids => string.Concat(ids.Select(id => (char)(id + 90))),
        [new AddedToken("<s>", 1, Special: true), new AddedToken("</s>", 2, Special: true)], new SpecialTokens { Eos = "</s>" }, before, ["</s>"]);

    [Fact]
    public void Of_finds_special_tokens_and_hands_over_the_rest()
    {
        Tokenizer tokenizer = Letters("<s>");
        Assert.Equal([1, 7, 8, 2, 9, 2], tokenizer.EncodeIds("ab</s>c"));
        Assert.Equal([1, 7, 2, 8, 2], tokenizer.EncodeIds("a", "b"));
        Assert.Equal([7, 8], tokenizer.EncodeIds("ab", addSpecialTokens: false));
        TokenizedText full = tokenizer.Encode("ab");
        Assert.Equal([(0, 0), (0, 1), (1, 2), (0, 0)], full.Offsets);
        Assert.Equal(["<s>", "a", "b", "</s>"], full.Tokens);
        Assert.Equal("<s>ab</s>", tokenizer.Decode([1, 7, 8, 2]));
        Assert.Equal("ab", tokenizer.Decode([1, 7, 8, 2], skipSpecialTokens: true));
        Assert.Contains("'<x>' is put around texts and is no added token", Assert.Throws<WarmException>(() => Letters("<x>")).Message);
    }

    [Fact]
    public void A_model_reads_with_it_and_is_another_model()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TinyModel.Llama(folder["rm"]));
        using RewardModel model = RewardModel.Load(checkpoint, options: new() { Tokenizer = Letters() }), plain = RewardModel.Load(checkpoint);
        Assert.Equal(plain.Score([Candidate.OfIds([7, 8, 9, 2, 2])])[0].Reward, model.Score("ab", ["c"])[0].Reward); // end to end with the end token, and the one that the tokenizer puts after
        Assert.NotEqual(plain.Identity, model.Identity);
    }
}
