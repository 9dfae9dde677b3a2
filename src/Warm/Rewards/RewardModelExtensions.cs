using System.Runtime.CompilerServices;

namespace Warm;

/// <summary>Shorter ways to ask any reward model: without async, with plain strings, and over streams that are never held whole.</summary>
public static class RewardModelExtensions
{
    /// <summary>Number of candidates that a stream hands to the model at once.</summary>
    private const int StreamBatch = 512;

    /// <summary>The rewards in the candidates' order; waits for them.</summary>
    public static IReadOnlyList<Score> Score(this IRewardModel model, IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        // On a thread of the pool, so that a caller with a synchronisation context (a notebook, a window) cannot wait for itself.
        return Task.Run(() => model.ScoreAsync(candidates, options, null, cancellation), cancellation).GetAwaiter().GetResult();
    }

    /// <summary>The rewards of several drafts that answer one prompt, in their order. The prompt is computed once where the model allows it.</summary>
    public static IReadOnlyList<Score> Score(this IRewardModel model, string prompt, IReadOnlyList<string> drafts, ScoringOptions? options = null) =>
        model.Score([.. drafts.Select(draft => Candidate.OfResponse(prompt, draft))], options);

    /// <summary>The reward of a bare text, tokenised as it stands.</summary>
    public static Score Score(this IRewardModel model, string text, ScoringOptions? options = null) => model.Score([Candidate.OfText(text)], options)[0];

    /// <summary>The reward of a conversation.</summary>
    public static Score Score(this IRewardModel model, IReadOnlyList<Message> messages, ScoringOptions? options = null) => model.Score([Candidate.OfMessages(messages)], options)[0];

    /// <summary>Rewards as a stream, in order: candidates are taken as results are asked for, a few hundred at a time, so a data set larger than memory is fine.</summary>
    public static IEnumerable<Score> ScoreEach(this IRewardModel model, IEnumerable<Candidate> candidates, ScoringOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        foreach (Candidate[] batch in candidates.Chunk(StreamBatch))
            foreach (Score score in model.Score(batch, options)) yield return score;
    }

    /// <summary>Rewards as an asynchronous stream, in order; see <see cref="ScoreEach"/>.</summary>
    public static async IAsyncEnumerable<Score> ScoreEachAsync(this IRewardModel model, IAsyncEnumerable<Candidate> candidates, ScoringOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var batch = new List<Candidate>(StreamBatch);
        await foreach (Candidate candidate in candidates.WithCancellation(cancellation).ConfigureAwait(false))
        {
            batch.Add(candidate);
            if (batch.Count < StreamBatch) continue;
            foreach (Score score in await model.ScoreAsync(batch, options, null, cancellation).ConfigureAwait(false)) yield return score;
            batch = new List<Candidate>(StreamBatch);
        }
        if (batch.Count == 0) yield break;
        foreach (Score score in await model.ScoreAsync(batch, options, null, cancellation).ConfigureAwait(false)) yield return score;
    }
}
