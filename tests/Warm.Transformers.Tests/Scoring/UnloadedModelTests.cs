using Warm.Testing;

namespace Warm.Transformers.Tests;

public class UnloadedModelTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("bert")]
    [InlineData("average")]
    public async Task A_model_is_loaded_only_where_a_score_is_missing(string kind)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint one = Checkpoint.Open(kind == "bert" ? TinyModel.Bert(folder["a"]) : TinyModel.Llama(folder["a"])), two = Checkpoint.Open(kind == "bert" ? folder["a"] : TinyModel.Llama(folder["b"]));
        Weights weights = kind == "average" ? WeightAverage.Of([one, two]) : one;
        foreach (RewardModelOptions options in (RewardModelOptions[])[new(), new() { TextForm = TextForm.ResponseOnly }, new() { ReadAt = RewardPosition.Mean }, new() { Labels = [0] }])
        {
            int loaded = 0;
            RewardModel Load(Weights some)
            {
                loaded++;
                return RewardModel.Load(some, null, options);
            }
            using RewardModel model = RewardModel.Load(weights, null, options);
            IRewardModel later = UnloadedModel.Of(weights, options, Load);
            Assert.Equal((model.Identity, model.TextForm), (later.Identity, later.TextForm));
            var cache = new ScoreCache();
            Candidate[] texts = [Candidate.OfIds([5, 6, 7]), Candidate.OfIds([8])];
            Assert.Equal(await cache.Of(model).ScoreAsync(texts), await cache.Of(later).ScoreAsync(texts));
            Assert.Equal(0, loaded);
            Candidate[] more = [.. texts, Candidate.OfIds([9, 5])];
            Assert.Equal((await model.ScoreAsync(more))[2].Reward, (await cache.Of(later).ScoreAsync(more))[2].Reward);
            Assert.Equal(1, loaded);
            ((IDisposable)later).Dispose();
        }
    }
}
