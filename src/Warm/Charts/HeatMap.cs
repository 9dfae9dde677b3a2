using System.Globalization;

namespace Warm;

/// <summary>
/// A table of numbers as colours from dark to light (cividis, which people with any form of colour blindness read alike), with the numbers written in where there is room, as a self-contained SVG
/// picture. What is not finite is a grey field with a dash and takes no part in the scale.
/// </summary>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed record HeatMap : IRichDisplay
{
    private const double Width = 760;

    /// <summary>Points of cividis (Nuñez, Anderton and Renslow 2018), evenly apart.</summary>
    private static readonly (int R, int G, int B)[] Colours = [(0, 32, 77), (30, 58, 109), (66, 78, 108), (94, 98, 110), (123, 120, 120), (155, 144, 115), (188, 170, 102), (222, 198, 81), (255, 233, 69)];

    /// <summary>What is to be seen.</summary>
    public required string Title { get; init; }

    /// <summary>What the numbers are: n, interval if there is one, and of what data.</summary>
    public required string Note { get; init; }

    /// <summary>Names of the rows, from above.</summary>
    public required IReadOnlyList<string> Rows { get; init; }

    /// <summary>Names of the columns, from the left.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>The numbers: for each row one a column.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Values { get; init; }

    /// <summary>How numbers are written; default <c>F3</c>.</summary>
    public string Format { get; init; } = "F3";

    /// <summary>The value of the darkest colour; null (default) for the lowest there is.</summary>
    public double? Low { get; init; }

    /// <summary>The value of the lightest colour; null (default) for the highest there is.</summary>
    public double? High { get; init; }

    /// <summary>The picture: an <c>svg</c> element, 760 pixels wide.</summary>
    /// <exception cref="ArgumentException">There is not one row of numbers a row, with one number a column.</exception>
    public string ToSvg()
    {
        if (Values.Count != Rows.Count || Values.Any(row => row.Count != Columns.Count)) throw new ArgumentException($"There are {Values.Count} rows of numbers for {Rows.Count} rows and {Columns.Count} columns.");
        var svg = new Svg(Width);
        double[] finite = [.. Values.SelectMany(row => row).Where(double.IsFinite)];
        double low = Low ?? finite.DefaultIfEmpty(0).Min(), high = High ?? finite.DefaultIfEmpty(1).Max();
        double top = ChartHead.Draw(svg, Title, Note, []);
        double names = Math.Min(240, Rows.Select(row => Svg.TextWidth(row, 12)).DefaultIfEmpty(0).Max());
        double left = ChartHead.Edge + names + 8, cell = Math.Clamp((Width - left - ChartHead.Edge) / Math.Max(1, Columns.Count), 2, 74), height = Math.Clamp(cell, 4, 30);
        // Names of columns are turned where they would not fit.
        bool turned = Columns.Any(column => Svg.TextWidth(column, 12) > cell - 6);
        double over = Columns.Count == 0 ? 0 : turned ? Math.Min(150, Columns.Max(column => Svg.TextWidth(column, 12))) * 0.72 + 10 : 18;
        top += over;
        for (int column = 0; column < Columns.Count && cell >= 10; column++)
        {
            double at = left + (column + 0.5) * cell;
            // A turned name leans to the right: the last ones must not leave the picture.
            if (turned) svg.Text(at, top - 6, Columns[column], 12, most: Math.Min(150, (Width - 6 - at) / 0.72), turn: -45);
            else svg.Text(at, top - 6, Columns[column], 12, "middle");
        }
        bool written = cell >= 8 + finite.Select(value => Svg.TextWidth(Text(value), 11)).DefaultIfEmpty(0).Max() && height >= 14;
        for (int row = 0; row < Rows.Count; row++)
        {
            double y = top + row * height;
            if (height >= 12) svg.Text(left - 8, y + height / 2 + 4, Rows[row], 12, "end", most: names + 2);
            for (int column = 0; column < Columns.Count; column++)
            {
                double value = Values[row][column], x = left + column * cell, share = high > low ? Math.Clamp((value - low) / (high - low), 0, 1) : 0.5;
                bool known = double.IsFinite(value);
                svg.Bar(x + 0.5, y + 0.5, cell - 1, height - 1, 0, known ? Colour(share) : "#9aa0a6", $"{Rows[row]}, {Columns[column]}: {(known ? value.ToString("G6", CultureInfo.InvariantCulture) : "–")}");
                if (written) svg.Text(x + cell / 2, y + height / 2 + 4, Text(value), 11, "middle", fill: known && share < 0.55 ? "#ffffff" : "#111111");
            }
        }
        double bottom = top + Rows.Count * height;
        if (finite.Length == 0) svg.Text(Width / 2, bottom + 16, "nothing to show", 14, "middle", soft: true);
        else
        {
            const int steps = 40;
            double from = left, to = Math.Min(left + 240, Width - ChartHead.Edge - 60), y = bottom + 14;
            for (int i = 0; i < steps; i++) svg.Bar(from + (to - from) * i / steps, y, (to - from) / steps + 0.6, 10, 0, Colour((i + 0.5) / steps));
            svg.Text(from, y + 24, Text(low), 11, soft: true);
            svg.Text(to, y + 24, Text(high), 11, "end", soft: true);
        }
        return svg.Finish(bottom + 42 + ChartHead.Edge, Title, Note);
    }

    string IRichDisplay.ToHtml() => ToSvg();

    /// <summary><c>Distances: 6 x 6</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Title}: {Rows.Count} x {Columns.Count}");

    private string Text(double value) => Svg.Number(value, Format);

    private static string Colour(double share)
    {
        double at = share * (Colours.Length - 1);
        int below = Math.Min((int)at, Colours.Length - 2);
        double rest = at - below;
        (int r, int g, int b) = Colours[below];
        (int r2, int g2, int b2) = Colours[below + 1];
        return string.Create(CultureInfo.InvariantCulture, $"#{Mix(r, r2):x2}{Mix(g, g2):x2}{Mix(b, b2):x2}");

        int Mix(int a, int b) => (int)Math.Round(a + (b - a) * rest);
    }
}
