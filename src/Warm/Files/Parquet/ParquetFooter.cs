using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>Where one column of one row group lies.</summary>
internal readonly record struct ParquetChunk(string Path, int Codec, long Values, long Start, long Bytes);

/// <summary>The footer of a Parquet file: its schema, and where the columns of each row group lie. Format: https://parquet.apache.org/docs/file-format/.</summary>
internal sealed class ParquetFooter
{
    private const int LargestFooter = 1 << 28;

    private ParquetFooter(ParquetNode root, ParquetNode[] leaves, (long, ParquetChunk[])[] groups) => (Root, Leaves, Groups) = (root, leaves, groups);

    public ParquetNode Root { get; }

    /// <summary>The columns, nested ones as their leaves.</summary>
    public ParquetNode[] Leaves { get; }

    /// <summary>Rows and columns of each row group.</summary>
    public (long Rows, ParquetChunk[] Columns)[] Groups { get; }

    /// <summary>Reads the footer. Refused: another format, a file cut short, an encrypted one.</summary>
    public static ParquetFooter Read(SafeFileHandle file, string path)
    {
        long length = RandomAccess.GetLength(file);
        if (length < 12) throw new WarmException(path, $"has {length} bytes", "a Parquet file");
        byte[] head = new byte[4], tail = new byte[8];
        InputFile.Read(file, path, head, 0);
        InputFile.Read(file, path, tail, length - 8);
        ReadOnlySpan<byte> magic = "PAR1"u8;
        if (tail.AsSpan(4).SequenceEqual("PARE"u8) || head.AsSpan().SequenceEqual("PARE"u8)) throw new WarmException(path, "is encrypted", "a Parquet file in the clear");
        if (!head.AsSpan().SequenceEqual(magic)) throw new WarmException(path, "is not Parquet (it does not begin with PAR1)", "a Parquet file", head.AsSpan().SequenceEqual("vers"u8) ? "This is a git-LFS pointer: fetch the file itself." : null);
        if (!tail.AsSpan(4).SequenceEqual(magic)) throw new WarmException(path, "is Parquet that was cut short (it does not end with PAR1)", "a whole file", "Copy or download it again.");
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (size > length - 12 || size > LargestFooter) throw new WarmException(path, $"says that its footer has {size:N0} bytes", $"at most {Math.Min(length - 12, LargestFooter):N0}");
        byte[] footer = new byte[size];
        InputFile.Read(file, path, footer, length - 8 - size);
        try
        {
            return Parse(footer, length - 8 - size);
        }
        catch (Exception error) when (IsBroken(error))
        {
            throw new WarmException(path, $"has a broken footer ({error.Message.TrimEnd('.')})", "a Parquet file", inner: error);
        }
    }

    /// <summary>What reading broken bytes throws.</summary>
    public static bool IsBroken(Exception error) =>
        error is InvalidDataException or IndexOutOfRangeException or ArgumentException or OverflowException or EndOfStreamException;

    private static ParquetFooter Parse(ReadOnlySpan<byte> data, long end)
    {
        var reader = new CompactThrift(data);
        List<ParquetNode> elements = [];
        List<(long, ParquetChunk[])> groups = [];
        for (int field = 0; reader.Field(ref field, out byte type);)
        {
            if (field == 2) for (int left = reader.ListOf(out _); left > 0; left--) elements.Add(Element(ref reader));
            else if (field == 4) for (int left = reader.ListOf(out _); left > 0; left--) groups.Add(Group(ref reader));
            else reader.Skip(type);
        }
        List<ParquetNode> leaves = [];
        ParquetNode root = ParquetNode.Tree(elements, leaves);
        foreach ((long rows, ParquetChunk[] columns) in groups)
        {
            if (rows < 0 || columns.Length != leaves.Count) throw new InvalidDataException($"a row group of {columns.Length} columns where the schema has {leaves.Count}");
            foreach ((ParquetChunk column, ParquetNode leaf) in columns.Zip(leaves))
            {
                if (column.Path != leaf.Path) throw new InvalidDataException($"column {leaf.Path} is called {column.Path} in a row group");
                if (column.Values != 0 && (column.Start < 4 || column.Bytes < 0 || column.Start > end || column.Bytes > end - column.Start)) throw new InvalidDataException($"column {leaf.Path} lies outside the file");
            }
        }
        return new(root, [.. leaves], [.. groups]);
    }

