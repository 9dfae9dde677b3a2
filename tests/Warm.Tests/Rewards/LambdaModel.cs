namespace Warm.Tests.Rewards;

/// <summary>A reward that is a function of the response, and remembers what it was asked.</summary>
internal sealed class LambdaModel(Func<string, float> reward, string identity = "lambda") : IRewardModel
{
    public List<Candidate> Asked { get; } = [];

    public string Identity => identity;

    public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        Asked.AddRange(candidates);
        return Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(c => new Score { Id = c.Id, Reward = reward(c.Response ?? c.Text ?? c.Messages![^1].Content!), Tokens = 3, ReadAt = 2 })]);
    }
}
