using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>One value of a column with its levels: how deep it is defined, and at which level it repeats (0 begins a row).</summary>
internal readonly record struct ParquetEntry(int Repetition, int Definition, object? Value);

/// <summary>A column of one row group, read page by page: one page and one dictionary are in memory.</summary>
internal sealed class ParquetColumn
{
    private const int LargestPage = 1 << 28, MostEntriesOfARow = 1 << 24;

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly ParquetNode _leaf;
    private readonly ParquetChunk _chunk;
    private readonly ParquetBuffer _stored, _page;
    private readonly int _group;
    private long _at, _left;
    private object[]? _dictionary;
    private ParquetRuns? _repetitions, _definitions;
    private ParquetValues? _values;
    private int _inPage, _nextRepetition = -1;

    /// <param name="file">The file.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="leaf">Which column.</param>
    /// <param name="chunk">Where it lies.</param>
    /// <param name="group">Number of the row group, for messages.</param>
    /// <param name="stored">Holds a page's bytes while they are unpacked: one for all columns.</param>
    /// <param name="page">Holds the page that is being read: one for this column, in all row groups.</param>
    public ParquetColumn(SafeFileHandle file, string path, ParquetNode leaf, ParquetChunk chunk, int group, ParquetBuffer stored, ParquetBuffer page) =>
        (_file, _path, _leaf, _chunk, _group, _at, _left, _stored, _page) = (file, path, leaf, chunk, group, chunk.Start, chunk.Values, stored, page);

    /// <summary>The entries of the next row.</summary>
    public void ReadRow(List<ParquetEntry> row)
    {
        row.Clear();
        try
        {
            do
            {
                if (row.Count == MostEntriesOfARow) throw new InvalidDataException($"a row of more than {MostEntriesOfARow:N0} values");
                ParquetEntry entry = Next();
                if (row.Count == 0 && entry.Repetition != 0) throw new InvalidDataException("a row begins in the middle of a list");
                row.Add(entry);
            }
            while (HasMoreOfRow());
        }
        catch (NotSupportedException error)
        {
            throw new WarmException(Where, $"is {error.Message}", "Snappy, gzip, Brotli, Zstandard, LZ4_RAW or no compression", "Write the file again with one of these.", inner: error);
        }
        catch (Exception error) when (ParquetFooter.IsBroken(error))
        {
            throw new WarmException(Where, $"is broken ({error.Message.TrimEnd('.')})", "whole pages", "Copy or download the file again.", inner: error);
        }
    }

    private string Where => $"{_path}, column {_leaf.Path}, row group {_group + 1}";

    private ParquetEntry Next()
    {
        int repetition = _nextRepetition >= 0 ? _nextRepetition : Repetition();
        _nextRepetition = -1;
        int definition = _definitions?.Next() ?? 0;
        if (definition > _leaf.Definition || repetition > _leaf.Repetition) throw new InvalidDataException("levels beyond the schema's");
        _inPage--;
        _left--;
        return new(repetition, definition, definition == _leaf.Definition ? _values!.Next() : null);
    }

    private bool HasMoreOfRow()
    {
        if (_leaf.Repetition == 0) return false;
        if (_left == 0) return false;
        _nextRepetition = Repetition();
        return _nextRepetition > 0;
    }

    private int Repetition()
    {
        if (_left <= 0) throw new EndOfStreamException("the column ends before its rows");
        while (_inPage == 0) NextPage();
        return _repetitions?.Next() ?? 0;
    }

    private void NextPage()
    {
        long end = _chunk.Start + _chunk.Bytes;
        ParquetPage page = ParquetPage.Read(_file, _path, _at, end);
        if (page.Stored < 0 || page.Unpacked < 0 || page.Unpacked > LargestPage || page.Values < 0) throw new InvalidDataException($"a page of {page.Stored} bytes for {page.Unpacked}");
        if (page.Stored > end - page.Body) throw new InvalidDataException($"a page of {page.Stored} bytes where the column has {end - page.Body} left");
        _at = page.Body + page.Stored;
        if (page.Kind is not (ParquetPage.Data or ParquetPage.DataV2 or ParquetPage.Dictionary)) return;

        // In the second form of pages the levels lie before what is compressed.
        int levels = page.Kind == ParquetPage.DataV2 ? checked(page.RepetitionBytes + page.DefinitionBytes) : 0, size = page.Stored;
        if (levels > page.Stored || levels > page.Unpacked) throw new InvalidDataException("levels longer than their page");
        byte[] data;
        if (!page.IsCompressed || _chunk.Codec == 0) InputFile.Read(_file, _path, (data = _page.Of(size)).AsSpan(0, size), page.Body);
        else
        {
            byte[] stored = _stored.Of(page.Stored);
            InputFile.Read(_file, _path, stored.AsSpan(0, page.Stored), page.Body);
            size = page.Unpacked;
            data = _page.Of(size);
            stored.AsSpan(0, levels).CopyTo(data);
            ParquetCodec.Unpack(_chunk.Codec, stored.AsSpan(levels, page.Stored - levels), data.AsMemory(levels, size - levels));
        }
        if (page.Kind == ParquetPage.Dictionary)
        {
            _dictionary = new ParquetValues(_leaf, page.Encoding == 2 ? 0 : page.Encoding, data, 0, size, page.Values, null).All();
            return;
        }
        int at = 0;
        if (page.Kind == ParquetPage.DataV2)
        {
            _repetitions = _leaf.Repetition == 0 ? null : new(data, 0, page.RepetitionBytes, Width(_leaf.Repetition));
            _definitions = _leaf.Definition == 0 ? null : new(data, page.RepetitionBytes, levels, Width(_leaf.Definition));
            at = levels;
        }
        else
        {
            _repetitions = Levels(data, ref at, size, _leaf.Repetition);
            _definitions = Levels(data, ref at, size, _leaf.Definition);
        }
        _inPage = page.Values;
        _values = new ParquetValues(_leaf, page.Encoding, data, at, size, page.Values, _dictionary);
    }

    /// <summary>Levels that are led by their length in bytes; none where only one level is possible.</summary>
    private static ParquetRuns? Levels(byte[] data, ref int at, int end, int most)
    {
        if (most == 0) return null;
        int length = System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(data.AsSpan(at, 4));
        if (length < 0 || length > end - at - 4) throw new InvalidDataException("levels longer than their page");
        var runs = new ParquetRuns(data, at + 4, at + 4 + length, Width(most));
        at += 4 + length;
        return runs;
    }

    private static int Width(int most) => 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)most);
}

/// <summary>Memory that is used again and again; it grows in large steps, so that pages of nearly one size do not each leave an array behind.</summary>
internal sealed class ParquetBuffer
{
    private byte[] _bytes = [];

    /// <summary>Bytes that are held.</summary>
    public int Size => _bytes.Length;

    /// <summary>At least that many bytes; what was there before is gone.</summary>
    public byte[] Of(int size)
    {
        if (_bytes.Length >= size) return _bytes;
        int step = size > 1 << 23 ? 1 << 23 : 1 << 16;
        _bytes = []; // free before the larger one is taken
        return _bytes = GC.AllocateUninitializedArray<byte>((int)Math.Min(((long)size + step - 1) / step * step, Array.MaxLength));
    }
}
