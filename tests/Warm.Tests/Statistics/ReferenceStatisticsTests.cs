using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Statistics;

/// <summary>Closed forms against scipy, scikit-learn and numpy, to 1e-9 relative.</summary>
public class ReferenceStatisticsTests
{
    private int _cases;

    [ReferenceFact]
    public void Correlations_agree()
    {
        foreach (JsonElement one in Read("correlation").GetProperty("cases").EnumerateArray())
        {
            double[] x = Numbers(one, "x"), y = Numbers(one, "y");
            Correlation pearson = Correlation.Pearson(x, y), spearman = Correlation.Spearman(x, y), kendall = Correlation.Kendall(x, y);
            Close(one, "pearson", pearson.Value);
            Close(one, "pearson_p", pearson.P, 1e-12);
            Close(one, "spearman", spearman.Value);
            Close(one, "spearman_p", spearman.P, 1e-12);
            Close(one, "kendall_tau_b", kendall.Value);
            Close(one, "kendall_p", kendall.P);
            Close(one, "auc_of_x", Correlation.AreaUnderCurve(x, [.. Numbers(one, "label_y_above_median").Select(v => v == 1)]));
        }
        JsonElement length = Read("reward_statistics").GetProperty("length");
        double[] reward = Numbers(length, "reward"), characters = Numbers(length, "length"), gold = Numbers(length, "gold");
        Close(length, "pearson", Correlation.Pearson(reward, characters).Value);
        Close(length, "spearman", Correlation.Spearman(reward, characters).Value);
        Close(length, "kendall", Correlation.Kendall(reward, characters).Value);
        Close(length, "reward_gold", Correlation.Pearson(reward, gold).Value);
        Correlation partial = Correlation.Partial(reward, gold, characters), ofRanks = Correlation.Partial(Ranks.Of(reward), Ranks.Of(gold), Ranks.Of(characters));
        Close(length.GetProperty("partial_reward_gold_given_length"), "r", partial.Value);
        Close(length.GetProperty("partial_reward_gold_given_length"), "p", partial.P);
        Close(length.GetProperty("partial_of_ranks"), "r", ofRanks.Value);
        Close(length.GetProperty("partial_of_ranks"), "p", ofRanks.P);
        Assert.True(double.IsNaN(Correlation.Pearson([1, 1, 1], [1, 2, 3]).Value));
        Assert.True(double.IsNaN(Correlation.Kendall([1, 1], [1, 2]).Value));
        Reference.Count("correlations", _cases);
    }

    [ReferenceFact]
    public void Summaries_of_rewards_agree()
    {
        foreach (JsonElement one in Read("reward_statistics").GetProperty("summaries").EnumerateArray())
        {
            double[] values = Numbers(one, "values"), shares = Numbers(one, "q");
            RewardSummary statistics = RewardSummary.Of(values);
            Close(one, "mean", statistics.Mean);
            Close(one, "std_0", statistics.Std);
            Close(one, "std_1", statistics.SampleStd);
            Close(one, "min", statistics.Min);
            Close(one, "max", statistics.Max);
            if (one.TryGetProperty("skewness_0", out _))
            {
                Close(one, "skewness_0", statistics.Skewness, 1e-9);
                Close(one, "excess_kurtosis_0", statistics.ExcessKurtosis, 1e-9);
            }
            foreach (JsonProperty rule in one.GetProperty("quantiles").EnumerateObject())
            {
                QuantileRule which = Enum.Parse<QuantileRule>(rule.Name.Replace("_", ""), ignoreCase: true);
                double[] expected = Numbers(one.GetProperty("quantiles"), rule.Name);
                for (int i = 0; i < shares.Length; i++) Close(expected[i], statistics.Quantile(shares[i], which), $"{rule.Name} {shares[i]}");
            }
            double[] standard = StandardScores.Of(values), expectedStandard = one.TryGetProperty("standardised_0", out _) ? Numbers(one, "standardised_0") : [.. values.Select(_ => double.NaN)];
            for (int i = 0; i < standard.Length; i++) if (double.IsFinite(expectedStandard[i])) Close(expectedStandard[i], standard[i], "standardised", 1e-9);
        }
        Reference.Count("reward statistics", _cases);
    }

