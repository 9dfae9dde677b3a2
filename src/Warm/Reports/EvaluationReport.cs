using System.Globalization;
using System.Text;

namespace Warm;

/// <summary>
/// An <see cref="Evaluation"/> as one HTML page that stands alone: charts, tables and what they allow to say. No scripts, nothing fetched, every text escaped; on light and on dark paper.
/// </summary>
public static class EvaluationReport
{
    private const string Style = """
        :root { color-scheme: light dark }
        body { font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; background: #ffffff; color: #1c2024 }
        h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #dfe3e7 } h3 { font-size: 1.05rem }
        .wide { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; margin: 0.75rem 0 } th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dfe3e7; text-align: right; white-space: nowrap }
        th:first-child, td:first-child, td.text { text-align: left; white-space: normal; overflow-wrap: anywhere } td.text { min-width: 14rem }
        .answer { background: #eef5fb; border-left: 4px solid #0072b2; padding: 0.5rem 0.9rem } .answer li, .answer p { margin: 0.2rem 0 } figure { margin: 1rem 0 } footer, .soft { color: #5b636b }
        @media (prefers-color-scheme: dark) { body { background: #1c1e22; color: #eceff2 } h2, th, td { border-color: #3a3f46 } .answer { background: #20303d } footer, .soft { color: #a9b0b8 } }
        """;

    /// <summary>The page.</summary>
    /// <param name="evaluation">What it shows.</param>
    /// <param name="title">Null (default) for <c>Did averaging help?</c></param>
    public static string Html(Evaluation evaluation, string? title = null)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        var page = new StringBuilder();
        title ??= evaluation.Sets[0].Average is null ? "Reward models measured" : "Did averaging help?";
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>{Text(title)}</title>
            <style>{Style}</style>
            </head>
            <body>
            <h1>{Text(title)}</h1>

