namespace Warm.Transformers;

/// <summary>Where the tokens of a text lie: runs of consecutive rows, root first. With shared beginnings a text has one for each segment on its path.</summary>
internal readonly record struct TextRows(int Start, int Row, int Length)
{
    /// <summary>The runs of tokens 0 .. of the path that ends with a segment.</summary>
    public static TextRows[] Of(BatchLayout layout, int segment)
    {
        var runs = new List<TextRows>();
        for (int at = segment; at >= 0; at = layout.Segments[at].Parent) runs.Add(new(layout.Segments[at].Start, layout.Segments[at].Row, layout.Segments[at].Length));
        runs.Reverse();
        return [.. runs];
    }
}