    [ReferenceFact]
    public void Laws_of_over_optimisation_agree()
    {
        foreach (JsonElement one in Read("over_optimisation").GetProperty("cases").EnumerateArray())
        {
            OverOptimisation fit = OverOptimisation.Fit(Numbers(one, "kl"), Numbers(one, "gold"), one.GetProperty("kind").GetString() == "best_of_n" ? Optimisation.BestOfN : Optimisation.Reinforcement)!;
            Close(one, "alpha", fit.Alpha);
            Close(one, "beta", fit.Beta);
            Close(one, "residual_sum_of_squares", fit.Residual, 1e-12);
            Close(one, "r_squared_about_mean", fit.RSquared);
            Assert.Equal(one.GetProperty("d_at_peak").ValueKind == JsonValueKind.Null, fit.PeakD is null);
            if (fit.PeakD is null) continue;
            Close(one, "d_at_peak", fit.PeakD.Value);
            Close(one, "gold_at_peak", fit.PeakGold!.Value);
        }
        Assert.Null(OverOptimisation.Fit([0, 1], [0, 1]));
        Reference.Count("over-optimisation fits", _cases);
    }

    [ReferenceFact]
    public void Tests_and_intervals_agree()
    {
        JsonElement all = Read("significance");
        foreach (JsonElement one in all.GetProperty("intervals").EnumerateArray())
        {
            (int k, int n, double level) = (one.GetProperty("k").GetInt32(), one.GetProperty("n").GetInt32(), one.GetProperty("level").GetDouble());
            foreach ((string key, BinomialInterval interval) in new[] { ("wald", BinomialInterval.Wald(k, n, level)), ("wilson", BinomialInterval.Wilson(k, n, level)), ("clopper_pearson", BinomialInterval.Exact(k, n, level)) })
            {
                double[] ends = Numbers(one, key);
                Close(ends[0], interval.Low, key);
                Close(ends[1], interval.High, key);
            }
            Close(one, "binomial_p_half_two_sided", new McNemar(k, n - k).Exact);
        }
        foreach (JsonElement one in all.GetProperty("mcnemar").EnumerateArray())
        {
            var test = new McNemar(one.GetProperty("b").GetInt32(), one.GetProperty("c").GetInt32());
            Close(one, "exact", test.Exact);
            Close(one, "mid_p", test.MidP);
            Close(one, "chi_square", test.ChiSquare().Statistic);
            Close(one, "chi_square_p", test.ChiSquare().P);
            Close(one, "corrected", test.ChiSquare(corrected: true).Statistic);
            Close(one, "corrected_p", test.ChiSquare(corrected: true).P);
        }
        foreach (JsonElement one in all.GetProperty("sign_flip_exact").EnumerateArray()) Close(one, "p", SignFlip.Exact(Numbers(one, "differences")));
        Close(all.GetProperty("sign_flip_large"), "exact_p", SignFlip.Exact([.. Enumerable.Repeat(1.0, 22), .. Enumerable.Repeat(-1.0, 13), 0, 0]));
        JsonElement delong = all.GetProperty("delong");
        DeLong areas = DeLong.Of(Numbers(delong, "first"), Numbers(delong, "second"), [.. Numbers(delong, "label").Select(v => v == 1)]);
        Close(delong, "auc_a", areas.First);
        Close(delong, "auc_b", areas.Second);
        Close(delong, "variance_a", areas.FirstVariance);
        Close(delong, "variance_b", areas.SecondVariance);
        Close(delong, "covariance", areas.Covariance);
        Close(delong, "z", areas.Z);
        Close(delong, "p", areas.P);
        foreach (JsonElement one in all.GetProperty("corrections").EnumerateArray())
        {
            double[] expected = Numbers(one, "benjamini_hochberg"), found = [.. BenjaminiHochberg.Adjust(Numbers(one, "p"))];
            for (int i = 0; i < expected.Length; i++) Close(expected[i], found[i], "benjamini_hochberg");
        }
        Reference.Count("tests and intervals", _cases);
    }

    private static JsonElement Read(string file) => JsonText.Read(Reference.Path("evaluation", $"{file}.json"));

    private static double[] Numbers(JsonElement from, string key) => [.. from.GetProperty(key).EnumerateArray().Select(Number)];

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble();

    /// <summary>What is not defined for so few values is not in the file.</summary>
    private void Close(JsonElement from, string key, double actual, double absolute = 0)
    {
        if (from.TryGetProperty(key, out JsonElement expected)) Close(Number(expected), actual, key, absolute);
        else Assert.True(double.IsNaN(actual), $"{key} is {actual:R}");
    }

    private void Close(double expected, double actual, string what, double absolute = 0)
    {
        Assert.True(double.IsNaN(expected) ? double.IsNaN(actual) : Math.Abs(actual - expected) <= Math.Max(absolute, 1e-9 * Math.Abs(expected)), $"{what}: {actual:R} instead of {expected:R}");
        _cases++;
    }
}