            """);
        foreach (SetEvaluation set in evaluation.Sets) Set(page, set, evaluation);
        if (evaluation is { Selection: { } ranking, SelectedBy: { } by })
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2>The choice</h2>\n<p>Chosen by {by.Count:N0} pairs of {Text(by.Name)}, which flatter whoever comes first; reported on others.</p>\n");
            Table(page, ["member", "share of the selection pairs"], ranking.Order.Select(m => (string[])[evaluation.Sets[0].Members[m].Name ?? "", Share(ranking.Accuracies[m])]));
        }
        page.Append("<h2>How to read this</h2>\n<p>Accuracy is the share of pairs on which the preferred text has the higher reward; ");
        page.Append(evaluation.Ties == TieRule.Half ? "a tie counts half. " : evaluation.Ties == TieRule.Correct ? "a tie counts as correct. " : "a tie counts as wrong. ");
        page.Append("Intervals are 95 %, over the units that are named: pairs that share one are not independent. A difference is paired: what both get right or wrong drops out of it. \"Corrected p\" is Holm's, for the comparisons shown together. ");
        page.Append("\"Detectable\" is the smallest true difference that so many units would show four times out of five. Loss, Brier score and calibration error take a reward difference as the logit of a preference.</p>\n");
        Bullets(page, [.. evaluation.TextForms.Count == 0 ? [] : new[] { $"text form: {string.Join("; ", evaluation.TextForms.Values.Distinct())}" }, .. evaluation.Remarks]);
        page.Append("<footer>Made by Warm.</footer>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void Set(StringBuilder page, SetEvaluation set, Evaluation evaluation)
    {
        page.Append(CultureInfo.InvariantCulture, $"<h2>{Text(set.Name ?? "Results")}</h2>\n<p class=\"soft\">{set.Members[0].Accuracy.N:N0} pairs, {Text(set.Members[0].Units.ToString())}</p>\n");
        if (set.Helped.Count > 0)
        {
            page.Append("<div class=\"answer\"><ul>\n");
            foreach (PairedComparison pair in set.Helped)
                page.Append(CultureInfo.InvariantCulture, $"<li>{Text(pair.A)} less {Text(pair.B)}: {Text(Points(pair.Difference))}: {Text(pair.Verdict)}</li>\n");
            page.Append("</ul></div>\n");
        }
        Figure(page, EvaluationCharts.Accuracy([set]).ToSvg());
        Table(page, ["model", "accuracy", "95 %", "loss", "Brier", "ECE", "margin", "longer preferred", "shorter preferred", "length r", "reward sd", "ties", "seconds", "weights, MB"], [.. set.All.Select(Row), .. Baselines(set)]);
        if (EvaluationCharts.Differences(set) is { } differences) Figure(page, differences.ToSvg());
        Table(page, ["difference", "points", "95 %", "McNemar", "p", "corrected p", "detectable, points"], set.Helped.Select(pair => (string[])[$"{pair.A} - {pair.B}", Number(100 * pair.Difference.Value, "+0.00;-0.00;0.00"),
            $"{Number(100 * pair.Difference.Low, "F2")} to {Number(100 * pair.Difference.High, "F2")}", pair.McNemar is { } test ? FormattableString.Invariant($"{test.OnlyFirst} : {test.OnlySecond}") : "", Number(pair.P, "G3"), pair.CorrectedP is { } p ? Number(p, "G3") : "",
            Number(100 * pair.SmallestDetectable, "F2")]));
        if (EvaluationCharts.Subsets(set) is { } subsets)
        {
            Figure(page, subsets.ToSvg());
            Table(page, ["members", "subsets", "average of weights", "95 %", "lowest", "highest", "ensemble of rewards", "95 %"], set.Subsets.Select(size => (string[])[$"{size.K}", FormattableString.Invariant($"{size.Subsets} of {size.OutOf:N0}"),
                Share(size.Average.Value), Interval(size.Average), Share(size.Lowest), Share(size.Highest), Share(size.Ensemble.Value), Interval(size.Ensemble)]));
        }
        if (EvaluationCharts.Diversity(set) is { } diversity) Figure(page, diversity.ToSvg());
        if (EvaluationCharts.Agreement(set) is { } agreement) Figure(page, agreement.ToSvg());
        if (EvaluationCharts.ByLength(set) is { } byLength) Figure(page, byLength.ToSvg());
        PairwiseAccuracy[] grouped = [.. set.All.Where(model => model.WorstGroup is not null)];
        if (grouped.Length > 0)
            Table(page, [$"worst {grouped[0].WorstGroup!.Field} of {grouped[0].WorstGroup!.Groups}", "group", "accuracy", "pairs"], grouped.Select(model => (string[])[model.Name ?? "", model.WorstGroup!.Name, Share(model.WorstGroup.Accuracy), $"{model.WorstGroup.N}"]));
        Bullets(page, [.. set.Remarks, .. set.All.SelectMany(model => model.Remarks.Select(remark => $"{model.Name}: {remark}"))]);
    }

    private static string[] Row(PairwiseAccuracy model) => [model.Name ?? "", Share(model.Accuracy.Value), Interval(model.Accuracy), Number(model.Loss, "F3"), Number(model.Brier, "F3"), Number(model.Ece, "F3"), Number(model.Margins.Mean, "F3"),
        model.WhereLongerWins is { } longer ? Share(longer.Value) : "", model.WhereShorterWins is { } shorter ? Share(shorter.Value) : "", model.LengthCorrelation is { } r ? Number(r, "F2") : "", model.Rewards is { } rewards ? Number(rewards.Std, "G3") : "",
        Number(model.Ties, "N0"), model.Cost is { Found: 0 } cost ? Number(cost.Seconds, "F2") : model.Cost is null ? "" : "cached", model.Cost?.WeightBytes is { } bytes ? Number(bytes / 1e6, "N1") : ""];

    private static IEnumerable<string[]> Baselines(SetEvaluation set)
    {
        if (set.MeanOfMembers is { } mean) yield return Line("mean of the members", mean);
        if (set.Best is { } best) yield return Line($"best member on the selection pairs: {best.Name}", best.Accuracy);
        if (set.Longer is { } longer) yield return Line(PairSet.LengthRule, longer.Accuracy);

        static string[] Line(string name, Estimate accuracy) => [name, Share(accuracy.Value), Interval(accuracy), .. Enumerable.Repeat("", 11)];
    }

    private static void Figure(StringBuilder page, string svg) => page.Append("<figure>\n").Append(svg).Append("</figure>\n");

    private static void Table(StringBuilder page, IReadOnlyList<string> head, IEnumerable<string[]> rows)
    {
        page.Append("<div class=\"wide\"><table>\n<tr>");
        foreach (string cell in head) page.Append(CultureInfo.InvariantCulture, $"<th>{Text(cell)}</th>");
        page.Append("</tr>\n");
        foreach (string[] row in rows)
        {
            page.Append("<tr>");
            foreach (string cell in row) page.Append(CultureInfo.InvariantCulture, $"<td{(cell.Length > 24 ? " class=\"text\"" : "")}>{Text(cell)}</td>");
            page.Append("</tr>\n");
        }
        page.Append("</table></div>\n");
    }

    private static void Bullets(StringBuilder page, IReadOnlyList<string> lines)
    {
        if (lines.Count == 0) return;
        page.Append("<ul>\n");
        foreach (string line in lines) page.Append(CultureInfo.InvariantCulture, $"<li>{Text(line)}</li>\n");
        page.Append("</ul>\n");
    }

    private static string Text(string text) => Svg.Escape(text);

    private static string Share(double value) => Number(value, "F3");

    private static string Points(Estimate difference) => double.IsNaN(difference.Error) ? FormattableString.Invariant($"{100 * difference.Value:+0.0;-0.0;0.0} points")
        : FormattableString.Invariant($"{100 * difference.Value:+0.0;-0.0;0.0} points ({100 * difference.Low:F1} to {100 * difference.High:F1})");

    private static string Interval(Estimate estimate) => double.IsNaN(estimate.Error) ? "–" : $"{Share(estimate.Low)} to {Share(estimate.High)}";

    private static string Number(double value, string format) => Svg.Number(value, format);
}
