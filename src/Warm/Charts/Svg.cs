using System.Globalization;
using System.Text;

namespace Warm;

/// <summary>
/// A picture in SVG while it is drawn: shapes and texts in pixels from the upper left. It brings its own background and, by a media query, a dark form, so that it is readable wherever it is shown;
/// the light colours are attributes, so that programs that know no style sheets draw them as well. No scripts, no fonts, nothing fetched; every text is escaped.
/// </summary>
internal sealed class Svg(double width)
{
    /// <summary>
    /// Six colours that people with any form of colour blindness can tell apart (Okabe and Ito 2008, without the yellow and black that light or dark paper swallows), and their forms on dark paper.
    /// </summary>
    private static readonly (string Light, string Dark)[] Series =
        [("#0072b2", "#4ba6e0"), ("#d55e00", "#f0863c"), ("#009e73", "#2fc79c"), ("#b0588f", "#dd95c2"), ("#a87400", "#e6ab2e"), ("#3b8fc4", "#8fd0f5")];

    private static readonly string[] Dashes = ["", "7 3", "2 3", "9 3 2 3"];

    private const string Font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

    private readonly StringBuilder _body = new();

    /// <summary>Width in pixels.</summary>
    public double Width => width;

    /// <summary>The picture.</summary>
    /// <param name="height">In pixels.</param>
    /// <param name="title">For those who listen instead of looking, and for the pointer that rests on it.</param>
    /// <param name="description">What is to be seen, in words.</param>
    public string Finish(double height, string title, string description)
    {
        var style = new StringBuilder("@media (prefers-color-scheme: dark) { .warm-paper { fill: #1c1e22 } .warm-ink { fill: #eceff2 } .warm-soft { fill: #a9b0b8 } .warm-rule { stroke: #3a3f46 } .warm-axis { stroke: #a9b0b8 } .warm-whisker { stroke: #f6f8fa }");
        for (int i = 0; i < Series.Length; i++) style.Append(CultureInfo.InvariantCulture, $" .warm-s{i} {{ stroke: {Series[i].Dark} }} .warm-f{i} {{ fill: {Series[i].Dark} }}");
        style.Append(" }");
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {N(width)} {N(height)}" width="{N(width)}" height="{N(height)}" role="img" style="max-width: 100%; height: auto" font-family="{Font}">
            <title>{Escape(title)}</title>
            <desc>{Escape(description)}</desc>
            <style>{style}</style>
            <rect class="warm-paper" width="{N(width)}" height="{N(height)}" fill="#ffffff"/>
            {_body.ToString().TrimEnd('\n')}
            </svg>

            """.ReplaceLineEndings("\n");
    }

    /// <summary>A text at its baseline; cut in the middle where it is wider than <paramref name="most"/>.</summary>
    public void Text(double x, double y, string text, double size = 12, string anchor = "start", bool soft = false, bool bold = false, double most = double.PositiveInfinity, double turn = 0, string? fill = null)
    {
        string colour = fill is not null ? $"fill=\"{fill}\"" : soft ? "class=\"warm-soft\" fill=\"#5b636b\"" : "class=\"warm-ink\" fill=\"#1c2024\"";
        string turned = turn == 0 ? "" : $" transform=\"rotate({N(turn)} {N(x)} {N(y)})\"";
        string shown = Cut(text, size, most), whole = shown == text ? "" : $"<title>{Escape(text.Length > 2000 ? Cut(text, 1, 1000) : text)}</title>";
        Add($"<text x=\"{N(x)}\" y=\"{N(y)}\" font-size=\"{N(size)}\"{(anchor == "start" ? "" : $" text-anchor=\"{anchor}\"")}{(bold ? " font-weight=\"600\"" : "")} {colour}{turned}>{Escape(shown)}{whole}</text>");
    }

    /// <summary>A thin line of the grid, or a stronger one of an axis.</summary>
    public void Rule(double x1, double y1, double x2, double y2, bool axis = false) =>
        Add($"<line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" {(axis ? "class=\"warm-axis\" stroke=\"#5b636b\"" : "class=\"warm-rule\" stroke=\"#dfe3e7\"")}/>");

    /// <summary>A dashed line that something is to be read against.</summary>
    public void Mark(double x1, double y1, double x2, double y2) =>
        Add($"<line x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\" class=\"warm-axis\" stroke=\"#5b636b\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"/>");

    /// <summary>A stroke in the colour of a series.</summary>
    public void Stroke(IEnumerable<(double X, double Y)> points, int series, double thickness = 2) =>
        Add($"<polyline points=\"{Points(points)}\" fill=\"none\" {StrokeOf(series)} stroke-width=\"{N(thickness)}\" stroke-linejoin=\"round\"{(Dash(series) is { Length: > 0 } dash ? $" stroke-dasharray=\"{dash}\"" : "")}/>");

    /// <summary>A whisker in the colour of a series: a line with a bar at each end.</summary>
    public void Whisker(double x1, double y1, double x2, double y2, int series, bool ink = false)
    {
        (double dx, double dy) = x1 == x2 ? (4.0, 0.0) : (0.0, 4.0);
        Add($"<path d=\"M{N(x1)} {N(y1)}L{N(x2)} {N(y2)}M{N(x1 - dx)} {N(y1 - dy)}L{N(x1 + dx)} {N(y1 + dy)}M{N(x2 - dx)} {N(y2 - dy)}L{N(x2 + dx)} {N(y2 + dy)}\" fill=\"none\" {(ink ? "class=\"warm-whisker\" stroke=\"#1c2024\"" : StrokeOf(series))} stroke-width=\"1.5\"/>");
    }

    /// <summary>A filled area in the colour of a series, seen through.</summary>
    public void Area(IEnumerable<(double X, double Y)> points, int series) => Add($"<polygon points=\"{Points(points)}\" {FillOf(series)} fill-opacity=\"0.18\" stroke=\"none\"/>");

    /// <summary>A dot in the colour of a series; a ring from the seventh series on.</summary>
    public void Dot(double x, double y, int series, double radius = 3, string? name = null) =>
        Add($"<circle cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"{N(radius)}\" {(series < Series.Length ? FillOf(series) : $"{StrokeOf(series)} stroke-width=\"1.5\" fill-opacity=\"0\"")}{(name is null ? "/>" : $"><title>{Escape(name)}</title></circle>")}");

    /// <summary>A filled rectangle in the colour of a series (the same on dark paper, where whiskers upon it are light), or in one of its own.</summary>
    public void Bar(double x, double y, double w, double h, int series, string? fill = null, string? name = null) =>
        Add($"<rect x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(w)}\" height=\"{N(h)}\" fill=\"{fill ?? Series[series % Series.Length].Light}\"{(name is null ? "/>" : $"><title>{Escape(name)}</title></rect>")}");

    /// <summary>About how wide a text is, in pixels: nobody's font is known here, so it is taken wide rather than narrow.</summary>
    public static double TextWidth(string text, double size)
    {
        double em = 0;
        foreach (Rune rune in text.EnumerateRunes()) em += rune.Value >= 0x1100 ? 1 : rune.Value is 'i' or 'l' or 'j' or '.' or ',' or ':' or ';' or '|' or '\'' or ' ' or 'I' ? 0.35 : Rune.IsUpper(rune) || rune.Value is 'm' or 'w' or '%' ? 0.78 : 0.6;
        return em * size;
    }

    /// <summary>A text that fits: the beginning and the end, which tells paths apart, and an ellipsis between.</summary>
    public static string Cut(string text, double size, double most)
    {
        if (double.IsPositiveInfinity(most) || TextWidth(text, size) <= most) return text;
        Rune[] runes = [.. text.EnumerateRunes().Take(4000)], tail = [.. text.EnumerateRunes().TakeLast(4000)];
        for (int kept = Math.Min(runes.Length, (int)(most / (0.3 * size))); kept > 1; kept--)
        {
            string cut = $"{string.Concat(runes[..(kept * 2 / 5)])}…{string.Concat(tail[^Math.Min(tail.Length, kept - kept * 2 / 5)..])}";
            if (TextWidth(cut, size) <= most) return cut;
        }
        return "…";
    }

    /// <summary>A text in lines that fit, broken at spaces.</summary>
    public static IReadOnlyList<string> Wrap(string text, double size, double most)
    {
        var lines = new List<string>();
        string line = "";
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && TextWidth($"{line} {word}", size) > most)
            {
                lines.Add(line);
                line = "";
            }
            line = line.Length == 0 ? Cut(word, size, most) : $"{line} {word}";
        }
        if (line.Length > 0) lines.Add(line);
        return lines;
    }

    /// <summary>A number as it is shown; a dash where it is not finite.</summary>
    public static string Number(double value, string format) => double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "–";

    /// <summary>What XML takes as it is meant: markup escaped, and characters that no XML may hold replaced.</summary>
    public static string Escape(string text)
    {
        var safe = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes()) // lone surrogates come as U+FFFD
            switch (rune.Value)
            {
                case '<': safe.Append("&lt;"); break;
                case '>': safe.Append("&gt;"); break;
                case '&': safe.Append("&amp;"); break;
                case '"': safe.Append("&quot;"); break;
                case '\'': safe.Append("&#39;"); break;
                case '\t' or '\n' or '\r': safe.Append(' '); break;
                case < 0x20 or (>= 0x7f and < 0xa0) or 0xfffe or 0xffff: safe.Append('\ufffd'); break;
                default: safe.Append(rune.ToString()); break;
            }
        return safe.ToString();
    }

    private static string StrokeOf(int series) => $"class=\"warm-s{series % Series.Length}\" stroke=\"{Series[series % Series.Length].Light}\"";

    private static string FillOf(int series) => $"class=\"warm-f{series % Series.Length}\" fill=\"{Series[series % Series.Length].Light}\"";

    /// <summary>Colours come again after six series, with other dashes.</summary>
    private static string Dash(int series) => Dashes[series / Series.Length % Dashes.Length];

    private static string Points(IEnumerable<(double X, double Y)> points) => string.Join(' ', points.Select(point => $"{N(point.X)},{N(point.Y)}"));

    /// <summary>A hundredth of a pixel is enough.</summary>
    private static string N(double value) => Math.Round(value, 2).ToString(CultureInfo.InvariantCulture);

    private void Add(string shape) => _body.Append(shape).Append('\n');
}
