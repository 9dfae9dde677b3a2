using System.Globalization;

namespace Warm;

/// <summary>A point of a <see cref="ChartSeries"/>.</summary>
/// <param name="X">Where it stands; not shown where it is not finite.</param>
/// <param name="Y">Its value; not shown, and a gap in the line, where it is not finite.</param>
/// <param name="Low">Lower end of its interval; NaN (default) for none.</param>
/// <param name="High">Upper end of its interval; NaN (default) for none.</param>
/// <param name="Name">Shown when the pointer rests on it; null (default) for its numbers.</param>
public sealed record ChartPoint(double X, double Y, double Low = double.NaN, double High = double.NaN, string? Name = null);

/// <summary>One line of a <see cref="LineChart"/>, or a cloud of points.</summary>
/// <param name="Name">As the legend shows it.</param>
/// <param name="Points">In the order in which they are joined.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>Whether the points are joined by a line with a band around it (default); otherwise they are dots with whiskers.</summary>
    public bool Joined { get; init; } = true;
}

/// <summary>A value that a chart is to be read against: chance, "the longer text wins", the best member.</summary>
/// <param name="Name">As it is written beside the mark.</param>
/// <param name="Value">Where it stands; not shown where it is not finite.</param>
public sealed record ChartMark(string Name, double Value);

