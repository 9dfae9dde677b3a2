namespace Warm.Transformers.Tests;

/// <summary>One token out of a row of logits: by hand, and by counting.</summary>
public class TokenChoiceTests
{
    private static readonly float[] Logits = [(float)Math.Log(0.1), (float)Math.Log(0.4), (float)Math.Log(0.2), (float)Math.Log(0.3)];

    [Theory]
    [InlineData(0.0, 0), InlineData(0.05, 0), InlineData(0.11, 1), InlineData(0.49, 1), InlineData(0.51, 2), InlineData(0.69, 2), InlineData(0.71, 3), InlineData(0.9999, 3)]
    public void Choose_takes_the_token_at_that_share(double u, int id)
    {
        (int chosen, float logProbability) = TokenChoice.Choose(Logits, SamplingOptions.Default, u);
        Assert.Equal(id, chosen);
        Assert.Equal(Logits[id], logProbability, 1e-6);
    }

    [Theory] // shares by order of probability: 0.4 (1), 0.3 (3), 0.2 (2), 0.1 (0)
    [InlineData(0.39, null, 1), InlineData(0.41, null, 2), InlineData(0.69, null, 2), InlineData(0.71, null, 3), InlineData(0.91, null, 4), InlineData(1.0, 2, 2), InlineData(1.0, 9, 4), InlineData(0.5, 2, 1), InlineData(0.6, 2, 2)]
    public void Choose_keeps_the_most_probable(double topP, int? topK, int kept)
    {
        int[] order = [1, 3, 2, 0];
        var seen = new SortedSet<int>();
        for (double u = 0; u < 1; u += 0.001) seen.Add(TokenChoice.Choose(Logits, new SamplingOptions { TopP = topP, TopK = topK }, u).Id);
        Assert.Equal(order[..kept].Order(), seen);
    }

    [Fact]
    public void Choose_draws_as_often_as_probable()
    {
        float[] logits = [1, -2, 0.5f, 3, 0, 2.2f];
        var options = new SamplingOptions { Temperature = 0.7 };
        double[] expected = [.. logits.Select(l => Math.Exp(l / 0.7))];
        double sum = expected.Sum();
        int[] counts = new int[logits.Length];
        ulong stream = CountedRandom.Stream(1, "response", 0);
        for (int i = 0; i < 100_000; i++) counts[TokenChoice.Choose(logits, options, CountedRandom.At(stream, i)).Id]++;
        for (int v = 0; v < counts.Length; v++) Assert.InRange(counts[v] / 100_000.0 - expected[v] / sum, -0.006, 0.006);
    }

    [Fact]
    public void Choose_takes_the_lowest_id_of_equals_and_refuses_what_is_no_number()
    {
        Assert.Equal(1, TokenChoice.Choose([0, 2, 2], SamplingOptions.Greedy, 0.99).Id);
        Assert.Contains("a logit is no number", Assert.Throws<WarmException>(() => TokenChoice.Choose([0, float.NaN], SamplingOptions.Default, 0.5)).Message);
        Assert.Equal(2, TokenChoice.Choose([float.NegativeInfinity, float.NegativeInfinity, 0], SamplingOptions.Default, 0).Id);
    }
}
