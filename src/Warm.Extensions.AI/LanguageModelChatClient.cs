using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Warm.Transformers;

namespace Warm.Extensions.AI;

/// <summary>
/// A language model in this process as a chat client: a checkpoint, or an average that was never written, sampled. Under <see cref="BestOfNChatClient"/> it makes best-of-N without any server.
/// <code>
/// using LanguageModel writer = LanguageModel.Load(average);
/// using IChatClient best = new BestOfNChatClient(new LanguageModelChatClient(writer), reward, new() { N = 32 });
/// </code>
/// <para>
/// The conversation goes through the model's text form (a chat template as a rule), <see cref="ChatOptions.Instructions"/> in front of it as a system message. Read from a request: temperature, top-p,
/// top-k, seed, longest answer and stop texts; what it does not say comes from the client's own <see cref="SamplingOptions"/>. The same request with the same seed gives the same answer, on any number
/// of threads and beside any other request; a request without a seed gets a fresh one, which the answer names (<see cref="SeedKey"/>).
/// </para>
/// <para>
/// What the sampler cannot do is refused and not passed over: tools, answers in a JSON schema, penalties, a conversation kept elsewhere, and messages with anything but text in them.
/// </para>
/// </summary>
/// <remarks>Safe from many threads. The answer's usage counts tokens of prompt and answer, the end token included. Cancellation stops between two layers of the model, and nothing runs on.</remarks>
public sealed class LanguageModelChatClient : IChatClient
{
    /// <summary>Additional property: the seed that the answer was drawn with, a <see cref="long"/>; asked for again, it gives the same answer.</summary>
    public const string SeedKey = "warm.seed";

    private readonly LanguageModel _model;
    private readonly SamplingOptions _options;

    /// <summary>Makes a chat client of a language model.</summary>
    /// <param name="model">What answers. It stays the caller's, and must outlive the client's requests.</param>
    /// <param name="options">What holds where a request says nothing; null for the defaults, 256 tokens at temperature 1. Its seed is not used.</param>
    public LanguageModelChatClient(LanguageModel model, SamplingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _options) = (model, options ?? SamplingOptions.Default);
    }

    /// <summary>Draws an answer.</summary>
    /// <exception cref="WarmException">The request asks for what cannot be done, its numbers are out of range, or the text form cannot read the conversation.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Draws an answer and gives its text as it comes; usage, seed and why it ended come last. Who stops reading stops the drawing.</summary>
    /// <inheritdoc cref="GetResponseAsync" path="/exception"/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        cancellationToken.ThrowIfCancellationRequested();
        Candidate prompt = Prompt(messages, options);
        SamplingOptions sampling = Sampling(options);
        string id = Guid.NewGuid().ToString("N");
        await foreach (DrawnToken token in _model.StreamAsync([prompt], sampling, cancellationToken).ConfigureAwait(false))
        {
            if (token.Text.Length > 0) yield return Update(new ChatResponseUpdate(ChatRole.Assistant, token.Text) { MessageId = id });
            if (token.Response is not { } drawn) continue;
            var usage = new UsageDetails { InputTokenCount = drawn.Prompt.Count, OutputTokenCount = drawn.Ids.Count, TotalTokenCount = drawn.Prompt.Count + drawn.Ids.Count };
            yield return Update(new ChatResponseUpdate(null, [new UsageContent(usage)]) // without a message's id: what it carries belongs to the response
            {
                FinishReason = drawn.Stop == StopReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop,
                AdditionalProperties = new() { [SeedKey] = sampling.Seed },
                RawRepresentation = drawn,
            });
        }

        ChatResponseUpdate Update(ChatResponseUpdate update)
        {
            (update.ResponseId, update.ModelId, update.CreatedAt) = (id, _model.Name, DateTimeOffset.UtcNow);
            return update;
        }
    }

    /// <summary>This client, the <see cref="LanguageModel"/>, or what telemetry is told of it.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("warm", null, _model.Name)
            : serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(_model) ? _model : null;
    }

    /// <summary>Does nothing: the model stays the caller's.</summary>
    public void Dispose() { }

    /// <summary>What the model itself prints: its name, architecture, text form and engine.</summary>
    public override string ToString() => _model.ToString();

    private static Candidate Prompt(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        List<Message> turns = string.IsNullOrEmpty(options?.Instructions) ? [] : [new("system", options.Instructions)];
        foreach (ChatMessage message in messages)
        {
            if (message.Contents.FirstOrDefault(content => content is not (TextContent or TextReasoningContent or UsageContent)) is { } other)
                throw new WarmException(FormattableString.Invariant($"message {turns.Count + 1}"), $"holds {other.GetType().Name}", "text; a language model here reads nothing else");
            turns.Add(new Message(message.Role.Value, message.Text));
        }
        return turns.Count > 0 ? Candidate.OfMessages(turns) with { Source = "conversation" } : throw new WarmException("conversation", "has no messages", "at least one");
    }

    private SamplingOptions Sampling(ChatOptions? options)
    {
        string? refused = options is null ? null
            : options.Tools is { Count: > 0 } && options.ToolMode is not NoneChatToolMode ? "has tools"
            : options.ResponseFormat is ChatResponseFormatJson ? "wants JSON"
            : options.FrequencyPenalty is not (null or 0) || options.PresencePenalty is not (null or 0) ? "has a penalty"
            : options.ConversationId is not null ? "goes on with a conversation that is kept elsewhere" : null;
        if (refused is not null) throw new WarmException("chat options", $"the request {refused}", "what the sampler can do: temperature, top-p, top-k, seed, longest answer, stop texts");
        return _options with
        {
            Temperature = options?.Temperature ?? _options.Temperature,
            TopP = options?.TopP ?? _options.TopP,
            TopK = options?.TopK ?? _options.TopK,
            MaxTokens = options?.MaxOutputTokens ?? _options.MaxTokens,
            StopTexts = options?.StopSequences is { } stops ? [.. stops] : _options.StopTexts,
            Seed = options?.Seed ?? Random.Shared.NextInt64(),
        };
    }
}
