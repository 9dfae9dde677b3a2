using Warm.Testing;

namespace Warm.Tests;

public class CheckpointTests
{
    private static void Write(string path, params (string Name, float[] Values)[] tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using SafetensorsWriter writer = SafetensorsWriter.Create(path, tensors.Select(t => new TensorInfo(t.Name, DType.F32, new(t.Values.Length))), overwrite: true, sync: false);
        foreach ((string name, float[] values) in tensors) writer.Write(name, 0, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
        writer.Commit();
    }

    private static void WriteShards(TemporaryFolder folder, string map)
    {
        Write(folder["s1.safetensors"], ("a", [1, 2]), ("b", [3]));
        Write(folder["sub/s2.safetensors"], ("c", [4]), ("b", [5]));
        File.WriteAllText(folder["model.safetensors.index.json"], $"{{\"metadata\":{{\"total_size\":1}},\"weight_map\":{map}}}");
        File.WriteAllText(folder["config.json"], "{}");
    }

    private static string Refused(string path) => Assert.Throws<WarmException>(() => Checkpoint.Open(path)).Message;

    [Fact]
    public void Open_is_a_method_group() // the first line of every program: Select(Checkpoint.Open)
    {
        using var folder = new TemporaryFolder();
        Write(folder["m/model.safetensors"], ("a", [1]));
        Weights[] all = [.. Directory.GetDirectories(folder.Path).Select(Checkpoint.Open)];
        Assert.Equal("a", Assert.Single(all).Names[0]);
        Assert.Contains("no config.json", Assert.Single(all[0].Remarks));
        all[0].Dispose();
    }

    [Fact]
    public void Open_of_shards_follows_the_index()
    {
        using var folder = new TemporaryFolder();
        WriteShards(folder, """{"a":"s1.safetensors","c":"sub/s2.safetensors","b":"sub/s2.safetensors"}""");
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(["a", "b", "c"], checkpoint.Names);
        var b = new float[1];
        checkpoint.Read("b", 0, b);
        Assert.Equal(5, b[0]);
        Assert.Equal(4, checkpoint.Parameters);
        Assert.Empty(checkpoint.Remarks);
    }

    [Theory]
    [InlineData("""{"a":"s1.safetensors","c":"s1.safetensors"}""", "\"c\" is not in s1.safetensors but in no shard")]
    [InlineData("""{"a":"s1.safetensors","b":"s1.safetensors","a2":"sub/s2.safetensors"}""", "\"a2\" is not in sub/s2.safetensors but in no shard")]
    [InlineData("""{"b":"s1.safetensors","a":"sub/s2.safetensors"}""", "\"a\" is not in sub/s2.safetensors but in s1.safetensors")]
    [InlineData("""{"a":"s1.safetensors","c":"s3.safetensors"}""", "s3.safetensors, which is not there")]
    [InlineData("""{"a":"../s1.safetensors"}""", "inside the folder")]
    [InlineData("""{"a":"sub/../s1.safetensors"}""", "inside the folder")]
    [InlineData("""{"a":"/etc/hostname"}""", "inside the folder")]
    [InlineData("""{"a":"C:\\s1.safetensors"}""", "inside the folder")]
    [InlineData("""{"a":"https://example.com/s1.safetensors"}""", "inside the folder")]
    [InlineData("""{"a":"s1.safetensors\u0000"}""", "inside the folder")]
    [InlineData("""{"a":"."}""", "inside the folder")]
    [InlineData("""{"a":""}""", "inside the folder")]
    [InlineData("""{"a":"s1.bin"}""", "ends in .safetensors")]
    [InlineData("""{"a":1}""", "a file name")]
    [InlineData("""{"a":"s1.safetensors","a":"s1.safetensors"}""", "stands twice")]
    [InlineData("""["s1.safetensors"]""", "an object")]
    [InlineData("{}", "is empty")]
    [InlineData("{", "not JSON")]
    public void Open_refuses_a_wrong_index(string map, string said)
    {
        using var folder = new TemporaryFolder();
        WriteShards(folder, map);
        string message = Refused(folder.Path);
        Assert.Contains(said, message);
        Assert.Contains("model.safetensors.index.json", message);
    }

    [Fact]
    public void Open_says_what_a_folder_is_instead()
    {
        using var folder = new TemporaryFolder();
        void Is(string said, params string[] files)
        {
            string at = folder[Guid.NewGuid().ToString()];
            Directory.CreateDirectory(at);
            foreach (string file in files)
                if (file.EndsWith('/')) Directory.CreateDirectory(Path.Combine(at, file));
                else File.WriteAllText(Path.Combine(at, file), "{}");
            Assert.Contains(said, Refused(at));
        }
        Is("empty folder");
        Is("checkpoint-200, checkpoint-1000", "config.json", "checkpoint-1000/", "checkpoint-200/");
        Is("DeepSpeed", "latest", "global_step100/");
        Is("original LLaMA", "consolidated.00.pth", "params.json");
        Is("GGUF", "model.Q4.gguf");
        Is("an adapter", "adapter_config.json", "adapter_model.safetensors");
        Is("no file of torch.save", "pytorch_model.bin");
        Is("unfinished download", "config.json", "model.safetensors.incomplete");
        Is("model.fp16.safetensors", "config.json", "model.fp16.safetensors");
        Is("holds no weights: there is config.json", "config.json");
        Is("Its bare tensors, if they were not sharded", "latest", "global_step100/", "global_step100/mp_rank_00_model_states.pt", "zero_to_fp32.py");
        Is("FSDP", "config.json", "pytorch_model_fsdp_0/");
        Is("unfinished download (.cache/huggingface/download/x.incomplete)", "config.json", ".cache/", ".cache/huggingface/", ".cache/huggingface/download/", ".cache/huggingface/download/x.incomplete");
        Is("folders with some: best, final;", "best/", "best/model.safetensors", "final/", "final/pytorch_model.bin", "logs/");
        Is("snapshots/abc;", "blobs/", "refs/", "snapshots/", "snapshots/abc/");
        Is("model.safetensors.index.fp16.json", "config.json", "model.fp16-00001-of-00002.safetensors", "model.safetensors.index.fp16.json");
        Is("model.safetensors: is a folder", "model.safetensors/");
        Is("side by side", "config.json", "model.safetensors", "adapter_config.json");
        Assert.Contains("is not there", Refused(folder["nowhere"]));
        Assert.Contains("downloads nothing", Refused("org/model"));
        File.WriteAllText(folder["pytorch_model.bin"], "x");
        Assert.Contains("no file of torch.save", Refused(folder["pytorch_model.bin"]));
        Assert.Throws<WarmException>(() => Checkpoint.Open(""));
        Assert.Throws<WarmException>(() => Checkpoint.Open("a\0b"));
    }

    [Fact]
    public void OpenFile_decides_between_a_single_file_and_an_index()
    {
        using var folder = new TemporaryFolder();
        WriteShards(folder, """{"a":"s1.safetensors"}""");
        Write(folder["model.safetensors"], ("a", [9, 9]));
        Assert.Contains("Name one", Refused(folder.Path));
        foreach ((string file, float expected) in ((string, float)[])[("model.safetensors", 9), ("model.safetensors.index.json", 1)])
        {
            using Checkpoint checkpoint = Checkpoint.OpenFile(folder.Path, file);
            var a = new float[2];
            checkpoint.Read("a", 0, a);
            Assert.Equal(expected, a[0]);
            Assert.NotNull(checkpoint.Folder!.Config);
            using Checkpoint byPath = Checkpoint.Open(folder[file]);
            byPath.Read("a", 0, a);
            Assert.Equal(expected, a[0]);
            Assert.NotNull(byPath.Folder!.Config);
        }
    }

    [Fact]
    public void Open_of_a_shard_or_a_file_without_config_is_tensors_only()
    {
        using var folder = new TemporaryFolder();
        WriteShards(folder, """{"a":"s1.safetensors"}""");
        Write(folder["bare/model.safetensors"], ("a", [9, 9]));
        foreach (string file in (string[])["s1.safetensors", "bare/model.safetensors"])
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder[file]);
            Assert.Null(checkpoint.Folder);
            Assert.Equal(folder[file], checkpoint.Name);
        }
    }

    [Fact]
    public void Open_takes_safetensors_before_bin_with_a_remark()
    {
        using var folder = new TemporaryFolder();
        Write(folder["model.safetensors"], ("a", [1]));
        File.WriteAllText(folder["config.json"], "{}");
        File.WriteAllText(folder["pytorch_model.bin"], "never opened");
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Contains("pytorch_model.bin", Assert.Single(checkpoint.Remarks));
    }

    [Fact]
    public void Open_follows_links_and_names_broken_ones()
    {
        using var folder = new TemporaryFolder();
        Write(folder["blobs/abc"], ("a", [1]));
        Directory.CreateDirectory(folder["snapshots/1"]);
        File.CreateSymbolicLink(folder["snapshots/1/model.safetensors"], "../../blobs/abc");
        using (Checkpoint checkpoint = Checkpoint.Open(folder["snapshots/1"])) Assert.True(checkpoint.Contains("a"));
        File.Delete(folder["blobs/abc"]);
        Assert.Contains("is a link to ../../blobs/abc, which is not there", Refused(folder["snapshots/1"]));
        Directory.CreateDirectory(folder["circle"]);
        File.CreateSymbolicLink(folder["circle/model.safetensors"], "b.safetensors");
        File.CreateSymbolicLink(folder["circle/b.safetensors"], "model.safetensors");
        Assert.Contains("model.safetensors", Refused(folder["circle"]));
    }

    [Fact]
    public void Views_outlive_the_checkpoint()
    {
        using var folder = new TemporaryFolder();
        Write(folder["x.safetensors"], ("a", [1, 2]), ("b", [3]));
        Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        TensorView a = checkpoint.View("a")!, b = checkpoint.View("b")!, copy = CopiedView.Of(checkpoint, "a");
        checkpoint.Dispose();
        a.Dispose();
        Assert.Equal(3, BitConverter.ToSingle(b.Bytes(0, 4)));
        Assert.Equal(2, BitConverter.ToSingle(copy.Bytes(4, 4)));
        Assert.Throws<ObjectDisposedException>(() => a.Address);
        Assert.Throws<ArgumentOutOfRangeException>(() => b.Bytes(1, 4).Length);
        b.Dispose();
        copy.Dispose();
        Assert.Throws<WarmException>(() => checkpoint.View("a"));
        Assert.Throws<WarmException>(() => checkpoint.Read("a", 0, new float[1]));
    }

    [Fact]
    public void Read_of_a_file_that_shrank_is_an_error_and_no_crash()
    {
        using var folder = new TemporaryFolder();
        Write(folder["x.safetensors"], ("a", new float[1000]));
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        using (FileStream file = new(folder["x.safetensors"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(500);
        Assert.Contains("ends at byte 500", Assert.Throws<WarmException>(() => checkpoint.Read("a", 0, new float[1000])).Message);
    }

    [Fact]
    public void Read_from_any_start_agrees_with_the_whole()
    {
        using var folder = new TemporaryFolder();
        DType[] types = [.. Enum.GetValues<DType>().Where(d => d.IsFloat())];
        var random = new Random(9);
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder["x.safetensors"], types.Select(t => new TensorInfo(t.Name(), t, new(1000, 72)))))
        {
            foreach (TensorInfo info in writer.Tensors)
            {
                byte[] bytes = new byte[info.Bytes];
                random.NextBytes(bytes);
                writer.Write(info.Name, 0, bytes);
            }
            writer.Commit();
        }
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        Assert.All(types, type =>
        {
            var whole = new float[72_000];
            var doubles = new double[72_000];
            checkpoint.Read(type.Name(), 0, whole);
            checkpoint.Read(type.Name(), 0, doubles);
            Assert.True(doubles.Select(d => (float)d).SequenceEqual(whole), type.Name());
            for (int i = 0; i < 40; i++)
            {
                int start = random.Next(71_000), count = i < 38 ? random.Next(1000) : 72_000 - start;
                var part = new float[count];
                var partDoubles = new double[count];
                checkpoint.Read(type.Name(), start, part);
                checkpoint.Read(type.Name(), start, partDoubles);
                Assert.True(whole.AsSpan(start, count).SequenceEqual(part), type.Name());
                Assert.True(doubles.AsSpan(start, count).SequenceEqual(partDoubles), type.Name());
            }
            Assert.Throws<ArgumentOutOfRangeException>(() => checkpoint.Read(type.Name(), 71_999, new float[2]));
            Assert.Throws<ArgumentOutOfRangeException>(() => checkpoint.Read(type.Name(), -1, new float[1]));
        });
        Assert.Contains("no tensor \"nowhere\"", Assert.Throws<WarmException>(() => checkpoint.Info("nowhere")).Message);
    }

    [Fact]
    public void Read_refuses_integers()
    {
        using var folder = new TemporaryFolder();
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder["x.safetensors"], [new("n", DType.I64, new(1))]))
        {
            writer.Write("n", 0, new byte[8]);
            writer.Commit();
        }
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        Assert.Contains("ReadRaw", Assert.Throws<WarmException>(() => checkpoint.Read("n", 0, new double[1])).Message);
    }

    [Fact]
    public async Task Read_serves_many_threads()
    {
        using var folder = new TemporaryFolder();
        float[] values = [.. Enumerable.Range(0, 100_000).Select(i => (float)i)];
        Write(folder["x.safetensors"], ("a", values));
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        await Parallel.ForAsync(0, 64, (i, _) =>
        {
            var part = new float[1000];
            checkpoint.Read("a", i * 1500, part);
            using TensorView view = checkpoint.View("a")!;
            Assert.Equal(i * 1500, part[0]);
            Assert.Equal(i * 1500, BitConverter.ToSingle(view.Bytes(i * 6000, 4)));
            return ValueTask.CompletedTask;
        });
    }
}
