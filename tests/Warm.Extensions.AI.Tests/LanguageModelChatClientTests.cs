using Microsoft.Extensions.AI;
using Warm.Transformers;
using Warm.Transformers.Tests;

namespace Warm.Extensions.AI.Tests;

/// <summary>Two real models in this process: the average of the two writers of the samples answers, the average of the family judges.</summary>
public sealed class LanguageModelChatClientTests(LanguageModelChatClientTests.Models models) : IClassFixture<LanguageModelChatClientTests.Models>
{
    private const string Question = "TV is better than Books Books";
    private static readonly SamplingOptions Short = new() { MaxTokens = 20, Temperature = 0.8 };

    public sealed class Models : IDisposable
    {
        public LanguageModel Writer { get; } = LanguageModel.Load(Average("writers", "sft-*"));
        public RewardModel Reward { get; } = RewardModel.Load(Average("family", "rm-*"));

        internal static WeightAverage Average(string folder, string pattern) => WeightAverage.Of([.. Directory.GetDirectories(Repository.Path("samples", folder), pattern).Order(StringComparer.Ordinal).Select(Checkpoint.Open)]);

        public void Dispose()
        {
            Writer.Dispose();
            Reward.Dispose();
        }
    }

    [Theory]
    [InlineData(1), InlineData(5), InlineData(32)]
    public async Task The_best_of_n_sampled_answers_wins_whatever_comes_back_first(int n)
    {
        // One after the other, without any client: what the winner must be.
        IReadOnlyList<DrawnResponse> drawn = models.Writer.Generate([.. Enumerable.Repeat(Candidate.OfMessages([new("user", Question)]), n)], Short with { Seed = 7 });
        string[] texts = [.. drawn.Select(response => response.Text)];
        BestOfN expected = BestOfN.Choose(models.Reward, Question, texts);
        Assert.True(n == 1 || texts.Distinct().Count() > n / 2, "The writer says the same each time.");

        using var best = new BestOfNChatClient(new LanguageModelChatClient(models.Writer, Short), models.Reward, new() { N = n, Parallelism = 32 });
        ChatResponse response = await best.GetResponseAsync(Question, new ChatOptions { Seed = 7 });
        Assert.Equal(expected.Chosen, response.Text);
        Assert.Equal(expected.Index, response.AdditionalProperties![BestOfNChatClient.IndexKey]);
        Assert.Equal(models.Reward.Score(Question, texts).Select(score => (float?)score.Reward), (IReadOnlyList<float?>)response.AdditionalProperties[BestOfNChatClient.RewardsKey]!);
        Assert.Equal(7L + expected.Index, response.AdditionalProperties[LanguageModelChatClient.SeedKey]);
        Assert.Equal((drawn.Sum(r => r.Prompt.Count), drawn.Sum(r => r.Ids.Count)), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
        Assert.Equal("uniform average of 2", response.ModelId);
    }

    [Fact]
    public async Task Cancelled_draws_leave_nothing_running()
    {
        var counting = new CountingEngine(new CpuEngine());
        using LanguageModel writer = LanguageModel.Load(Models.Average("writers", "sft-*"), counting, new() { EndIds = [] }); // never ends by itself
        using var stop = new CancellationTokenSource();
        using var best = new BestOfNChatClient(new LanguageModelChatClient(writer, new() { MaxTokens = 100_000 }), models.Reward, new() { N = 32, Parallelism = 6 });
        Task<ChatResponse> asked = best.GetResponseAsync(Question, cancellationToken: stop.Token);
        while (!asked.IsCompleted && Count() < 500) await Task.Delay(1);
        Assert.False(asked.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        int then = Count();
        await Task.Delay(100);
        Assert.Equal(then, Count());

        int Count()
        {
            lock (counting.Products) return counting.Products.Count;
        }
    }

    [Fact]
    public async Task GetStreamingResponse_gives_the_text_as_it_comes_and_usage_last()
    {
        using var client = new LanguageModelChatClient(models.Writer, Short);
        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync(Question, new ChatOptions { Seed = 3 }).ToListAsync();
        ChatResponse whole = await client.GetResponseAsync(Question, new ChatOptions { Seed = 3 });
        Assert.True(updates.Count > 5);
        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.All(updates[..^1], update => Assert.Null(update.FinishReason));
        UsageDetails usage = Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents)).Details;
        Assert.Equal((whole.Usage!.InputTokenCount, whole.Usage.OutputTokenCount, whole.Usage.TotalTokenCount), (usage.InputTokenCount, usage.OutputTokenCount, usage.TotalTokenCount));
        Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount);
        DrawnResponse drawn = models.Writer.Generate([Candidate.OfMessages([new("user", Question)])], Short with { Seed = 3 })[0];
        Assert.Equal((drawn.Text, drawn.Ids.Count), (whole.Text, whole.Usage.OutputTokenCount));
        Assert.Equal(drawn.Stop == StopReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop, whole.FinishReason);
        Assert.Equal(ChatRole.Assistant, Assert.Single(whole.Messages).Role);
    }

    [Fact]
    public async Task A_request_says_how_its_answer_is_drawn_and_the_client_says_the_rest()
    {
        using var client = new LanguageModelChatClient(models.Writer, Short with { TopP = 0.9 });
        async Task<string> Ask(ChatOptions options) => (await client.GetResponseAsync(Question, options)).Text;
        string Drawn(SamplingOptions options) => models.Writer.Generate([Candidate.OfMessages([new("user", Question)])], options)[0].Text;
        SamplingOptions own = Short with { TopP = 0.9, Seed = 5 };
        Assert.Equal(Drawn(own), await Ask(new() { Seed = 5 }));
        Assert.Equal(Drawn(own with { Temperature = 0 }), await Ask(new() { Seed = 1, Temperature = 0 }));
        Assert.Equal(Drawn(own with { TopK = 3, TopP = 0.5, MaxTokens = 7 }), await Ask(new() { Seed = 5, TopK = 3, TopP = 0.5f, MaxOutputTokens = 7 }));
        Assert.Equal(Drawn(own with { StopTexts = ["e"] }), await Ask(new() { Seed = 5, StopSequences = ["e"] }));
        // Without a seed, another answer each time, which its seed gives again.
        ChatResponse[] free = [await client.GetResponseAsync(Question), await client.GetResponseAsync(Question), await client.GetResponseAsync(Question)];
        Assert.True(free.Select(response => response.Text).Distinct().Count() > 1);
        Assert.Equal(free[0].Text, await Ask(new() { Seed = (long)free[0].AdditionalProperties![LanguageModelChatClient.SeedKey]! }));
        // Instructions are a system message.
        Assert.Equal((await client.GetResponseAsync([new(ChatRole.System, "Be short."), new(ChatRole.User, Question)], new() { Seed = 5 })).Text, await Ask(new() { Seed = 5, Instructions = "Be short." }));
    }

    [Fact]
    public async Task What_the_sampler_cannot_do_is_refused()
    {
        using var client = new LanguageModelChatClient(models.Writer, Short);
        foreach ((ChatOptions options, string found) in new (ChatOptions, string)[]
        {
            (new() { Tools = [new HostedWebSearchTool()] }, "has tools"), (new() { ResponseFormat = ChatResponseFormat.Json }, "wants JSON"), (new() { PresencePenalty = 0.5f }, "has a penalty"),
            (new() { ConversationId = "7" }, "kept elsewhere"), (new() { Temperature = -1 }, "the temperature is -1"), (new() { TopP = 2 }, "top-p is 2"), (new() { MaxOutputTokens = 0 }, "0 tokens"),
        })
            Assert.Contains(found, (await Assert.ThrowsAsync<WarmException>(() => client.GetResponseAsync(Question, options))).Found);
        Assert.Contains("DataContent", (await Assert.ThrowsAsync<WarmException>(() => client.GetResponseAsync([new(ChatRole.User, [new TextContent("see"), new DataContent(new byte[] { 1 }, "image/png")])]))).Found);
        Assert.Contains("no messages", (await Assert.ThrowsAsync<WarmException>(() => client.GetResponseAsync((IEnumerable<ChatMessage>)[]))).Found);
        // Nothing that asks for nothing: fine.
        Assert.NotEmpty((await client.GetResponseAsync(Question, new() { Tools = [], ResponseFormat = ChatResponseFormat.Text, FrequencyPenalty = 0, Seed = 1 })).Text);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync(Question, null, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Services_are_the_model_and_what_telemetry_is_told()
    {
        using var client = new LanguageModelChatClient(models.Writer);
        Assert.Same(models.Writer, client.GetService<LanguageModel>());
        Assert.Equal(("warm", "uniform average of 2"), (client.GetService<ChatClientMetadata>()!.ProviderName, client.GetService<ChatClientMetadata>()!.DefaultModelId));
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService(typeof(LanguageModel), "key"));
        Assert.Contains("LlamaForCausalLM", client.ToString());
        Assert.Throws<ArgumentNullException>(() => new LanguageModelChatClient(null!));
    }
}
