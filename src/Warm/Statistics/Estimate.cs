using System.Text.Json.Serialization;

namespace Warm;

/// <summary>A measured value with its uncertainty.</summary>
/// <param name="Value">The value on all units.</param>
/// <param name="Error">Its standard error, in the unit of the value; NaN where there are too few units to say.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end of the 95 % interval.</param>
/// <param name="N">Number of observations (pairs).</param>
/// <param name="Units">Number of units that were resampled.</param>
/// <param name="Unit">What was resampled: prompt, pair, topic ... Pairs that share a unit are not independent.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[TypeFormatterSource(typeof(RichDisplay))]
public sealed record Estimate(
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("error")] double Error,
    [property: JsonPropertyName("low")] double Low,
    [property: JsonPropertyName("high")] double High,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("units")] int Units,
    [property: JsonPropertyName("unit")] string Unit) : IRichDisplay
{
    /// <summary>Fewest units for which the bootstrap is used; below, the leave-one-out jackknife with Student's t, which stays honest there: 30.</summary>
    public const int FewestForBootstrap = 30;

    /// <summary>A mean with its error over units: <see cref="Bootstrap"/> from <see cref="FewestForBootstrap"/> units on, else <see cref="Jackknife"/>.</summary>
    public static Estimate Mean(ReadOnlySpan<double> values, Units units, int resamples = 10_000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(units);
        return units.Count < FewestForBootstrap ? Jackknife.Mean(values, units) : Bootstrap.Mean(values, units, resamples, seed);
    }

    /// <summary>
    /// Whether the interval lies off zero. A handful of units that agree to the last bit make an interval without width, which is no evidence: fewer than six cannot reach 5 % even if all point one way.
    /// </summary>
    internal bool ExcludesZero => (Low > 0 || High < 0) && (Error > 0 || Units >= 6);

    /// <summary>Whether a difference is above zero by more than chance would give.</summary>
    internal bool IsAbove => ExcludesZero && Low > 0;

    /// <summary>Whether a difference is below zero by more than chance would give.</summary>
    internal bool IsBelow => ExcludesZero && High < 0;

    /// <summary>Which interval it is, for the note of a chart: <c>95 % over 310 prompts (bootstrap)</c>.</summary>
    internal string IntervalInWords => double.IsNaN(Error) ? FormattableString.Invariant($"none, from one {Unit}")
        : FormattableString.Invariant($"95 % over {Units:N0} {Unit}s ({(Units < FewestForBootstrap ? "jackknife, Student's t" : "bootstrap")})");

    string IRichDisplay.ToHtml() => HtmlTable.Line(FormattableString.Invariant($"{this}, 95 % [{Low:F3}, {High:F3}]"));

    /// <summary>Means of several lists of values of the same observations, as <see cref="Mean"/> gives them one by one, with the draws in common.</summary>
    internal static Estimate[] Means(IReadOnlyList<double[]> values, Units units, int resamples, ulong seed) =>
        units.Count < FewestForBootstrap ? [.. values.Select(list => Jackknife.Mean(list, units))] : Bootstrap.Each(values, units, resamples, seed);

    /// <summary><c>0.742 ± 0.013 (n = 1,200 pairs, 310 prompts)</c>; without the error where there is none.</summary>
    public override string ToString()
    {
        string units = Unit == "pair" ? "" : FormattableString.Invariant($", {Units:N0} {Unit}{(Units == 1 ? "" : "s")}");
        string error = double.IsNaN(Error) ? "" : FormattableString.Invariant($" ± {Error:F3}");
        return FormattableString.Invariant($"{Value:F3}{error} (n = {N:N0} pair{(N == 1 ? "" : "s")}{units})");
    }
}
