using System.Globalization;
using System.Xml.Linq;
using Warm;

namespace Warm.Tests.Charts;

public class ChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private const string Hostile = "<script>alert('x')</script> & \"q\" \u0001\ud800 ]]>";

    private static LineChart Lines(params ChartSeries[] series) => new() { Title = "Accuracy along the line", Note = "n = 12 pairs; bands: 95 % over 4 prompts; a.jsonl", X = "lambda", Y = "accuracy", Series = series };

    private static BarChart Bars(params ChartBar[] bars) => new() { Title = "Accuracy", Note = "n = 12", X = "accuracy", Bars = bars };

    private static HeatMap Map(string[] names, params double[][] values) => new() { Title = "Distances", Note = "2 members", Rows = names, Columns = names, Values = values };

    [Fact]
    public void LineChart_draws_a_band_a_line_and_dots()
    {
        XElement svg = Read(Lines(new ChartSeries("average", [new(0, 0.5, 0.4, 0.6), new(1, 0.7, 0.6, 0.8), new(2, 0.6, 0.5, 0.7)])).ToSvg());
        XElement band = Assert.Single(svg.Descendants(Svg + "polygon")), line = svg.Descendants(Svg + "polyline").Last();
        Assert.Equal(6, Points(band).Length);
        (double X, double Y)[] points = Points(line);
        Assert.Equal(3, points.Length);
        Assert.True(points[0].X < points[1].X && points[1].X < points[2].X);
        Assert.True(points[1].Y < points[2].Y && points[2].Y < points[0].Y); // higher is up
        Assert.Equal(points[1].X - points[0].X, points[2].X - points[1].X, 0.02);
        Assert.Equal(3, svg.Descendants(Svg + "circle").Count());
        Assert.Contains("n = 12 pairs", svg.Value);
        Assert.Contains("lambda", svg.Value);
        Assert.Contains("average", svg.Value);
        Assert.Equal("Accuracy along the line", svg.Element(Svg + "title")!.Value);
    }

    [Fact]
    public void LineChart_spaces_ratios_alike_on_a_log_axis()
    {
        (double X, double Y)[] points = Points(Read((Lines(new ChartSeries("s", [new(1, 1), new(2, 2), new(4, 3)])) with { LogX = true }).ToSvg()).Descendants(Svg + "polyline").Last());
        Assert.Equal(points[1].X - points[0].X, points[2].X - points[1].X, 0.02);
    }

    [Fact]
    public void LineChart_leaves_out_what_is_not_finite_and_says_so()
    {
        XElement svg = Read(Lines(new ChartSeries("s", [new(0, 1), new(1, 2), new(2, double.NaN), new(3, 2), new(4, double.PositiveInfinity), new(5, 1e308), new(6, 2)])).ToSvg());
        Assert.Contains("3 of 7 points are not shown", svg.Value);
        Assert.Equal(4, svg.Descendants(Svg + "circle").Count());
        Assert.DoesNotContain("NaN", svg.ToString());
    }

    [Fact]
    public void Nothing_is_a_picture_that_says_so()
    {
        foreach (string svg in new[] { Lines().ToSvg(), Lines(new ChartSeries("s", [])).ToSvg(), Bars().ToSvg(), Map([]).ToSvg(), Map(["a"], [double.NaN]).ToSvg() })
            Assert.Contains("nothing to show", Read(svg).Value);
    }

    [Fact]
    public void Texts_are_escaped_and_cut()
    {
        string name = Hostile + new string('x', 100_000);
        foreach (string svg in new[]
        {
            (Lines(new ChartSeries(name, [new(0, 1, Name: Hostile)])) with { Title = Hostile, Note = Hostile, X = Hostile, Y = Hostile, Marks = [new(Hostile, 1)] }).ToSvg(),
            (Bars(new ChartBar(name, 1)) with { Title = Hostile, Kinds = [Hostile], Marks = [new(Hostile, 1)] }).ToSvg(),
            (Map([Hostile], [1.0]) with { Title = Hostile, Note = Hostile }).ToSvg(),
        })
        {
            XElement read = Read(svg);
            Assert.DoesNotContain(read.Descendants(), element => element.Name.LocalName == "script");
            Assert.Contains(read.DescendantsAndSelf(), element => element.Value.Contains("<script>"));
            Assert.True(svg.Length < 1_500_000);
        }
        Assert.Equal("ru…-12", Warm.Svg.Cut("runs/long/path/rm-12", 10, 46));
    }

    [Fact]
    public void BarChart_grows_from_where_it_is_told()
    {
        XElement svg = Read((Bars(new("a", 0.7, 0.6, 0.8), new("b", 0.6), new("c", 0.4), new("d", double.NaN)) with { From = 0.5 }).ToSvg());
        XElement[] bars = [.. svg.Descendants(Svg + "rect").Where(rect => rect.Element(Svg + "title") is not null)];
        Assert.Equal(3, bars.Length);
        double[] width = [.. bars.Select(bar => Number(bar, "width"))], x = [.. bars.Select(bar => Number(bar, "x"))];
        Assert.Equal(width[0], 2 * width[1], 0.03);
        Assert.Equal(width[1], width[2], 0.03);
        Assert.Equal(x[0], x[1]);
        Assert.Equal(x[0], x[2] + width[2], 0.03); // ends where the others begin
        Assert.Equal("a: 0.7 (0.6 to 0.8)", bars[0].Value);
        Assert.Single(svg.Descendants(Svg + "path"));
        Assert.Contains("–", svg.Value);
    }

    [Fact]
    public void HeatMap_writes_numbers_with_room_and_goes_from_dark_to_light()
    {
        XElement svg = Read(Map(["a", "b"], [0, 1], [0.5, double.NaN]).ToSvg());
        XElement[] cells = [.. svg.Descendants(Svg + "rect").Where(rect => rect.Element(Svg + "title") is not null)];
        Assert.Equal(["#00204d", "#ffe945", "#7b7878", "#9aa0a6"], cells.Select(cell => cell.Attribute("fill")!.Value));
        Assert.Equal(["0.000", "1.000", "0.500", "–"], svg.Descendants(Svg + "text").Where(text => text.Attribute("font-size")!.Value == "11").Take(4).Select(text => text.Value));
        Assert.Throws<ArgumentException>(() => Map(["a", "b"], [0, 1]).ToSvg());
        string[] many = [.. Enumerable.Range(0, 60).Select(i => $"member {i}")];
        Assert.DoesNotContain(">0.000<", Map(many, [.. many.Select(_ => new double[60])]).ToSvg().Replace("soft\" fill=\"#5b636b\">0.000<", "")); // no room
    }

    [Theory]
    [InlineData(0.681, 0.779, new[] { "0.68", "0.70", "0.72", "0.74", "0.76", "0.78" })]
    [InlineData(0, 1, new[] { "0", "0.2", "0.4", "0.6", "0.8", "1.0" })]
    [InlineData(-3, 1200, new[] { "-250", "0", "250", "500", "750", "1,000", "1,250" })]
    [InlineData(0, 1e-6, new[] { "0", "2E-07", "4E-07", "6E-07", "8E-07", "1E-06" })]
    public void ChartAxis_stands_at_round_numbers(double low, double high, string[] labels)
    {
        ChartAxis axis = ChartAxis.Of([low, high], 0, 100);
        Assert.Equal(labels, axis.Ticks.Select(axis.Label));
    }

    [Theory]
    [InlineData(5, 5), InlineData(0, 0), InlineData(-1e299, 1e299), InlineData(1e-300, 1e-300), InlineData(1e15, 1.0000000000000002e15)]
    public void ChartAxis_of_odd_ranges_has_a_place_for_both_ends(double low, double high)
    {
        foreach (bool log in new[] { false, true })
        {
            ChartAxis axis = ChartAxis.Of([low, high], 0, 100, log);
            Assert.All(new[] { low, high }.Where(axis.Shows), value => Assert.InRange(axis.At(value), -1e-6, 100 + 1e-6));
            Assert.InRange(axis.Ticks.Count, 0, 100);
        }
    }

    private static XElement Read(string svg) => XDocument.Parse(svg).Root!;

    private static double Number(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    private static (double X, double Y)[] Points(XElement element) =>
        [.. element.Attribute("points")!.Value.Split(' ').Select(pair => pair.Split(',')).Select(pair => (double.Parse(pair[0], CultureInfo.InvariantCulture), double.Parse(pair[1], CultureInfo.InvariantCulture)))];
}
