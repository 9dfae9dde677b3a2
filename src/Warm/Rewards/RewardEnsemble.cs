using System.Text;

namespace Warm;

/// <summary>
/// Several reward models as one: each scores every candidate, and a rule makes one reward of theirs. Costs a pass of every member, where an average of weights costs one; unlike it, it needs no
/// shared ancestry, only rewards of comparable size. The members stay the caller's; a member that is loaded may be disposed of once a <see cref="ScoreCache"/> holds its scores.
/// </summary>
public sealed class RewardEnsemble : IRewardModel
{
    private readonly IRewardModel[] _members;

    private RewardEnsemble(IRewardModel[] members, EnsembleRule rule)
    {
        _members = members;
        Rule = rule;
        // The members' order is no part of what the rewards depend on, but for the last bit of a sum: it stays in.
        Identity = ContentHash.Of(Encoding.UTF8.GetBytes($"ensemble\n{rule}\n{string.Join('\n', members.Select(member => member.Identity))}"));
    }

    /// <summary>An ensemble.</summary>
    /// <param name="members">At least one, or as many as the rule needs.</param>
    /// <param name="rule">Null (default) for the mean.</param>
    public static RewardEnsemble Of(IReadOnlyList<IRewardModel> members, EnsembleRule? rule = null)
    {
        ArgumentNullException.ThrowIfNull(members);
        rule ??= EnsembleRule.Mean;
        if (members.Count < rule.FewestMembers) throw new WarmException("ensemble", FormattableString.Invariant($"there are {members.Count} members"), FormattableString.Invariant($"at least {rule.FewestMembers} for {rule}"));
        return new([.. members], rule);
    }

    /// <summary>The members in order.</summary>
    public IReadOnlyList<IRewardModel> Members => _members;

    /// <summary>What makes one reward of theirs.</summary>
    public EnsembleRule Rule { get; }

    /// <inheritdoc/>
    public string Identity { get; }

    /// <summary>
    /// The rule's rewards, computed in double and rounded once. Tokens are those of all members together; the read position is the first member's; remarks are everyone's.
    /// A member whose reward is not finite makes the reward NaN.
    /// </summary>
    public async Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        var scores = new IReadOnlyList<Score>[_members.Length];
        for (int i = 0; i < _members.Length; i++) // one after another: each uses all cores by itself
        {
            scores[i] = await _members[i].ScoreAsync(candidates, options, null, cancellation).ConfigureAwait(false);
            if (scores[i].Count != candidates.Count) throw new WarmException(_members[i].Identity, $"the model gave {scores[i].Count} rewards for {candidates.Count} candidates", "one for each");
        }
        progress?.Report(candidates.Count);
        var rewards = new double[_members.Length];
        var together = new Score[candidates.Count];
        for (int c = 0; c < together.Length; c++)
        {
            for (int i = 0; i < rewards.Length; i++) rewards[i] = scores[i][c].Reward;
            together[c] = new Score
            {
                Id = candidates[c].Id,
                Reward = rewards.All(double.IsFinite) ? (float)Rule.Of(rewards) : float.NaN,
                Tokens = scores.Sum(of => of[c].Tokens),
                ReadAt = scores[0][c].ReadAt,
                Truncated = scores.Max(of => of[c].Truncated),
                Remarks = [.. scores.SelectMany(of => of[c].Remarks).Distinct()],
            };
        }
        return together;
    }

    /// <summary><c>mean of 6 models</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Rule} of {_members.Length} models");
}
