using System.Net;
using System.Text;

namespace Warm;

/// <summary>Small tables and lines as HTML, for notebooks.</summary>
internal static class HtmlTable
{
    private const int MostRows = 40;

    /// <summary>A table under a line that says what it is. Columns of numbers stand to the right; of long tables the beginning is shown.</summary>
    public static string Of(string caption, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var html = new StringBuilder($"<p>{WebUtility.HtmlEncode(caption)}</p><table><thead><tr>");
        foreach (string name in header) html.Append($"<th style=\"text-align:left\">{WebUtility.HtmlEncode(name)}</th>");
        html.Append("</tr></thead><tbody>");
        foreach (IReadOnlyList<string> row in rows.Take(MostRows))
        {
            html.Append("<tr>");
            foreach (string cell in row) html.Append($"<td style=\"text-align:{(IsNumber(cell) ? "right" : "left")}\">{WebUtility.HtmlEncode(cell)}</td>");
            html.Append("</tr>");
        }
        if (rows.Count > MostRows) html.Append(System.Globalization.CultureInfo.InvariantCulture, $"<tr><td colspan=\"{header.Count}\">and {rows.Count - MostRows:N0} more</td></tr>");
        return html.Append("</tbody></table>").ToString();
    }

    /// <summary>One line.</summary>
    public static string Line(object value) => $"<p>{WebUtility.HtmlEncode(value.ToString())}</p>";

    /// <summary>Lines that need attention, or nothing.</summary>
    public static string Remarks(IReadOnlyList<string> remarks) => remarks.Count == 0 ? "" : $"<ul>{string.Concat(remarks.Select(remark => $"<li>{WebUtility.HtmlEncode(remark)}</li>"))}</ul>";

    private static bool IsNumber(string cell) => cell.Length > 0 && (char.IsAsciiDigit(cell[0]) || cell[0] is '-' or '+' or '#') && cell.Any(char.IsAsciiDigit);
}
