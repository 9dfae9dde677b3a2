using System.Text.Json.Serialization;

namespace Warm;

/// <summary>A draft and its reward.</summary>
/// <param name="Index">Its place among the drafts, from 0.</param>
/// <param name="Reward">The raw reward; NaN or infinite where the model gave such a thing.</param>
/// <param name="Text">The draft.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed record RankedDraft(
    [property: JsonPropertyName("index")] int Index,
    [property: JsonPropertyName("reward")] float Reward,
    [property: JsonPropertyName("text")] string Text);

/// <summary>
/// The best of N drafts by reward. Among equal rewards the lowest index wins, and the ties are counted; a reward that is NaN or infinite never wins and stands at the end of the ranking.
/// </summary>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class BestOfN : IRichDisplay
{
    private BestOfN(IReadOnlyList<RankedDraft> ranking, int ties, IReadOnlyList<string> remarks) => (Ranking, Ties, Remarks) = (ranking, ties, remarks);

    /// <summary>The text of the winner.</summary>
    [JsonPropertyName("chosen")]
    public string Chosen => Ranking[0].Text;

    /// <summary>The winner's place among the drafts, from 0.</summary>
    [JsonPropertyName("index")]
    public int Index => Ranking[0].Index;

    /// <summary>The winner's reward.</summary>
    [JsonPropertyName("reward")]
    public float Reward => Ranking[0].Reward;

    /// <summary>Number of drafts that have the highest reward, the winner included: 1 where nothing tied.</summary>
    [JsonPropertyName("ties")]
    public int Ties { get; }

    /// <summary>All drafts, the best first; equal rewards by index.</summary>
    [JsonPropertyName("ranking")]
    public IReadOnlyList<RankedDraft> Ranking { get; }

    /// <summary>What a reader should know: rewards that are not finite, drafts that were cut ... Empty where nothing is odd.</summary>
    [JsonPropertyName("remarks")]
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Scores every draft after the prompt and chooses the best.</summary>
    /// <exception cref="WarmException">There are no drafts, or no reward is finite.</exception>
    public static BestOfN Choose(IRewardModel model, string prompt, IReadOnlyList<string> drafts, ScoringOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(drafts);
        Candidate[] candidates = [.. drafts.Select(draft => Candidate.OfResponse(prompt, draft))];
        return Task.Run(() => ChooseAsync(model, candidates, options)).GetAwaiter().GetResult();
    }

    /// <summary>Scores candidates of any kind, conversations for example, and chooses the best.</summary>
    /// <exception cref="WarmException">There are no candidates, or no reward is finite.</exception>
    public static async Task<BestOfN> ChooseAsync(IRewardModel model, IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(candidates);
        if (candidates.Count == 0) throw new WarmException("drafts", "there are none", "at least one draft");
        IReadOnlyList<Score> scores = await model.ScoreAsync(candidates, options, null, cancellation).ConfigureAwait(false);
        return Of(scores, [.. candidates.Select(Text)], candidates[0].Source);
    }

    /// <summary>Chooses by scores, with their remarks.</summary>
    internal static BestOfN Of(IReadOnlyList<Score> scores, IReadOnlyList<string> texts, string? source) =>
        Of([.. scores.Select(score => score.Reward)], texts, source, [.. scores.SelectMany((score, i) => score.Remarks.Select(remark => FormattableString.Invariant($"draft {i}: {remark}")))]);

    /// <summary>Chooses by rewards that are there already.</summary>
    /// <param name="rewards">One a draft.</param>
    /// <param name="texts">The drafts; null (default) leaves them empty.</param>
    /// <exception cref="WarmException">There are none, or none is finite.</exception>
    public static BestOfN Of(IReadOnlyList<float> rewards, IReadOnlyList<string>? texts = null) => Of(rewards, texts, null, []);

    private static BestOfN Of(IReadOnlyList<float> rewards, IReadOnlyList<string>? texts, string? source, IReadOnlyList<string> remarks)
    {
        RankedDraft[] ranking = [.. rewards.Select((reward, i) => new RankedDraft(i, reward, texts?[i] ?? "")).OrderByDescending(d => float.IsFinite(d.Reward)).ThenByDescending(d => d.Reward + 0f)];
        int odd = rewards.Count(reward => !float.IsFinite(reward));
        if (odd == rewards.Count) throw new WarmException(source ?? "drafts", rewards.Count == 0 ? "there are none" : FormattableString.Invariant($"none of the {rewards.Count} rewards is finite"), "at least one draft with a finite reward");
        return new BestOfN(ranking, ranking.Count(d => d.Reward == ranking[0].Reward),
            odd == 0 ? remarks : [.. remarks, FormattableString.Invariant($"{odd} of {rewards.Count} rewards {(odd == 1 ? "is" : "are")} not finite and cannot win")]);
    }

    private static string Text(Candidate candidate) => candidate.Response ?? candidate.Text ?? (candidate.Messages is { Count: > 0 } messages ? messages[^1].Content ?? "" : "");

    string IRichDisplay.ToHtml() => HtmlTable.Of(ToString(), ["draft", "reward", "text"],
        [.. Ranking.Select(draft => (string[])[FormattableString.Invariant($"#{draft.Index + 1}"), FormattableString.Invariant($"{draft.Reward:F3}"), draft.Text])]) + HtmlTable.Remarks(Remarks);

    /// <summary><c>#1 of 3  reward 2.413  Seven minutes in boiling ...</c> The number counts from 1.</summary>
    public override string ToString()
    {
        string text = Chosen.ReplaceLineEndings(" ");
        if (text.Length > 60) text = $"{text[..(char.IsHighSurrogate(text[56]) ? 56 : 57)]}...";
        return FormattableString.Invariant($"#{Index + 1} of {Ranking.Count}  reward {Reward:F3}  {text}{(Ties > 1 ? $"  ({Ties} tied)" : "")}");
    }
}
