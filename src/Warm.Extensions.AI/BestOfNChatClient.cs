using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Warm.Extensions.AI;

/// <summary>
/// Best-of-N around any chat client: each request is drawn N times in parallel, the answers are scored with a reward model, and the best is returned.
/// <para>
/// The response is the winner's, with the usage of all draws summed and, in its additional properties, the reward of every draw (<see cref="RewardsKey"/>), the winner's number
/// (<see cref="IndexKey"/>) and what went wrong (<see cref="FailuresKey"/>). Draws are numbered from 0 in the order in which they are started; among equal rewards the lowest number wins,
/// whichever came back first. Where the request has a seed, draw i asks with seed + i: with one seed all answers would be the same.
/// </para>
/// <para>
/// A draw that fails, or answers without text (a tool call), has no reward and cannot win; the others are used and the failure is reported. Where no draw is left, the request fails with a
/// <see cref="WarmException"/> whose inner <see cref="AggregateException"/> holds all failures. Cancelling a request cancels its draws and returns when all of them have ended: nothing is left
/// running. Tools are called inside a draw: put <c>FunctionInvokingChatClient</c> below this client, not around it.
/// </para>
/// </summary>
/// <remarks>
/// Streaming gives the winner's updates once it is known; until then there is nothing to show. Activities and metrics bear the name <c>Warm.Extensions.AI</c>. Safe from many threads if the
/// inner client is. Disposing it disposes the inner client, not the reward model.
/// </remarks>
public sealed class BestOfNChatClient : DelegatingChatClient
{
    /// <summary>Additional property: the rewards in the order of the draws, a <see cref="IReadOnlyList{T}"/> of <c>float?</c>; null for a draw that has none.</summary>
    public const string RewardsKey = "warm.rewards";

    /// <summary>Additional property: the winner's number among the draws, an <see cref="int"/> from 0.</summary>
    public const string IndexKey = "warm.index";

    /// <summary>Additional property: why draws have no reward and what else a reader should know, a list of strings; not there where nothing is odd.</summary>
    public const string FailuresKey = "warm.failures";

    private readonly IRewardModel _reward;
    private readonly BestOfNChatOptions _options;
    private readonly ILogger _log;

