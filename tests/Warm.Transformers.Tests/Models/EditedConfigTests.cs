using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Folders whose config.json says less, more or twice: the library's own number, or a refusal that names the key.</summary>
public class EditedConfigTests
{
    [Fact]
    public async Task Load_of_an_edited_config_gives_transformers_number_or_names_the_key()
    {
        int numbers = 0, refusals = 0;
        foreach (JsonElement one in JsonText.Read(Repository.Golden("models", "cases.json")).GetProperty("cases").EnumerateArray())
        {
            using var folder = new TemporaryFolder();
            string name = one.GetProperty("base").GetString()!;
            File.Copy(Repository.Golden("models", name, "model.safetensors"), folder["model.safetensors"]);
            JsonObject config = JsonNode.Parse(File.ReadAllText(Repository.Golden("models", name, "config.json")))!.AsObject();
            if (one.TryGetProperty("remove", out JsonElement removed))
                foreach (JsonElement key in removed.EnumerateArray()) config.Remove(key.GetString()!);
            if (one.TryGetProperty("set", out JsonElement set))
                foreach (JsonProperty entry in set.EnumerateObject()) config[entry.Name] = JsonNode.Parse(entry.Value.GetRawText());
            File.WriteAllText(folder["config.json"], config.ToJsonString());

            using Checkpoint weights = Checkpoint.Open(folder.Path);
            string? refused = one.TryGetProperty("refused", out JsonElement key2) ? key2.GetString() : null;
            if (refused is not null || !one.TryGetProperty("logits", out JsonElement logits))
            {
                Assert.Contains(refused ?? "", Assert.Throws<WarmException>(() => RewardModel.Load(weights)).Message);
                refusals++;
                continue;
            }
            using RewardModel model = RewardModel.Load(weights);
            IReadOnlyList<Score> scores = await model.ScoreAsync([.. one.GetProperty("ids").EnumerateArray().Select(row => Candidate.OfIds([.. row.EnumerateArray().Select(id => id.GetInt32())]))]);
            Assert.Equal(logits.GetArrayLength(), scores.Count);
            foreach ((JsonElement expected, Score score) in logits.EnumerateArray().Zip(scores)) Assert.True(Math.Abs(expected.GetDouble() - score.Reward) < 2e-5, $"{one}: {score.Reward}");
            numbers++;
        }
        Assert.Equal((20, 8), (numbers, refusals));
    }
}
