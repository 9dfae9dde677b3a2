using System.Diagnostics;
using System.Globalization;

namespace Warm.Benchmarks;

/// <summary>What measuring on the pairs of a file takes beside the model: the process's peak of memory, and time. The model answers at once, with a sum over the letters; 100 resamples.</summary>
internal static class PairMemory
{
    /// <param name="file">Pairs in any form that <see cref="PreferenceFile.Read"/> takes.</param>
    public static void Run(string file)
    {
        var watch = Stopwatch.StartNew();
        PairwiseAccuracy measured = PairwiseAccuracy.Measure(new Letters(), PreferenceFile.Read(file), new() { Resamples = 100 });
        using Process process = Process.GetCurrentProcess();
        Console.WriteLine(measured);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{new FileInfo(file).Length / 1e6:F0} MB of {Path.GetExtension(file)}, {watch.Elapsed.TotalSeconds:F1} s, peak {process.PeakWorkingSet64 / 1e6:F0} MB"));
    }

    private sealed class Letters : IRewardModel
    {
        public string Identity => "letters";

        public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(text => new Score { Reward = (text.Response ?? text.Text!).Sum(letter => letter % 7) / 100f, Tokens = 1, ReadAt = 0 })]);
    }
}
