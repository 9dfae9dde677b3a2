using System.Globalization;
using System.Text.Json.Nodes;
using Warm.Testing;
using Warm.Tests.Averaging;

namespace Warm.Tests.Diversity;

/// <summary>Starts: found, judged on what no head has seen, written with one head, and told from their members.</summary>
public sealed class BaklavaTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A checkpoint of a language model; siblings are small steps from one model.</summary>
    private string Make(string name, int sibling = 1, double step = 0.05, string? losses = null, string? tokenizer = null)
    {
        Dictionary<string, double[]> values = TinyFolder.Values(sibling, step: step);
        values.Remove("score.weight");
        string path = TinyFolder.Write(_folder[name], values, config: TinyFolder.Config.Replace("LlamaForSequenceClassification", "LlamaForCausalLM"));
        if (losses is not null)
            File.WriteAllText(Path.Combine(path, "trainer_state.json"), new JsonObject
            {
                ["global_step"] = int.Parse(name.Split('-')[^1], CultureInfo.InvariantCulture),
                ["log_history"] = new JsonArray([.. losses.Split(' ').Select((loss, i) => new JsonObject { ["step"] = i + 1, ["loss"] = double.Parse(loss, CultureInfo.InvariantCulture) })]),
            }.ToJsonString());
        if (tokenizer is not null) File.WriteAllText(Path.Combine(path, "tokenizer.json"), tokenizer);
        return path;
    }

    /// <summary>Pairs of prompts p0, p1 ..; the texts say which side is good: "g12" and "b12".</summary>
    private static Preference[] Pairs(int prompts, int each = 1) => [.. Enumerable.Range(0, prompts * each).Select(i => Preference.Of($"p{i / each}", $"g{i}", $"b{i}"))];

    /// <summary>Features that tell good from bad in a share of texts (counted by their number) and are noise otherwise; heads are sums of rows.</summary>
    private static StartProbe Probe(Func<string, double> share, List<int>? fitted = null) => new((start, texts, _) =>
        Task.FromResult<IReadOnlyList<float[]>>([.. texts.Select(text =>
        {
            int number = int.Parse(text.Response![1..], CultureInfo.InvariantCulture);
            var random = new Random(number * 31 + Path.GetFileName(start.Name).Length * 7 + (text.Response[0] == 'g' ? 1 : 0));
            bool tells = new Random(number).NextDouble() < share(Path.GetFileName(start.Name));
            return new float[] { tells ? (text.Response[0] == 'g' ? 1 : -1) : (random.Next(2) * 2 - 1), (float)random.NextDouble() };
        })]), [new("sum", rows =>
        {
            lock (rows) fitted?.Add(rows.Count);
            return [.. Enumerable.Range(0, rows[0].Length).Select(j => rows.Sum(row => row[j]) / rows.Count)];
        })]);

    [Fact]
    public async Task A_start_is_left_out_only_where_the_interval_says_so()
    {
        foreach (string name in (string[])["run/checkpoint-40", "run/checkpoint-80", "run/checkpoint-1000"]) Make(name, name.Length + name[^2]);
        IReadOnlyList<Start> starts = Start.Find([_folder["run"]]);
        Assert.Equal([40L, 80L, 1000L], starts.Select(s => s.Step!.Value));
        StartProbe probe = Probe(name => name == "checkpoint-40" ? 0.05 : name == "checkpoint-80" ? 0.78 : 0.8);
        Baklava many = await Baklava.MeasureAsync(starts, probe, Pairs(300));
        Assert.Equal([false, true, true], many.Starts.Select(s => s.Chosen));
        Assert.StartsWith("too early: below checkpoint-1000 by ", many.Starts[0].Why);
        Assert.True(many.Starts[0].Difference!.High < 0);
        Assert.Contains("cannot tell with this many prompts", many.Starts[1].Why);
        Assert.Contains("checkpoint-1000 over checkpoint-40", many.Order);
        Assert.Equal(300, many.Starts[0].Accuracy.Units);
        Assert.Equal(0, many.Reference.Distance);
        Assert.True(many.Starts[0].Distance > 0);
        LineChart chart = many.Chart();
        Assert.Equal([40.0, 80, 1000], chart.Series[0].Points.Select(point => point.X));
        Assert.Equal(many.Starts.Select(s => (s.Accuracy.Value, s.Accuracy.Low, s.Accuracy.High)), chart.Series[0].Points.Select(point => (point.Y, point.Low, point.High)));
        Assert.Equal(many.Starts.Select(s => s.Shared.Value), chart.Series[1].Points.Select(point => point.Y));
        Assert.Contains("n = 300 pairs of pairs", chart.Note);
        Assert.Contains("95 % over 300 prompts (bootstrap); 2 of 3 starts are chosen", chart.Note);
        Assert.Equal("svg", System.Xml.Linq.XDocument.Parse(chart.ToSvg()).Root!.Name.LocalName);
        // Of the same starts three prompts can tell nothing.
        Baklava few = await Baklava.MeasureAsync(starts, probe, Pairs(3));
        Assert.All(few.Starts, s => Assert.True(s.Chosen));
        Assert.DoesNotContain("better", string.Join(' ', few.Starts.Select(s => s.Why)));
        Assert.DoesNotContain("too early", string.Join(' ', few.Starts.Select(s => s.Why)));
    }

    [Fact]
    public async Task No_head_is_judged_by_what_it_was_fitted_to()
    {
        Make("s-1");
        // Features that name the text: whoever is fitted to a pair knows it by heart, and knows nothing of the others.
        var byHeart = new StartProbe((_, texts, _) => Task.FromResult<IReadOnlyList<float[]>>([.. texts.Select(text =>
        {
            var one = new float[400];
            one[int.Parse(text.Response![1..], CultureInfo.InvariantCulture) * 2 + (text.Response[0] == 'g' ? 0 : 1)] = 1;
            return one;
        })]), [new("sum", rows => [.. Enumerable.Range(0, 400).Select(j => rows.Sum(row => row[j]))])]);
        Baklava baklava = await Baklava.MeasureAsync(Start.Find([_folder["s-1"]]), byHeart, Pairs(200));
        Assert.Equal(0.5, baklava.Reference.Accuracy.Value);
        Assert.Contains(baklava.Remarks, r => r.Contains("every pair ties"));
    }

    [Fact]
    public void Folds_keep_prompts_and_shared_texts_together()
    {
        Preference[] pairs = [.. Pairs(40, each: 3), Preference.Of("q1", "same", "x"), Preference.Of(null, "loose 1", "loose 2"), Preference.Of(null, "loose 2", "loose 3"), Preference.Of(null, "loose 3", "loose 4")];
        ProbeFolds folds = ProbeFolds.Make(pairs, 5);
        Assert.Equal(5, folds.Count);
        Assert.Null(folds.Remark);
        foreach (IGrouping<string?, int> prompt in Enumerable.Range(0, pairs.Length).GroupBy(i => pairs[i].Prompt ?? "loose")) Assert.Single(prompt.Select(i => folds.Of[i]).Distinct());
        Assert.InRange(folds.Of.GroupBy(f => f).Max(g => g.Count()) - folds.Of.GroupBy(f => f).Min(g => g.Count()), 0, 3);
    }

    [Theory]
    [InlineData(1, 1, "one pair alone")]
    [InlineData(1, 8, "all pairs hang together by one prompt")]
    public async Task What_cannot_be_told_is_answered_with_a_remark(int prompts, int each, string remark)
    {
        Make("s-1", 1);
        Make("s-2", 2);
        Baklava baklava = await Baklava.MeasureAsync(Start.Find([_folder["s-1"], _folder["s-2"]]), Probe(_ => 1), Pairs(prompts, each));
        Assert.Contains(baklava.Remarks, r => r.Contains(remark));
        Assert.All(baklava.Starts, s => Assert.True(s.Chosen));
        Assert.True(double.IsNaN(baklava.Starts[0].Accuracy.Low));
        Assert.Contains("cannot tell", baklava.Starts[0].Why);
        Assert.Contains("bands: none, from one p", baklava.Chart().Note);
    }

    [Fact]
    public async Task Starts_that_do_not_belong_together_are_refused()
    {
        string first = Make("s-1", 1), other = Make("s-2", 2, tokenizer: """{"model":{"type":"WordLevel","vocab":{"[PAD]":0,"b":1,"a":2},"unk_token":"a"},"added_tokens":[]}""");
        WarmException refused = await Assert.ThrowsAsync<WarmException>(() => Baklava.MeasureAsync(Start.Find([first, other]), Probe(_ => 1), Pairs(9)));
        Assert.Contains("words have other ids", refused.Message);
        Assert.Contains("--allow tokenizer", refused.Fix);
        Baklava allowed = await Baklava.MeasureAsync(Start.Find([first, other]), Probe(_ => 1), Pairs(9), new() { Allow = ["tokenizer"] });
        Assert.Contains(allowed.Remarks, r => r.Contains("other ids"));

        Dictionary<string, double[]> strange = TinyFolder.Values(1, start: 5);
        TinyFolder.Write(_folder["s-3"], strange);
        Assert.Contains("no sibling", (await Assert.ThrowsAsync<WarmException>(() => Baklava.MeasureAsync(Start.Find([first, _folder["s-3"]]), Probe(_ => 1), Pairs(9)))).Message);
        strange["model.norm.weight"][3] = double.NaN;
        TinyFolder.Write(_folder["s-4"], strange);
        Assert.Contains("'model.norm.weight': is not finite", (await Assert.ThrowsAsync<WarmException>(() => Baklava.MeasureAsync(Start.Find([_folder["s-4"], _folder["s-3"]]), Probe(_ => 1), Pairs(9)))).Message);
        Assert.Contains("no pairs", (await Assert.ThrowsAsync<WarmException>(() => Baklava.MeasureAsync(Start.Find([first]), Probe(_ => 1), []))).Message);
    }

    [Theory]
    [InlineData("""{"global_step":"40"}""", "\"global_step\" is \"40\"; a whole number")]
    [InlineData("""{"global_step":1e99}""", "\"global_step\" is 1e99; a whole number")]
    [InlineData("""{"global_step":2,"log_history":{}}""", "\"log_history\" is an object; a list")]
    [InlineData("""{"global_step":2,"log_history":[7]}""", "\"log_history\"[0] is a number; an object")]
    [InlineData("""{"global_step":2,"log_history":[{"eval_loss":1},{"step":[2],"loss":1}]}""", "\"log_history\"[1].\"step\" is [2]; a whole number")]
    [InlineData("[]", "is a list; a trainer's record: an object")]
    [InlineData("""{"global_step":2,"log_""", "is not JSON")]
    public void Find_names_what_is_wrong_with_a_trainers_record(string record, string expected)
    {
        string file = Path.Combine(Make("run/checkpoint-2"), "trainer_state.json");
        foreach (string whole in (string[])["{}", """{"global_step":null,"log_history":null}""", """{"global_step":2,"log_history":[{"loss":NaN,"step":1},{"loss":1}]}"""])
        {
            File.WriteAllText(file, whole);
            Assert.Equal(2, Assert.Single(Start.Find([_folder["run"]])).Step);
        }
        File.WriteAllText(file, record);
        foreach (string path in (string[])[_folder["run"], _folder["run/checkpoint-2"]])
        {
            WarmException refused = Assert.Throws<WarmException>(() => Start.Find([path]));
            Assert.StartsWith(file, refused.Where);
            Assert.Contains(expected, refused.Message);
        }
    }

    [Fact]
    public void Find_refuses_checkpoints_that_are_not_of_one_run()
    {
        Make("run/checkpoint-2", 1, losses: "3.5 3.25");
        Make("run/checkpoint-4", 2, losses: "3.5 3.25 3.125 3");
        Assert.Equal([2L, 4L], Start.Find([_folder["run"]]).Select(s => s.Step!.Value));
        Make("run/checkpoint-6", 3, losses: "3.75 3.25 3 3 3 3");
        WarmException refused = Assert.Throws<WarmException>(() => Start.Find([_folder["run"]]));
        Assert.Contains("logged the loss 3.75 at step 1; 3.5, as checkpoint-2 did: these are not checkpoints of one run", refused.Message);
        Assert.Equal(3, Start.Find([_folder["run"]], ["run"]).Count);
        Directory.Move(_folder["run/checkpoint-6"], _folder["run/checkpoint-9"]);
        Assert.Contains("\"global_step\" is 6; 9, as the folder is called", Assert.Throws<WarmException>(() => Start.Find([_folder["run"]])).Message);

        Make("torn/checkpoint-1");
        Directory.CreateDirectory(_folder["torn/checkpoint-2"]);
        Assert.Contains("checkpoint-2: is an empty folder", Assert.Throws<WarmException>(() => Start.Find([_folder["torn"]])).Message);
        Assert.Contains("holds no weights", Assert.Throws<WarmException>(() => Start.Find([_folder["torn/.."]], open: path => Checkpoint.Open(path))).Message);

        Make("mixed/sft-1");
        Make("mixed/rm-1");
        Assert.Contains("several kinds: rm-N, sft-N", Assert.Throws<WarmException>(() => Start.Find([_folder["mixed"]])).Message);
        Make("snapshots/step_100");
        Make("snapshots/step_20");
        Assert.Equal(["step_20", "step_100"], Start.Find([_folder["snapshots"]]).Select(s => s.Name));
    }

    [Fact]
    public async Task Write_gives_every_chosen_start_one_head()
    {
        foreach (string name in (string[])["run/checkpoint-40", "run/checkpoint-80", "run/checkpoint-120"]) Make(name, name.Length + name[^2]);
        File.WriteAllText(Path.Combine(_folder["run/checkpoint-80"], "config.json"), TinyFolder.Config.Replace("LlamaForSequenceClassification", "LlamaForCausalLM").Replace("\"pad_token_id\": 0,", ""));
        var probe = new StartProbe((start, texts, _) => Task.FromResult<IReadOnlyList<float[]>>([.. texts.Select(text => Enumerable.Range(0, 16).Select(j => (float)((text.Response![0] == 'g' && !start.Name.EndsWith("-40", StringComparison.Ordinal) ? 1 : 0) + 0.01 * j)).ToArray())]),
            [new("sum", rows => [.. Enumerable.Range(0, 16).Select(j => rows.Sum(row => row[j]) / 3)])]);
        Baklava baklava = await Baklava.MeasureAsync(Start.Find([_folder["run"]]), probe, Pairs(60));
        Assert.Equal([false, true, true], baklava.Starts.Select(s => s.Chosen));
        IReadOnlyList<string> written = baklava.Write(_folder["starts"]);
        Assert.Equal([_folder["starts/checkpoint-80"], _folder["starts/checkpoint-120"]], written);
        foreach (string folder in written)
        {
            using Checkpoint start = Checkpoint.Open(folder);
            Assert.Equal("LlamaForSequenceClassification", start.Folder!.Config!.Architecture);
            Assert.Equal((1, (int?)0), (start.Folder.Config.NumLabels, start.Folder.Config.PadTokenId));
            float[] head = new float[16];
            start.Read("score.weight", 0, head.AsSpan());
            Assert.Equal(baklava.Head.Select(w => (float)w), head);
            JsonNode recipe = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "warm.json")))!;
            Assert.Equal(("checkpoint-120", 60), ((string?)recipe["head"]!["probedOn"], (int)recipe["head"]!["n"]!));
            // Below the head nothing has changed.
            using Checkpoint from = Checkpoint.Open(Path.Combine(_folder["run"], Path.GetFileName(folder)));
            Assert.Equal(0, WeightDistance.Measure([HeadedWeights.Of(from), HeadedWeights.Of(start)]).Distance(0, 1));
        }
        Assert.Contains(baklava.Remarks, r => r.Contains("\"pad_token_id\" is missing; 0 is taken, the tokenizer's padding token"));
        Assert.Contains("exists already", Assert.Throws<WarmException>(() => baklava.Write(_folder["starts"])).Message);
        // Half-way nothing is left behind.
        Directory.CreateDirectory(_folder["other"]);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => baklava.Write(_folder["other/starts"], null, cancelled.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["other"]));
    }

    [Fact]
    public async Task Equal_weights_count_once()
    {
        Make("s-1", 1);
        Make("s-2", 1);
        Baklava baklava = await Baklava.MeasureAsync(Start.Find([_folder["s-1"], _folder["s-2"]]), Probe(_ => 1), Pairs(9));
        Assert.Equal([false, true], baklava.Starts.Select(s => s.Chosen));
        Assert.Equal("has the same weights as s-2", baklava.Starts[0].Why);
    }

    [Fact]
    public void Origin_of_a_member_is_told_or_said_to_be_unclear()
    {
        Weights[] starts = [Checkpoint.Open(Make("s-1", 1, 0.3)), Checkpoint.Open(Make("s-2", 2, 0.3))];
        Dictionary<string, double[]> one = TinyFolder.Values(1, step: 0.3), two = TinyFolder.Values(2, step: 0.3);
        var random = new Random(4);
        string Member(string name, double towards) => TinyFolder.Write(_folder[name], one.ToDictionary(t => t.Key, t => t.Value.Zip(two[t.Key], (a, b) => a + towards * (b - a) + 0.05 * (random.NextDouble() - 0.5)).ToArray()));
        Weights[] members = [Checkpoint.Open(Member("m-1", 0)), Checkpoint.Open(Member("m-2", 1)), Checkpoint.Open(Member("m-3", 0.47)), Checkpoint.Open(TinyFolder.Write(_folder["m-4"], TinyFolder.Values(3, start: 9)))];
        IReadOnlyList<MemberOrigin> origins = MemberOrigin.Of(members, starts);
        Assert.Equal([_folder["s-1"], _folder["s-2"], _folder["s-1"], null], origins.Select(o => o.Start));
        Assert.Equal([true, true, false, false], origins.Select(o => o.Clear));
        Assert.InRange(origins[2].Share!.Value, 0.45, 0.49);
        Assert.Contains("cannot tell", origins[2].ToString());
        Assert.Contains("no kin", origins[3].ToString());
        Assert.Equal([true, true, true, false], MemberOrigin.Of(members, starts[..1]).Select(o => o.Start is not null));
    }

    [ReferenceFact]
    public void Origin_of_the_shipped_members_is_as_their_training_says()
    {
        string root = Reference.Path("families", "decoder");
        Weights[] starts = [.. ((int[])[40, 80, 120, 160, 200]).Select(step => Checkpoint.Open(Path.Combine(root, $"sft-{step}")))];
        string[] members = [.. ((string[])["clean", "corrupted"]).SelectMany(kind => Enumerable.Range(1, 6).Select(i => $"{kind}-{i}"))];
        IReadOnlyList<MemberOrigin> origins = MemberOrigin.Of([.. members.Select(name => Checkpoint.Open(Path.Combine(root, name)))], starts);
        for (int i = 0; i < members.Length; i++)
        {
            Assert.Equal((string?)JsonNode.Parse(File.ReadAllText(Path.Combine(root, members[i], "training.json")))!["start"], Path.GetFileName(origins[i].Start));
            Assert.True(origins[i].Clear, origins[i].ToString());
        }
        Reference.Count("starts: members by delta", members.Length);
    }
}
