using System.Buffers.Binary;
using System.Text;
using Warm.Testing;

namespace Warm.Tests;

public class SafetensorsWriterTests
{
    [Fact]
    public void Header_is_what_the_official_writer_makes()
    {
        // safetensors 0.8.0, save_file of these tensors in any order (file writer_order of the reference).
        TensorInfo[] tensors =
        [
            new("b_u8", DType.U8, new(3)), new("a_f16", DType.F16, new(3)), new("z_f32", DType.F32, new(2)), new("k_bool", DType.Bool, new(1)), new("c_f64", DType.F64, new(1)),
            new("a_bf16", DType.BF16, new(2)), new("i_i64", DType.I64, new(1)), new("a_f32", DType.F32, new(3)),
        ];
        byte[] header = SafetensorsWriter.Header(SafetensorsWriter.Sorted(tensors), new Dictionary<string, string> { ["z"] = "1", ["a"] = "2" }, "x");
        Assert.Equal(
            """{"__metadata__":{"z":"1","a":"2"},"i_i64":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"c_f64":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"a_f32":{"dtype":"F32","shape":[3],"data_offsets":[16,28]},"z_f32":{"dtype":"F32","shape":[2],"data_offsets":[28,36]},"a_bf16":{"dtype":"BF16","shape":[2],"data_offsets":[36,40]},"a_f16":{"dtype":"F16","shape":[3],"data_offsets":[40,46]},"b_u8":{"dtype":"U8","shape":[3],"data_offsets":[46,49]},"k_bool":{"dtype":"BOOL","shape":[1],"data_offsets":[49,50]}}       """,
            Encoding.UTF8.GetString(header.AsSpan(8)));
        Assert.Equal(header.Length - 8, BinaryPrimitives.ReadInt64LittleEndian(header));
    }

    [Fact]
    public void Write_then_open_gives_names_types_shapes_and_bytes_back()
    {
        using var folder = new TemporaryFolder();
        string[] names = ["", "a.b", "é模型🙂", "quote\"back\\slash", "line\nbreak\u0001", "zero"];
        var random = new Random(5);
        var tensors = Enum.GetValues<DType>().SelectMany((dtype, i) => names.Select(n => new TensorInfo($"{n}/{dtype}", dtype, n == "zero" ? new Shape(0, 3) : new Shape(2, 4 + 4 * (i % 3))))).ToList();
        var bytes = tensors.ToDictionary(t => t.Name, t => { byte[] b = new byte[t.Bytes]; random.NextBytes(b); return b; });
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder["x.safetensors"], tensors))
        {
            Assert.Empty(Directory.GetFiles(folder.Path, "x.safetensors"));
            Parallel.ForEach(tensors, t =>
            {
                for (int i = 0; i < bytes[t.Name].Length; i += 3) writer.Write(t.Name, i, bytes[t.Name].AsSpan(i, Math.Min(3, bytes[t.Name].Length - i)));
            });
            writer.Commit();
        }
        Assert.Single(Directory.GetFiles(folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }));
        using Checkpoint back = Checkpoint.Open(folder["x.safetensors"]);
        Assert.Equal("pt", back.Metadata["format"]);
        Assert.Equal(tensors.Count, back.Names.Count);
        foreach (TensorInfo tensor in tensors)
        {
            Assert.Equal(tensor, back.Info(tensor.Name));
            byte[] read = new byte[tensor.Bytes];
            back.ReadRaw(tensor.Name, 0, read);
            Assert.Equal(bytes[tensor.Name], read);
        }
    }

    [Fact]
    public void Dispose_before_commit_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder["x.safetensors"], [new("a", DType.F32, new(2))]))
        {
            Assert.Throws<InvalidOperationException>(writer.Commit); // not every byte was written
            writer.Write("a", 0, new byte[4]);
        }
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }));
    }

    [Fact]
    public void Create_refuses_a_place_that_is_taken()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["x.safetensors"], "mine");
        Assert.Contains("exists already", Assert.Throws<WarmException>(() => SafetensorsWriter.Create(folder["x.safetensors"], [])).Message);
        Assert.Equal("mine", File.ReadAllText(folder["x.safetensors"]));
        Assert.Contains("folder", Assert.Throws<WarmException>(() => SafetensorsWriter.Create(folder["no/x.safetensors"], [])).Message);
    }

    [Fact]
    public void Sorted_refuses_a_name_twice_and_the_name_of_the_metadata()
    {
        Assert.Throws<WarmException>(() => SafetensorsWriter.Sorted([new("a", DType.F32, new(1)), new("a", DType.F16, new(1))]));
        Assert.Throws<WarmException>(() => SafetensorsWriter.Sorted([new("__metadata__", DType.F32, new(1))]));
        Assert.Throws<WarmException>(() => SafetensorsWriter.Sorted([new("a", DType.F4, new(3))]));
    }
}
