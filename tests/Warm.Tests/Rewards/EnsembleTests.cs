using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Rewards;

public class EnsembleTests
{
    [ReferenceFact]
    public void Rules_give_the_reference_numbers()
    {
        int cases = 0;
        foreach (JsonElement one in JsonText.Read(Reference.Path("evaluation", "ensembles.json")).GetProperty("cases").EnumerateArray())
        {
            double[][] members = [.. one.GetProperty("members_by_answers").EnumerateArray().Select(Numbers)];
            double lambda = one.GetProperty("coefficient").GetDouble();
            double[] By(EnsembleRule rule) => [.. members[0].Select((_, answer) => rule.Of([.. members.Select(m => m[answer])]))];
            double[][] standard = [.. members.Select(m => StandardScores.Of(m))], ranks = [.. members.Select(m => Ranks.Of(m))];
            double[] Over(double[][] rows, EnsembleRule rule) => [.. rows[0].Select((_, answer) => rule.Of([.. rows.Select(m => m[answer])]))];
            for (int m = 0; m < members.Length; m++) Same(one.GetProperty("standardised_per_member")[m], standard[m]);
            var found = new Dictionary<string, double[]>
            {
                ["mean"] = By(EnsembleRule.Mean), ["worst"] = By(EnsembleRule.Worst), ["median"] = By(EnsembleRule.Median),
                ["mean_minus_variance_0"] = By(EnsembleRule.LessVariance(lambda)), ["mean_minus_deviation_0"] = By(EnsembleRule.LessDeviation(lambda)),
                ["standardised_mean"] = Over(standard, EnsembleRule.Mean), ["standardised_worst"] = Over(standard, EnsembleRule.Worst), ["rank_average"] = Over(ranks, EnsembleRule.Mean),
            };
            if (members.Length > 1)
            {
                found["mean_minus_variance_1"] = By(EnsembleRule.LessVariance(lambda, sample: true));
                found["mean_minus_deviation_1"] = By(EnsembleRule.LessDeviation(lambda, sample: true));
            }
            else Assert.Throws<WarmException>(() => By(EnsembleRule.LessVariance(lambda, sample: true)));
            foreach ((string name, double[] values) in found) Same(one.GetProperty(name), values);
            foreach (JsonProperty chosen in one.GetProperty("chosen").EnumerateObject())
                Assert.Equal(chosen.Value.GetInt32(), Array.IndexOf(found[chosen.Name], found[chosen.Name].Max()));
            cases += found.Count;
        }
        Reference.Count("ensembles", cases);

        static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetDouble())];
        static void Same(JsonElement expected, double[] actual)
        {
            double[] want = Numbers(expected);
            Assert.Equal(want.Length, actual.Length);
            for (int i = 0; i < want.Length; i++) Assert.InRange(Math.Abs(actual[i] - want[i]), 0, 1e-12 * Math.Max(1, Math.Abs(want[i])));
        }
    }

    [Fact]
    public void Variance_says_its_divisor()
    {
        double[] rewards = [1, 2, 6];
        Assert.Equal(3 - 0.5 * 14 / 3, EnsembleRule.LessVariance().Of(rewards), 12);
        Assert.Equal(3 - 0.5 * 7, EnsembleRule.LessVariance(sample: true).Of(rewards), 12);
        Assert.Equal(3 - 2 * Math.Sqrt(7), EnsembleRule.LessDeviation(2, sample: true).Of(rewards), 12);
        Assert.Equal("mean - 0.5 x variance (divisor n)", EnsembleRule.LessVariance().ToString());
        Assert.Equal("mean - 0.5 x variance (divisor n-1)", EnsembleRule.LessVariance(sample: true).ToString());
        Assert.Equal((2.0, 1.0, 1.5), (EnsembleRule.Median.Of([2, 1, 6]), EnsembleRule.Worst.Of([2, 1, 6]), EnsembleRule.Median.Of([2, 1])));
    }

    [Fact]
    public void Score_of_an_ensemble_names_each_candidate_and_never_hides_NaN()
    {
        var ensemble = RewardEnsemble.Of([new LambdaModel(text => text.Length), new LambdaModel(text => text == "bad" ? float.NaN : -1)], EnsembleRule.Worst);
        IReadOnlyList<Score> scores = ensemble.Score([Candidate.OfText("abcd", "x"), Candidate.OfText("bad", "y")]);
        Assert.Equal(("x", -1f, 6), (scores[0].Id, scores[0].Reward, scores[0].Tokens));
        Assert.True(float.IsNaN(scores[1].Reward));
        Assert.NotEqual(ensemble.Identity, RewardEnsemble.Of(ensemble.Members, EnsembleRule.Mean).Identity);
        Assert.Throws<WarmException>(() => RewardEnsemble.Of([]));
        Assert.Throws<WarmException>(() => RewardEnsemble.Of([ensemble], EnsembleRule.LessVariance(sample: true)));
    }

    [Fact]
    public void ScoreCache_asks_a_model_once()
    {
        var model = new LambdaModel(text => text.Length);
        var cache = new ScoreCache();
        IRewardModel cached = cache.Of(model);
        Candidate[] candidates = [Candidate.OfText("a", "1"), Candidate.OfText("bb", "2"), Candidate.OfText("a", "3")];
        Assert.Equal([("1", 1f), ("2", 2f), ("3", 1f)], cached.Score(candidates).Select(s => (s.Id!, s.Reward)));
        Assert.Equal(2, model.Asked.Count);
        cached.Score(candidates, new ScoringOptions { TokensPerPass = 7 }); // no reward depends on it
        cache.Of(new LambdaModel(_ => throw new InvalidOperationException("asked again"))).Score(candidates); // one identity, one model
        Assert.Equal(2, model.Asked.Count);
        cached.Score(candidates[..1], new ScoringOptions { MaxLength = 1, Truncation = Truncation.Left });
        Assert.Equal((3, 3, 3L), (model.Asked.Count, cache.Count, cache.Scored));
    }

    [Fact]
    public void ScoreCache_on_disk_keeps_every_bit_and_no_text()
    {
        using var folder = new TemporaryFolder();
        string file = folder["scores.jsonl"];
        Candidate[] candidates = [Candidate.OfText("secret one"), Candidate.OfText("secret three"), Candidate.OfText("NaN")];
        float Reward(string text) => text == "NaN" ? float.NaN : 1f / text.Length;
        ScoreCache first = ScoreCache.Open(file);
        IReadOnlyList<Score> scores = first.Of(new LambdaModel(Reward)).Score(candidates);
        first.Save(file);
        Assert.DoesNotContain("secret", File.ReadAllText(file));
        var asked = new LambdaModel(Reward);
        ScoreCache second = ScoreCache.Open(file);
        Assert.Equal(scores.Select(s => (BitConverter.SingleToInt32Bits(s.Reward), s.Tokens, s.ReadAt)), second.Of(asked).Score(candidates).Select(s => (BitConverter.SingleToInt32Bits(s.Reward), s.Tokens, s.ReadAt)));
        Assert.Equal("NaN", Assert.Single(asked.Asked).Text); // what is not finite is not kept
        second.Save(file);
        File.AppendAllText(file, "{\"model\":\"m\",\"reading\":\"r\",\"text\":\"zz\",\"reward\":1}\n");
        Assert.Contains("line 3", Assert.Throws<WarmException>(() => ScoreCache.Open(file)).Message);
    }
}
