using System.Text.Json.Serialization;

namespace Warm;

/// <summary>
/// McNemar's test of two models on the same pairs: only the pairs count on which one is right and the other is not. It takes pairs as independent; where they share prompts, read the interval of the difference.
/// </summary>
/// <param name="OnlyFirst">Pairs on which the first model does better.</param>
/// <param name="OnlySecond">Pairs on which the second does better.</param>
public sealed record McNemar(
    [property: JsonPropertyName("onlyFirst")] int OnlyFirst,
    [property: JsonPropertyName("onlySecond")] int OnlySecond)
{
    /// <summary>Two-sided exact p: <c>min(1, 2 P(X &lt;= min(b, c)))</c> for X binomial with b + c tries of 1/2; 1 where the models never differ.</summary>
    [JsonPropertyName("exact")]
    public double Exact => Tail() is var (below, _) ? Math.Min(1, 2 * below) : 1;

    /// <summary>Two-sided mid-p: the exact one less P(X = min(b, c)); where b = c it is 1 - P(X = b) / 2. Less cautious, close to its level.</summary>
    [JsonPropertyName("midP")]
    public double MidP => Tail() is var (below, at) ? OnlyFirst + OnlySecond == 0 ? 1 : OnlyFirst == OnlySecond ? 1 - at / 2 : Math.Min(1, 2 * below - at) : 1;

    /// <summary>The chi-square statistic <c>(b - c)^2 / (b + c)</c> with one degree of freedom and its p; 0 and 1 where the models never differ. An approximation: prefer <see cref="Exact"/>.</summary>
    /// <param name="corrected">Whether <c>|b - c|</c> is lessened by 1, down to 0 (Edwards 1948); default false.</param>
    public (double Statistic, double P) ChiSquare(bool corrected = false)
    {
        int n = OnlyFirst + OnlySecond;
        if (n == 0) return (0, 1);
        double off = Math.Max(0, Math.Abs((double)OnlyFirst - OnlySecond) - (corrected ? 1 : 0)), statistic = off * off / n;
        return (statistic, Normal.TwoSided(Math.Sqrt(statistic)));
    }

    /// <summary>P(X &lt;= min) and P(X = min). Weights relative to the middle term, by recurrence downwards: no factorial, and what underflows is below 1e-300.</summary>
    private (double Below, double At) Tail()
    {
        int n = OnlyFirst + OnlySecond, min = Math.Min(OnlyFirst, OnlySecond), middle = n / 2;
        double weight = 1, all = 0, below = 0, at = 0;
        for (int k = middle; k >= 0; k--)
        {
            all += k == n - k ? weight : 2 * weight; // k and n - k
            if (k <= min) below += weight;
            if (k == min) at = weight;
            weight *= k / (n - k + 1.0);
        }
        return (below / all, at / all);
    }

    /// <summary><c>22 : 13, p = 0.175 (mid-p 0.132)</c></summary>
    public override string ToString() => FormattableString.Invariant($"{OnlyFirst} : {OnlySecond}, p = {Exact:G3} (mid-p {MidP:G3})");
}
