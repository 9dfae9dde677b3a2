using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Warm.Extensions.AI.Evaluation.Tests;

public class RewardEvaluatorTests
{
    private static async Task<NumericMetric> Evaluate(string response, Func<Candidate, float> reward)
    {
        var evaluator = new RewardEvaluator(new Judge(reward));
        Assert.Equal([RewardEvaluator.MetricName], evaluator.EvaluationMetricNames);
        EvaluationResult result = await evaluator.EvaluateAsync([new ChatMessage(ChatRole.User, "why?")], new ChatResponse(new ChatMessage(ChatRole.Assistant, response)));
        return result.Get<NumericMetric>(RewardEvaluator.MetricName);
    }

    [Fact]
    public async Task EvaluateAsync_gives_the_reward_of_the_response()
    {
        NumericMetric metric = await Evaluate("because", candidate => candidate.Prompt == "why?" ? candidate.Response!.Length : -1);
        Assert.Equal(7, metric.Value);
        Assert.Equal("The raw output of judge over 3 tokens.", metric.Reason);
        Assert.Equal(EvaluationDiagnosticSeverity.Informational, Assert.Single(metric.Diagnostics!).Severity);
    }

    [Fact]
    public async Task EvaluateAsync_says_why_there_is_no_reward()
    {
        foreach ((string response, float reward, string why) in new[] { ("", 1f, "has no text"), ("x", float.NaN, "its reward is NaN") })
        {
            NumericMetric metric = await Evaluate(response, _ => reward);
            Assert.Null(metric.Value);
            Assert.Contains(why, Assert.Single(metric.Diagnostics!, d => d.Severity == EvaluationDiagnosticSeverity.Error).Message);
        }
    }

    private sealed class Judge(Func<Candidate, float> reward) : IRewardModel
    {
        public string Identity => "judge";

        public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(candidate => new Score { Reward = reward(candidate), Tokens = 3, ReadAt = 2, Remarks = ["short"] })]);
    }
}
