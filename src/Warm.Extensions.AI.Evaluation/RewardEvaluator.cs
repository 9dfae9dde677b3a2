using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Warm.Extensions.AI.Evaluation;

/// <summary>
/// A reward model as an evaluator: the response's raw reward is the metric <see cref="MetricName"/>. A reward has no scale of its own, so the metric says neither good nor bad; compare it with the
/// reward of another response to the same conversation. What cannot be scored (no text, a conversation that the model's text form cannot read) gives a metric without a value and an error diagnostic.
/// </summary>
/// <param name="reward">Whatever judges; it stays the caller's.</param>
/// <param name="options">What is scored and how; null for the defaults of <see cref="BestOfNChatOptions"/>, of which N and parallelism mean nothing here.</param>
public sealed class RewardEvaluator(IRewardModel reward, BestOfNChatOptions? options = null) : IEvaluator
{
    /// <summary>The name of the metric.</summary>
    public const string MetricName = "Reward";

    private readonly BestOfNChatOptions _options = options ?? new();

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames { get; } = [MetricName];

    /// <inheritdoc/>
    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse, ChatConfiguration? chatConfiguration = null,
        IEnumerable<EvaluationContext>? additionalContext = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(modelResponse);
        var metric = new NumericMetric(MetricName);
        try
        {
            if (string.IsNullOrWhiteSpace(modelResponse.Text)) throw new WarmException("response", "has no text", "something to score");
            Candidate candidate = _options.CandidateOf([.. messages], modelResponse);
            Score score = (await reward.ScoreAsync([candidate], _options.Scoring, null, cancellationToken).ConfigureAwait(false))[0];
            if (!float.IsFinite(score.Reward)) throw new WarmException("response", FormattableString.Invariant($"its reward is {score.Reward}"), "a finite reward");
            metric.Value = score.Reward;
            metric.Reason = FormattableString.Invariant($"The raw output of {reward.Identity} over {score.Tokens} tokens.");
            foreach (string remark in score.Remarks) metric.AddDiagnostics(EvaluationDiagnostic.Informational(remark));
        }
        catch (WarmException error)
        {
            metric.AddDiagnostics(EvaluationDiagnostic.Error(error.Message));
        }
        return new EvaluationResult(metric);
    }

    /// <summary><c>reward of 3f2a…</c></summary>
    public override string ToString() => $"reward of {reward.Identity}";
}
