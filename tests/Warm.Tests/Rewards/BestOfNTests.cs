using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Rewards;

public class BestOfNTests
{
    [Fact]
    public void Choose_ranks_and_prints()
    {
        BestOfN best = BestOfN.Choose(new LambdaModel(text => text.Length), "How long?", ["six", "seven minutes", "8"]);
        Assert.Equal((1, "seven minutes", 13f, 1), (best.Index, best.Chosen, best.Reward, best.Ties));
        Assert.Equal([1, 0, 2], best.Ranking.Select(d => d.Index));
        Assert.Equal("#2 of 3  reward 13.000  seven minutes", best.ToString());
    }

    [Fact]
    public void Choose_lowest_index_among_equals() =>
        Assert.Equal("#1 of 3  reward 1.000  a  (3 tied)", BestOfN.Choose(new LambdaModel(_ => 1), "p", ["a", "b", "c"]).ToString());

    [Fact]
    public void Choose_shortens_a_long_text_between_characters()
    {
        string text = BestOfN.Of([1], [new string('x', 56) + "😀😀😀😀"]).ToString();
        Assert.EndsWith(new string('x', 56) + "...", text);
    }

    [Fact]
    public void Choose_refuses_nothing_and_nothing_finite()
    {
        Assert.Contains("there are none", Assert.Throws<WarmException>(() => BestOfN.Choose(new LambdaModel(_ => 1), "p", [])).Message);
        Assert.Contains("none of the 2 rewards is finite", Assert.Throws<WarmException>(() => BestOfN.Of([float.NaN, float.PositiveInfinity])).Message);
    }

    [Fact]
    public void Serialises_under_the_names_of_the_command() =>
        Assert.Equal("""{"chosen":"b","index":1,"reward":2.5,"ties":1,"ranking":[{"index":1,"reward":2.5,"text":"b"},{"index":0,"reward":-1,"text":"a"}],"remarks":[]}""", JsonSerializer.Serialize(BestOfN.Of([-1, 2.5f], ["a", "b"])));

    [ReferenceFact]
    public void Of_agrees_with_the_reference()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Reference.Path("evaluation", "best_of_n.json")));
        int cases = 0;
        foreach (JsonElement c in reference.RootElement.GetProperty("choose").EnumerateArray())
        {
            float[] rewards = [.. c.GetProperty("rewards").EnumerateArray().Select(v => v.ValueKind == JsonValueKind.String ? float.Parse(v.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : v.GetSingle())];
            cases++;
            if (c.GetProperty("chosen").ValueKind == JsonValueKind.Null)
            {
                Assert.Throws<WarmException>(() => BestOfN.Of(rewards));
                continue;
            }
            BestOfN best = BestOfN.Of(rewards);
            Assert.Equal((c.GetProperty("chosen").GetInt32(), c.GetProperty("ties").GetInt32()), (best.Index, best.Ties));
            Assert.Equal(c.GetProperty("rejected_as_not_finite").GetInt32() > 0, best.Remarks.Count > 0);
        }
        Reference.Count("choices", cases);
    }
}
