namespace Warm;

/// <summary>Whatever gives candidates a reward: a loaded model, an ensemble, a remote server, a lambda.</summary>
public interface IRewardModel
{
    /// <summary>A content hash of everything the reward depends on (weights, tokenizer, text form): equal identities give equal rewards. The key of caches.</summary>
    string Identity { get; }

    /// <summary>How prompt and response become text unless the options say otherwise; null (default) where the model does not say.</summary>
    TextForm? TextForm => null;

    /// <summary>The rewards in the candidates' order. A candidate's reward depends on nothing else in the list.</summary>
    /// <param name="candidates">What is scored; may be empty.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Told the number of candidates done so far, from any thread.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default);
}
