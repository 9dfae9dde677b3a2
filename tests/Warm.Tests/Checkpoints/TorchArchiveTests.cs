using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

public class TorchArchiveTests
{
    private static readonly TorchBytes Good = TorchBytes.Dictionary(p => p.Tensor());

    private static float[] Values(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Info(name).Count];
        checkpoint.Read(name, 0, values);
        return values;
    }

    private static Checkpoint Open(TemporaryFolder folder, byte[] bytes)
    {
        File.WriteAllBytes(folder["x.bin"], bytes);
        return Checkpoint.Open(folder["x.bin"]);
    }

    private static void Refused(TemporaryFolder folder, string said, byte[] bytes)
    {
        var error = Assert.Throws<WarmException>(() =>
        {
            using Checkpoint checkpoint = Open(folder, bytes);
            checkpoint.Verify();
        });
        Assert.Contains(said, error.Message);
        Assert.Contains("x.bin", error.Where);
    }

    [Fact]
    public void Open_reads_what_torch_reads()
    {
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Repository.Golden("torch", "expected.json"))).RootElement.GetProperty("files");
        int tensors = 0;
        foreach (JsonProperty file in expected.EnumerateObject())
        {
            using Checkpoint checkpoint = Checkpoint.Open(Repository.Golden("torch", file.Name));
            checkpoint.Verify();
            Assert.Equal(file.Value.EnumerateObject().Select(t => t.Name).ToHashSet(), checkpoint.Names.ToHashSet());
            foreach (JsonProperty tensor in file.Value.EnumerateObject())
            {
                TensorInfo info = checkpoint.Info(tensor.Name);
                Assert.Equal(tensor.Value.GetProperty("dtype").GetString(), info.DType.Name());
                Assert.Equal(tensor.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), info.Shape.Sizes.ToArray());
                var bytes = new byte[info.Bytes];
                checkpoint.ReadRaw(tensor.Name, 0, bytes);
                Assert.Equal(tensor.Value.GetProperty("hex").GetString(), Convert.ToHexStringLower(bytes));
                tensors++;
            }
        }
        Assert.Equal(57, tensors);
    }

    [Fact]
    public void Open_of_a_damaged_archive_refuses_or_gives_the_same_values()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Repository.Golden("torch", "checkpoint.bin"));
        string Read()
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder["x.bin"]);
            checkpoint.Verify();
            return string.Join(';', checkpoint.Names.Select(n => $"{checkpoint.Info(n)} {string.Join(',', Values(checkpoint, n))}"));
        }
        File.WriteAllBytes(folder["x.bin"], whole);
        string right = Read();
        int refused = 0;
        for (int at = 0; at < whole.Length; at += 2)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 << at % 8);
            File.WriteAllBytes(folder["x.bin"], damaged);
            try { Assert.Equal(right, Read()); }
            catch (WarmException) { refused++; }
            File.WriteAllBytes(folder["x.bin"], whole[..at]);
            Assert.Throws<WarmException>(Read);
        }
        Assert.InRange(refused, whole.Length / 6, whole.Length);
    }

    [Fact]
    public void Open_of_a_damaged_stream_refuses_or_opens()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Repository.Golden("torch", "views_legacy.bin"));
        for (int at = 0; at < whole.Length; at += 5)
            foreach (byte[] damaged in (byte[][])[[.. whole[..at], (byte)(whole[at] ^ (1 << at % 8)), .. whole[(at + 1)..]], whole[..at]])
            {
                Exception? error = Record.Exception(() => Open(folder, damaged).Dispose());
                Assert.True(error is null or WarmException, $"{at}: {error}");
                if (damaged.Length < whole.Length) Assert.NotNull(error);
            }
    }

    public static TheoryData<string, string> Calls => new()
    {
        { "cos\nsystem\nX\x05\0\0\0touchp\x85R", "mentions os.system" },
        { "c__builtin__\neval\n0", "mentions __builtin__.eval" },
        { "X\x02\0\0\0osX\x06\0\0\0system\x93\x30", "mentions os.system" },
        { "(X\x01\0\0\0xios\nsystem\n0", "(INST)" },
        { "(cos\nsystem\no0", "mentions os.system" },
        { "(o0", "(OBJ)" },
        { "\x82\x01" + "0", "(EXT1)" },
        { "Px\n0", "(PERSID)" },
        { "ccollections\nOrderedDict\n)\x81}X\x09\0\0\0__class__X\0\0\0\0sb0", "__class__" },
        { "ctorch\nUntypedStorage.from_file\n0", "mentions torch.UntypedStorage.from_file" },
        { "ctorch._utils\n_rebuild_sparse_tensor\n0", "sparse" },
        { "ctorch._utils\n_rebuild_qtensor\n0", "quantised" },
        { "ctorch._utils\n_rebuild_meta_tensor_no_storage\n0", "meta" },
        { "ctorch.nn.modules.linear\nLinear\n0", "pickled module" },
        { "cnumpy._core.multiarray\nscalar\n0", "numpy" },
        { "ctorch\nfloat32\n)R0", "calls torch.float32" },
        { "K\x01)R0", "calls an integer" },
        { "ctorch\nSize\nK\x01R0", "with an integer" },
        { "\xff", "0xFF is no pickle instruction" },
        { "0", "the stack is empty" },
        { "t", "no MARK" },
        { "K\x01\x87", "1 values are on the stack" },
        { "}(K\x01u", "an even number" },
        { "}K\x01" + "a", "appends to a dictionary" },
        { "h\x63", "memo 99 was never put" },
        { "X\xff\xff\xff\xff", "4,294,967,295 bytes are announced" },
        { "\x8d\0\0\0\0\0\0\0\x80", "bytes are announced" },
        { "\x95\0\0\0\0\0\0\0\x40", "bytes are announced" },
        { "\x95\x01\0\0\0\0\0\0\0", "a frame of 1 bytes" },
        { "X\x01\0\0\0\xff", "not UTF-8" },
        { "Fabc\n", "is no number" },
        { "I1x\n", "is no integer" },
        { "V\\ud800\n", "half a surrogate" },
        { "\x80\x06", "protocol 6" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void Open_runs_nothing_and_names_what_is_wrong(string instructions, string said)
    {
        using var folder = new TemporaryFolder();
        byte[] pickle = [0x80, 2, .. Encoding.Latin1.GetBytes(instructions), .. Good.Bytes[2..]];
        Refused(folder, said, new TorchBytes().Raw(pickle).InZip());
        Refused(folder, said, new TorchBytes().Raw(pickle).InStream());
        Assert.Equal(["x.bin"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Open_refuses_what_is_no_state_dictionary()
    {
        using var folder = new TemporaryFolder();
        void Is(string said, TorchBytes pickle) => Refused(folder, said, pickle.InZip());
        Is("holds a list", TorchBytes.Pickle.Op("]."));
        Is("holds a tensor", TorchBytes.Pickle.Tensor().Op("."));
        Is("holds None", TorchBytes.Pickle.Op("N."));
        Is("a dictionary without tensors", TorchBytes.Pickle.Op("}").Text("a").Op("Ns."));
        Is("the integer 3", TorchBytes.Pickle.Op("}K\x03").Tensor().Op("s."));
        Is("a key is a tuple", TorchBytes.Pickle.Op("})").Tensor().Op("s."));
        Is("stands twice", TorchBytes.Pickle.Op("}(").Text("w").Tensor().Text("w").Tensor().Op("u."));
        Is("under 'model' and under 'module'", TorchBytes.Pickle.Op("}(").Text("model").Op("}").Text("w").Tensor().Op("s").Text("module").Op("}").Text("w").Tensor().Op("su."));
        Is("in two places, or in itself", TorchBytes.Pickle.Op("}q\x01(").Text("w").Tensor().Text("me").Op("h\x01u."));
        Is("1 values are left over", TorchBytes.Pickle.Op("N").Raw(Good.Bytes));
        Is("follow the end", new TorchBytes().Raw(Good.Bytes).Op("N."));
        Is("the pickle ends", new TorchBytes().Raw(Good.Bytes[..^1]));
        Is("the line has no end", TorchBytes.Pickle.Op("cos"));
        TorchBytes tuples = TorchBytes.Pickle.Op("N"), dictionaries = TorchBytes.Pickle.Op("}"), laughs = TorchBytes.Pickle.Op("}q\0");
        for (int i = 0; i < 50_000; i++) tuples.Raw(0x85);
        Is("holds a tuple", tuples.Op("."));
        for (int i = 0; i < 5_000; i++) dictionaries.Text("a").Op("}");
        for (int i = 0; i < 5_000; i++) dictionaries.Op("s");
        Is("16 deep", dictionaries.Op("."));
        for (byte i = 0; i < 14; i++) laughs.Op("0}(").Text("a").Raw((byte)'h', i).Text("b").Raw((byte)'h', i).Raw((byte)'u', (byte)'q', (byte)(i + 1));
        Is("a dictionary without tensors", laughs.Op("."));
        var many = new StringBuilder();
        for (int i = 0; i < 3_000_000; i++) many.Append("]\x94");
        Is("too much memory", TorchBytes.Pickle.Op(many.ToString()));
    }

    [Fact]
    public void Open_refuses_a_tensor_that_its_storage_does_not_hold()
    {
        using var folder = new TemporaryFolder();
        void Is(string said, Func<TorchBytes, TorchBytes> tensor, byte[]? storage = null) => Refused(folder, said, TorchBytes.Dictionary(tensor).InZip(storage));
        Is("reaches value 6", p => p.Tensor(offset: 1));
        Is("reaches value 8", p => p.Tensor(strides: [6, 1]));
        Is("reaches value", p => p.Tensor(strides: [1L << 62, 1L << 62]));
        Is("begins at -1", p => p.Tensor(offset: -1));
        Is("strides that hold -3", p => p.Tensor(strides: [-3, 1]));
        Is("sizes that hold -2", p => p.Tensor(sizes: [-2, 3]));
        Is("2 sizes and 1 strides", p => p.Tensor(strides: [1]));
        Is("fits a file", p => p.Tensor(sizes: [1L << 32, 1L << 32], strides: [0, 0]));
        Is("which it repeats", p => p.Tensor(sizes: [1L << 40, 3], strides: [0, 1]));
        Is("65 axes", p => p.Tensor(sizes: [.. Enumerable.Repeat(1L, 65)], strides: [.. Enumerable.Repeat(1L, 65)]));
        Is("has 24 bytes; 20", p => p.Tensor(count: 5));
        Is("has 20 bytes; 24", p => p.Tensor(), TorchBytes.Six[4..]);
        Is("a number of values that fits a file", p => p.Tensor(count: 1L << 62));
        Is("-1 values", p => p.Tensor(count: -1));
        Is("has no entry", p => p.Tensor(key: "1"));
        Is("has no entry", p => p.Tensor(key: "../data.pkl"));
        Is("mentions torch.FooStorage", p => p.Tensor(type: "FooStorage"));
        Is("holds I32; F32", p => p.Tensor().Op("s").Text("v").Tensor(type: "IntStorage"));
        Is("a tensor over None", p => p.Global("torch._utils", "_rebuild_tensor").Op("(NK\0)").Op(")tR"));
        Is("calls torch._utils._rebuild_tensor_v2 with 1", p => p.Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage().Op("tR"));
        Is("a persistent id", p => p.Op("NQ"));
        Is("requires_grad is a text", p => p.Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage().Number(0).Numbers(6).Numbers(1).Text("yes").Op("N").Op("tR"));
        Is("a conjugated tensor", p => p.Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage().Number(0).Numbers(6).Numbers(1).Raw(0x89).Op("N}").Text("conj").Raw(0x88).Op("stR"));
    }

    [Fact]
    public void Open_refuses_a_wrong_archive()
    {
        using var folder = new TemporaryFolder();
        byte[] good = Good.InZip();
        using (Checkpoint checkpoint = Open(folder, good)) Assert.Equal([0, 1, 2, 3, 4, 5], Values(checkpoint, "w"));
        int directory = BinaryPrimitives.ReadInt32LittleEndian(good.AsSpan(good.Length - 6));
        byte[] With(int at, params byte[] bytes)
        {
            byte[] changed = [.. good];
            bytes.CopyTo(changed, at);
            return changed;
        }
        int storage = good.AsSpan().IndexOf(TorchBytes.Six);
        Refused(folder, "CRC-32", With(storage + 6, 1));
        Refused(folder, "CRC-32", With(good.AsSpan().IndexOf("cpu"u8), (byte)'g'));
        Refused(folder, "encrypted", With(directory + 8, 1));
        Refused(folder, "method 99", With(directory + 10, 99));
        Refused(folder, "another name in its local header", With(good.AsSpan().IndexOf("data.pkl"u8), (byte)'D'));
        Refused(folder, "no zip directory", good[..^1]);
        Refused(folder, "no zip directory", [.. good, 0]);
        Refused(folder, "is said to have", [.. "PK\x03\x04"u8, .. good]);
        Refused(folder, "local header", With(directory + 42, 9));
        Refused(folder, "another size", With(directory + 24, 0xEE, 0xEE));
        Refused(folder, "another size", With(directory + 20, 0, 0, 0, 0x40, 0, 0, 0, 0x40));
        Refused(folder, "promises", With(good.Length - 14, 200, 0, 200, 0));
        Refused(folder, "sizes of 64 bits and has none", With(directory + 20, 255, 255, 255, 255, 255, 255, 255, 255));
        Refused(folder, "stands twice", Good.InZip(more: a => TorchBytes.Add(a, "archive/data/0", TorchBytes.Six)));
        Refused(folder, "lies outside", Good.InZip(more: a => TorchBytes.Add(a, "../executed", [1])));
        Refused(folder, "TorchScript", Good.InZip(more: a => TorchBytes.Add(a, "archive/constants.pkl", [1])));
        Refused(folder, "lies outside", TorchBytes.Zip(a => TorchBytes.Add(a, "data.pkl", Good.Bytes)));
        Refused(folder, "without data.pkl", TorchBytes.Zip(a => TorchBytes.Add(a, "archive/data/0", Good.Bytes)));
        Refused(folder, "without entries", TorchBytes.Zip(_ => { }));
        Refused(folder, "no entry version", Good.InZip(version: ""));
        Refused(folder, "from 1 to 10", Good.InZip(version: "99"));
        Refused(folder, "from 1 to 10", Good.InZip(version: "abc"));
        Refused(folder, "little or big", Good.InZip(byteOrder: "little\n"));
        Refused(folder, "safetensors file by another name", [8, 0, 0, 0, 0, 0, 0, 0, .. "{\"a\":{} "u8]);
        Refused(folder, "git-LFS", "version https://git-lfs.github.com/spec/v1\n"u8.ToArray());
        Refused(folder, "tar archive", [.. new byte[257], .. "ustar"u8, .. new byte[100]]);
        Refused(folder, "no file of torch.save", "hello"u8.ToArray());
    }

    [Fact]
    public void Open_refuses_a_compressed_entry_that_lies()
    {
        using var folder = new TemporaryFolder();
        byte[] good = TorchBytes.Dictionary(p => p.Tensor(sizes: [10_000], strides: [1], count: 10_000)).InZip(new byte[40_000], level: CompressionLevel.Optimal);
        using (Checkpoint checkpoint = Open(folder, good)) Assert.Equal(new float[10_000], Values(checkpoint, "w"));
        int entry = good.AsSpan().LastIndexOf("archive/data/0"u8) - 46;
        byte[] huge = [.. good];
        BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(entry + 24), int.MaxValue);
        BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(good.AsSpan().IndexOf("archive/data/0"u8) - 8), int.MaxValue);
        Refused(folder, "at most 1032 times", huge);
        byte[] broken = [.. good];
        broken[good.AsSpan().IndexOf("archive/data/0"u8) + 14] = 0xFF;
        Refused(folder, "not deflated data", broken);
    }

    [Fact]
    public void Open_reads_the_older_stream_strictly()
    {
        using var folder = new TemporaryFolder();
        using (Checkpoint checkpoint = Open(folder, Good.InStream())) Assert.Equal([0, 1, 2, 3, 4, 5], Values(checkpoint, "w"));
        TorchBytes part = TorchBytes.Dictionary(p => p.Global("torch._utils", "_rebuild_tensor").Op("((").Text("storage").Global("torch", "FloatStorage").Text("0").Text("cpu").Number(6)
            .Op("(").Text("v").Number(2).Number(3).Op("ttQ").Number(1).Numbers(2).Numbers(1).Op("tR"));
        using (Checkpoint checkpoint = Open(folder, part.InStream())) Assert.Equal([3, 4], Values(checkpoint, "w"));
        Refused(folder, "is never filled", Good.InStream(keys: []));
        Refused(folder, "lists the storage \"9\"", Good.InStream(keys: ["9"]));
        Refused(folder, "holds 5 values; 6", Good.InStream(count: 5));
        Refused(folder, "holds -1 values", Good.InStream(count: -1));
        Refused(folder, "cut short", Good.InStream()[..^1]);
        Refused(folder, "1 bytes follow", [.. Good.InStream(), 0]);
        Refused(folder, "largest byte first", Good.InStream(little: false));
        Refused(folder, "names a storage", Good.Bytes);
        Refused(folder, "without the mark of torch.save", TorchBytes.Pickle.Op("].").Bytes);
    }

    [Fact]
    public void Read_of_any_view_agrees_with_its_naive_twin()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(4);
        const int Count = 200_000;
        float[] values = [.. Enumerable.Range(0, Count).Select(_ => random.NextSingle())];
        byte[] little = [.. values.SelectMany(BitConverter.GetBytes)], big = [.. values.SelectMany(v => BitConverter.GetBytes(v).Reverse())];
        for (int i = 0; i < 40; i++)
        {
            // A view as slicing and permuting make it, and one whose strides are anything that fits.
            long[] sizes = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => (long)random.Next(1, i < 20 ? 9 : 40))], strides = new long[sizes.Length];
            long room = Count - 1, offset = random.Next(1000);
            room -= offset;
            for (int a = 0; a < sizes.Length; a++)
            {
                strides[a] = sizes[a] == 1 ? random.Next(100) : random.NextInt64(0, Math.Min(room / (sizes[a] - 1), 1 << random.Next(1, 17)) + 1);
                if (sizes[a] > 1) room -= strides[a] * (sizes[a] - 1);
            }
            float[] expected = [.. Indexes(sizes).Select(index => values[offset + index.Zip(strides, (x, s) => x * s).Sum()])];
            TorchBytes pickle = TorchBytes.Dictionary(p => p.Tensor(offset, sizes, strides, Count));
            byte[] file = (i % 3) switch { 0 => pickle.InZip(little), 1 => pickle.InZip(big, byteOrder: "big"), _ => pickle.InZip(little, level: CompressionLevel.Fastest) };
            using Checkpoint checkpoint = Open(folder, file);
            Assert.Equal(expected, Values(checkpoint, "w"));
            for (int k = 0; k < 5; k++)
            {
                int start = random.Next(expected.Length), count = random.Next(expected.Length - start + 1);
                var part = new float[count];
                checkpoint.Read("w", start, part);
                Assert.True(expected.AsSpan(start, count).SequenceEqual(part));
            }
        }
    }

    [Theory]
    [InlineData(3000, 700)]
    [InlineData(20, 100_000)]  // runs too short to be read one by one
    [InlineData(100_000, 20)]
    [InlineData(2600, 1900)]   // more than one piece
    public void Read_of_a_large_transposed_matrix_comes_in_pieces_and_is_right(int rows, int columns)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(9);
        int count = rows * columns;
        byte[] stored = new byte[count * 4];
        for (int i = 0; i < count; i++) BitConverter.TryWriteBytes(stored.AsSpan(i * 4), (float)i);
        using Checkpoint checkpoint = Open(folder, TorchBytes.Dictionary(p => p.Tensor(0, [rows, columns], [1, rows], count)).InZip(stored));
        var values = new float[count];
        Parallel.For(0, 8, thread =>
        {
            for (int at = thread * (count / 8), end = thread == 7 ? count : (thread + 1) * (count / 8); at < end;)
            {
                int here;
                lock (random) here = Math.Min(end - at, random.Next(1, 90_000));
                checkpoint.Read("w", at, values.AsSpan(at, here));
                at += here;
            }
        });
        for (int i = 0; i < count; i++) Assert.True(values[i] == i % columns * (float)rows + i / columns, $"{i}: {values[i]}");
    }

    private static IEnumerable<long[]> Indexes(long[] sizes)
    {
        if (sizes.Length == 0) { yield return []; yield break; }
        for (long i = 0; i < sizes[0]; i++)
            foreach (long[] rest in Indexes(sizes[1..])) yield return [i, .. rest];
    }

    [Fact]
    public void Open_of_a_folder_takes_torch_files_by_their_index()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], "{}");
        File.WriteAllBytes(folder["pytorch_model.bin"], Good.InZip());
        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path))
        {
            Assert.Equal(["w"], checkpoint.Names);
            Assert.NotNull(checkpoint.Folder!.Config);
            Assert.Empty(checkpoint.Remarks);
            Assert.Null(checkpoint.View("w"));
        }
        File.Move(folder["pytorch_model.bin"], folder["pytorch_model-00001-of-00001.bin"]);
        File.WriteAllText(folder["pytorch_model.bin.index.json"], """{"weight_map":{"w":"pytorch_model-00001-of-00001.bin"}}""");
        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path)) Assert.Equal([0, 1, 2, 3, 4, 5], Values(checkpoint, "w"));
        File.Copy(folder["pytorch_model-00001-of-00001.bin"], folder["pytorch_model.bin"]);
        Assert.Contains("holds both pytorch_model.bin and", Assert.Throws<WarmException>(() => Checkpoint.Open(folder.Path)).Message);
        using (Checkpoint checkpoint = Checkpoint.Open(folder["pytorch_model.bin"])) Assert.NotNull(checkpoint.Folder);
        File.WriteAllText(folder["training_args.bin"], "x");
        Assert.Contains("never opened", Assert.Throws<WarmException>(() => Checkpoint.Open(folder["training_args.bin"])).Message);
    }

    [Fact]
    public void Open_takes_the_weights_of_a_trainers_checkpoint_and_says_so()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Golden("torch", "checkpoint.bin"));
        Assert.Equal(["embed", "head"], checkpoint.Names);
        Assert.Contains("holds its weights under 'model_state_dict': those are taken, \"epoch\", \"lr\", \"tags\", \"optimizer\" left out", Assert.Single(checkpoint.Remarks));
    }

    [Fact]
    public async Task Read_of_compressed_storages_serves_many_threads()
    {
        using var folder = new TemporaryFolder();
        TorchBytes pickle = TorchBytes.Pickle.Op("}(");
        for (int i = 0; i < 8; i++) pickle.Text($"w{i}").Tensor(sizes: [100_000], strides: [1], count: 100_000, key: $"{i}");
        byte[] Storage(int i) => [.. Enumerable.Range(0, 100_000).SelectMany(n => BitConverter.GetBytes((float)(n + i)))];
        File.WriteAllBytes(folder["x.bin"], pickle.Op("u.").InZip(Storage(0), a => { for (int i = 1; i < 8; i++) TorchBytes.Add(a, $"archive/data/{i}", Storage(i), CompressionLevel.Fastest); }, level: CompressionLevel.Fastest));
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.bin"]);
        await Parallel.ForAsync(0, 64, (i, _) =>
        {
            var part = new float[10];
            checkpoint.Read($"w{i % 8}", 1000 * i, part);
            Assert.Equal(1000 * i + i % 8, part[0]);
            return ValueTask.CompletedTask;
        });
        checkpoint.Dispose();
        Assert.Contains("is closed", Assert.Throws<WarmException>(() => checkpoint.Read("w0", 0, new float[1])).Message);
    }
}
