using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Drawn responses: greedy ones beside transformers', and the same bits with or without a cache, alone or in a batch, on any number of threads.</summary>
public class SamplerTests
{
    public static TheoryData<string> Golden => GoldenLanguageModel.Names;

    [Theory]
    [MemberData(nameof(Golden))]
    public void Generate_takes_the_tokens_that_transformers_takes(string name)
    {
        var golden = new GoldenLanguageModel(name);
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        foreach (Engine engine in (Engine[])[new CpuEngine(), new ReferenceEngine()])
        {
            using LanguageModel model = LanguageModel.Load(checkpoint, engine);
            Candidate[] prompts = [.. golden.Texts.Take(3).Select(ids => Candidate.OfIds(ids))];
            IReadOnlyList<DrawnResponse> responses = model.Generate(prompts, SamplingOptions.Greedy with { MaxTokens = 12 });
            Assert.Equal(golden.Greedy, responses.Select(r => r.Ids.ToArray()));
            Assert.All(responses, r => Assert.Equal(r.Ids[^1] == 2 ? StopReason.EndToken : StopReason.Length, r.Stop));
        }
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void Generate_gives_the_same_bits_with_or_without_a_cache_and_in_any_company(string name)
    {
        var golden = new GoldenLanguageModel(name);
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        var options = new SamplingOptions { Temperature = 0.8, TopP = 0.9, MaxTokens = 24, Seed = 11 };
        Candidate[] prompts = [.. golden.Texts.Append(golden.Texts[1]).Append(golden.Texts[1]).Select(ids => Candidate.OfIds(ids))];
        using LanguageModel model = LanguageModel.Load(checkpoint), one = LanguageModel.Load(checkpoint, new CpuEngine(new() { Threads = 1 }));
        string Text(DrawnResponse r) => $"{string.Join(' ', r.Ids)} | {string.Join(' ', r.LogProbabilities.Select(BitConverter.SingleToInt32Bits))} | {r.Stop}";
        string[] expected = [.. model.Generate(prompts, options).Select(Text)];
        Assert.Equal(expected, one.Generate(prompts, options with { Cache = false }).Select(Text));
        Assert.Equal(expected, one.Generate(prompts, options with { Together = 2 }).Select(Text));
        Assert.Equal(expected, prompts.Select((prompt, i) => Text(model.Generate([prompt], options with { Seed = 11 + i })[0])));
        Assert.Equal(2, expected[^2..].Distinct().Count()); // one prompt twice: two responses
        Assert.NotEqual(expected, model.Generate(prompts, options with { Seed = 12 }).Select(Text));
    }

    [Fact]
    public void Generate_computes_each_token_once()
    {
        var golden = new GoldenLanguageModel("llama");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        var counting = new CountingEngine(new CpuEngine());
        using LanguageModel model = LanguageModel.Load(checkpoint, counting);
        Candidate prompt = Candidate.OfIds(golden.Texts[3]); // 70 tokens
        model.Generate([prompt, prompt, prompt], new SamplingOptions { MaxTokens = 9, Seed = 3 });
        int[] rows = [.. counting.Products.Where(p => p.Weight == "model.layers.0.self_attn.k_proj.weight").Select(p => p.Rows)];
        Assert.Equal(70, rows[0]); // the prompt once for all three
        Assert.All(rows[1..], n => Assert.InRange(n, 1, 3));
    }

    /// <summary>Windows and blocks: texts that cross several blocks of 64 keys, and the cache's growth.</summary>
    [Theory]
    [InlineData("mistral-window")]
    [InlineData("gemma3")]
    [InlineData("gpt-neox")]
    public void Generate_gives_the_same_bits_beyond_a_block_of_keys(string name)
    {
        var golden = new GoldenLanguageModel(name);
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint, options: new() { EndIds = [] });
        var options = new SamplingOptions { MaxTokens = 140, Seed = 5 };
        Candidate[] prompts = [.. golden.Texts.Take(3).Select(ids => Candidate.OfIds(ids))];
        IReadOnlyList<DrawnResponse> cached = model.Generate(prompts, options), plain = model.Generate(prompts, options with { Cache = false });
        Assert.Equal(plain.Select(r => r.Ids.ToArray()), cached.Select(r => r.Ids.ToArray()));
        Assert.Equal(plain.Select(r => r.LogProbabilities.ToArray()), cached.Select(r => r.LogProbabilities.ToArray()));
        Assert.All(cached, r => Assert.Equal(140, r.Ids.Count));
        IReadOnlyList<ResponseLogProbability> judged = model.LogProbabilities([.. cached.Select(r => r.Sequence)]);
        for (int i = 0; i < judged.Count; i++)
            for (int t = 0; t < 140; t++) Assert.InRange(judged[i].Tokens[t] - cached[i].LogProbabilities[t], -1e-5, 1e-5);
    }

