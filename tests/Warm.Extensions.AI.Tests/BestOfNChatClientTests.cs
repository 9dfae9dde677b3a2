using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Warm.Transformers;

namespace Warm.Extensions.AI.Tests;

public class BestOfNChatClientTests
{
    private static readonly Judge Number = new(text => float.Parse(text, CultureInfo.InvariantCulture));

    [Theory]
    [InlineData(1), InlineData(2), InlineData(7), InlineData(32)]
    public async Task GetResponse_returns_the_best_of_n_whatever_comes_back_first(int n)
    {
        for (int round = 0; round < 5; round++)
        {
            // Answer i is "100 + i"; the reward is highest at a place that moves.
            int best = round * 13 % n;
            using var client = new BestOfNChatClient(Drafts.BySeed(), new Judge(text => -Math.Abs(int.Parse(text, CultureInfo.InvariantCulture) - 100 - best)), new() { N = n, Parallelism = 32 });
            ChatResponse response = await client.GetResponseAsync("why?", new ChatOptions { Seed = 100 });

            Assert.Equal(FormattableString.Invariant($"{100 + best}"), response.Text);
            Assert.Equal(best, response.AdditionalProperties![BestOfNChatClient.IndexKey]);
            var rewards = Assert.IsAssignableFrom<IReadOnlyList<float?>>(response.AdditionalProperties[BestOfNChatClient.RewardsKey]);
            Assert.Equal(Enumerable.Range(0, n).Select(i => (float?)-Math.Abs(i - best)), rewards);
            Assert.False(response.AdditionalProperties.ContainsKey(BestOfNChatClient.FailuresKey));
            Assert.Equal(10 * n, response.Usage!.InputTokenCount);
            Assert.Equal(n, response.Usage.OutputTokenCount);
            Assert.Equal(11 * n, response.Usage.TotalTokenCount);
            Assert.Equal("drafts", response.ModelId);
        }
    }

    [Fact]
    public async Task GetResponse_takes_the_lowest_number_among_equal_rewards()
    {
        for (int round = 0; round < 20; round++)
        {
            using var client = new BestOfNChatClient(Drafts.BySeed(3), new Judge(_ => 1), new() { N = 8 });
            Assert.Equal("5", (await client.GetResponseAsync("why?", new ChatOptions { Seed = 5 })).Text);
        }
    }

    [Fact]
    public async Task GetResponse_draws_in_parallel_but_no_more_than_asked()
    {
        var inner = Drafts.BySeed(30);
        using var client = new BestOfNChatClient(inner, Number, new() { N = 32, Parallelism = 4 });
        await client.GetResponseAsync("why?", new ChatOptions { Seed = 0 });
        Assert.Equal(32, inner.Calls);
        Assert.InRange(inner.MostAtOnce, 2, 4);
    }

