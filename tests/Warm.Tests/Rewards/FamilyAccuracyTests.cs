using System.IO.Compression;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Rewards;

/// <summary>The recorded rewards of really trained members, averages and ensembles against the recorded accuracies and topic intervals.</summary>
public class FamilyAccuracyTests
{
    private static readonly string[] Splits = ["train", "id_seen", "id_new", "ood"];

    [ReferenceTheory]
    [InlineData("decoder")]
    [InlineData("minilm")]
    public void Accuracies_and_topic_intervals_are_the_recorded_ones(string family)
    {
        using JsonDocument metrics = JsonDocument.Parse(File.ReadAllText(Reference.Path("families", family, "metrics.json")));
        using JsonDocument texts = JsonDocument.Parse(File.ReadAllText(Reference.Path("families", "texts", "pairs.json")));
        Dictionary<int, string> topics = Topics();
        Dictionary<string, double[]> rewards = Rewards(family);
        int cases = 0;
        foreach (JsonProperty kind in metrics.RootElement.GetProperty("kinds").EnumerateObject())
        {
            double[][] members = [.. Enumerable.Range(1, 6).Select(i => rewards[$"{kind.Name}-{i}"])];
            double[] average = rewards[$"{kind.Name}-wa-123456"], ensemble = [.. average.Select((_, i) => members.Average(m => m[i]))];
            foreach (string split in Splits)
            {
                (int Winner, int Loser)[] pairs = [.. texts.RootElement.GetProperty("pairs").GetProperty(split).EnumerateArray().Select(p => (p[0].GetInt32(), p[1].GetInt32()))];
                Units units = Units.By("topic", pairs.Select(p => topics[p.Winner]));
                PairwiseAccuracy Judge(double[] r, string? name) => PairwiseAccuracy.Of([.. pairs.Select(p => r[p.Winner])], [.. pairs.Select(p => r[p.Loser])], units, new() { Ties = TieRule.Correct }, name);
                double Recorded(string list, string name) => kind.Value.GetProperty(list).GetProperty(name).GetProperty(split).GetDouble();

                PairwiseAccuracy wa = Judge(average, "wa"), ens = Judge(ensemble, "ens");
                PairwiseAccuracy[] alone = [.. members.Select((m, i) => Judge(m, $"{kind.Name}-{i + 1}"))];
                for (int i = 0; i < 6; i++) Assert.Equal(Recorded("members", $"{kind.Name}-{i + 1}"), alone[i].Accuracy.Value, 12);
                Assert.Equal(Recorded("wa_of_k", "6"), wa.Accuracy.Value, 12);
                Assert.Equal(Recorded("ens_of_k", "6"), ens.Accuracy.Value, 12);
                string best = kind.Value.GetProperty("best_member_on_id_new").GetString()!;

                JsonElement comparisons = kind.Value.GetProperty("comparisons").GetProperty(split);
                Agrees(comparisons.GetProperty("wa_minus_ens"), PairedComparison.Of(wa, ens).Difference);
                Agrees(comparisons.GetProperty("wa_minus_best_member"), PairedComparison.Of(wa, alone.First(m => m.Name == best)).Difference);
                double[] outcomes = wa.Outcomes.ToArray(), others = [.. outcomes.Select((_, i) => alone.Average(m => m.Outcomes[i]))];
                Agrees(comparisons.GetProperty("wa_minus_mean_of_members"), Estimate.Mean([.. outcomes.Zip(others, (a, b) => a - b)], units));
                cases += 8 + 3;
            }
        }
        Reference.Count($"family accuracies and intervals, {family}", cases);
    }

    private static void Agrees(JsonElement recorded, Estimate estimate)
    {
        Assert.Equal((recorded.GetProperty("n").GetInt32(), recorded.GetProperty("topics").GetInt32()), (estimate.N, estimate.Units));
        Assert.Equal(recorded.GetProperty("difference").GetDouble(), estimate.Value, 12);
        Assert.Equal(recorded.GetProperty("se_topics").GetDouble(), estimate.Error, 12);
        Assert.Equal(recorded.GetProperty("topics_95")[0].GetDouble(), estimate.Low, 11);
        Assert.Equal(recorded.GetProperty("topics_95")[1].GetDouble(), estimate.High, 11);
    }

    private static Dictionary<int, string> Topics()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Reference.Path("families", "texts", "arguments.jsonl.gz")), CompressionMode.Decompress));
        var topics = new Dictionary<int, string>();
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument argument = JsonDocument.Parse(line);
            topics.Add(argument.RootElement.GetProperty("index").GetInt32(), argument.RootElement.GetProperty("topic").GetString()!);
        }
        return topics;
    }

    private static Dictionary<string, double[]> Rewards(string family)
    {
        using Weights file = Checkpoint.Open(Reference.Path("families", family, "rewards.safetensors"));
        return file.Names.ToDictionary(name => name, name =>
        {
            double[] values = new double[file.Info(name).Count];
            file.Read(name, 0, values);
            return values;
        });
    }
}
