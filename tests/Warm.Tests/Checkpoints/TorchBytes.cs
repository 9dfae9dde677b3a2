using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Warm.Tests;

/// <summary>Writes pickles and torch files instruction by instruction, right or wrong: what torch.save would never write can be written too.</summary>
internal sealed class TorchBytes
{
    private readonly MemoryStream _bytes = new();

    public static TorchBytes Pickle => new TorchBytes().Raw(0x80, 2);

    public TorchBytes Raw(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public TorchBytes Op(string ascii) => Raw(Encoding.Latin1.GetBytes(ascii));

    public TorchBytes Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text), length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        return Op("X").Raw(length).Raw(utf8);
    }

    public TorchBytes Number(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Raw(0x8a, 8).Raw(bytes);
    }

    public TorchBytes Global(string module, string name) => Op($"c{module}\n{name}\n");

    public TorchBytes Numbers(params long[] values)
    {
        Op("(");
        foreach (long value in values) Number(value);
        return Op("t");
    }

    public TorchBytes Storage(long count = 6, string key = "0", string type = "FloatStorage") => Op("(").Text("storage").Global("torch", type).Text(key).Text("cpu").Number(count).Op("tQ");

    /// <summary>A tensor over six floats, whatever its numbers say.</summary>
    public TorchBytes Tensor(long offset = 0, long[]? sizes = null, long[]? strides = null, long count = 6, string key = "0", string type = "FloatStorage") =>
        Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage(count, key, type).Number(offset).Numbers(sizes ?? [2, 3]).Numbers(strides ?? [3, 1]).Raw(0x89).Global("collections", "OrderedDict").Op(")RtR");

    /// <summary>A dictionary of one tensor named w.</summary>
    public static TorchBytes Dictionary(Func<TorchBytes, TorchBytes> tensor) => tensor(Pickle.Op("}").Text("w")).Op("s.");

    public byte[] Bytes => _bytes.ToArray();

    /// <summary>Twenty-four bytes: 0 to 5 as floats.</summary>
    public static byte[] Six { get; } = [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))];

    public byte[] InZip(byte[]? storage = null, Action<ZipArchive>? more = null, string version = "3\n", CompressionLevel level = CompressionLevel.NoCompression, string? byteOrder = "little") =>
        Zip(archive =>
        {
            Add(archive, "archive/data.pkl", Bytes, level);
            if (byteOrder is not null) Add(archive, "archive/byteorder", Encoding.ASCII.GetBytes(byteOrder));
            Add(archive, "archive/data/0", storage ?? Six, level);
            if (version.Length > 0) Add(archive, "archive/version", Encoding.ASCII.GetBytes(version));
            more?.Invoke(archive);
        });

    public static byte[] Zip(Action<ZipArchive> fill)
    {
        var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create)) fill(archive);
        return bytes.ToArray();
    }

    public static void Add(ZipArchive archive, string name, byte[] bytes, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using Stream entry = archive.CreateEntry(name, level).Open();
        entry.Write(bytes);
    }

    /// <summary>The older stream: magic number, version, system, this pickle, the keys, the storages.</summary>
    public byte[] InStream(string[]? keys = null, long count = 6, byte[]? storage = null, bool little = true)
    {
        var stream = new TorchBytes().Raw(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19).Op(".").Raw(0x80, 2).Number(1001).Op(".")
            .Raw(0x80, 2).Op("}").Text("little_endian").Raw((byte)(little ? 0x88 : 0x89)).Op("s.").Raw(Bytes).Raw(0x80, 2).Op("](");
        foreach (string key in keys ?? ["0"]) stream.Text(key);
        stream.Op("e.");
        foreach (string _ in keys ?? ["0"])
        {
            byte[] number = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(number, count);
            stream.Raw(number).Raw(storage ?? Six);
        }
        return stream.Bytes;
    }
}
