using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Averaging;

public class SaveTests
{
    [Fact]
    public void Save_writes_a_complete_folder_and_the_same_bytes_each_time()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 3, DType.BF16));
        SaveResult result = average.Save(folder["out"], new SaveOptions { Threads = 1 });
        Assert.Equal(["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "warm.json"], result.Files);
        average.Save(folder["again"], new SaveOptions { Threads = 3 });
        Assert.All(result.Files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(folder["out"], file)), File.ReadAllBytes(Path.Combine(folder["again"], file))));

        Checkpoint saved = Checkpoint.Open(folder["out"]);
        Assert.All(average.Names, name => Assert.Equal(TinyFolder.Bits(average, name), TinyFolder.Bits(saved, name)));
        JsonNode recipe = JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "warm.json")))!;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal($"rm-{i}", (string)recipe["members"]![i]!["path"]!);
            Assert.Equal(1 / 3.0, (double)recipe["members"]![i]!["weight"]!);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder[$"rm-{i}"], "model.safetensors")))), (string)recipe["members"]![i]!["sha256"]!["model.safetensors"]!);
        }
        Assert.Equal(result.Files.Where(f => f != "warm.json"), recipe["files"]!.AsObject().Select(f => f.Key));
        Assert.All(WrittenFiles.Check(folder["out"]), file => Assert.True(file.Ok && file.Sha256.Length == 64));
        Assert.Equal("concatenate", (string)recipe["textForm"]!);
        Assert.Equal("LastNotPad", (string)recipe["readPosition"]!);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "config.json")))!.AsObject();
        Assert.Equal("bfloat16", (string)config["dtype"]!);
        Assert.Equal(JsonNode.Parse(TinyFolder.Config)!.AsObject().Select(p => p.Key), config.Select(p => p.Key));
        Assert.Contains("1e-05", File.ReadAllText(Path.Combine(folder["out"], "config.json")));
        Assert.StartsWith("---\nbase_model:\n- rm-0\n- rm-1\n- rm-2\nlibrary_name: transformers\n", File.ReadAllText(Path.Combine(folder["out"], "README.md")));
    }

    [Fact]
    public void The_same_members_in_another_place_give_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        string Made(string place, string file)
        {
            Weights[] members = [.. Enumerable.Range(0, 2).Select(i => Checkpoint.Open(TinyFolder.Write(Path.Combine(folder[place], $"run-{i}", "checkpoint-5"), TinyFolder.Values(i), i == 0 ? DType.BF16 : DType.F16)))];
            Weights origin = Checkpoint.Open(TinyFolder.Write(Path.Combine(folder[place], "models--org--base", "snapshots", "abc"), TinyFolder.Values(7)));
            string output = Path.Combine(folder[place], "out");
            SaveResult result = WeightAverage.Of(members, new AverageOptions { Method = new TaskArithmetic(origin), Allow = ["config"] }).Save(output, new SaveOptions { Sync = false });
            Assert.Contains(result.Remarks, r => r.StartsWith("dtype", StringComparison.Ordinal));
            return File.ReadAllText(Path.Combine(output, file));
        }
        foreach (string file in (string[])["warm.json", "README.md", "config.json"])
        {
            string one = Made($"{file}-a", file), two = Made(Path.Combine($"{file}-b", "deeper"), file);
            Assert.Equal(one, two);
            Assert.DoesNotContain(folder.Path, one);
        }
        string card = Made("c", "README.md");
        Assert.Contains("| run-1/checkpoint-5 | 1 |", card);
        Assert.Contains("base: org/base@abc", card);
        Assert.Contains("Allowed by name, although it is refused otherwise: `config`.", card);
        Assert.Contains("## Licences of the members\n\n- run-0/checkpoint-5: not stated\n", card);
    }

    [Fact]
    public void Paths_are_recorded_by_as_much_of_their_end_as_tells_them_apart()
    {
        RecordedNames names = RecordedNames.Of(["/data/a/rm", "/data/b/rm", "/data/b/rm-1", "models--org--rm/snapshots/12ab"]);
        Assert.Equal("a/rm: 'x' is [2]; b/rm has it, not b/rm-10 or rm-1/model.safetensors (org/rm@12ab)", names.In("/data/a/rm: 'x' is [2]; /data/b/rm has it, not b/rm-10 or /data/b/rm-1/model.safetensors (models--org--rm/snapshots/12ab)"));
        Assert.Equal("rm/x and ../rm", RecordedNames.Of(["/data/rm"]).In("/data/rm/x and ../rm"));
    }

    [Fact]
    public void Licences_that_differ_or_are_missing_are_named()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 3);
        File.WriteAllText(Path.Combine(folder["rm-0"], "README.md"), "---\nlicense: mit\n---\n");
        File.WriteAllText(Path.Combine(folder["rm-1"], "README.md"), "---\nlicense: apache-2.0\n---\n");
        SaveResult result = WeightAverage.Of(members).Save(folder["out"]);
        Assert.Contains("the licences differ: rm-0 mit, rm-1 apache-2.0, rm-2 not stated", result.Remarks);
        string card = File.ReadAllText(Path.Combine(folder["out"], "README.md"));
        Assert.Contains("license: other\n", card);
        Assert.Contains("- rm-0: mit\n- rm-1: apache-2.0\n- rm-2: not stated\n", card);
    }

    [Fact]
    public void What_completes_a_folder_belongs_to_it_and_what_was_changed_later_is_seen()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        SaveResult result = average.Save(folder["out"], new SaveOptions
        {
            Complete = (place, recipe, _) =>
            {
                Assert.False(Directory.Exists(folder["out"]));
                Assert.True(File.Exists(Path.Combine(place, "model.safetensors")) && File.Exists(Path.Combine(place, "warm.json")));
                File.WriteAllText(Path.Combine(place, "more.txt"), "more");
                recipe["more"] = 1;
                return ["a remark"];
            },
        });
        Assert.Contains("a remark", result.Remarks);
        Assert.Equal(1, (int)JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "warm.json")))!["more"]!);
        Assert.Contains(WrittenFiles.Check(folder["out"]), f => f is { Name: "more.txt", Ok: true });
        File.Delete(Path.Combine(folder["out"], "more.txt"));
        File.AppendAllText(Path.Combine(folder["out"], "config.json"), " ");
        File.WriteAllText(Path.Combine(folder["out"], "vocab.txt"), "");
        Assert.Equal(["config.json", "more.txt", "vocab.txt"], WrittenFiles.Check(folder["out"]).Where(f => !f.Ok).Select(f => f.Name));

        Assert.Throws<WarmException>(() => average.Save(folder["not"], new SaveOptions { Complete = (_, _, _) => throw new WarmException("here", "no") }));
        Assert.Equal(["out", "rm-0", "rm-1"], Names(folder));
        Assert.Throws<WarmException>(() => WrittenFiles.Check(folder["rm-0"]));
        File.WriteAllText(Path.Combine(folder["rm-0"], "warm.json"), "{\"files\": {\"../x\": \"\"}}");
        Assert.Contains("../x", Assert.Throws<WarmException>(() => WrittenFiles.Check(folder["rm-0"])).Message);
        average.Save(folder["plain"], new SaveOptions { Hash = false });
        Assert.Empty(WrittenFiles.Check(folder["plain"]));
    }

    [Fact]
    public void Shards_are_named_indexed_and_read_back()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        average.Save(folder["out"], new SaveOptions { ShardBytes = 2048 });
        JsonNode index = JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "model.safetensors.index.json")))!;
        Assert.Equal(average.Bytes, (long)index["metadata"]!["total_size"]!);
        string[] files = [.. index["weight_map"]!.AsObject().Select(p => (string)p.Value!).Distinct().Order(StringComparer.Ordinal)];
        Assert.True(files.Length > 1);
        Assert.Equal([.. Enumerable.Range(1, files.Length).Select(i => $"model-{i:D5}-of-{files.Length:D5}.safetensors")], files);
        Checkpoint saved = Checkpoint.Open(folder["out"]);
        Assert.All(average.Names, name => Assert.Equal(TinyFolder.Bits(average, name), TinyFolder.Bits(saved, name)));

        // Sharded members, met in another order than their files: their hashes are right all the same.
        WeightAverage of = WeightAverage.Of(Checkpoint.Open(folder["rm-0"]), saved);
        JsonObject recipe = of.Save(folder["out2"]).Recipe!;
        foreach (string file in files)
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder["out"], file)))), (string)recipe["members"]![1]!["sha256"]![file]!);
    }

    [Fact]
    public void The_same_folder_twice_is_hashed_and_remarked()
    {
        using var folder = new TemporaryFolder();
        TinyFolder.Write(folder["a"], TinyFolder.Values(0));
        WeightAverage average = WeightAverage.Of(Checkpoint.Open(folder["a"]), Checkpoint.Open(folder["a"]));
        SaveResult result = average.Save(folder["out"]);
        Assert.Contains(result.Remarks, r => r.StartsWith("duplicate", StringComparison.Ordinal));
        Assert.Equal((string)result.Recipe!["members"]![0]!["sha256"]!["model.safetensors"]!, (string)result.Recipe["members"]![1]!["sha256"]!["model.safetensors"]!);
    }

    [Fact]
    public void A_place_that_is_taken_is_refused_and_overwritten_only_when_asked_and_only_a_model()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        average.Save(folder["out"]);
        Assert.Contains("exists already", Assert.Throws<WarmException>(() => average.Save(folder["out"])).Message);
        File.WriteAllText(Path.Combine(folder["out"], "stale"), "");
        average.Save(folder["out"], new SaveOptions { Overwrite = true });
        Assert.False(File.Exists(Path.Combine(folder["out"], "stale")));
        Directory.CreateDirectory(folder["notes"]);
        File.WriteAllText(Path.Combine(folder["notes"], "thesis.txt"), "years of work");
        Assert.Throws<WarmException>(() => average.Save(folder["notes"], new SaveOptions { Overwrite = true }));
        Assert.Throws<WarmException>(() => average.Save(folder["rm-0"], new SaveOptions { Overwrite = true }));
        Assert.Throws<WarmException>(() => average.Save(folder.Path, new SaveOptions { Overwrite = true }));
        Assert.True(File.Exists(Path.Combine(folder["notes"], "thesis.txt")) && File.Exists(Path.Combine(folder["rm-0"], "model.safetensors")));
        Assert.Equal(["notes", "out", "rm-0", "rm-1"], Names(folder));
    }

    [Fact]
    public void Writes_that_come_short_are_taken_up_where_they_stopped()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        average.Save(folder["whole"]);
        AtomicFile.Seam.Value = (handle, bytes, offset) =>
        {
            int some = (int)Math.Min(bytes.Length, 1 + offset % 101);
            RandomAccess.Write(handle, bytes[..some], offset);
            return some;
        };
        try { average.Save(folder["short"], new SaveOptions { Threads = 2 }); }
        finally { AtomicFile.Seam.Value = null; }
        Assert.All(Directory.GetFiles(folder["whole"]), file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(folder["short"], Path.GetFileName(file)))));
    }

    [Fact]
    public void A_disk_that_fills_or_fails_at_any_write_leaves_the_old_state_or_none()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 2);
        WeightAverage.Of(members[..1]).Save(folder["out"]);
        byte[] before = File.ReadAllBytes(Path.Combine(folder["out"], "warm.json"));
        WeightAverage average = WeightAverage.Of(members);
        int writes = 0, failAt = int.MaxValue;
        AtomicFile.Seam.Value = (handle, bytes, offset) =>
        {
            if (Interlocked.Increment(ref writes) > failAt) throw new IOException("No space left on device", 28);
            if (writes == failAt) // half of it still fits
            {
                RandomAccess.Write(handle, bytes[..(bytes.Length / 2)], offset);
                return bytes.Length / 2;
            }
            RandomAccess.Write(handle, bytes, offset);
            return bytes.Length;
        };
        try
        {
            average.Save(folder["counted"], new SaveOptions { Threads = 1 });
            int all = writes;
            Assert.InRange(all, 8, 100);
            for (int at = 0; at < all; at++)
            {
                (writes, failAt) = (0, at);
                WarmException error = Assert.Throws<WarmException>(() => average.Save(folder[at % 2 == 0 ? "out" : "new"], new SaveOptions { Threads = 1, Overwrite = true, Sync = false }));
                Assert.Contains("the disk is full", error.Message);
                Assert.Contains("nothing was left behind", error.Message);
                Assert.DoesNotContain("partial", error.Message);
                Assert.Equal(["counted", "out", "rm-0", "rm-1"], Names(folder));
                Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder["out"], "warm.json")));
            }
            failAt = int.MaxValue;
            average.Save(folder["out"], new SaveOptions { Overwrite = true });
            Assert.Equal(["counted", "out", "rm-0", "rm-1"], Names(folder));
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder["counted"], "warm.json")), File.ReadAllBytes(Path.Combine(folder["out"], "warm.json")));
        }
        finally { AtomicFile.Seam.Value = null; }
    }

    [Fact]
    public void What_killed_runs_left_is_removed_and_what_runs_is_not()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        string Left(string token, bool old = false)
        {
            string partial = folder[$".out.{token}.partial{(old ? ".old" : "")}"];
            Directory.CreateDirectory(partial);
            File.WriteAllText(Path.Combine(partial, "config.json"), token);
            return partial;
        }
        string dead = new('d', 32), live = new('e', 32), older = new('f', 32);
        Left(dead);
        Left(older);
        File.WriteAllText(folder[$".out.{dead}.lock"], "");
        string running = Left(live), not = folder[".out.notes.partial"];
        Directory.CreateDirectory(not);
        using (File.OpenHandle(folder[$".out.{live}.lock"], FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            // A crash in the moment of a replacement in two steps: the old folder is put back, and so the place is taken.
            Left(dead, old: true);
            Assert.Contains("exists already", Assert.Throws<WarmException>(() => average.Save(folder["out"])).Message);
            Assert.Equal(dead, File.ReadAllText(Path.Combine(folder["out"], "config.json")));
            Assert.Equal([$".out.{live}.lock", $".out.{live}.partial", ".out.notes.partial", "out", "rm-0", "rm-1"], Names(folder));
            average.Save(folder["out"], new SaveOptions { Overwrite = true });
            Assert.True(Directory.Exists(running));
        }
        average.Save(folder["out"], new SaveOptions { Overwrite = true });
        Assert.Equal([".out.notes.partial", "out", "rm-0", "rm-1"], Names(folder));
    }

    [Fact]
    public void Statistics_obey_cancellation()
    {
        using var folder = new TemporaryFolder();
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        using var source = new CancellationTokenSource();
        // Cancelled when the base is read for the threshold, in the middle of the pass that the first value needs.
        var stopping = new StoppingWeights(origin, source);
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2), new AverageOptions { Method = new Ties(stopping) { Density = 0.3, Scope = MethodScope.Model } });
        stopping.After = 2 * origin.Names.Count; // the sample of kinship comes first
        Assert.ThrowsAny<OperationCanceledException>(() => average.Save(folder["out"], new SaveOptions { Threads = 1 }, null, source.Token));
        Assert.InRange(stopping.Reads, stopping.After, stopping.After + 2);
        Assert.False(Path.Exists(folder["out"]));
    }

    /// <summary>Weights that cancel after so many reads.</summary>
    private sealed class StoppingWeights(Weights inner, CancellationTokenSource source) : Weights
    {
        public int Reads { get; private set; }
        public int After { get; set; } = int.MaxValue;
        public override string Name => inner.Name;
        public override IReadOnlyList<string> Names => inner.Names;
        public override TensorInfo Info(string name) => inner.Info(name);
        public override bool Contains(string name) => inner.Contains(name);
        public override void ReadRaw(string name, long start, Span<byte> destination) => inner.ReadRaw(name, start, destination);
        public override void Read(string name, long start, Span<float> destination) => inner.Read(name, start, destination);
        public override void Read(string name, long start, Span<double> destination)
        {
            if (++Reads == After) source.Cancel();
            inner.Read(name, start, destination);
        }
    }

    [Fact]
    public void Cancelling_in_the_middle_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => average.Save(Path.Combine(folder["deep"], "er", "out"), null, new CancelAtOnce(source), source.Token));
        Assert.Equal(["rm-0", "rm-1"], Names(folder));
    }

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "infinite")]
    public void Values_that_are_not_finite_are_refused_with_their_place_and_leave_nothing(double value, string word)
    {
        using var folder = new TemporaryFolder();
        Dictionary<string, double[]> bad = TinyFolder.Values(1);
        bad["model.layers.0.mlp.up_proj.weight"][3 * 16 + 2] = value;
        Weights[] members = [Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0))), Checkpoint.Open(TinyFolder.Write(folder["b"], bad))];
        WeightAverage average = WeightAverage.Of(members);
        WarmException error = Assert.Throws<WarmException>(() => average.Save(folder["out"]));
        Assert.Contains("[3, 2]", error.Message);
        Assert.Contains("up_proj", error.Where);
        Assert.Contains("not finite", error.Found);
        Assert.Equal(["a", "b"], Names(folder));
        Assert.Throws<WarmException>(() => average.CheckValues());
        Assert.NotNull(word);
        WeightAverage.Of(members, new AverageOptions { Allow = ["values"] }).Save(folder["out"]);
        Assert.Equal("refused", (string)JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "warm.json")))!["verdict"]!);
    }

    [Fact]
    public void Not_finite_values_beyond_the_sample_are_found_in_the_pass()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(Large(folder["a"], TinyFolder.Values(1), 1), Large(folder["b"], TinyFolder.Values(2), 2, notFinite: 64077));
        WarmException error = Assert.Throws<WarmException>(() => average.Save(folder["out"], new SaveOptions { Threads = 2 }));
        Assert.Contains($"[{64077 / 32}, {64077 % 32}]", error.Message);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void Strangers_are_refused_as_strangers_however_soon_a_value_is_not_finite()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(Large(folder["a"], TinyFolder.Values(1), 1), Large(folder["b"], TinyFolder.Values(2, start: 9), 2, notFinite: 64077));
        for (int threads = 1; threads <= 8; threads++)
        {
            WarmException error = Assert.Throws<WarmException>(() => average.CheckValues(new PassOptions { Threads = threads, BlockBytes = 1024 }));
            Assert.Contains("no sibling", error.Message);
        }
    }

    /// <summary>A tiny folder with one matrix that is much larger than the sample of it, with one value that is not finite where asked for.</summary>
    private static Checkpoint Large(string path, Dictionary<string, double[]> values, int sibling, int? notFinite = null) => Checkpoint.Open(TinyFolder.Write(path, values, more: tensors =>
    {
        const int rows = 4000;
        (Random common, Random own) = (new(5), new(sibling));
        double[] large = [.. Enumerable.Range(0, rows * 32).Select(_ => common.NextDouble() - 0.5 + 0.01 * own.NextDouble())];
        if (notFinite is { } at) large[at] = double.NaN;
        var info = new TensorInfo("model.large.weight", DType.BF16, new Shape(rows, 32));
        var bits = new byte[info.Bytes];
        FloatBits.Narrow(DType.BF16, large, bits);
        tensors[info.Name] = (info, bits);
    }));

    [Fact]
    public void Strangers_are_refused_before_anything_is_written_and_allowed_by_name()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = [Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0))), Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(1, start: 99)))];
        WarmException error = Assert.Throws<WarmException>(() => WeightAverage.Of(members).Save(folder["out"]));
        Assert.Contains("no sibling", error.Message);
        Assert.Contains("--allow ancestry", error.Fix);
        Assert.Equal(["a", "b"], Names(folder));
        SaveResult result = WeightAverage.Of(members, new AverageOptions { Allow = ["ancestry"] }).Save(folder["out"]);
        Assert.Equal("ancestry", (string)result.Recipe!["allowed"]![0]!);
    }

    [Fact]
    public void Reward_statistics_of_OpenRLHF_are_dropped_with_a_remark()
    {
        using var folder = new TemporaryFolder();
        string Config(double mean) => TinyFolder.Config.Replace("\"hidden_size\"", $"\"normalize_reward\": true, \"mean\": {mean}, \"std\": 2.0, \"value_head_prefix\": \"score\", \"hidden_size\"");
        WeightAverage average = WeightAverage.Of(Checkpoint.Open(TinyFolder.Write(folder["a"], TinyFolder.Values(0), config: Config(0.5))), Checkpoint.Open(TinyFolder.Write(folder["b"], TinyFolder.Values(1), config: Config(1.5))));
        SaveResult result = average.Save(folder["out"]);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder["out"], "config.json")))!.AsObject();
        Assert.False((bool)config["normalize_reward"]!);
        Assert.False(config.ContainsKey("mean") || config.ContainsKey("std"));
        Assert.Contains(result.Remarks, r => r.Contains("normalize_reward"));
        Assert.Equal(Verdict.Doubtful, average.Compatibility.Verdict);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_one_message()
    {
        using var folder = new TemporaryFolder();
        WeightAverage average = WeightAverage.Of(TinyFolder.Siblings(folder, 2));
        File.WriteAllText(folder["file"], "");
        WarmException error = Assert.Throws<WarmException>(() => average.Save(Path.Combine(folder["file"], "out")));
        Assert.Contains("cannot be written", error.Message);
        Assert.Throws<WarmException>(() => average.Save(""));
        Assert.Throws<WarmException>(() => average.Save("/"));
    }

    private static string[] Names(TemporaryFolder folder) => [.. Directory.EnumerateFileSystemEntries(folder.Path).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    private sealed class CancelAtOnce(CancellationTokenSource source) : IProgress<SaveProgress>
    {
        public void Report(SaveProgress value) => source.Cancel();
    }
}
