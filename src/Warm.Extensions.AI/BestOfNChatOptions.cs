using Microsoft.Extensions.AI;

namespace Warm.Extensions.AI;

/// <summary>How a <see cref="BestOfNChatClient"/> draws and chooses.</summary>
public sealed record BestOfNChatOptions
{
    /// <summary>Answers drawn for one request; default 4, from 1 to 1,024.</summary>
    public int N { get; init; } = 4;

    /// <summary>Answers that are being drawn at one time; default 8, at least 1.</summary>
    public int Parallelism { get; init; } = 8;

    /// <summary>How the answers are scored; null (default) for the reward model's own defaults.</summary>
    public ScoringOptions? Scoring { get; init; }

    /// <summary>
    /// What is scored for a conversation and one answer to it. Null (default): prompt and response where the conversation is one user message, which any reward model can read; else the whole
    /// conversation as messages, which needs a chat template. Only texts are seen: no images, no tool calls, no reasoning.
    /// </summary>
    public Func<IReadOnlyList<ChatMessage>, ChatResponse, Candidate>? Candidate { get; init; }

    /// <summary>What is scored, by the caller's rule or the usual one.</summary>
    internal Candidate CandidateOf(IReadOnlyList<ChatMessage> prompt, ChatResponse response)
    {
        if (Candidate is { } own) return own(prompt, response);
        if (prompt is [{ } only] && only.Role == ChatRole.User) return Warm.Candidate.OfResponse(only.Text, response.Text);
        return Warm.Candidate.OfMessages([.. prompt.Concat(response.Messages).Where(message => message.Text.Length > 0).Select(message => new Message(message.Role.Value, message.Text))]);
    }
}
