using System.Diagnostics;

namespace Warm;

/// <summary>
/// Rewards of a stream of pairs. A text that comes again is not scored again: what is kept of it is half of its SHA-256, its reward and its length.
/// </summary>
internal sealed class PairScorer(IRewardModel model, ScoringOptions? options)
{
    /// <summary>Texts handed to the model at once: enough to pack well, few enough to hold.</summary>
    public const int TextsPerCall = 512;

    private readonly Dictionary<(ulong, ulong), int> _known = [];
    private readonly List<Candidate> _waiting = [];
    private readonly List<float> _rewards = [];
    private readonly List<int> _lengths = [];
    private readonly List<(int Chosen, int Rejected)> _pairs = [];
    private readonly Dictionary<string, int> _remarks = new(StringComparer.Ordinal);
    private readonly Stopwatch _watch = new();
    private long _tokens;

    /// <summary>Whether enough texts wait to be scored.</summary>
    public bool IsFull => _waiting.Count >= TextsPerCall;

    /// <summary>What the scoring took so far.</summary>
    public ScoringCost Cost => new(_rewards.Count, _tokens, _watch.Elapsed.TotalSeconds);

    /// <summary>Takes a pair in.</summary>
    public void Add(Preference pair) => _pairs.Add((Place(pair.Chosen, pair.ChosenLength), Place(pair.Rejected, pair.RejectedLength)));

    /// <summary>Scores the texts that wait.</summary>
    public async Task ScoreAsync(CancellationToken cancellation)
    {
        if (_waiting.Count == 0) return;
        _watch.Start();
        IReadOnlyList<Score> scores = await model.ScoreAsync(_waiting, options, null, cancellation).ConfigureAwait(false);
        _watch.Stop();
        if (scores.Count != _waiting.Count) throw new WarmException(model.Identity, $"the model gave {scores.Count} rewards for {_waiting.Count} texts", "one for each");
        for (int i = 0; i < scores.Count; i++)
        {
            if (!float.IsFinite(scores[i].Reward))
                throw new WarmException(_waiting[i].Source ?? FormattableString.Invariant($"text {_rewards.Count}"), FormattableString.Invariant($"the reward of \"{_waiting[i]}\" is {scores[i].Reward}"), "a finite number",
                    "Look at the weights: an average with a member that holds NaN or infinity gives such rewards.");
            _rewards.Add(scores[i].Reward);
            _tokens += scores[i].Tokens;
            foreach (string remark in scores[i].Remarks) _remarks[remark] = _remarks.GetValueOrDefault(remark) + 1;
        }
        _waiting.Clear();
    }

    /// <summary>Chosen less rejected, pair by pair.</summary>
    public double[] Differences() => [.. _pairs.Select(pair => (double)_rewards[pair.Chosen] - _rewards[pair.Rejected])];

    /// <summary><c>12 texts: cut to 512 tokens</c></summary>
    public IReadOnlyList<string> Remarks() => [.. _remarks.OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal).Take(20).Select(r => FormattableString.Invariant($"{r.Value:N0} text{(r.Value == 1 ? "" : "s")}: {r.Key}"))];

    /// <summary>Pearson's correlation of reward and length over the distinct texts; NaN where either is constant.</summary>
    public double LengthCorrelation()
    {
        int n = _rewards.Count;
        double meanReward = _rewards.Sum(r => (double)r) / n, meanLength = _lengths.Sum(l => (double)l) / n, rr = 0, ll = 0, rl = 0;
        for (int i = 0; i < n; i++)
        {
            double r = _rewards[i] - meanReward, l = _lengths[i] - meanLength;
            rr += r * r;
            ll += l * l;
            rl += r * l;
        }
        return rr > 0 && ll > 0 ? rl / Math.Sqrt(rr * ll) : double.NaN;
    }

    private int Place(Candidate text, int length)
    {
        (ulong, ulong) key = CandidateHash.Of(text);
        if (_known.TryGetValue(key, out int place)) return place;
        place = _lengths.Count;
        _known.Add(key, place);
        _lengths.Add(length);
        _waiting.Add(text);
        return place;
    }
}
