namespace Warm;

/// <summary>What the bytes of a column are.</summary>
internal enum ParquetType { Boolean, Int32, Int64, Int96, Float, Double, Bytes, FixedBytes }

/// <summary>What a column's values mean.</summary>
internal enum ParquetMeaning { Plain, Text, List, Map, Decimal, Date, Milliseconds, Microseconds, Nanoseconds, Unsigned, Half, Uuid }

/// <summary>A column or a group of columns of a Parquet file.</summary>
internal sealed class ParquetNode
{
    public required string Name { get; init; }
    public required ParquetType? Type { get; init; }
    public required int Length { get; init; }
    public required bool IsOptional { get; init; }
    public required bool IsRepeated { get; init; }
    public required int ChildCount { get; init; }
    public required ParquetMeaning Meaning { get; init; }
    public required int Scale { get; init; }

    public ParquetNode[] Children { get; set; } = [];

    /// <summary>Definition level from which on this node is there.</summary>
    public int Definition { get; set; }

    /// <summary>Repetition level at which this node repeats, or that of the nearest repeated one above.</summary>
    public int Repetition { get; set; }

    /// <summary>Numbers of the leaves below, among all leaves.</summary>
    public Range Leaves { get; set; }

    /// <summary>Names from the root, with dots.</summary>
    public string Path { get; set; } = "";

    /// <summary>Makes a tree of the elements as the footer lists them, depth first, and numbers its leaves.</summary>
    public static ParquetNode Tree(IReadOnlyList<ParquetNode> elements, List<ParquetNode> leaves)
    {
        int next = 0;
        ParquetNode root = Take(0, 0, "", 0);
        if (next != elements.Count) throw new InvalidDataException("the schema has elements that no group owns");
        return root;

        ParquetNode Take(int definition, int repetition, string path, int depth)
        {
            if (depth > 32) throw new InvalidDataException("the schema is nested too deep");
            if (next == elements.Count) throw new InvalidDataException("the schema ends inside a group");
            ParquetNode node = elements[next++];
            bool isRoot = next == 1;
            node.Definition = definition + (!isRoot && (node.IsOptional || node.IsRepeated) ? 1 : 0);
            node.Repetition = repetition + (!isRoot && node.IsRepeated ? 1 : 0);
            node.Path = isRoot ? "" : path.Length == 0 ? node.Name : $"{path}.{node.Name}";
            int first = leaves.Count;
            if (node.Type is null) node.Children = [.. Enumerable.Range(0, Math.Min(node.ChildCount, elements.Count - next + 1)).Select(_ => Take(node.Definition, node.Repetition, node.Path, depth + 1))];
            else leaves.Add(node);
            if (leaves.Count == first && !isRoot) throw new InvalidDataException($"group {node.Path} has no columns");
            node.Leaves = first..leaves.Count;
            return node;
        }
    }
}
