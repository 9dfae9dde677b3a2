using System.Globalization;

namespace Warm;

/// <summary>One bar of a <see cref="BarChart"/>.</summary>
/// <param name="Name">As it stands beside the bar.</param>
/// <param name="Value">Its value; a dash where it is not finite.</param>
/// <param name="Low">Lower end of its interval; NaN (default) for none.</param>
/// <param name="High">Upper end of its interval; NaN (default) for none.</param>
/// <param name="Kind">Bars of one kind have one colour: 0 (default), 1, 2 ...</param>
public sealed record ChartBar(string Name, double Value, double Low = double.NaN, double High = double.NaN, int Kind = 0);

/// <summary>
/// Bars with intervals, one a row, as a self-contained SVG picture. Bars grow from <see cref="From"/>, so that their lengths compare what is above it (or below); the axis always holds it.
/// </summary>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed record BarChart : IRichDisplay
{
    private const double Width = 760, RowHeight = 24;

    /// <summary>What is to be seen.</summary>
    public required string Title { get; init; }

    /// <summary>What the numbers are: n, which interval over which units, and of what data.</summary>
    public required string Note { get; init; }

    /// <summary>The rows, from above.</summary>
    public required IReadOnlyList<ChartBar> Bars { get; init; }

    /// <summary>Name of the axis, with its unit.</summary>
    public required string X { get; init; }

    /// <summary>Where bars begin: 0 (default); 0.5 for accuracies, where chance is.</summary>
    public double From { get; init; }

    /// <summary>How values are written beside their bars; default <c>F3</c>.</summary>
    public string Format { get; init; } = "F3";

    /// <summary>What the kinds of bars are, from kind 0; empty (default) for no legend.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = [];

    /// <summary>Vertical dashed lines to read against; default none.</summary>
    public IReadOnlyList<ChartMark> Marks { get; init; } = [];

    /// <summary>The picture: an <c>svg</c> element, 760 pixels wide.</summary>
    public string ToSvg()
    {
        var svg = new Svg(Width);
        double top = ChartHead.Draw(svg, Title, Note, [.. Kinds.Select(kind => (kind, ChartHead.Swatch.Bar))]) + (Marks.Count > 0 ? 14 : 0), bottom = top + Math.Max(1, Bars.Count) * RowHeight + 6;
        double names = Math.Min(260, Bars.Select(bar => Svg.TextWidth(bar.Name, 12)).DefaultIfEmpty(0).Max());
        double numbers = Bars.Select(bar => Svg.TextWidth(Text(bar.Value), 12)).DefaultIfEmpty(0).Max() + 10;
        double left = ChartHead.Edge + names + 10, right = Width - ChartHead.Edge - numbers;
        ChartAxis x = ChartAxis.Of(Bars.SelectMany(bar => new[] { bar.Value, bar.Low, bar.High }).Concat(Marks.Select(mark => mark.Value)).Append(From), left, right);
        foreach (double tick in x.Ticks)
        {
            svg.Rule(x.At(tick), top, x.At(tick), bottom);
            svg.Text(x.At(tick), bottom + 16, x.Label(tick), 12, "middle", soft: true);
        }
        for (int i = 0; i < Bars.Count; i++)
        {
            ChartBar bar = Bars[i];
            double middle = top + 3 + (i + 0.5) * RowHeight;
            svg.Text(left - 8, middle + 4, bar.Name, 12, "end", most: names + 2);
            svg.Text(Width - ChartHead.Edge, middle + 4, Text(bar.Value), 12, "end");
            if (!x.Shows(bar.Value)) continue;
            double from = x.At(From), to = x.At(bar.Value);
            bool bounded = x.Shows(bar.Low) && x.Shows(bar.High);
            string interval = bounded ? string.Create(CultureInfo.InvariantCulture, $" ({bar.Low:G4} to {bar.High:G4})") : "";
            svg.Bar(Math.Min(from, to), middle - 7, Math.Abs(to - from), 14, bar.Kind, name: $"{bar.Name}: {bar.Value.ToString("G6", CultureInfo.InvariantCulture)}{interval}");
            if (bounded) svg.Whisker(x.At(bar.Low), middle, x.At(bar.High), middle, bar.Kind, ink: true);
        }
        svg.Rule(x.At(From), top, x.At(From), bottom, axis: true);
        double taken = double.NegativeInfinity;
        foreach (ChartMark mark in Marks.Where(mark => x.Shows(mark.Value)).OrderBy(mark => mark.Value))
        {
            svg.Mark(x.At(mark.Value), top - 2, x.At(mark.Value), bottom);
            string name = Svg.Cut(mark.Name, 11, 220);
            double half = Svg.TextWidth(name, 11) / 2, at = Math.Clamp(x.At(mark.Value), ChartHead.Edge + half, Width - ChartHead.Edge - half);
            if (at - half < taken) continue; // names in a crowd would cover each other
            svg.Text(at, top - 6, name, 11, "middle", soft: true);
            taken = at + half + 6;
        }
        if (Bars.Count == 0) svg.Text((left + right) / 2, (top + bottom) / 2 + 4, "nothing to show", 14, "middle", soft: true);
        svg.Text((left + right) / 2, bottom + 36, X, 12, "middle", most: right - left);
        return svg.Finish(bottom + 36 + ChartHead.Edge, Title, $"{X}: {string.Join("; ", Bars.Take(100).Select(bar => $"{bar.Name} {Text(bar.Value)}"))}. {Note}");
    }

    string IRichDisplay.ToHtml() => ToSvg();

    /// <summary><c>Accuracy on ood: 9 bars</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Title}: {Bars.Count} bars");

    private string Text(double value) => Svg.Number(value, Format);
}
