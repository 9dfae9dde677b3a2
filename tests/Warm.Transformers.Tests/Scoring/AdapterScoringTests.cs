using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Adapters of every kind as models: their logits as PEFT gives them, and hostile ones as their lines say.</summary>
public class AdapterScoringTests
{
    [ReferenceFact]
    public void Score_of_every_adapter_is_pefts_logit()
    {
        JsonElement book = JsonText.Read(Reference.Path("merges", "lora.json"));
        int compared = 0;
        foreach (JsonElement entry in book.GetProperty("adapters").EnumerateArray())
        {
            string name = entry.GetProperty("name").GetString()!, under = entry.GetProperty("base").GetString()!;
            using Checkpoint start = Checkpoint.Open(Reference.Path("merges", "lora", under));
            using LowRankAdapter adapter = LowRankAdapter.Open(start, Reference.Path("merges", "lora", name));
            using RewardModel model = RewardModel.Load(adapter);
            Candidate[] inputs = [.. book.GetProperty("inputs").GetProperty(under["base-".Length..]).EnumerateArray().Select(ids => Candidate.OfIds([.. ids.EnumerateArray().Select(id => id.GetInt32())]))];
            IReadOnlyList<Score> scores = model.Score(inputs);
            double[] expected = [.. entry.GetProperty("logits_definition_f64").EnumerateArray().Select(x => x.GetDouble())];
            for (int i = 0; i < inputs.Length; i++) Assert.True(Math.Abs(scores[i].Reward - expected[i]) <= 1e-5, $"{name}, input {i}: {scores[i].Reward}, expected {expected[i]}");
            compared += inputs.Length;
        }
        Reference.Count("rewards of adapters of every kind", compared);
        Assert.True(compared >= 90, $"{compared}");
    }

    [ReferenceFact]
    public void Every_hostile_folder_is_scored_or_refused_soon_and_small_as_its_line_says()
    {
        int cases = 0;
        using var copies = new TemporaryFolder();
        foreach (JsonElement entry in HostileBar.Entries("folders"))
        {
            string path = HostileBar.Folder(entry, copies), line = entry.GetProperty("warm").GetString()!, name = Path.GetFileName(path);
            bool isAdapter = entry.TryGetProperty("adapter", out JsonElement told) && told.GetBoolean() && name != "adapter_base_url";
            WarmException? refusal = HostileBar.Holds(path, path, () =>
            {
                using Checkpoint checkpoint = Checkpoint.Open(isAdapter ? Reference.Path("checkpoints", "hostile", "folders", "good") : path);
                using LowRankAdapter? adapter = isAdapter ? LowRankAdapter.Open(checkpoint, path) : null;
                using RewardModel model = RewardModel.Load(adapter ?? (Weights)checkpoint, new CpuEngine(new CpuOptions { Threads = 1 }));
                model.Score([Candidate.OfIds([5, 6, 7])]);
            });
            if (name == "symlink_dir_cycle") Assert.Contains("holds no weights", refusal!.Message); // "opens what it finds": there are none, and listing them ended
            else if (line.StartsWith("opens", StringComparison.Ordinal) && !line.Contains(" or ") && !line.Contains("opens; ") && !line.Contains("opens if")) Assert.True(refusal is null, $"{name}: {refusal?.Message}; {line}");
            else if (line.StartsWith("refuses", StringComparison.Ordinal) && !line.Contains(" or ") && !line.Contains("unless a base is passed") && !line.Contains("fine")) Assert.True(refusal is not null, $"{name} opens; {line}");
            cases++;
        }
        Reference.Count("hostile folders scored or refused", cases);
        Assert.True(cases >= 102, $"{cases}");
    }
}
