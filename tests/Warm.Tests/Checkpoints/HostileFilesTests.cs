using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>Every hostile file and folder of the reference, within the bar of time and memory, nothing executed, nothing written.</summary>
public class HostileFilesTests
{
    private static void ReadAll(Weights weights)
    {
        (weights as Checkpoint)?.Verify();
        new WeightsPass(weights, new() { Threads = 1 }).Run(null);
    }

    [ReferenceFact]
    public void Every_hostile_file_is_read_or_refused_soon_and_small()
    {
        int cases = 0;
        foreach (string kind in (string[])["safetensors", "pickle"])
            foreach (JsonElement entry in HostileBar.Entries(kind))
            {
                string path = Reference.Path("checkpoints", entry.GetProperty("file").GetString()!);
                HostileBar.Holds(path, null, () =>
                {
                    using Checkpoint checkpoint = Checkpoint.Open(path);
                    ReadAll(checkpoint);
                });
                cases++;
            }
        Reference.Count("hostile files within a second and 64 MB", cases);
        Assert.True(cases >= 338, $"{cases}");
    }

    [ReferenceFact]
    public void Every_hostile_folder_and_adapter_is_read_or_refused_soon_and_small_as_its_line_says()
    {
        int cases = 0;
        using var copies = new TemporaryFolder();
        foreach (JsonElement entry in HostileBar.Entries("folders"))
        {
            string path = HostileBar.Folder(entry, copies), line = entry.GetProperty("warm").GetString()!, name = Path.GetFileName(path);
            bool isAdapter = entry.TryGetProperty("adapter", out JsonElement told) && told.GetBoolean();
            WarmException? refusal = HostileBar.Holds(path, path, () =>
            {
                using Checkpoint checkpoint = Checkpoint.Open(isAdapter ? Reference.Path("checkpoints", "hostile", "folders", "good") : path);
                using LowRankAdapter? adapter = isAdapter ? LowRankAdapter.Open(checkpoint, path) : null;
                ReadAll(adapter ?? (Weights)checkpoint);
            });
            // What is wrong with a model is for RewardModel.Load to say; an adapter is judged here, on its base.
            if (isAdapter && line.StartsWith("opens", StringComparison.Ordinal) && !line.Contains("or refuses")) Assert.True(refusal is null, $"{name}: {refusal?.Message}");
            if (isAdapter && line.StartsWith("refuses", StringComparison.Ordinal) && !line.Contains(" or ") && !line.Contains("unless a base is passed") && name != "adapter_base_url") Assert.True(refusal is not null, $"{name} opens; {line}");
            cases++;
        }
        Reference.Count("hostile folders within a second and 64 MB", cases);
        Assert.True(cases >= 102, $"{cases}");
    }
}
