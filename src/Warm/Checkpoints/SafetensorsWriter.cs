using System.Buffers.Binary;
using System.Text;

namespace Warm;

/// <summary>
/// Writes a safetensors file as the official writer does: wide types first, then by name (code points), so that data stays aligned; the header padded with spaces to 8 bytes.
/// The whole header is known before any data: bytes may then come in any order and from many threads. The file appears on <see cref="Commit"/>, whole, or not at all.
/// </summary>
internal sealed class SafetensorsWriter : IDisposable
{
    /// <summary>What transformers insists on.</summary>
    public static IReadOnlyDictionary<string, string> FormatPt { get; } = new Dictionary<string, string> { ["format"] = "pt" };

    private readonly AtomicFile _file;
    private readonly Dictionary<string, (TensorInfo Info, long Offset)> _places = [];
    private readonly long _dataBytes;
    private long _written;

    private SafetensorsWriter(AtomicFile file, IReadOnlyList<TensorInfo> tensors, long dataOffset)
    {
        _file = file;
        Tensors = tensors;
        long at = dataOffset;
        foreach (TensorInfo tensor in tensors)
        {
            _places.Add(tensor.Name, (tensor, at));
            at += tensor.Bytes;
        }
        Size = at;
        _dataBytes = at - dataOffset;
    }

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long Size { get; }

    /// <summary>Begins a file.</summary>
    /// <param name="path">Where it will be.</param>
    /// <param name="tensors">All its tensors, in any order.</param>
    /// <param name="metadata">Free texts in their order; null for <c>format: pt</c>, empty for none.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced; default false.</param>
    /// <param name="sync">Whether the bytes are on the disk before the name is (fsync); default true.</param>
    public static SafetensorsWriter Create(string path, IEnumerable<TensorInfo> tensors, IReadOnlyDictionary<string, string>? metadata = null, bool overwrite = false, bool sync = true)
    {
        IReadOnlyList<TensorInfo> sorted = Sorted(tensors);
        byte[] header = Header(sorted, metadata ?? FormatPt, path);
        var file = AtomicFile.Create(path, overwrite, sync, header.Length + sorted.Sum(t => t.Bytes));
        try
        {
            var writer = new SafetensorsWriter(file, sorted, header.Length);
            file.Write(0, header);
            return writer;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes bytes of a tensor from byte <paramref name="start"/> of it on. From any thread; each byte once.</summary>
    public void Write(string name, long start, ReadOnlySpan<byte> bytes)
    {
        (TensorInfo info, long offset) = _places[name];
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + bytes.Length, info.Bytes, nameof(bytes));
        _file.Write(offset + start, bytes);
        Interlocked.Add(ref _written, bytes.Length);
    }

    /// <summary>Gives the file its name, once every byte was written.</summary>
    public void Commit()
    {
        if (_written != _dataBytes) throw new InvalidOperationException($"{_written:N0} of {_dataBytes:N0} bytes were written to {_file.Path}.");
        _file.Commit();
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Tensors in the writer's order. A name that stands twice, or is <c>__metadata__</c>, is refused.</summary>
    public static IReadOnlyList<TensorInfo> Sorted(IEnumerable<TensorInfo> tensors)
    {
        TensorInfo[] sorted = [.. tensors];
        Array.Sort(sorted, (a, b) => a.DType != b.DType ? b.DType - a.DType : CodePointOrder.Instance.Compare(a.Name, b.Name));
        var seen = new HashSet<string>();
        foreach (TensorInfo tensor in sorted)
        {
            if (tensor.Name == "__metadata__") throw new WarmException("__metadata__", "is no name for a tensor: safetensors keeps it for texts");
            if (!seen.Add(tensor.Name)) throw new WarmException(JsonText.Quote(tensor.Name), "stands twice among the tensors to write", "each name once");
            if (checked(tensor.Count * tensor.DType.Bits()) % 8 != 0) throw new WarmException(JsonText.Quote(tensor.Name), $"{tensor.DType.Name()} {tensor.Shape} does not fill whole bytes");
        }
        return sorted;
    }

    /// <summary>The 8 bytes of length and the padded header of tensors in their order.</summary>
    public static byte[] Header(IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata, string file)
    {
        var json = new StringBuilder("{");
        if (metadata.Count > 0)
        {
            json.Append("\"__metadata__\":{");
            foreach ((string key, string value) in metadata) Append(Append(json, key).Append(':'), value).Append(',');
            json[^1] = '}';
            json.Append(',');
        }
        long at = 0;
        foreach (TensorInfo tensor in tensors)
        {
            Append(json, tensor.Name).Append($":{{\"dtype\":\"{tensor.DType.Name()}\",\"shape\":[").AppendJoin(',', tensor.Shape.Sizes.ToArray());
            json.Append($"],\"data_offsets\":[{at},{at + tensor.Bytes}]}},");
            at += tensor.Bytes;
        }
        if (json[^1] == ',') json.Length--;
        json.Append('}');
        int length = Encoding.UTF8.GetByteCount(json.ToString()), padded = (length + 7) / 8 * 8;
        if (padded > SafetensorsHeader.Limit) throw new WarmException(file, $"its header would have {padded:N0} bytes", $"at most {SafetensorsHeader.Limit:N0}", "Write several shards.");
        byte[] bytes = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, padded);
        Encoding.UTF8.GetBytes(json.ToString(), bytes.AsSpan(8));
        bytes.AsSpan(8 + length).Fill((byte)' ');
        return bytes;
    }

    /// <summary>A JSON text that escapes no more than it must, as serde_json writes it.</summary>
    private static StringBuilder Append(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char c in text)
            _ = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                < ' ' => json.Append($"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        return json.Append('"');
    }
}
