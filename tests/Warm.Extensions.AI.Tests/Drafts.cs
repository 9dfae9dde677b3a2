using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Warm.Extensions.AI.Tests;

/// <summary>A chat client in this process: each call is answered by a function of its number (in order of arrival) and its options.</summary>
internal sealed class Drafts(Func<int, ChatOptions?, CancellationToken, Task<ChatResponse>> answer) : IChatClient
{
    private int _calls, _running, _most;

    /// <summary>Calls begun.</summary>
    public int Calls => _calls;

    /// <summary>Calls that have not ended.</summary>
    public int Running => _running;

    /// <summary>Most calls that ran at one time.</summary>
    public int MostAtOnce => _most;

    public bool Disposed { get; private set; }

    /// <summary>Answers with the seed's number, after a random wait: answers come back in any order.</summary>
    public static Drafts BySeed(int slowest = 15) => new(async (_, options, cancellation) =>
    {
        await Task.Delay(Random.Shared.Next(slowest), cancellation);
        return Text(options!.Seed!.Value.ToString(CultureInfo.InvariantCulture));
    });

    public static ChatResponse Text(string text, int tokens = 1) => new(new ChatMessage(ChatRole.Assistant, text)) { ModelId = "drafts", FinishReason = ChatFinishReason.Stop, Usage = new() { InputTokenCount = 10, OutputTokenCount = tokens, TotalTokenCount = 10 + tokens } };

    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        int number = Interlocked.Increment(ref _calls) - 1, running = Interlocked.Increment(ref _running);
        InterlockedMax(ref _most, running);
        try
        {
            return await answer(number, options, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (ChatResponseUpdate update in (await GetResponseAsync(messages, options, cancellationToken)).ToChatResponseUpdates()) yield return update;
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose() => Disposed = true;

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = most; seen < value && Interlocked.CompareExchange(ref most, value, seen) is var now && now != seen; seen = now) { }
    }
}

/// <summary>A reward model that is a function of the answer, and remembers what it was asked.</summary>
internal sealed class Judge(Func<string, float> reward) : IRewardModel
{
    public List<Candidate> Asked { get; } = [];

    public string Identity => "judge";

    public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (Asked) Asked.AddRange(candidates);
        return Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(candidate => new Score { Reward = reward(candidate.Response ?? candidate.Messages![^1].Content!), Tokens = 1, ReadAt = 0 })]);
    }
}