    [Fact]
    public async Task GetResponse_draws_in_parallel_from_a_client_that_never_awaits()
    {
        using var meeting = new Barrier(4); // passes only when all four draws are there at once
        using var client = new BestOfNChatClient(new Drafts((i, _, _) => { Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(30))); return Task.FromResult(Drafts.Text("1")); }), Number);
        Assert.Equal("1", (await client.GetResponseAsync("why?")).Text);
    }

    [Fact]
    public async Task GetResponse_leaves_the_callers_options_alone_and_gives_each_draw_its_own()
    {
        List<ChatOptions> given = [];
        using var client = new BestOfNChatClient(new Drafts((i, options, _) => { lock (given) given.Add(options!); options!.ModelId = "changed"; return Task.FromResult(Drafts.Text("1")); }), Number);
        var mine = new ChatOptions { Seed = long.MaxValue, Temperature = 0.7f };
        await client.GetResponseAsync("why?", mine);
        Assert.Equal((long.MaxValue, null), (mine.Seed, mine.ModelId));
        Assert.Equal(4, given.Distinct().Count());
        Assert.Equal(4, given.Select(options => options.Seed).Distinct().Count());
        Assert.All(given, options => Assert.Equal(0.7f, options.Temperature));
    }

    [Fact]
    public async Task GetResponse_uses_the_other_draws_where_one_fails_and_says_so()
    {
        var log = new Lines();
        using var client = new BestOfNChatClient(new Drafts((_, options, _) => options!.Seed switch
        {
            1 => Task.FromException<ChatResponse>(new HttpRequestException("503 busy")),
            2 => Task.FromException<ChatResponse>(new TaskCanceledException("timed out")), // the client's own timeout: not ours
            3 => Task.FromResult(Drafts.Text("")),
            var seed => Task.FromResult(Drafts.Text($"{seed}", tokens: 5)),
        }), Number, new() { N = 6 }, log);
        ChatResponse response = await client.GetResponseAsync("why?", new ChatOptions { Seed = 0 });

        Assert.Equal("5", response.Text);
        Assert.Equal([0f, null, null, null, 4f, 5f], (IReadOnlyList<float?>)response.AdditionalProperties![BestOfNChatClient.RewardsKey]!);
        Assert.Equal(["draw 1: HttpRequestException: 503 busy", "draw 2: TaskCanceledException: timed out", "draw 3: the answer has no text"],
            (IEnumerable<string>)response.AdditionalProperties[BestOfNChatClient.FailuresKey]!);
        Assert.Equal(3 * 5 + 1, response.Usage!.OutputTokenCount); // the answer without text was paid for as well
        Assert.Equal(3, log.Warnings);
        Assert.Contains("Draw 5 of 6 chosen with reward 5; their mean is 3.", log.Text);
    }

    [Fact]
    public async Task GetResponse_fails_with_all_failures_where_no_draw_is_left()
    {
        using var client = new BestOfNChatClient(new Drafts((i, _, _) => throw new HttpRequestException($"call {i}")), Number);
        WarmException error = await Assert.ThrowsAsync<WarmException>(() => client.GetResponseAsync("why?"));
        Assert.Contains("none of the 4 draws gave an answer (HttpRequestException: call ", error.Message);
        Assert.Equal(4, Assert.IsType<AggregateException>(error.InnerException).InnerExceptions.OfType<HttpRequestException>().Select(failure => failure.Message).Distinct().Count());
    }

    [Fact]
    public async Task GetResponse_never_chooses_a_reward_that_is_not_finite()
    {
        using var client = new BestOfNChatClient(Drafts.BySeed(), new Judge(text => text is "3" ? float.NaN : text is "2" ? float.PositiveInfinity : 0), new() { N = 4 });
        ChatResponse response = await client.GetResponseAsync("why?", new ChatOptions { Seed = 0 });
        Assert.Equal("0", response.Text);
        Assert.Equal([0f, 0f, null, null], (IReadOnlyList<float?>)response.AdditionalProperties![BestOfNChatClient.RewardsKey]!);
        Assert.Equal(["2 of 4 rewards are not finite and cannot win"], (IEnumerable<string>)response.AdditionalProperties[BestOfNChatClient.FailuresKey]!);
    }

    [Fact]
    public async Task GetResponse_leaves_nothing_running_when_it_is_cancelled()
    {
        for (int round = 0; round < 10; round++)
        {
            using var stop = new CancellationTokenSource();
            var inner = new Drafts(async (i, _, cancellation) =>
            {
                if (i == 5) await stop.CancelAsync();
                // Some notice late: what they still do must have ended as well.
                try { await Task.Delay(Timeout.Infinite, cancellation); }
                finally { await Task.Delay(i * 3, CancellationToken.None); }
                return Drafts.Text("1");
            });
            using var client = new BestOfNChatClient(inner, Number, new() { N = 32, Parallelism = 6 });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("why?", cancellationToken: stop.Token));
            Assert.Equal((6, 0), (inner.Calls, inner.Running)); // 26 were never begun, 6 have ended
        }
    }

    [Fact]
    public async Task GetResponse_begins_nothing_where_it_is_cancelled_already()
    {
        var inner = Drafts.BySeed();
        using var client = new BestOfNChatClient(inner, Number);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("why?", cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal(0, inner.Calls);
    }

    [Fact]
    public async Task GetResponse_is_safe_from_many_threads()
    {
        using var client = new BestOfNChatClient(Drafts.BySeed(10), Number, new() { N = 5 });
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => (await client.GetResponseAsync("why?", new ChatOptions { Seed = 10 * i })).Text));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{10 * i + 4}"), texts);
    }

    [Fact]
    public async Task GetResponse_gives_an_answer_of_its_own_where_the_client_remembers_one()
    {
        ChatResponse remembered = Drafts.Text("1");
        using var client = new BestOfNChatClient(new Drafts((_, _, _) => Task.FromResult(remembered)), Number);
        ChatResponse response = await client.GetResponseAsync("why?");
        Assert.NotSame(remembered, response);
        Assert.Null(remembered.AdditionalProperties);
        Assert.Equal((10, 40), (remembered.Usage!.InputTokenCount, response.Usage!.InputTokenCount));
    }

    [Fact]
    public async Task GetResponse_scores_prompt_and_response_or_the_whole_conversation()
    {
        var judge = new Judge(_ => 0);
        using var client = new BestOfNChatClient(new Drafts((_, _, _) => Task.FromResult(Drafts.Text("because"))), judge, new() { N = 1 });
        await client.GetResponseAsync("why?");
        await client.GetResponseAsync(
            [new(ChatRole.User, "one"), new(ChatRole.Assistant, [new TextReasoningContent("hidden"), new TextContent("two")]), new(ChatRole.User, "three")], new ChatOptions { Instructions = "be short" });
        Assert.Equal(("why?", "because", "draw 0"), (judge.Asked[0].Prompt, judge.Asked[0].Response, judge.Asked[0].Source));
        Assert.Equal(["system: be short", "user: one", "assistant: two", "user: three", "assistant: because"], judge.Asked[1].Messages!.Select(message => message.ToString()));
    }

    [Fact]
    public async Task GetResponse_scores_what_the_caller_makes_of_it()
    {
        var judge = new Judge(text => text.Length);
        using var client = new BestOfNChatClient(Drafts.BySeed(), judge, new() { N = 3, Candidate = (prompt, response) => Candidate.OfResponse($"[{prompt[^1].Text}]", new string('x', 9 - int.Parse(response.Text, CultureInfo.InvariantCulture))) });
        Assert.Equal("0", (await client.GetResponseAsync("why?", new ChatOptions { Seed = 0 })).Text);
        Assert.All(judge.Asked, candidate => Assert.Equal("[why?]", candidate.Prompt));
    }

    [Fact]
    public async Task GetStreamingResponse_gives_the_winner_with_its_rewards_and_the_summed_usage()
    {
        using var client = new BestOfNChatClient(Drafts.BySeed(), Number, new() { N = 3 });
        ChatResponse response = await client.GetStreamingResponseAsync("why?", new ChatOptions { Seed = 7 }).ToChatResponseAsync();
        Assert.Equal("9", response.Text);
        Assert.Equal(2, response.AdditionalProperties![BestOfNChatClient.IndexKey]);
        Assert.Equal([7f, 8f, 9f], (IReadOnlyList<float?>)response.AdditionalProperties[BestOfNChatClient.RewardsKey]!);
        Assert.Equal((30, 3), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount));
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task GetStreamingResponse_leaves_nothing_running_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource(30);
        var inner = new Drafts(async (_, _, cancellation) => { await Task.Delay(Timeout.Infinite, cancellation); return Drafts.Text("1"); });
        using var client = new BestOfNChatClient(inner, Number);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => { await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync("why?", null, stop.Token)) { } });
        Assert.Equal(0, inner.Running);
    }

    [Fact]
    public async Task GetResponse_is_traced_and_measured()
    {
        List<Activity> activities = [];
        using var listener = new ActivityListener { ShouldListenTo = source => source.Name == "Warm.Extensions.AI", Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData, ActivityStopped = activities.Add };
        ActivitySource.AddActivityListener(listener);
        var measured = new Dictionary<string, double>();
        using var meters = new MeterListener { InstrumentPublished = (instrument, l) => { if (instrument.Meter.Name == "Warm.Extensions.AI") l.EnableMeasurementEvents(instrument); } };
        void Add(string name, double value) { lock (measured) measured[name] = measured.GetValueOrDefault(name) + value; }
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add($"{instrument.Name} {tags[0].Value}", value));
        meters.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument.Name, value));
        meters.Start();

        using var client = new BestOfNChatClient(new Drafts((_, options, _) => options!.Seed == 1 ? throw new IOException("gone") : Task.FromResult(Drafts.Text($"{options.Seed}"))), Number, new() { N = 3 });
        using Activity around = new Activity("test").Start(); // other tests run beside this one
        await client.GetResponseAsync("why?", new ChatOptions { Seed = 0 });
        around.Stop();

        Activity activity = Assert.Single(activities.ToArray(), a => a.ParentId == around.Id);
        Assert.Equal(("best_of_n", 3, 2, 2f, 1), (activity.OperationName, activity.GetTagItem("warm.n"), activity.GetTagItem("warm.index"), activity.GetTagItem("warm.reward"), activity.GetTagItem("warm.failures")));
        Assert.True(measured["warm.best_of_n.draws answered"] >= 2);
        Assert.True(measured["warm.best_of_n.draws failed"] >= 1);
        Assert.True(measured["warm.best_of_n.duration"] > 0);
        Assert.True(measured.ContainsKey("warm.best_of_n.gain"));
    }

    [Fact]
    public void Constructor_refuses_numbers_out_of_range()
    {
        foreach (int n in new[] { 0, -1, 1025 }) Assert.Contains($"N is {n}", Assert.Throws<WarmException>(() => new BestOfNChatClient(Drafts.BySeed(), Number, new() { N = n })).Message);
        Assert.Throws<WarmException>(() => new BestOfNChatClient(Drafts.BySeed(), Number, new() { Parallelism = 0 }));
        Assert.Throws<ArgumentNullException>(() => new BestOfNChatClient(Drafts.BySeed(), null!));
    }

    [Fact]
    public void Services_of_both_sides_are_there_and_only_the_client_is_disposed()
    {
        var inner = Drafts.BySeed();
        var client = new BestOfNChatClient(inner, Number, new() { N = 8 });
        Assert.Same(Number, client.GetService<IRewardModel>());
        Assert.Same(inner, client.GetService<Drafts>());
        Assert.Equal("best of 8 by judge", client.ToString());
        client.Dispose();
        Assert.True(inner.Disposed);
    }

    [Fact]
    public async Task GetResponse_chooses_with_the_sample_family_as_best_of_does()
    {
        string[] drafts = File.ReadAllLines(Repository.Path("samples", "family", "drafts.txt"));
        using RewardModel reward = RewardModel.Load(WeightAverage.Of([.. Directory.GetDirectories(Repository.Path("samples", "family"), "rm-*").Order(StringComparer.Ordinal).Select(Checkpoint.Open)]));
        using var client = new BestOfNChatClient(new Drafts((_, options, _) => Task.FromResult(Drafts.Text(drafts[(int)options!.Seed!]))), reward, new() { N = drafts.Length });
        ChatResponse response = await client.GetResponseAsync("TV is better than Books Books", new ChatOptions { Seed = 0 });
        Assert.Equal(BestOfN.Choose(reward, "TV is better than Books Books", drafts).Chosen, response.Text);
        Assert.Equal(2, response.AdditionalProperties![BestOfNChatClient.IndexKey]);
    }

    private sealed class Lines : ILogger<BestOfNChatClient>
    {
        private readonly List<string> _lines = [];
        public int Warnings { get; private set; }
        public string Text => string.Join('\n', _lines);
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning) Warnings++;
            _lines.Add(formatter(state, exception));
        }
    }
}
