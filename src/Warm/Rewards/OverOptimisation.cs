using System.Text.Json.Serialization;

namespace Warm;

/// <summary>What is optimised against the proxy.</summary>
public enum Optimisation
{
    /// <summary>Best of n: <c>gold = d (alpha - beta d)</c>.</summary>
    BestOfN,
    /// <summary>Reinforcement learning: <c>gold = d (alpha - beta ln d)</c>, 0 at d = 0.</summary>
    Reinforcement,
}

/// <summary>
/// The law of over-optimisation (Gao et al., arXiv:2210.10760) fitted by least squares, with d the root of the divergence and gold measured from where nothing is optimised. Alpha is how good the proxy
/// is at first, beta how fast it is exploited.
/// </summary>
/// <param name="Kind">Which law.</param>
/// <param name="Alpha">Gain at first.</param>
/// <param name="Beta">Loss by over-optimising; negative where none is seen.</param>
/// <param name="Residual">Sum of the squared residuals.</param>
/// <param name="RSquared">Share of the variance about the mean that the law explains; NaN where gold does not vary.</param>
/// <param name="PeakD">d at which gold is highest; null where it grows without end, or never.</param>
/// <param name="PeakGold">Gold there; null without a peak.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed record OverOptimisation(
    [property: JsonIgnore] Optimisation Kind,
    [property: JsonPropertyName("alpha")] double Alpha,
    [property: JsonPropertyName("beta")] double Beta,
    [property: JsonPropertyName("residual")] double Residual,
    [property: JsonPropertyName("rSquared")] double RSquared,
    [property: JsonPropertyName("peakD"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? PeakD,
    [property: JsonPropertyName("peakGold"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? PeakGold)
{
    /// <summary>The largest d of the points: a peak beyond it was not seen but extrapolated.</summary>
    [JsonPropertyName("farthestD")]
    public double FarthestD { get; private init; }

    /// <summary>Fits alpha and beta; null where the points do not tell them apart: fewer than two at different d above 0.</summary>
    /// <param name="kl">Divergences (or their upper bounds), at least 0.</param>
    /// <param name="gold">Gold rewards less that of an unoptimised draw, as many.</param>
    /// <param name="kind">Which law; default <see cref="Optimisation.BestOfN"/>.</param>
    public static OverOptimisation? Fit(IReadOnlyList<double> kl, IReadOnlyList<double> gold, Optimisation kind = Optimisation.BestOfN)
    {
        ArgumentNullException.ThrowIfNull(kl);
        ArgumentNullException.ThrowIfNull(gold);
        if (kl.Count != gold.Count) throw new ArgumentException($"There are {kl.Count} divergences and {gold.Count} rewards.", nameof(gold));
        if (kl.Any(value => !(value >= 0 && double.IsFinite(value))) || !gold.All(double.IsFinite)) throw new ArgumentException("Divergences are at least 0, and everything is finite.", nameof(kl));
        double[] d = [.. kl.Select(Math.Sqrt)];
        double Second(double of) => of == 0 ? 0 : kind == Optimisation.BestOfN ? -of * of : -of * Math.Log(of);
        double aa = 0, ab = 0, bb = 0, ag = 0, bg = 0;
        for (int i = 0; i < d.Length; i++)
        {
            double a = d[i], b = Second(d[i]);
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ag += a * gold[i];
            bg += b * gold[i];
        }
        double determinant = aa * bb - ab * ab;
        if (!(determinant > 1e-12 * aa * bb)) return null;
        double alpha = (ag * bb - bg * ab) / determinant, beta = (bg * aa - ag * ab) / determinant;
        double residual = 0, mean = gold.Average(), total = gold.Sum(g => (g - mean) * (g - mean));
        for (int i = 0; i < d.Length; i++)
        {
            double rest = gold[i] - (alpha * d[i] + beta * Second(d[i]));
            residual += rest * rest;
        }
        // The derivative is alpha - 2 beta d, or alpha - beta - beta ln d.
        double? peak = beta > 0 ? kind == Optimisation.BestOfN ? alpha / (2 * beta) : Math.Exp(alpha / beta - 1) : null;
        if (!(peak > 0)) peak = null;
        return new(kind, alpha, beta, residual, total > 0 ? 1 - residual / total : double.NaN, peak, peak is { } at ? alpha * at + beta * Second(at) : null) { FarthestD = d.Max() };
    }

    /// <summary><c>gold = d (0.900 - 0.150 d), highest 1.350 at d = 3.00</c>; a peak beyond what was measured is said to be so.</summary>
    public override string ToString()
    {
        string peak = PeakD is not { } d ? ", no peak" : d <= FarthestD ? FormattableString.Invariant($", highest {PeakGold:F3} at d = {d:F2}") : FormattableString.Invariant($", no peak up to d = {FarthestD:F2}");
        return FormattableString.Invariant($"gold = d ({Alpha:F3} {(Beta < 0 ? '+' : '-')} {Math.Abs(Beta):F3} {(Kind == Optimisation.BestOfN ? "d" : "ln d")}){peak}");
    }
}