    private static ParquetNode Element(ref CompactThrift reader)
    {
        (int? type, int length, int repetition, string name, int children, int? converted, int scale) = (null, 0, 0, "", 0, null, 0);
        ParquetMeaning? meaning = null;
        for (int field = 0; reader.Field(ref field, out byte kind);)
        {
            switch (field)
            {
                case 1: type = reader.Int32(); break;
                case 2: length = reader.Int32(); break;
                case 3: repetition = reader.Int32(); break;
                case 4: name = reader.Text(); break;
                case 5: children = reader.Int32(); break;
                case 6: converted = reader.Int32(); break;
                case 7: scale = reader.Int32(); break;
                case 10: meaning = Logical(ref reader, ref scale); break;
                default: reader.Skip(kind); break;
            }
        }
        meaning ??= converted switch
        {
            0 or 4 or 19 => ParquetMeaning.Text,
            1 or 2 => ParquetMeaning.Map,
            3 => ParquetMeaning.List,
            5 => ParquetMeaning.Decimal,
            6 => ParquetMeaning.Date,
            9 => ParquetMeaning.Milliseconds,
            10 => ParquetMeaning.Microseconds,
            >= 11 and <= 14 => ParquetMeaning.Unsigned,
            _ => ParquetMeaning.Plain,
        };
        if (type is < 0 or > 7 || length < 0 || scale is < 0 or > 38 || children < 0) throw new InvalidDataException($"column {name} is of a type that Parquet does not have");
        return new()
        {
            Name = name, Type = children > 0 ? null : (ParquetType?)type, Length = length, IsOptional = repetition == 1, IsRepeated = repetition == 2, ChildCount = children, Meaning = meaning.Value, Scale = scale,
        };
    }

    /// <summary>The newer way to say what values mean: a union, of which the field's number tells the kind.</summary>
    private static ParquetMeaning Logical(ref CompactThrift reader, ref int scale)
    {
        ParquetMeaning meaning = ParquetMeaning.Plain;
        for (int field = 0; reader.Field(ref field, out byte kind);)
        {
            if (kind != CompactThrift.Struct) { reader.Skip(kind); continue; }
            meaning = field switch
            {
                1 or 4 or 12 => ParquetMeaning.Text, 2 => ParquetMeaning.Map, 3 => ParquetMeaning.List, 5 => ParquetMeaning.Decimal, 6 => ParquetMeaning.Date,
                14 => ParquetMeaning.Uuid, 15 => ParquetMeaning.Half, _ => ParquetMeaning.Plain,
            };
            int which = field;
            for (int inner = 0; reader.Field(ref inner, out byte type);)
            {
                if (which == 5 && inner == 1) scale = reader.Int32();
                else if (which == 8 && inner == 2)
                {
                    for (int unit = 0; reader.Field(ref unit, out byte empty); reader.Skip(empty))
                        meaning = unit switch { 1 => ParquetMeaning.Milliseconds, 2 => ParquetMeaning.Microseconds, _ => ParquetMeaning.Nanoseconds };
                }
                else if (which == 10 && inner == 2) meaning = type == CompactThrift.False ? ParquetMeaning.Unsigned : ParquetMeaning.Plain;
                else reader.Skip(type);
            }
        }
        return meaning;
    }

    private static (long, ParquetChunk[]) Group(ref CompactThrift reader)
    {
        List<ParquetChunk> columns = [];
        long rows = 0;
        for (int field = 0; reader.Field(ref field, out byte type);)
        {
            if (field == 1) for (int left = reader.ListOf(out _); left > 0; left--) columns.Add(Column(ref reader));
            else if (field == 3) rows = reader.Integer();
            else reader.Skip(type);
        }
        return (rows, [.. columns]);
    }

    private static ParquetChunk Column(ref CompactThrift reader)
    {
        ParquetChunk? chunk = null;
        for (int field = 0; reader.Field(ref field, out byte type);)
        {
            if (field == 1) throw new InvalidDataException($"a column lies in another file, {reader.Text()}");
            if (field == 3) chunk = Chunk(ref reader);
            else reader.Skip(type);
        }
        return chunk ?? throw new InvalidDataException("a column says nothing of itself, or is encrypted");
    }

    private static ParquetChunk Chunk(ref CompactThrift reader)
    {
        List<string> path = [];
        (int codec, long values, long bytes, long data, long? dictionary) = (0, 0, 0, 0, null);
        for (int field = 0; reader.Field(ref field, out byte type);)
        {
            switch (field)
            {
                case 3: for (int left = reader.ListOf(out _); left > 0; left--) path.Add(reader.Text()); break;
                case 4: codec = reader.Int32(); break;
                case 5: values = reader.Integer(); break;
                case 7: bytes = reader.Integer(); break;
                case 9: data = reader.Integer(); break;
                case 11: dictionary = reader.Integer(); break;
                default: reader.Skip(type); break;
            }
        }
        // Trap: some writers name a dictionary at 0 where there is none.
        return new(string.Join('.', path), codec, values, dictionary is > 0 && dictionary < data ? dictionary.Value : data, bytes);
    }
}