    [Fact]
    public void Generate_ends_with_the_position_table()
    {
        var golden = new GoldenLanguageModel("gpt2"); // 128 positions
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint, options: new() { EndIds = [] });
        DrawnResponse response = model.Generate([Candidate.OfIds(new int[120])])[0];
        Assert.Equal((8, StopReason.Length), (response.Ids.Count, response.Stop));
    }

    [Fact]
    public async Task StreamAsync_gives_the_tokens_that_Generate_gives()
    {
        var golden = new GoldenLanguageModel("qwen3");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint);
        Candidate[] prompts = [.. golden.Texts.Select(ids => Candidate.OfIds(ids))];
        var options = new SamplingOptions { MaxTokens = 20, Seed = 4 };
        IReadOnlyList<DrawnResponse> expected = model.Generate(prompts, options);
        var ids = prompts.Select(_ => new List<int>()).ToArray();
        var ends = new List<int>();
        await foreach (DrawnToken token in model.StreamAsync(prompts, options))
        {
            Assert.DoesNotContain(token.Sequence, ends);
            ids[token.Sequence].Add(token.Id);
            if (token.Response is not { } response) continue;
            ends.Add(token.Sequence);
            Assert.Equal(expected[token.Sequence].Ids, response.Ids);
        }
        Assert.Equal(expected.Select(r => r.Ids.ToArray()), ids.Select(i => i.ToArray()));
        Assert.Equal(prompts.Length, ends.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Generate_is_cancelled_within_an_operation(bool cache)
    {
        var golden = new GoldenLanguageModel("llama");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint);
        int[] ids = [.. Enumerable.Range(0, 200_000).Select(i => 2 + i * 7 % 31)]; // minutes of attention in each layer
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        Assert.ThrowsAny<OperationCanceledException>(() => model.Generate([Candidate.OfIds(ids)], new() { Cache = cache, MaxTokens = 2 }, cancellation: stop.Token));
        Assert.ThrowsAny<OperationCanceledException>(() => model.LogProbabilities([new TokenSequence(ids, [1, 2])], cancellation: stop.Token));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10), "it went on");
    }

    [Fact]
    public async Task StreamAsync_stops_when_it_is_cancelled_or_nobody_reads()
    {
        var golden = new GoldenLanguageModel("llama");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        var counting = new CountingEngine(new CpuEngine());
        using LanguageModel model = LanguageModel.Load(checkpoint, counting, new() { EndIds = [] });
        Candidate prompt = Candidate.OfIds(golden.Texts[1]);
        var endless = new SamplingOptions { MaxTokens = 100_000 };
        await foreach (DrawnToken token in model.StreamAsync([prompt], endless)) break;
        int products = counting.Products.Count;
        await Task.Delay(50);
        Assert.Equal(products, counting.Products.Count); // nothing runs on

        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DrawnToken token in model.StreamAsync([prompt], endless, cancellation.Token)) await cancellation.CancelAsync();
        });
        await Assert.ThrowsAsync<WarmException>(async () =>
        {
            await foreach (DrawnToken token in model.StreamAsync([Candidate.OfIds([60])])) { }
        });
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        var golden = new GoldenLanguageModel("llama");
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(golden.Write(folder["lm"]));
        using LanguageModel model = LanguageModel.Load(checkpoint);
        foreach ((SamplingOptions options, string message) in new (SamplingOptions, string)[]
        {
            (new() { Temperature = -1 }, "the temperature is -1"), (new() { Temperature = double.NaN }, "the temperature is NaN"), (new() { TopP = 0 }, "top-p is 0"), (new() { TopP = 1.5 }, "top-p is 1.5"),
            (new() { TopK = 0 }, "top-k is 0"), (new() { MaxTokens = 0 }, "has 0 tokens"), (new() { Together = 0 }, "0 responses"), (new() { StopTexts = [""] }, "a stop text is empty"), (new() { StopTexts = ["x"] }, "has no tokenizer"),
        })
            Assert.Contains(message, Assert.Throws<WarmException>(() => model.Generate([Candidate.OfIds([5])], options)).Message);
        Assert.Empty(model.Generate([]));
    }
}