/// <summary>
/// Lines with error bands, or dots with error bars, as a self-contained SVG picture that a browser, a notebook and a README show, on light and on dark paper. Values that are not finite are left out
/// and counted; a chart without any value says so.
/// </summary>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed record LineChart : IRichDisplay
{
    private const double Width = 760, PlotHeight = 300;

    /// <summary>What is to be seen.</summary>
    public required string Title { get; init; }

    /// <summary>What the numbers are: n, which interval over which units, and of what data. <c>n = 3,311 pairs; bands: 95 % over 8 topics; ood.jsonl</c></summary>
    public required string Note { get; init; }

    /// <summary>The lines; the first ones get the colours that differ most.</summary>
    public required IReadOnlyList<ChartSeries> Series { get; init; }

    /// <summary>Name of the horizontal axis, with its unit.</summary>
    public required string X { get; init; }

    /// <summary>Name of the vertical axis, with its unit.</summary>
    public required string Y { get; init; }

    /// <summary>Whether equal ratios lie equally far apart on the horizontal axis; default false. What is not positive is then left out.</summary>
    public bool LogX { get; init; }

    /// <summary>Horizontal dashed lines to read against; default none.</summary>
    public IReadOnlyList<ChartMark> Marks { get; init; } = [];

    /// <summary>The picture: an <c>svg</c> element, 760 pixels wide.</summary>
    public string ToSvg()
    {
        var svg = new Svg(Width);
        ChartPoint[] all = [.. Series.SelectMany(series => series.Points)], shown = [.. all.Where(Shown)];
        string note = shown.Length == all.Length ? Note : FormattableString.Invariant($"{Note}; {all.Length - shown.Length} of {all.Length} points are not shown: not finite{(LogX ? " or not positive" : "")}");
        double top = ChartHead.Draw(svg, Title, note, [.. Series.Select(series => (series.Name, series.Joined ? ChartHead.Swatch.Line : ChartHead.Swatch.Dot))]), bottom = top + PlotHeight;
        double[] marks = [.. Marks.Select(mark => mark.Value)];
        ChartAxis y = ChartAxis.Of(shown.SelectMany(point => new[] { point.Y, point.Low, point.High }).Concat(marks), bottom, top);
        double left = ChartHead.Edge + 22 + y.Ticks.Max(tick => Svg.TextWidth(y.Label(tick), 12)), right = Width - ChartHead.Edge - 6;
        ChartAxis x = ChartAxis.Of(shown.Select(point => point.X), left + 4, right, LogX, 8);
        foreach (double tick in y.Ticks)
        {
            svg.Rule(left, y.At(tick), right, y.At(tick));
            svg.Text(left - 6, y.At(tick) + 4, y.Label(tick), 12, "end", soft: true);
        }
        double free = double.NegativeInfinity;
        foreach (double tick in x.Ticks)
        {
            double half = Svg.TextWidth(x.Label(tick), 12) / 2, at = x.At(tick);
            svg.Rule(at, bottom, at, bottom + 4, axis: true);
            if (at - half < free) continue;
            svg.Text(at, bottom + 18, x.Label(tick), 12, "middle", soft: true);
            free = at + half + 8;
        }
        svg.Rule(left, bottom, right, bottom, axis: true);
        svg.Text((left + right) / 2, bottom + 38, X, 12, "middle", most: right - left);
        svg.Text(ChartHead.Edge + 2, (top + bottom) / 2, Y, 12, "middle", most: PlotHeight, turn: -90);
        if (shown.Length == 0) svg.Text((left + right) / 2, (top + bottom) / 2, "nothing to show", 14, "middle", soft: true);
        foreach (bool band in (bool[])[true, false]) // every band lies under every line
            for (int i = 0; i < Series.Count; i++) foreach (ChartPoint[] run in Runs(Series[i])) Draw(svg, run, Series[i], i, x, y, band);
        foreach (ChartMark mark in Marks.Where(mark => y.Shows(mark.Value)))
        {
            svg.Mark(left, y.At(mark.Value), right, y.At(mark.Value));
            svg.Text(right - 4, y.At(mark.Value) - 5, mark.Name, 11, "end", soft: true, most: (right - left) * 0.6);
        }
        return svg.Finish(bottom + 38 + ChartHead.Edge, Title, $"{Y} by {X}: {string.Join("; ", Series.Select(series => series.Name))}. {note}");
    }

    string IRichDisplay.ToHtml() => ToSvg();

    /// <summary><c>Accuracy along the line: 1 series, 11 points</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Title}: {Series.Count} series, {Series.Sum(series => series.Points.Count)} points");

    private bool Shown(ChartPoint point) => ChartAxis.CanShow(point.X, LogX) && ChartAxis.CanShow(point.Y);

    /// <summary>The points between two gaps.</summary>
    private IEnumerable<ChartPoint[]> Runs(ChartSeries series)
    {
        var run = new List<ChartPoint>();
        foreach (ChartPoint point in series.Points)
        {
            if (Shown(point)) run.Add(point);
            else if (run.Count > 0)
            {
                yield return [.. run];
                run.Clear();
            }
        }
        if (run.Count > 0) yield return [.. run];
    }

    private static void Draw(Svg svg, ChartPoint[] run, ChartSeries series, int colour, ChartAxis x, ChartAxis y, bool band)
    {
        bool Bounded(ChartPoint point) => y.Shows(point.Low) && y.Shows(point.High);
        bool line = series.Joined && run.Length > 1, whiskers = !line || !run.All(Bounded);
        if (band)
        {
            if (!whiskers) svg.Area([.. run.Select(p => (x.At(p.X), y.At(p.High))), .. run.Reverse().Select(p => (x.At(p.X), y.At(p.Low)))], colour);
            return;
        }
        if (line) svg.Stroke(run.Select(p => (x.At(p.X), y.At(p.Y))), colour);
        // Many points are a line; dots on it would only thicken it.
        if (run.Length > 40 && !whiskers) return;
        foreach (ChartPoint point in run)
        {
            if (whiskers && Bounded(point)) svg.Whisker(x.At(point.X), y.At(point.Low), x.At(point.X), y.At(point.High), colour);
            string interval = Bounded(point) ? string.Create(CultureInfo.InvariantCulture, $" ({point.Low:G4} to {point.High:G4})") : "";
            svg.Dot(x.At(point.X), y.At(point.Y), colour, series.Joined ? 2.5 : 4, point.Name ?? string.Create(CultureInfo.InvariantCulture, $"{series.Name}: {point.X:G6}, {point.Y:G6}{interval}"));
        }
    }
}