    /// <summary>Puts best-of-N around a chat client.</summary>
    /// <param name="inner">Whatever answers. It is asked N times for each request, and disposed with this client.</param>
    /// <param name="reward">Whatever judges the answers: a loaded model, an ensemble, a server. It stays the caller's.</param>
    /// <param name="options">How; null for the defaults, 4 draws.</param>
    /// <param name="log">Told each choice (debug) and each failed draw (warning); null for nobody.</param>
    /// <exception cref="WarmException">A number of the options is out of its range.</exception>
    public BestOfNChatClient(IChatClient inner, IRewardModel reward, BestOfNChatOptions? options = null, ILogger<BestOfNChatClient>? log = null) : base(inner)
    {
        ArgumentNullException.ThrowIfNull(reward);
        _options = options ?? new();
        if (_options.N is < 1 or > 1024) throw new WarmException("best-of-N", FormattableString.Invariant($"N is {_options.N}"), "1 to 1,024");
        if (_options.Parallelism < 1) throw new WarmException("best-of-N", FormattableString.Invariant($"the parallelism is {_options.Parallelism}"), "at least 1");
        (_reward, _log) = (reward, log ?? (ILogger)NullLogger.Instance);
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatMessage[] prompt = [.. messages]; // drawn from N times: a lazy sequence must not be
        using Activity? activity = Telemetry.Source.StartActivity("best_of_n");
        activity?.SetTag("warm.n", _options.N);
        long started = Stopwatch.GetTimestamp();
        try
        {
            Draw[] draws = await DrawAsync(prompt, options, cancellationToken).ConfigureAwait(false);
            ChatResponse best = await ChooseAsync(prompt, options, draws, activity, cancellationToken).ConfigureAwait(false);
            Telemetry.Duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
            return best;
        }
        catch (Exception error)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            throw;
        }
    }

    /// <inheritdoc/>
    public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ChatResponse best = await GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        foreach (ChatResponseUpdate update in best.ToChatResponseUpdates())
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return update;
        }
    }

    /// <summary>This client, the reward model that it asks (<see cref="IRewardModel"/>), or what the inner client gives.</summary>
    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType == typeof(IRewardModel) ? _reward : base.GetService(serviceType, serviceKey);
    }

    /// <summary><c>best of 8 by 3f2a…</c>: the number of draws and the reward model's identity.</summary>
    public override string ToString() => FormattableString.Invariant($"best of {_options.N} by {_reward.Identity}");

    /// <summary>All draws, ended: each with its answer or with why there is none. Throws only when cancelled.</summary>
    private async Task<Draw[]> DrawAsync(ChatMessage[] prompt, ChatOptions? options, CancellationToken cancellation)
    {
        using var places = new SemaphoreSlim(_options.Parallelism);
        Draw[] draws = await Task.WhenAll(Enumerable.Range(0, _options.N).Select(One)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return draws;

        // Never throws, so that one failure does not hide the others, and so that all draws have ended when WhenAll returns.
        async Task<Draw> One(int number)
        {
            try
            {
                await places.WaitAsync(cancellation).ConfigureAwait(false);
                try
                {
                    // A client that works before its first await must not hold up the others: each draw begins on a thread of its own.
                    ChatResponse response = await Task.Run(() => base.GetResponseAsync(prompt, ForDraw(options, number), cancellation), cancellation).ConfigureAwait(false);
                    Telemetry.Draws.Add(1, new KeyValuePair<string, object?>("outcome", "answered"));
                    return string.IsNullOrWhiteSpace(response.Text) ? new(number, response, new WarmException(Name(number), "the answer has no text")) : new(number, response, null);
                }
                finally
                {
                    places.Release();
                }
            }
            catch (Exception error)
            {
                if (!cancellation.IsCancellationRequested) Telemetry.Draws.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
                return new(number, null, error);
            }
        }
    }

    private async Task<ChatResponse> ChooseAsync(ChatMessage[] prompt, ChatOptions? options, Draw[] draws, Activity? activity, CancellationToken cancellation)
    {
        Draw[] drafts = [.. draws.Where(draw => draw.Failure is null)];
        List<string> failures = [.. draws.Where(draw => draw.Failure is not null).Select(draw => $"draw {draw.Number}: {Reason(draw)}")];
        foreach (Draw draw in draws) if (draw.Failure is { } failure) Log.DrawFailed(_log, draw.Number, draws.Length, failure);
        if (drafts.Length == 0)
            throw new WarmException("best-of-N", FormattableString.Invariant($"none of the {draws.Length} draws gave an answer ({Reason(draws[0])})"), "at least one", inner: new AggregateException(draws.Select(draw => draw.Failure!)));

        ChatMessage[] seen = string.IsNullOrEmpty(options?.Instructions) ? prompt : [new ChatMessage(ChatRole.System, options.Instructions), .. prompt];
        IReadOnlyList<Score> scores = await _reward.ScoreAsync([.. drafts.Select(draft => _options.CandidateOf(seen, draft.Response!) with { Source = Name(draft.Number) })], _options.Scoring, null, cancellation).ConfigureAwait(false);
        BestOfN choice = BestOfN.Of([.. scores.Select(score => score.Reward)]);
        failures.AddRange(choice.Remarks);

        float?[] rewards = new float?[draws.Length];
        for (int i = 0; i < drafts.Length; i++) if (float.IsFinite(scores[i].Reward)) rewards[drafts[i].Number] = scores[i].Reward;
        Draw winner = drafts[choice.Index];
        float mean = rewards.OfType<float>().Average();
        activity?.SetTag("warm.index", winner.Number).SetTag("warm.reward", choice.Reward).SetTag("warm.failures", draws.Length - drafts.Length);
        Telemetry.Gain.Record(choice.Reward - mean);
        Log.Chosen(_log, winner.Number, draws.Length, choice.Reward, mean);
        return Winner(winner.Response!, draws, rewards, winner.Number, failures);
    }

    /// <summary>The winner's response as a new object: an inner client that remembers answers may have given one object to several draws.</summary>
    private static ChatResponse Winner(ChatResponse of, Draw[] draws, float?[] rewards, int index, List<string> failures)
    {
        UsageDetails? usage = null;
        foreach (UsageDetails spent in draws.Select(draw => draw.Response?.Usage).OfType<UsageDetails>()) (usage ??= new()).Add(spent);
        AdditionalPropertiesDictionary properties = of.AdditionalProperties?.Clone() ?? [];
        properties[RewardsKey] = rewards;
        properties[IndexKey] = index;
        if (failures.Count > 0) properties[FailuresKey] = failures.ToArray();
        return new ChatResponse([.. of.Messages])
        {
            ResponseId = of.ResponseId,
            ConversationId = of.ConversationId,
            ModelId = of.ModelId,
            CreatedAt = of.CreatedAt,
            FinishReason = of.FinishReason,
            RawRepresentation = of.RawRepresentation,
            Usage = usage,
            AdditionalProperties = properties,
        };
    }

    /// <summary>The options of one draw: a copy each, as clients may change what they are given.</summary>
    private static ChatOptions? ForDraw(ChatOptions? options, int number)
    {
        ChatOptions? own = options?.Clone();
        if (own?.Seed is { } seed) own.Seed = unchecked(seed + number);
        return own;
    }

    private static string Name(int number) => FormattableString.Invariant($"draw {number}");

    private static string Reason(Draw draw) => draw.Failure is WarmException refusal ? refusal.Found : $"{draw.Failure!.GetType().Name}: {draw.Failure.Message}";

    /// <summary>One answer, or why there is none; an answer without text is there with its failure, for its usage counts.</summary>
    private sealed record Draw(int Number, ChatResponse? Response, Exception? Failure);
}
