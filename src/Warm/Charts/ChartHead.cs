namespace Warm;

/// <summary>What stands above a chart: its title, the note that says n, interval and data, and the names of the series.</summary>
internal static class ChartHead
{
    /// <summary>What stands beside a name in the legend.</summary>
    public enum Swatch { Line, Dot, Bar }

    /// <summary>Space at the edges, in pixels.</summary>
    public const double Edge = 18;

    /// <summary>Draws it and gives the pixel at which the chart may begin.</summary>
    public static double Draw(Svg svg, string title, string note, IReadOnlyList<(string Name, Swatch Swatch)> legend)
    {
        double y = Edge + 12, room = svg.Width - 2 * Edge;
        // Bold letters are wider: the line is measured a little larger than it is written.
        foreach (string line in Svg.Wrap(title, 17.5, room).Take(3))
        {
            svg.Text(Edge, y, line, 16, bold: true);
            y += 21;
        }
        foreach (string line in Svg.Wrap(note, 12, room).Take(6))
        {
            svg.Text(Edge, y - 3, line, 12, soft: true);
            y += 16;
        }
        if (legend.Count == 0) return y + 4;
        double x = Edge;
        y += 4;
        for (int i = 0; i < legend.Count; i++)
        {
            string name = Svg.Cut(legend[i].Name, 12, 260);
            double needed = 26 + Svg.TextWidth(name, 12) + 16;
            if (x > Edge && x + needed > svg.Width - Edge)
            {
                x = Edge;
                y += 18;
            }
            if (legend[i].Swatch == Swatch.Line) svg.Stroke([(x, y - 4), (x + 20, y - 4)], i, 2.5);
            else if (legend[i].Swatch == Swatch.Dot) svg.Dot(x + 10, y - 4, i, 4);
            else svg.Bar(x + 6, y - 10, 14, 12, i);
            svg.Text(x + 26, y, name);
            x += needed;
        }
        return y + 14;
    }
}
