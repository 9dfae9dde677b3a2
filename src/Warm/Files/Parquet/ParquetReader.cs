using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// The rows of a Parquet file as JSON objects, read as a stream: a page of each column is in memory, whatever the file's size. Nested columns become objects, lists and maps. Everything that the
/// usual writers make is read (pyarrow, DuckDB, Polars, Spark): both page forms, all encodings, Snappy, gzip, Brotli, Zstandard and LZ4_RAW. Encrypted files are refused.
/// </summary>
internal sealed class ParquetReader : RowReader
{
    private const long GivenBackAtOnce = 1 << 26;
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly ParquetFooter _footer;
    private readonly List<ParquetEntry>[] _row;
    private readonly ParquetBuffer _stored = new();
    private ParquetBuffer[] _pages;
    private ParquetColumn[] _columns = [];
    private int _group = -1, _number;
    private long _left;

    public ParquetReader(string path)
    {
        _file = InputFile.Open(path);
        try
        {
            (_path, _footer) = (path, ParquetFooter.Read(_file, path));
        }
        catch
        {
            _file.Dispose();
            throw;
        }
        _row = [.. _footer.Leaves.Select(_ => new List<ParquetEntry>())];
        _pages = [.. _footer.Leaves.Select(_ => new ParquetBuffer())];
    }

    /// <inheritdoc/>
    public override bool TryRead(out FileLine line)
    {
        line = default;
        while (_left == 0)
        {
            if (++_group >= _footer.Groups.Length) return false;
            (_left, ParquetChunk[] chunks) = _footer.Groups[_group];
            _columns = [.. chunks.Select((chunk, i) => new ParquetColumn(_file, _path, _footer.Leaves[i], chunk, _group, _stored, _pages[i]))];
        }
        _left--;
        _number++;
        try
        {
            for (int i = 0; i < _columns.Length; i++) _columns[i].ReadRow(_row[i]);
            line = new FileLine(_path, _number, [], (JsonObject)Group(_footer.Root, [.. _row.Select(entries => ..entries.Count)]), "row");
            return true;
        }
        catch (WarmException)
        {
            (_left, _group) = (0, _footer.Groups.Length); // nothing can be read after this error
            throw;
        }
    }

    /// <summary>The value of a node in this row, or null. <paramref name="ranges"/> says for each column which of the row's entries are meant.</summary>
    private JsonNode? Value(ParquetNode node, Range[] ranges)
    {
        if (node.IsRepeated) return new JsonArray([.. Repeated(node, ranges).Select(item => Present(node, item))]); // a list without saying so
        return node.IsOptional && First(node, ranges).Definition < node.Definition ? null : Present(node, ranges);
    }

    private JsonNode? Present(ParquetNode node, Range[] ranges) => node switch
    {
        { Type: not null } => Leaf(First(node, ranges).Value),
        { Meaning: ParquetMeaning.List, Children: [{ IsRepeated: true } list] } => new JsonArray([.. Repeated(list, ranges).Select(item => Element(node, list, item))]),
        { Meaning: ParquetMeaning.Map, Children: [{ IsRepeated: true, Children: [{ Type: not null } key, { } value] } map] } => Map(map, key, value, ranges),
        _ => Group(node, ranges),
    };

    /// <summary>An element of a list. Usually the repeated group holds it as its only child; in older files the repeated group is the element.</summary>
    private JsonNode? Element(ParquetNode node, ParquetNode list, Range[] item) =>
        list is { Type: null, Children: [var element] } && list.Name != "array" && list.Name != $"{node.Name}_tuple" ? Value(element, item) : Present(list, item);

    private JsonObject Map(ParquetNode map, ParquetNode key, ParquetNode value, Range[] ranges)
    {
        var result = new JsonObject();
        foreach (Range[] item in Repeated(map, ranges)) result[First(key, item).Value is { } name ? name as string ?? Leaf(name)!.ToJsonString() : ""] = Value(value, item);
        return result;
    }

    private JsonObject Group(ParquetNode node, Range[] ranges)
    {
        var result = new JsonObject();
        foreach (ParquetNode child in node.Children) result[child.Name] = Value(child, ranges); // of two columns of one name the last counts
        return result;
    }

    /// <summary>The items of a repeated node: none, or one for each entry at which it repeats, in all columns below it alike.</summary>
    private IEnumerable<Range[]> Repeated(ParquetNode node, Range[] ranges)
    {
        if (First(node, ranges).Definition < node.Definition) yield break;
        (int from, int to) = (node.Leaves.Start.Value, node.Leaves.End.Value);
        int[] at = [.. Enumerable.Range(from, to - from).Select(leaf => ranges[leaf].Start.Value)];
        int end = ranges[from].End.Value;
        while (at[0] < end)
        {
            Range[] item = [.. ranges];
            for (int leaf = from; leaf < to; leaf++)
            {
                int next = at[leaf - from] + 1, last = ranges[leaf].End.Value;
                if (next > last) throw new WarmException($"{_path}, row {_number}", $"the columns of {node.Path} do not repeat alike", "lists of one length");
                while (next < last && _row[leaf][next].Repetition > node.Repetition) next++;
                item[leaf] = at[leaf - from]..next;
                at[leaf - from] = next;
            }
            yield return item;
        }
    }

    private ParquetEntry First(ParquetNode node, Range[] ranges)
    {
        int leaf = node.Leaves.Start.Value;
        if (leaf == node.Leaves.End.Value) return new(0, int.MaxValue, null); // a group without columns
        int at = ranges[leaf].Start.Value;
        return at < ranges[leaf].End.Value ? _row[leaf][at] : throw new WarmException($"{_path}, row {_number}", $"the columns of {node.Path} do not repeat alike", "lists of one length");
    }

    private static JsonNode? Leaf(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(text),
        long number => JsonValue.Create(number),
        ulong number => JsonValue.Create(number),
        bool truth => JsonValue.Create(truth),
        decimal number => JsonValue.Create(number),
        float number => float.IsFinite(number) ? JsonValue.Create(number) : JsonValue.Create(number.ToString(System.Globalization.CultureInfo.InvariantCulture)), // JSON has no such number
        double number => double.IsFinite(number) ? JsonValue.Create(number) : JsonValue.Create(number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        _ => throw new InvalidDataException(),
    };

    /// <inheritdoc/>
    public override void Dispose()
    {
        _file.Dispose();
        if (_pages.Sum(page => (long)page.Size) < GivenBackAtOnce) return;
        // DuckDB and some others write pages of up to 100 MB. What held them is garbage now, and the collector looks for garbage of that age rarely: a caller would go on with it in his memory.
        (_columns, _pages) = ([], []);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
    }
}
