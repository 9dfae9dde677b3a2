using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Warm;

/// <summary>
/// The header of a safetensors file: 8 bytes of length, then a JSON object of tensors and <c>__metadata__</c>. As strict as the Rust library (0.8.0), and stricter where that
/// keeps quiet: a name that stands twice, an entry written as a list, a dtype written as an object, a size beyond 2^63 - 1.
/// </summary>
/// <remarks>Nothing is allocated from a number in the file before that number has been compared with the file's real size.</remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>Largest header in bytes.</summary>
    public const int Limit = 100_000_000;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = JsonText.Depth };

    private SafetensorsHeader(long dataOffset, Dictionary<string, Entry> tensors, Dictionary<string, string> metadata)
    {
        DataOffset = dataOffset;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>One tensor and where its bytes begin, counted from <see cref="DataOffset"/>.</summary>
    public readonly record struct Entry(TensorInfo Info, long Start);

    /// <summary>Where in the file the tensors' bytes begin. Not a multiple of anything: padding is a habit of writers.</summary>
    public long DataOffset { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, Entry> Tensors { get; }

    /// <summary>The free texts under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The header's length from the first 8 bytes, once it is sure that so many bytes are there.</summary>
    public static int Length(ReadOnlySpan<byte> first, long fileSize, string file)
    {
        if (fileSize < 8) throw new WarmException(file, $"has {fileSize} bytes", "a safetensors file of at least 10", "Download it again.");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(first);
        if (length > Limit)
            throw new WarmException($"{file}, byte 0", $"the header's length is {length:N0}", $"at most {Limit:N0} bytes in a safetensors file");
        if ((long)length > fileSize - 8)
            throw new WarmException(file, $"has {fileSize:N0} bytes", $"at least {length + 8:N0}, for the header alone has {length:N0}", "The file was cut short: download it again.");
        return (int)length;
    }

    /// <summary>Reads a header.</summary>
    /// <param name="json">The bytes after the length.</param>
    /// <param name="fileSize">Size of the whole file, which the tensors must fill exactly.</param>
    /// <param name="file">What messages call the file.</param>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileSize, string file)
    {
        JsonText.CheckUtf8(json, $"{file}, header");
        var parser = new Parser { Reader = new Utf8JsonReader(json, Strict), Json = json, File = file };
        try
        {
            parser.Document();
        }
        catch (JsonException error)
        {
            throw JsonText.Refusal(error, json, parser.Reader.BytesConsumed, $"{file}, header");
        }
        var header = new SafetensorsHeader(8 + json.Length, parser.Tensors, parser.Metadata);
        header.CheckTiling(fileSize, file, parser.Ends);
        return header;
    }

    /// <summary>The ranges must lie end to end from 0 to the end of the file: no gap, no overlap, nothing left over.</summary>
    private void CheckTiling(long fileSize, string file, Dictionary<string, long> ends)
    {
        long at = 0;
        string? before = null;
        // Empty tensors stand at a border, before the tensor that begins there.
        foreach ((string name, Entry entry) in Tensors.OrderBy(t => t.Value.Start).ThenBy(t => ends[t.Key]).ThenBy(t => t.Key, StringComparer.Ordinal))
        {
            long end = ends[name];
            string where = $"{file}, {JsonText.Quote(name)}";
            if (entry.Start != at)
                throw new WarmException(where, $"begins at byte {entry.Start:N0} of the data",
                    before is null ? "byte 0, for it is the first" : $"byte {at:N0}, where {JsonText.Quote(before)} ends");
            if (end - entry.Start != entry.Info.Bytes)
                throw new WarmException(where, $"has {end - entry.Start:N0} bytes", $"{entry.Info.Bytes:N0} for {entry.Info.DType.Name()} {entry.Info.Shape}");
            at = end;
            before = name;
        }
        long expected = checked(DataOffset + at);
        if (fileSize < expected)
            throw new WarmException(file, $"has {fileSize:N0} bytes", $"{expected:N0} by its header", "The file was cut short: download or copy it again.");
        if (fileSize > expected)
            throw new WarmException(file, $"has {fileSize:N0} bytes", $"{expected:N0} by its header: {fileSize - expected:N0} bytes after the last tensor belong to none");
    }

    /// <summary>A walk over the tokens that knows what must come next.</summary>
    private ref struct Parser()
    {
        public Utf8JsonReader Reader;
        public ReadOnlySpan<byte> Json;
        public required string File;
        public readonly Dictionary<string, Entry> Tensors = [];
        public readonly Dictionary<string, long> Ends = [];
        public readonly Dictionary<string, string> Metadata = [];
        private bool _metadataSeen;

        public void Document()
        {
            Reader.Read();
            Expect(JsonTokenType.StartObject, "the header", "an object");
            while (Next() == JsonTokenType.PropertyName)
            {
                string name = Text();
                Next();
                if (name == "__metadata__") ReadMetadata();
                else
                {
                    if (Tensors.ContainsKey(name)) throw Wrong($"the tensor {JsonText.Quote(name)} stands twice", "each name once");
                    ReadEntry(name);
                }
            }
            while (Reader.Read()) ; // only white space may follow; anything else is the reader's error
        }

        private void ReadMetadata()
        {
            if (_metadataSeen) throw Wrong("__metadata__ stands twice", "at most one");
            _metadataSeen = true;
            if (Reader.TokenType == JsonTokenType.Null) return; // counts as absent
            Expect(JsonTokenType.StartObject, "__metadata__", "an object of texts");
            while (Next() == JsonTokenType.PropertyName)
            {
                string key = Text();
                Next();
                Expect(JsonTokenType.String, $"__metadata__ {JsonText.Quote(key)}", "a text");
                Metadata[key] = Text(); // of two equal keys the last counts
            }
        }

        private void ReadEntry(string name)
        {
            string quoted = JsonText.Quote(name);
            Expect(JsonTokenType.StartObject, quoted, "an object with dtype, shape and data_offsets");
            DType? dtype = null;
            long[]? shape = null, offsets = null;
            while (Next() == JsonTokenType.PropertyName)
            {
                string field = Text();
                Next();
                switch (field)
                {
                    case "dtype":
                        if (dtype is not null) throw Wrong($"dtype of {quoted} stands twice", "one");
                        Expect(JsonTokenType.String, $"dtype of {quoted}", "a text");
                        string spelt = Text();
                        dtype = DTypes.Parse(spelt) ?? throw Wrong($"dtype of {quoted} is {JsonText.Quote(spelt)}", "one of BOOL, U8 to U64, I8 to I64, F4 to F64, BF16, C64, as safetensors 0.8 spells them");
                        break;
                    case "shape":
                        if (shape is not null) throw Wrong($"shape of {quoted} stands twice", "one");
                        shape = Sizes($"shape of {quoted}");
                        break;
                    case "data_offsets":
                        if (offsets is not null) throw Wrong($"data_offsets of {quoted} stand twice", "once");
                        offsets = Sizes($"data_offsets of {quoted}");
                        if (offsets.Length != 2) throw Wrong($"data_offsets of {quoted} has {offsets.Length} numbers", "two, begin and end");
                        break;
                    default:
                        Reader.Skip(); // the library ignores fields that it does not know
                        break;
                }
            }
            string? missing = dtype is null ? "dtype" : shape is null ? "shape" : offsets is null ? "data_offsets" : null;
            if (missing is not null) throw Wrong($"{quoted} has no {missing}", "dtype, shape and data_offsets");
            var info = new TensorInfo(name, dtype!.Value, new Shape(shape!));
            CheckSize(info, quoted);
            if (offsets![1] < offsets[0]) throw Wrong($"data_offsets of {quoted} are [{offsets[0]}, {offsets[1]}]", "an end that is not before the begin");
            Tensors.Add(name, new Entry(info, offsets[0]));
            Ends.Add(name, offsets[1]);
        }

        private readonly void CheckSize(TensorInfo info, string quoted)
        {
            // Values first, then bits, as the library multiplies: an axis of 0 makes any later axis harmless.
            long bits = 1;
            try
            {
                foreach (long size in info.Shape.Sizes) bits = checked(bits * size);
                bits = checked(bits * info.DType.Bits());
            }
            catch (OverflowException)
            {
                throw Wrong($"{quoted} with shape {info.Shape} is larger than any file", "a shape that fits its data_offsets");
            }
            if (bits % 8 != 0) throw Wrong($"{quoted}, {info.DType.Name()} {info.Shape}, does not fill whole bytes", $"a multiple of {(info.DType.Bits() == 4 ? 2 : 4)} values");
        }

        private long[] Sizes(string what)
        {
            Expect(JsonTokenType.StartArray, what, "a list of whole numbers");
            var sizes = new List<long>();
            while (Next() != JsonTokenType.EndArray)
            {
                Expect(JsonTokenType.Number, what, "a list of whole numbers");
                // Digits only: 2.0, 4e0 and -0 are no sizes though their value is whole.
                if (Reader.ValueSpan.ContainsAnyExceptInRange((byte)'0', (byte)'9') || !Reader.TryGetInt64(out long size))
                {
                    string shown = Encoding.UTF8.GetString(Reader.ValueSpan[..Math.Min(40, Reader.ValueSpan.Length)]);
                    throw Wrong($"{what} holds {shown}", $"whole numbers from 0 to {long.MaxValue}");
                }
                sizes.Add(size);
            }
            return [.. sizes];
        }

        private JsonTokenType Next()
        {
            Reader.Read();
            return Reader.TokenType;
        }

        private string Text() => JsonText.Text(ref Reader, Json, $"{File}, header");

        private readonly void Expect(JsonTokenType type, string what, string expected)
        {
            if (Reader.TokenType != type) throw Wrong($"{what} is {Found()}", expected);
        }

        private readonly string Found() => Reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "a list",
            JsonTokenType.String => "a text",
            JsonTokenType.Number => "a number",
            JsonTokenType.Null => "null",
            JsonTokenType.None => "missing",
            _ => "true or false",
        };

        private readonly WarmException Wrong(string found, string expected) => new(JsonText.Place($"{File}, header", Json, Reader.TokenStartIndex), found, expected);
    }
}
