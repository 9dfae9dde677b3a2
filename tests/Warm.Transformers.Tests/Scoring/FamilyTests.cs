using System.IO.Compression;
using System.Text.Json;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>Really trained members, their averages and interpolations, from text to reward: files, averaging, template, tokenizer and engine together.</summary>
public class FamilyTests(ITestOutputHelper output)
{
    private const double Tolerance = 2e-5;

    [ReferenceFact]
    public void Score_of_every_member_and_average_is_as_recorded()
    {
        string root = Reference.Path("families", "decoder");
        (int Index, string Prompt, string Text)[] texts = Arguments();
        using Checkpoint recorded = Checkpoint.Open(Path.Combine(root, "rewards.safetensors"));
        EncodedText[]? read = null;
        double worst = 0;
        int compared = 0;
        foreach (string name in recorded.Names)
        {
            float[] expected = new float[recorded.Info(name).Count];
            recorded.Read(name, 0, expected.AsSpan());
            string[] parts = name.Split('-');
            string kind = parts[0];
            Checkpoint Open(char member) => Checkpoint.Open(Path.Combine(root, $"{kind}-{member}"));
            using Weights weights = parts switch
            {
                [_, "wa", var members] => WeightAverage.Of([.. members.Select(Open)], new AverageOptions { DType = DType.F32 }),
                [_, "wa", var members, "bf16"] => WeightAverage.Of([.. members.Select(Open)]), // kept: the members are bf16
                [_, "line", var a, var b, var share] => Interpolation.Of(Open(a[0]), Open(b[0]), double.Parse(share, System.Globalization.CultureInfo.InvariantCulture), new AverageOptions { DType = DType.F32 }),
                _ => Open(parts[1][0]),
            };
            using RewardModel model = RewardModel.Load(weights);
            read ??= [.. texts.Select(t => Shortened(model.Read(Candidate.OfResponse(t.Prompt, t.Text), ScoringOptions.Default)))]; // one tokenizer for all members
            bool whole = parts.Length == 2 || parts[^1] is "123456" or "bf16";
            int[] some = [.. Enumerable.Range(0, texts.Length).Where(i => (whole || i % 40 == 7) && !float.IsNaN(expected[texts[i].Index]))];
            IReadOnlyList<Score> scores = model.Score([.. some.Select(i => read[i])], new string?[some.Length], ScoringOptions.Default, null, default);
            double gap = some.Select((i, n) => (double)Math.Abs(scores[n].Reward - expected[texts[i].Index])).Max();
            Assert.True(gap <= Tolerance, $"{name}: {gap:E2} off");
            worst = Math.Max(worst, gap);
            compared += some.Length;
        }
        output.WriteLine($"{recorded.Names.Count} models, {compared:N0} rewards, worst {worst:E1}");
        Assert.Equal(146, recorded.Names.Count);
        Reference.Count("families: rewards of decoder members and averages", compared);
    }

    [ReferenceFact]
    public void Score_of_odd_texts_is_as_recorded()
    {
        Weights[] members = [.. Enumerable.Range(1, 6).Select(n => Checkpoint.Open(Reference.Path("families", "decoder", $"clean-{n}")))];
        using RewardModel model = RewardModel.Load(WeightAverage.Of(members, new AverageOptions { DType = DType.F32 }));
        int compared = 0;
        foreach (JsonElement one in JsonText.Read(Reference.Path("families", "decoder", "odd.json")).EnumerateArray())
        {
            Message[] messages = [.. one.GetProperty("messages").EnumerateArray().Select(m => new Message(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
            // The family's rule for longer texts: the first 191 ids and then <|end|>, which is what cutting on the right keeps.
            var options = new ScoringOptions { MaxLength = one.GetProperty("max_length").GetInt32(), Truncation = Truncation.Right };
            Assert.Equal(one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), model.TokenIds(Candidate.OfMessages(messages), options));
            Assert.Equal(one.GetProperty("reward").GetSingle(), model.Score([Candidate.OfMessages(messages)], options)[0].Reward, Tolerance);
            compared++;
        }
        Reference.Count("families: odd texts", compared);
    }

    private static EncodedText Shortened(EncodedText text) => text.Ids.Count <= 192 ? text : text with { Ids = [.. text.Ids.Take(191), 3], ReadAt = 191 };

    private static (int, string, string)[] Arguments()
    {
        using var file = new GZipStream(File.OpenRead(Reference.Path("families", "texts", "arguments.jsonl.gz")), CompressionMode.Decompress);
        using var reader = new StreamReader(file);
        var texts = new List<(int, string, string)>();
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            texts.Add((json.RootElement.GetProperty("index").GetInt32(), json.RootElement.GetProperty("prompt").GetString()!, json.RootElement.GetProperty("text").GetString()!));
        }
        return [.. texts];
    }
}
