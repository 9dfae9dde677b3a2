using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Starts of the shipped family, from weights and text to the choice, and back as reward models with one head.</summary>
public class BaklavaReferenceTests
{
    private static readonly ScoringOptions Cut = new() { MaxLength = 192, Truncation = Truncation.Right };

    [ReferenceFact]
    public async Task The_shipped_checkpoints_are_judged_and_written_with_one_head()
    {
        IReadOnlyList<Start> starts = Start.Find([.. ((int[])[120, 160, 200]).Select(step => Reference.Path("families", "decoder", $"sft-{step}"))]);
        Preference[] pairs = [.. PreferenceFile.Read(Reference.Path("families", "texts", "train.jsonl.gz")).Where((_, i) => i % 3 == 0)];
        Baklava baklava = await Baklava.MeasureAsync(starts, LinearProbe.ForStarts(scoring: Cut), pairs);
        Assert.Equal([120L, 160L, 200L], baklava.Starts.Select(s => s.Step!.Value));
        foreach (MeasuredStart start in baklava.Starts)
        {
            Assert.InRange(start.Accuracy.Value, 0.6, 0.8); // better than a coin on topics that no head has seen
            Assert.True(start.Accuracy.Low > 0.5 && start.Accuracy.High < 0.9, start.ToString());
            Assert.Equal((16, "prompt"), (start.Accuracy.Units, start.Accuracy.Unit));
        }
        Assert.Equal(baklava.Reference.Accuracy, baklava.Reference.Shared);
        Assert.True(baklava.Starts[0].Distance > baklava.Starts[1].Distance && baklava.Starts[1].Distance > 0);

        using var folder = new TemporaryFolder();
        IReadOnlyList<string> written = baklava.Write(folder["starts"]);
        Assert.Equal(baklava.Starts.Count(s => s.Chosen), written.Count);
        Candidate[] texts = [.. pairs.Take(20).Select(p => p.Chosen)];
        foreach (string path in written)
        {
            using RewardModel model = RewardModel.Load(Checkpoint.Open(path)), frozen = RewardModel.Load(HeadedWeights.Of(Checkpoint.Open(Reference.Path("families", "decoder", Path.GetFileName(path)))));
            IReadOnlyList<float[]> features = await frozen.FeaturesAsync(texts, Cut);
            float[] head = new float[128];
            Checkpoint.Open(path).Read("score.weight", 0, head.AsSpan());
            for (int j = 0; j < head.Length; j++) Assert.Equal(baklava.Head[j], head[j], Math.Abs(baklava.Head[j]) / 250 + 1e-9); // bf16, rounded once
            foreach ((Score score, float[] f) in model.Score(texts, Cut).Zip(features)) Assert.Equal(f.Zip(head, (x, w) => (double)x * w).Sum(), score.Reward, 2e-5);
        }
        Reference.Count("starts: judged and written", baklava.Starts.Count);
    }

    [ReferenceFact]
    public async Task A_head_of_shuffled_labels_is_at_chance()
    {
        var random = new Random(3);
        Preference[] pairs = [.. PreferenceFile.Read(Reference.Path("families", "texts", "train.jsonl.gz")).Where((_, i) => i % 3 == 1).Select(p => random.Next(2) == 0 ? p : p with { Chosen = p.Rejected, Rejected = p.Chosen })];
        Baklava baklava = await Baklava.MeasureAsync(Start.Find([Reference.Path("families", "decoder", "sft-200")]), LinearProbe.ForStarts(scoring: Cut), pairs);
        Assert.InRange(baklava.Reference.Accuracy.Value, 0.44, 0.56);
        Assert.True(baklava.Reference.Accuracy.Low < 0.5 && baklava.Reference.Accuracy.High > 0.45, baklava.Reference.Accuracy.ToString());
    }

    [ReferenceFact]
    public void Members_of_real_trainer_runs_are_told_from_their_starts()
    {
        // starts of baklava-1..3 are checkpoints 8, 16 and 24 of one run with a shared head; the members were trained from them by TRL.
        using var folder = new TemporaryFolder();
        Weights[] starts = [.. Enumerable.Range(1, 3).Select(i => Checkpoint.Open(Reference.Path("training", "start", $"baklava-{i}")))];
        Weights[] members = [.. Enumerable.Range(1, 3).Select(i =>
        {
            string path = Directory.CreateDirectory(folder[$"member-{i}"]).FullName;
            foreach (string file in Directory.GetFiles(Reference.Path("training", "start", $"baklava-{i}"), "*.json")) File.Copy(file, Path.Combine(path, Path.GetFileName(file)));
            File.Copy(Reference.Path("training", "runs", $"baklava-{i}", "final.safetensors"), Path.Combine(path, "model.safetensors"));
            return Checkpoint.Open(path);
        })];
        Assert.Equal([.. starts.Select(s => s.Name)], MemberOrigin.Of(members, starts).Select(o => o.Start));
        Assert.Equal([8L, 16L, 24L], Start.Find([Reference.Path("training", "runs", "sft-text")]).Select(s => s.Step!.Value));
        Reference.Count("starts: members by delta", 3);
    }
}
