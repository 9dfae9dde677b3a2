using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests.Diversity;

/// <summary>Averages and ensembles of every subset of six trained members, the choice of the best one, and lines between them: from the recorded rewards to the recorded tables.</summary>
/// <remarks>
/// From the stored weights, text in, the command shows the same; two minutes of processor time, too long for a test. In the reference's folder families, with corrupted in place of clean as well:
/// <c>warm evaluate decoder/clean-1 .. decoder/clean-6 --on train=texts/train.jsonl.gz --on id_seen=texts/id_seen.jsonl.gz --on id_new=texts/id_new.jsonl.gz --on ood=texts/ood.jsonl.gz --subsets all --ensemble
/// --ties correct --dtype f32 --max-length 192 --truncate right --json</c>. Of the 80 accuracies of the corrupted kind (six members, all subsets, four splits) 79 were equal to 1e-12, and one was off by one pair of 49,665.
/// </remarks>
public class FamilySubsetTests
{
    private static readonly string[] Splits = ["train", "id_seen", "id_new", "ood"];

    [ReferenceFact]
    public void Accuracies_of_all_subsets_and_choices_are_the_recorded_ones()
    {
        JsonElement metrics = JsonText.Read(Reference.Path("families", "decoder", "metrics.json")), texts = JsonText.Read(Reference.Path("families", "texts", "pairs.json"));
        using Weights file = Checkpoint.Open(Reference.Path("families", "decoder", "rewards.safetensors"));
        double[] Rewards(string name)
        {
            double[] values = new double[file.Info(name).Count];
            file.Read(name, 0, values.AsSpan());
            return values;
        }
        int cases = 0;
        foreach (JsonProperty kind in metrics.GetProperty("kinds").EnumerateObject())
        {
            double[][] members = [.. Enumerable.Range(1, 6).Select(i => Rewards($"{kind.Name}-{i}"))];
            foreach (string split in Splits)
            {
                (int Winner, int Loser)[] pairs = [.. texts.GetProperty("pairs").GetProperty(split).EnumerateArray().Select(p => (p[0].GetInt32(), p[1].GetInt32()))];
                double Accuracy(double[] r) => pairs.Average(p => PairwiseAccuracy.Outcome(r[p.Winner] - r[p.Loser], TieRule.Correct));
                double Average(int[] subset) => Accuracy(subset.Length == 1 ? members[subset[0]] : Rewards($"{kind.Name}-wa-{string.Concat(subset.Select(i => i + 1))}"));
                double Ensemble(int[] subset) => Accuracy([.. members[0].Select((_, text) => EnsembleRule.Mean.Of([.. subset.Select(i => members[i][text])]))]);
                for (int k = 1; k <= 6; k++)
                {
                    int[] first = [.. Enumerable.Range(0, k)];
                    Assert.Equal(Recorded("wa_of_k", split), Average(first), 12);
                    Assert.Equal(Recorded("ens_of_k", split), Ensemble(first), 12);
                    cases += 2;
                    if (k == 6) continue;
                    int[][] subsets = [.. Enumerable.Range(1, 63).Where(bits => System.Numerics.BitOperations.PopCount((uint)bits) == k).Select(bits => Enumerable.Range(0, 6).Where(i => (bits >> i & 1) == 1).ToArray())];
                    Assert.Equal(Recorded("subsets", $"wa_{split}"), subsets.Average(Average), 12);
                    Assert.Equal(Recorded("subsets", $"ens_{split}"), subsets.Average(Ensemble), 12);
                    cases += 2 * subsets.Length;

                    double Recorded(string list, string of) => kind.Value.GetProperty(list).GetProperty(k.ToString(System.Globalization.CultureInfo.InvariantCulture)).GetProperty(of).GetDouble();
                }
                foreach (JsonElement point in kind.Value.GetProperty("lines").EnumerateArray())
                {
                    (int from, int to, double lambda) = (point.GetProperty("from").GetInt32(), point.GetProperty("to").GetInt32(), point.GetProperty("lambda").GetDouble());
                    string name = FormattableString.Invariant($"{kind.Name}-line-{from}-{to}-{lambda}"), middle = $"{kind.Name}-wa-{from}{to}"; // half way is the average of the two
                    double[] along = Rewards(file.Contains(name) ? name : middle);
                    PairwiseAccuracy Judge(double[] r) => PairwiseAccuracy.Of([.. pairs.Select(p => r[p.Winner])], [.. pairs.Select(p => r[p.Loser])], null, new() { Ties = TieRule.Correct, Resamples = 2 });
                    Connectivity line = Connectivity.Of([0, lambda, 1], [Judge(members[from - 1]), Judge(along), Judge(members[to - 1])]);
                    Assert.Equal(point.GetProperty(split).GetDouble(), line.Path[1].Accuracy.Value, 12);
                    Assert.Equal(point.GetProperty($"{split}_minus_straight").GetDouble(), line.Path[1].Gain.Value, 12);
                    cases++;
                }
                if (split != "id_new") continue;
                TopByAccuracy ranking = TopByAccuracy.Of([.. members.Select(Accuracy)]);
                Assert.Equal(kind.Value.GetProperty("best_member_on_id_new").GetString(), $"{kind.Name}-{ranking.Order[0] + 1}");
                cases++;
            }
        }
        Reference.Count("families: subsets, lines, choices", cases);
    }
}
