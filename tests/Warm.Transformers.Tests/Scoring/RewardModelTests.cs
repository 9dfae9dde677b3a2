using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

public class RewardModelTests
{
    public static TheoryData<string, CpuKernel> Kinds()
    {
        var kinds = new TheoryData<string, CpuKernel>();
        foreach (CpuKernel kernel in (CpuKernel[])[CpuKernel.Vector512, CpuKernel.Vector256, CpuKernel.Portable])
            if (CpuEngine.Supports(kernel))
                foreach (string kind in (string[])["llama", "dynamic", "bert"]) kinds.Add(kind, kernel);
        return kinds;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Score_has_the_same_bits_alone_in_any_batch_and_on_any_threads(string kind, CpuKernel kernel)
    {
        using var folder = new TemporaryFolder();
        Make(kind, folder["m"]);
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        Candidate[] texts = Texts(64, kind == "bert" ? 30 : 90);
        float[]? first = null;
        foreach (int threads in (int[])[1, 2, 4, 8])
        {
            using RewardModel model = RewardModel.Load(weights, new CpuEngine(new CpuOptions { Kernel = kernel, Threads = threads }));
            float[] all = Rewards(model.Score(texts));
            SameBits(first ??= all, all);
            if (threads is not (1 or 2)) continue;
            SameBits(first, [.. texts.Chunk(7).SelectMany(part => Rewards(model.Score(part)))]);
            SameBits(first, [.. texts.Select(text => model.Score([text])[0].Reward)]);
            SameBits(first, [.. Rewards(model.Score([.. texts.Reverse()])).Reverse()]);
            SameBits(first, Rewards(await model.ScoreAsync(texts, new ScoringOptions { TokensPerPass = 50 })));
        }
    }

    [Fact]
    public void Score_has_the_same_bits_with_and_without_shared_beginnings()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        var engine = new CpuEngine();
        using Transformer model = Architectures.Load(weights, engine);
        int[] prompt = [.. Enumerable.Range(0, 70).Select(i => 3 + i * 7 % 37)];
        EncodedText[] texts = [.. Enumerable.Range(0, 9).Select(n => new EncodedText([.. prompt, 5 + n, .. Enumerable.Range(3, 4 * n)], null, 70 + 4 * n, 0, []))];
        float[] Run(bool share) => [.. ScoringPass.Run(model, engine, texts, 1000, null, default, share).Select(r => r[0])];
        SameBits(Run(false), Run(true));
    }

