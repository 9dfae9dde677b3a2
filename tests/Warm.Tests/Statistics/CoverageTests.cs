using Xunit.Abstractions;

namespace Warm.Tests.Statistics;

/// <summary>Grouped data: a prompt makes all of its pairs easier or harder. What is resampled over prompts must hold the truth as often as it says; over pairs it does not.</summary>
public class CoverageTests(ITestOutputHelper output)
{
    private const int Trials = 1000, PairsAPrompt = 6;

    [Theory]
    [InlineData(8), InlineData(29), InlineData(30), InlineData(60), InlineData(150)]
    public void Intervals_over_prompts_hold_the_truth_95_times_in_100(int prompts)
    {
        int held = 0, heldByPair = 0;
        Parallel.For(0, Trials, trial =>
        {
            var random = new Random(7919 * prompts + trial);
            var values = new double[prompts * PairsAPrompt];
            for (int prompt = 0; prompt < prompts; prompt++)
            {
                double share = 0.45 + 0.5 * random.NextDouble(); // 0.7 on average
                for (int i = 0; i < PairsAPrompt; i++) values[prompt * PairsAPrompt + i] = random.NextDouble() < share ? 1 : 0;
            }
            Estimate estimate = Estimate.Mean(values, Units.By("prompt", values.Select((_, i) => $"{i / PairsAPrompt}")), 400, (ulong)trial);
            if (estimate.Low <= 0.7 && 0.7 <= estimate.High) Interlocked.Increment(ref held);
            if (prompts > 60) return; // the naive interval is the slow one
            Estimate naive = Bootstrap.Mean(values, Units.Each(values.Length), 200, (ulong)trial);
            if (naive.Low <= 0.7 && 0.7 <= naive.High) Interlocked.Increment(ref heldByPair);
        });
        output.WriteLine($"{prompts} prompts: {held / (double)Trials:P1} of the intervals over prompts hold the truth, {(prompts > 60 ? "-" : $"{heldByPair / (double)Trials:P1}")} of those over pairs");
        Assert.InRange(held / (double)Trials, 0.93, 0.97);
        if (prompts <= 60) Assert.InRange(heldByPair / (double)Trials, 0.8, 0.93);
    }
}
