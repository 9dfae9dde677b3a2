using Warm.Testing;
using Warm.Tests.Averaging;
using Warm.Tests.Rewards;

namespace Warm.Tests.Diversity;

public class ConnectivitySurveyTests
{
    [Fact]
    public async Task MeasureAsync_follows_every_line_and_draws_the_simplex()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = [.. Enumerable.Range(1, 3).Select(i => Checkpoint.Open(TinyFolder.Write(folder[$"rm-{i}"], TinyFolder.Values(i, step: 2))))];
        var random = new Random(3);
        string Text() => new([.. Enumerable.Range(0, random.Next(3, 12)).Select(_ => (char)('a' + random.Next(4)))]);
        PairSet pairs = PairSet.Of(Enumerable.Range(0, 80).Select(i => Preference.Of($"{i / 2}", Text() + "a", Text())), new() { Resamples = 200 });
        int loaded = 0;
        IRewardModel Load(Weights weights)
        {
            loaded++;
            var values = new double[16];
            weights.Read("score.weight", 0, values.AsSpan());
            return new LambdaModel(text => (float)Enumerable.Range(0, 4).Sum(i => values[i] * text.Count(c => c == 'a' + i)));
        }
        ConnectivitySurvey survey = await ConnectivitySurvey.MeasureAsync(members, Load, pairs, ["x", "y", "z"], steps: 5, points: 6, seed: 1);
        Assert.Equal(3 + 3 * 3 + 6, loaded); // the ends once
        Assert.Equal([(0, 1), (0, 2), (1, 2)], survey.Lines.Select(line => (line.A, line.B)));
        Connectivity twin = await Connectivity.MeasureAsync(members[0], members[2], Load, pairs.Pairs, 5, pairs.Options);
        Assert.Equal(twin.Path, survey.Lines[1].Line.Path);
        Assert.Equal(6, survey.Simplex.Count);
        foreach (SimplexPoint point in survey.Simplex)
        {
            Assert.Equal(1, point.Weights.Sum(), 12);
            Assert.All(point.Weights, weight => Assert.True(weight >= 0));
            Assert.Equal(point.Weights.Zip(survey.Members, (w, m) => w * m.Accuracy.Value).Sum(), point.Straight, 12);
            PairwiseAccuracy alone = PairwiseAccuracy.Measure(Load(WeightAverage.Of(members, new AverageOptions { Weights = point.Weights })), pairs.Pairs, pairs.Options);
            Assert.Equal((alone.Accuracy.Value, alone.Loss), (point.Accuracy.Value, point.Loss));
        }
        Assert.Equal(survey.Connected, survey.Lines.All(l => l.Line.Connected) && survey.Simplex.All(p => p.Holds));
        Assert.Contains("points of the simplex", survey.Chart("a.jsonl").ToSvg());
        Assert.Contains("3 lines and 6 points", survey.ToString());
        ConnectivitySurvey two = await ConnectivitySurvey.MeasureAsync(members[..2], Load, pairs, steps: 3);
        Assert.Contains("interpolated accuracy of the ends", two.Chart("a.jsonl").ToSvg());
        await Assert.ThrowsAsync<WarmException>(() => ConnectivitySurvey.MeasureAsync(members[..1], Load, pairs));
        await Assert.ThrowsAsync<WarmException>(() => ConnectivitySurvey.MeasureAsync(members, Load, pairs, steps: 1));
        foreach (Weights member in members) member.Dispose();
    }
}
