using System.Text.Json.Nodes;
using Warm.Testing;
using Warm.Tests.Averaging;
using Warm.Tests.Rewards;

namespace Warm.Tests.Diversity;

public class HeadScaleTests
{
    private static SelectionPairs Pairs() => SelectionPairs.Of([.. Enumerable.Range(1, 5).Select(i => Preference.Of($"prompt {i}", new string('a', 2 * i), new string('b', i)))]);

    [Fact]
    public async Task Weights_make_up_for_the_scale_and_no_shift_changes_them()
    {
        using var folder = new TemporaryFolder();
        Weights[] members = TinyFolder.Siblings(folder, 3);
        // The same rewards, three times as large, and shifted: the pairs are 1 .. 5 apart.
        Func<string, float>[] rewards = [text => text.Length, text => 3 * text.Length, text => text.Length + 100];
        HeadScale scale = await HeadScale.MeasureAsync(members, weights => new LambdaModel(rewards[Array.IndexOf(members, weights)]), Pairs());
        double rms = Math.Sqrt((1 + 4 + 9 + 16 + 25) / 5.0);
        Assert.Equal([rms, 3 * rms, rms], scale.Members.Select(m => m.Scale), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([3 / 7.0, 1 / 7.0, 3 / 7.0], scale.Weights(), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([1 / 6.0, 1 / 9.0 * 2, 1 / 6.0 * 11 / 3], scale.Weights([3, 12, 11]), (a, b) => Math.Abs(a - b) < 1e-6);
        JsonObject json = scale.ToJson();
        Assert.Equal(5, (int)json["n"]!);
        Assert.Equal(0.142857, (double)json["members"]![1]!["weight"]!);
    }

    [Fact]
    public async Task A_member_that_tells_nothing_apart_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        HeadScale scale = await HeadScale.MeasureAsync(TinyFolder.Siblings(folder, 2), _ => new LambdaModel(_ => 1), Pairs());
        Assert.Contains("rm-0", Assert.Throws<WarmException>(() => scale.Weights()).Where);
        Assert.Null(scale.ToJson()["members"]![0]!["weight"]);
        Assert.Throws<WarmException>(() => scale.Weights([1]));
    }

    [Fact]
    public void Statistics_are_those_of_all_rewards()
    {
        RewardStatistics of = RewardStatistics.Of([(1, 3), (2, 2), (5, -1)]);
        Assert.Equal(3, of.Pairs);
        Assert.Equal(2, of.Mean);
        Assert.Equal(Math.Sqrt((1 + 1 + 0 + 0 + 9 + 9) / 5.0), of.Std, 1e-15);
        Assert.Equal(Math.Sqrt((4 + 0 + 36) / 3.0), of.Scale, 1e-15);
        Assert.Throws<WarmException>(() => RewardStatistics.Of([]));
    }
}
