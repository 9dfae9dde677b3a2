using System.Collections.Concurrent;

namespace Warm;

/// <summary>
/// Scores that were made once, kept by what they depend on: the model's <see cref="IRewardModel.Identity"/>, the candidate's content and how it was read. Two names of one model share them; ids and
/// sources are no part. Memory: about 150 bytes a score. Safe from many threads.
/// </summary>
public sealed class ScoreCache
{
    private readonly ConcurrentDictionary<(string Model, string Reading, (ulong, ulong) Candidate), Score> _scores = new();
    private long _scored, _found;

    /// <summary>Number of scores that are kept.</summary>
    public int Count => _scores.Count;

    /// <summary>Number of candidates that a model had to score.</summary>
    public long Scored => Interlocked.Read(ref _scored);

    /// <summary>Number of candidates whose score was there already.</summary>
    public long Found => Interlocked.Read(ref _found);

    /// <summary>
    /// The model through this cache: asks the model only for what is not kept. Once all that will be asked is kept, the model behind it may be disposed of: its identity is taken now.
    /// </summary>
    public IRewardModel Of(IRewardModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new Cached(this, model);
    }

    /// <summary><c>12,345 scores, 600 found</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Count:N0} scores, {Found:N0} found");

    private sealed class Cached(ScoreCache cache, IRewardModel model) : IRewardModel
    {
        public string Identity { get; } = model.Identity;

        public async Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options, IProgress<int>? progress, CancellationToken cancellation)
        {
            // No reward depends on how many tokens a pass holds.
            string reading = ((options ?? ScoringOptions.Default) with { TokensPerPass = 1 }).ToString();
            (string, string, (ulong, ulong))[] keys = [.. candidates.Select(candidate => (Identity, reading, CandidateHash.Of(candidate)))];
            int[] missing = [.. Enumerable.Range(0, keys.Length).Where(i => !cache._scores.ContainsKey(keys[i])).DistinctBy(i => keys[i])];
            if (missing.Length > 0)
            {
                IReadOnlyList<Score> scores = await model.ScoreAsync([.. missing.Select(i => candidates[i])], options, progress, cancellation).ConfigureAwait(false);
                if (scores.Count != missing.Length) throw new WarmException(Identity, $"the model gave {scores.Count} rewards for {missing.Length} candidates", "one for each");
                for (int m = 0; m < missing.Length; m++) cache._scores[keys[missing[m]]] = scores[m] with { Id = null };
            }
            Interlocked.Add(ref cache._scored, missing.Length);
            Interlocked.Add(ref cache._found, candidates.Count - missing.Length);
            return [.. keys.Select((key, i) => cache._scores[key] with { Id = candidates[i].Id })];
        }

        public override string ToString() => $"{model}, cached";
    }
}
