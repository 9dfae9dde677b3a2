namespace Warm;

/// <summary>The drafts of one prompt, to be scored.</summary>
/// <param name="Drafts">At least one, with their prompt.</param>
/// <param name="Gold">Their gold rewards, as many; null where nobody judges.</param>
public sealed record PromptDrafts(IReadOnlyList<Candidate> Drafts, IReadOnlyList<double>? Gold = null)
{
    /// <summary>The rewards of every prompt's drafts; texts that come again are scored once.</summary>
    internal static async Task<IReadOnlyList<IReadOnlyList<double>>> ScoreAsync(IRewardModel model, IReadOnlyList<PromptDrafts> prompts, ScoringOptions? scoring, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        var places = new Dictionary<(ulong, ulong), int>();
        var texts = new List<Candidate>();
        int[][] where = [.. prompts.Select(prompt => prompt.Drafts.Select(draft =>
        {
            (ulong, ulong) key = CandidateHash.Of(draft);
            if (places.TryGetValue(key, out int place)) return place;
            texts.Add(draft);
            return places[key] = texts.Count - 1;
        }).ToArray())];
        var rewards = new List<double>();
        foreach (Candidate[] batch in texts.Chunk(PairScorer.TextsPerCall))
        {
            IReadOnlyList<Score> scores = await model.ScoreAsync(batch, scoring, null, cancellation).ConfigureAwait(false);
            if (scores.Count != batch.Length) throw new WarmException(model.Identity, $"the model gave {scores.Count} rewards for {batch.Length} texts", "one for each");
            rewards.AddRange(scores.Select(score => (double)score.Reward));
        }
        return [.. where.Select(prompt => (IReadOnlyList<double>)[.. prompt.Select(place => rewards[place])])];
    }

    /// <summary>The same drafts judged by a gold model.</summary>
    /// <param name="gold">Who judges; every reward must be finite.</param>
    /// <param name="prompts">At least one.</param>
    /// <param name="scoring">How drafts are read; null for the model's own way.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public static async Task<IReadOnlyList<PromptDrafts>> JudgeAsync(IRewardModel gold, IReadOnlyList<PromptDrafts> prompts, ScoringOptions? scoring = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<IReadOnlyList<double>> rewards = await ScoreAsync(gold, prompts, scoring, cancellation).ConfigureAwait(false);
        return [.. prompts.Select((prompt, i) => prompt with { Gold = rewards[i] })];
    }
}