    [Fact]
    public void Score_of_drafts_computes_the_prompt_once_and_uses_each_weight_once()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        var engine = new CountingEngine(new CpuEngine());
        using RewardModel model = RewardModel.Load(weights, engine);
        int[] prompt = [.. Enumerable.Range(0, 200).Select(i => 3 + i * 7 % 37)];
        Candidate[] drafts = [.. Enumerable.Range(0, 8).Select(n => Candidate.OfIds([.. prompt, 3 + n, .. Enumerable.Range(11, 9 + n)]))];
        engine.Products.Clear();
        model.Score(drafts);
        int own = Enumerable.Range(0, 8).Sum(n => 10 + n);
        Assert.Equal(("model.embed_tokens.weight", 200 + own), engine.Products[0]);
        Assert.Equal(engine.Products.Count, engine.Products.Select(p => p.Weight).Distinct().Count());
        Assert.All(engine.Products.Where(p => p.Weight.StartsWith("model.layers.0.", StringComparison.Ordinal)), p => Assert.Equal(200 + own, p.Rows));
        // In the last layer only the tokens that are read go on behind the attention.
        Assert.Equal(8, engine.Products.Single(p => p.Weight == "model.layers.1.mlp.up_proj.weight").Rows);
        Assert.Equal(engine.Loads.Count, engine.Loads.Distinct().Count());
    }

    [Fact]
    public void Score_with_streamed_weights_reads_each_once_a_pass()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        var engine = new CountingEngine(new CpuEngine());
        using RewardModel model = RewardModel.Load(weights, engine, new RewardModelOptions { Residency = Residency.Streamed });
        Assert.Empty(engine.Loads);
        model.Score(Texts(20, 30));
        Assert.Equal(weights.Names.Order(), engine.Loads.Order());
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("bert")]
    public void Load_by_any_residency_gives_the_same_bits(string kind)
    {
        using var folder = new TemporaryFolder();
        Make(kind, folder["m"]);
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        float[][] rewards = [.. Enum.GetValues<Residency>().Select(residency =>
        {
            using RewardModel model = RewardModel.Load(weights, options: new RewardModelOptions { Residency = residency });
            return Rewards(model.Score(Texts(5, 20)));
        })];
        SameBits(rewards[0], rewards[1]);
        SameBits(rewards[0], rewards[2]);
    }

    [Fact]
    public void Load_of_an_average_scores_to_the_bit_as_the_saved_one()
    {
        using var folder = new TemporaryFolder();
        // Members of one base: nearly equal values, so that averaging does not refuse them as strangers.
        Weights[] members = [.. Enumerable.Range(0, 3).Select(n => Checkpoint.Open(Sibling(folder[$"rm-{n}"], n)))];
        WeightAverage average = WeightAverage.Of(members, new AverageOptions { DType = DType.BF16, Allow = ["tokenizer", "vocabulary"] });
        average.Save(folder["saved"]);
        using Checkpoint saved = Checkpoint.Open(folder["saved"]);
        using RewardModel inMemory = RewardModel.Load(average), onDisk = RewardModel.Load(saved), streamed = RewardModel.Load(average, options: new RewardModelOptions { Residency = Residency.Streamed });
        SameBits(Rewards(onDisk.Score(Texts(9, 40))), Rewards(inMemory.Score(Texts(9, 40))));
        SameBits(Rewards(onDisk.Score(Texts(9, 40))), Rewards(streamed.Score(Texts(9, 40))));
    }

    [Fact]
    public void Load_with_several_labels_asks_which()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], config: json => json["num_labels"] = 3, tensors: t => t["score.weight"] = new(3, 16));
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        Assert.Contains("--label", Assert.Throws<WarmException>(() => RewardModel.Load(weights)).Message);
        Assert.Contains("label 3", Assert.Throws<WarmException>(() => RewardModel.Load(weights, options: new() { Labels = [3] })).Message);
        using RewardModel all = RewardModel.Load(weights, options: new() { Labels = [2, 0] }), two = RewardModel.Load(weights, options: new() { Labels = [2] });
        Score score = all.Score(Texts(1, 9))[0];
        Assert.Equal([score.Reward, score.Rewards![1]], score.Rewards);
        Assert.Equal(score.Reward, two.Score(Texts(1, 9))[0].Reward);
        Assert.Null(two.Score(Texts(1, 9))[0].Rewards);
    }

    [Theory]
    [InlineData(RewardPosition.LastNotPad, 2)]
    [InlineData(RewardPosition.LastAttended, 5)]
    [InlineData(RewardPosition.BeforeFirstPad, 0)]
    [InlineData(RewardPosition.LastEndOfText, 1)]
    [InlineData(RewardPosition.Mean, -1)]
    public void Score_is_read_at_the_asked_token(RewardPosition position, int at)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"], config: json => json["pad_token_id"] = 7));
        using RewardModel model = RewardModel.Load(weights, options: new() { ReadAt = position });
        int[] ids = position == RewardPosition.BeforeFirstPad ? [5, 7, 9, 7, 7, 7] : [5, 2, 9, 7, 7, 7];
        Score score = model.Score([Candidate.OfIds(ids)])[0];
        Assert.Equal(at, score.ReadAt);
        Assert.Equal(position == RewardPosition.Mean ? score.Reward : model.Score([Candidate.OfIds(ids[..(at + 1)])])[0].Reward, score.Reward);
    }

    [Fact]
    public void Score_of_nothing_but_pads_is_read_at_the_first() => WithLlama(model => Assert.Equal(0, model.Score([Candidate.OfIds([0, 0, 0])])[0].ReadAt));

    [Fact]
    public void Score_of_a_text_that_cannot_be_read_names_its_source() => WithLlama(model =>
    {
        Assert.Contains("texts.jsonl, line 3", Refusal(model, [5, 40]).Message);
        Assert.Contains("outside the vocabulary", Refusal(model, [-1]).Message);
        Assert.Contains("no tokens", Refusal(model, []).Message);
        Assert.Contains("one type for each id", Assert.Throws<WarmException>(() => model.Score([Candidate.OfIds([5, 6], [0])])).Message);
        Assert.Contains("tokenizer", Assert.Throws<WarmException>(() => model.Score("a text")).Message);
    });

    [Fact]
    public void Score_beyond_a_position_table_is_refused()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Bert(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        Assert.Equal(32, model.Score([Candidate.OfIds([.. Enumerable.Range(1, 32)])])[0].Tokens);
        string message = Refusal(model, [.. Enumerable.Range(1, 33)]).Message;
        Assert.Contains("line 3", message);
        Assert.Contains("33 tokens", message);
        Assert.Contains("token type 2", Assert.Throws<WarmException>(() => model.Score([Candidate.OfIds([5], [2])])).Message);
    }

    [Fact]
    public void Score_beyond_the_trained_positions_is_a_remark() => WithLlama(model =>
    {
        Assert.Contains("512 positions", Assert.Single(model.Score([Candidate.OfIds([.. Enumerable.Repeat(5, 513)])])[0].Remarks));
        Assert.Empty(model.Score([Candidate.OfIds([.. Enumerable.Repeat(5, 512)])])[0].Remarks);
    });

    [Fact]
    public void Score_of_a_longer_text_is_cut_only_when_asked() => WithLlama(model =>
    {
        Candidate text = Candidate.OfIds([5, 6, 7, 8, 9]);
        Assert.Throws<WarmException>(() => model.Score([text], new() { MaxLength = 4 }));
        Assert.Throws<WarmException>(() => model.Score([text], new() { Truncation = Truncation.Left }));
        Score left = model.Score([text], new() { MaxLength = 3, Truncation = Truncation.Left })[0], right = model.Score([text], new() { MaxLength = 3, Truncation = Truncation.Right })[0];
        Assert.Equal((model.Score([Candidate.OfIds([7, 8, 9])])[0].Reward, 2, 3), (left.Reward, left.Truncated, left.Tokens));
        Assert.Equal(model.Score([Candidate.OfIds([5, 6, 7])])[0].Reward, right.Reward);
        Assert.Equal("cut on the right to 3 tokens", Assert.Single(right.Remarks));
        Assert.Equal(0, model.Score([text], new() { MaxLength = 5 })[0].Truncated);
    });

    [Fact]
    public async Task ScoreAsync_reports_progress_keeps_ids_and_order_and_stops_when_asked()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        Candidate[] texts = [.. Texts(30, 20).Select((t, i) => Candidate.OfIds(t.Ids!, id: $"n{i}"))];
        var steps = new List<int>();
        IReadOnlyList<Score> scores = await model.ScoreAsync(texts, new() { TokensPerPass = 64 }, new Steps(steps));
        Assert.Equal(texts.Select(t => t.Id), scores.Select(s => s.Id));
        Assert.Equal(30, steps[^1]);
        Assert.True(steps.Count > 2);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ScoreAsync(texts, cancellation: new CancellationToken(canceled: true)));
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ScoreAsync(texts, new() { TokensPerPass = 64 }, new Stop(stop), stop.Token));
        Assert.Empty(await model.ScoreAsync([]));
    }

    [Fact]
    public void ScoreEach_takes_candidates_only_as_results_are_asked_for() => WithLlama(model =>
    {
        int taken = 0;
        IEnumerable<Candidate> Endless()
        {
            while (true)
            {
                taken++;
                yield return Candidate.OfIds([5, taken % 30]);
            }
        }
        Assert.Equal(3, model.ScoreEach(Endless()).Take(3).Count());
        Assert.InRange(taken, 3, 1024);
    });

    [Fact]
    public void Score_that_is_no_number_says_which_tensor_is_broken()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"]);
        byte[] bytes = File.ReadAllBytes(Path.Combine(folder["m"], "model.safetensors"));
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN); // the last value of the last tensor, score.weight
        File.WriteAllBytes(Path.Combine(folder["m"], "model.safetensors"), bytes);
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        using RewardModel model = RewardModel.Load(weights);
        Assert.Contains("'score.weight' holds NaN at value 15", Assert.Single(model.Score([Candidate.OfIds([5])])[0].Remarks));
    }

    [Fact]
    public void Identity_is_that_of_the_content()
    {
        using var folder = new TemporaryFolder();
        string Identity(string path, RewardModelOptions? options = null)
        {
            using Checkpoint weights = Checkpoint.Open(path);
            using RewardModel model = RewardModel.Load(weights, options: options);
            return model.Identity;
        }
        string one = Identity(TinyModel.Llama(folder["a"]));
        Assert.Equal(64, one.Length);
        Assert.Equal(one, Identity(TinyModel.Llama(folder["b"])));
        Assert.NotEqual(one, Identity(TinyModel.Llama(folder["c"], seed: 2)));
        Assert.NotEqual(one, Identity(TinyModel.Llama(folder["d"], config: json => json["rms_norm_eps"] = 1e-6)));
        Assert.NotEqual(one, Identity(folder["a"], new() { TextForm = TextForm.ResponseOnly }));
        Assert.NotEqual(one, Identity(folder["a"], new() { ReadAt = RewardPosition.Mean }));
    }

    private static void Make(string kind, string folder)
    {
        if (kind == "bert") TinyModel.Bert(folder);
        else TinyModel.Llama(folder, config: json =>
        {
            if (kind != "dynamic") return;
            json["rope_parameters"] = JsonNode.Parse("""{"rope_type":"dynamic","factor":2.0,"rope_theta":10000.0}""");
            json["max_position_embeddings"] = 16;
        });
    }

    /// <summary>A model whose values differ from the common ones by little.</summary>
    private static string Sibling(string folder, int n)
    {
        TinyModel.Llama(folder);
        string file = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        int header = (int)BitConverter.ToInt64(bytes);
        var random = new Random(n);
        for (int at = 8 + header; at < bytes.Length; at += 4) BitConverter.TryWriteBytes(bytes.AsSpan(at), BitConverter.ToSingle(bytes, at) + (float)(0.02 * (random.NextDouble() - 0.5)));
        File.WriteAllBytes(file, bytes);
        return folder;
    }

    private static Candidate[] Texts(int count, int longest)
    {
        var random = new Random(3);
        int[] common = [.. Enumerable.Range(0, longest).Select(_ => random.Next(1, 40))];
        return [.. Enumerable.Range(0, count).Select(n => Candidate.OfIds([.. common[..(n % 3 == 0 ? longest / 3 : 0)], .. Enumerable.Range(0, random.Next(1, longest / 2)).Select(_ => random.Next(1, 40))]))];
    }

    private static void WithLlama(Action<RewardModel> test)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        test(model);
    }

    private static WarmException Refusal(RewardModel model, int[] ids) => Assert.Throws<WarmException>(() => model.Score([Candidate.OfIds(ids) with { Source = "texts.jsonl, line 3" }]));

    private static float[] Rewards(IReadOnlyList<Score> scores) => [.. scores.Select(s => s.Reward)];

    private static void SameBits(float[] expected, float[] actual) => Assert.Equal(expected.Select(BitConverter.SingleToUInt32Bits), actual.Select(BitConverter.SingleToUInt32Bits));

    private sealed class Steps(List<int> steps) : IProgress<int>
    {
        public void Report(int value) => steps.Add(value);
    }

    [Fact]
    public async Task Score_of_a_text_of_very_many_tokens_can_be_cancelled_within_its_attention()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        Candidate text = Candidate.OfIds([.. Enumerable.Range(0, 400_000).Select(i => 2 + i * 7 % 37)]); // minutes of attention
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(2)); // a timer: what computes may not hold up the thread pool
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ScoreAsync([text], cancellation: stop.Token));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(30), "it went on");
    }

    [Fact]
    public void Score_has_the_same_bits_in_a_pass_of_more_rows_than_an_mlp_takes_at_once()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        Candidate[] texts = [.. Enumerable.Range(0, 20).Select(t => Candidate.OfIds([.. Enumerable.Range(0, 1800).Select(i => 2 + (i * (7 + t) + t) % 37)]))];
        SameBits(Rewards(model.Score(texts, ScoringOptions.Default with { TokensPerPass = 2000 })), Rewards(model.Score(texts, ScoringOptions.Default with { TokensPerPass = 40_000 })));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Score_is_cancelled_by_a_timer_in_time_whatever_computes(int together)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(TinyModel.Llama(folder["m"]));
        using RewardModel model = RewardModel.Load(weights);
        Candidate text = Candidate.OfIds([.. Enumerable.Range(0, 100_000).Select(i => 2 + i * 7 % 37)]); // a long time
        model.Score([Candidate.OfIds([2, 3, 4])]);
        using var stop = new CancellationTokenSource();
        Task[] scoring = [.. Enumerable.Range(0, together).Select(_ => model.ScoreAsync([text], cancellation: stop.Token))];
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        stop.CancelAfter(200);
        foreach (Task task in scoring) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        TimeSpan took = System.Diagnostics.Stopwatch.GetElapsedTime(started);
        Assert.True(took < TimeSpan.FromSeconds(2), $"it stopped after {took}");
    }

    private sealed class Stop(CancellationTokenSource source) : IProgress<int>
    {
        public void Report(int value) => source.Cancel();
    }
}
