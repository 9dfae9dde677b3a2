using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

public class ParityFixtureTests
{
    [Fact]
    public void A_model_without_a_tokenizer_records_ids_that_another_loading_scores_alike()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint model = Checkpoint.Open(TinyModel.Bert(folder["m"]));
        ParityFixture fixture = ParityFixture.Record(model);
        ParityText entry = Assert.Single(fixture.Entries);
        Assert.Null(entry.Text);
        using (RewardModel other = RewardModel.Load(model)) Assert.Equal(other.Score([Candidate.OfIds(entry.Ids, entry.TypeIds)])[0].Reward, entry.Reward, 1e-5f);

        var recipe = new JsonObject();
        fixture.AddTo(recipe);
        File.WriteAllText(Path.Combine(folder["m"], "warm.json"), recipe.ToJsonString());
        ParityFixture read = ParityFixture.Read(folder["m"])!;
        Assert.Equal(fixture.ToString(), read.ToString());
        Assert.Equal(entry.Ids, read.Entries[0].Ids);
        Assert.True(Assert.Single(read.Check(model)).Ok);
        using Checkpoint another = Checkpoint.Open(TinyModel.Bert(folder["n"], seed: 2));
        Assert.False(Assert.Single(read.Check(another)).Ok);
    }

    [Fact]
    public void Rewards_agree_within_a_share_of_their_size()
    {
        Assert.Equal(1e-4, ParityFixture.Tolerance);
        Assert.True(ParityFixture.Agrees(0.5f, 0.50009f) && ParityFixture.Agrees(-50f, -50.004f) && ParityFixture.Agrees(float.NaN, float.NaN));
        Assert.False(ParityFixture.Agrees(0.5f, 0.5002f) || ParityFixture.Agrees(-50f, -50.01f) || ParityFixture.Agrees(1f, float.NaN) || ParityFixture.Agrees(float.NaN, 1f));
    }

    [Fact]
    public void A_folder_that_is_no_reward_model_gets_a_remark_instead()
    {
        using var folder = new TemporaryFolder();
        TinyModel.Llama(folder["m"], tensors: t => t.Remove("score.weight"));
        var recipe = new JsonObject();
        Assert.StartsWith("no parity fixture: ", Assert.Single(ParityFixture.Complete(folder["m"], recipe, default)));
        Assert.Empty(recipe);
        File.WriteAllText(Path.Combine(folder["m"], "warm.json"), "{}");
        Assert.Null(ParityFixture.Read(folder["m"]));
        File.WriteAllText(Path.Combine(folder["m"], "warm.json"), """{"fixture": {"textForm": "pair", "label": 0, "texts": [{"ids": "x", "reward": 1}]}}""");
        Assert.Contains("malformed", Assert.Throws<WarmException>(() => ParityFixture.Read(folder["m"])).Message);
    }
}
