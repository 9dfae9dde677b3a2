using System.Diagnostics;

namespace Warm;

/// <summary>
/// Rewards of texts that come in batches, with what they took and what the model said about them.
/// </summary>
internal sealed class PairScorer(IRewardModel model, ScoringOptions? options, string? name = null)
{
    /// <summary>Texts handed to the model at once: enough to pack well, few enough to hold.</summary>
    public const int TextsPerCall = 512;

    private readonly List<float> _rewards = [];
    private readonly Dictionary<string, int> _remarks = new(StringComparer.Ordinal);
    private readonly Stopwatch _watch = new();
    private long _tokens;

    /// <summary>What the scoring took so far.</summary>
    public ScoringCost Cost => new(_rewards.Count, _tokens, _watch.Elapsed.TotalSeconds);

    /// <summary>The rewards so far, in the order in which the texts came.</summary>
    public IReadOnlyList<float> Rewards => _rewards;

    /// <summary>Scores a batch; a reward that is not finite is refused with the text's place.</summary>
    public async Task ScoreAsync(IReadOnlyList<Candidate> texts, CancellationToken cancellation)
    {
        if (texts.Count == 0) return;
        _watch.Start();
        IReadOnlyList<Score> scores = await model.ScoreAsync(texts, options, null, cancellation).ConfigureAwait(false);
        _watch.Stop();
        if (scores.Count != texts.Count) throw new WarmException(name ?? model.Identity, $"the model gave {scores.Count} rewards for {texts.Count} texts", "one for each");
        for (int i = 0; i < scores.Count; i++)
        {
            if (!float.IsFinite(scores[i].Reward))
                throw new WarmException(texts[i].Source ?? FormattableString.Invariant($"text {_rewards.Count}"), FormattableString.Invariant($"the reward of \"{texts[i]}\"{(name is null ? "" : $" by {name}")} is {scores[i].Reward}"), "a finite number",
                    "Look at the weights: an average with a member that holds NaN or infinity gives such rewards.");
            _rewards.Add(scores[i].Reward);
            _tokens += scores[i].Tokens;
            foreach (string remark in scores[i].Remarks) _remarks[remark] = _remarks.GetValueOrDefault(remark) + 1;
        }
    }

    /// <summary><c>12 texts: cut to 512 tokens</c></summary>
    public IReadOnlyList<string> Remarks() => [.. _remarks.OrderByDescending(r => r.Value).ThenBy(r => r.Key, StringComparer.Ordinal).Take(20).Select(r => FormattableString.Invariant($"{r.Value:N0} text{(r.Value == 1 ? "" : "s")}: {r.Key}"))];
}
