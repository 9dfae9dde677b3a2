#:project ../src/Warm/Warm.csproj
#:project ../src/Warm.Transformers/Warm.Transformers.csproj
#:property PublishAot=false

// A training loop that is not Warm's: REINFORCE, written here from scratch, with a policy of its own. Warm is what such a loop calls:
//   the reward         the average of six reward models (WARM)
//   the KL reference   the average of two language models (SALSA), neither of them written to disk
//   the checkpoints    the loop's own tensors, saved as safetensors and averaged as any other weights (WARP)
//
//     dotnet run samples/policy-loop.cs                      the models that lie beside this file
//     dotnet run samples/policy-loop.cs -- FAMILY WRITERS    your own: FAMILY/rm-*, WRITERS/sft-*

using System.Globalization;
using System.Runtime.InteropServices;
using Warm;
using Warm.Transformers;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string here = (string?)AppContext.GetData("EntryPointFileDirectoryPath") ?? ".", output = Directory.CreateTempSubdirectory("warm-").FullName;
(string family, string writers) = args is [var first, var second, ..] ? (first, second) : (Path.Combine(here, "family"), Path.Combine(here, "writers"));
static WeightAverage Average(string folder, string pattern) => WeightAverage.Of([.. Directory.GetDirectories(folder, pattern).Order(StringComparer.Ordinal).Select(Checkpoint.Open)]);

using RewardModel reward = RewardModel.Load(Average(family, "rm-*"));
using LanguageModel reference = LanguageModel.Load(Average(writers, "sft-*"));
Console.WriteLine($"reward     {reward.Name}\nreference  {reference.Name}");

// The policy starts as what a few thousand tokens of the reference look like: how often a token follows another.
string[] prompts = ["TV is better than Books Books", "Ban Plastic Water Bottles No Bad For the Economy", "Ban Plastic Water Bottles Yes Emergencies Only"];
Candidate[] questions = [.. prompts.Select(prompt => Candidate.OfResponse(prompt, ""))];
IReadOnlyList<DrawnResponse> written = reference.Generate([.. Enumerable.Range(0, 96).Select(i => questions[i % questions.Length])], new() { Temperature = 0.8, TopP = 0.95, MaxTokens = 40, Seed = 1 });
Bigrams start = Bigrams.Of(written.Select(response => response.Ids), reference.EndIds[0]);

// Three runs from that start. Each step: answers are drawn, judged and held against the reference, and the policy moves towards those that did better than their neighbours.
const double beta = 0.02, rate = 5;
const int steps = 30, group = 8, longest = 24;
(double before, double beforeKl) = Judge(start, new Random(0));
Console.WriteLine($"start      reward {before,6:F2}   log p/ref {beforeKl,5:F1}");
var runs = new List<Weights>();
bool rose = true;
for (int seed = 1; seed <= 3; seed++)
{
    var random = new Random(seed);
    Bigrams policy = start.Copy();
    for (int step = 0; step < steps; step++)
    {
        (int Prompt, int[] Ids)[] answers = [.. Enumerable.Range(0, prompts.Length * group).Select(i => (i / group, policy.Draw(random, longest)))];
        double[] objective = [.. Rewards(answers).Zip(LogRatios(policy, answers), (r, ratio) => r - beta * ratio)];
        for (int i = 0; i < answers.Length; i++)
        {
            double others = answers.Index().Where(a => a.Item.Prompt == answers[i].Prompt && a.Index != i).Average(a => objective[a.Index]); // leave one out
            policy.Step(answers[i].Ids, rate * (objective[i] - others) / answers.Length);
        }
    }
    (double after, double kl) = Judge(policy, new Random(0));
    Console.WriteLine($"run {seed}      reward {after,6:F2}   log p/ref {kl,5:F1}");
    rose &= after > before + 2;
    policy.Save(Path.Combine(output, $"policy-{seed}")); // a safetensors folder
    runs.Add(Checkpoint.Open(Path.Combine(output, $"policy-{seed}")));
}

// The loop's own checkpoints, averaged: the same call as for reward models.
WeightAverage.Of(runs).Save(Path.Combine(output, "policy"));
(double averaged, double averagedKl) = Judge(Bigrams.Open(Checkpoint.Open(Path.Combine(output, "policy")), start), new Random(0));
Console.WriteLine($"average    reward {averaged,6:F2}   log p/ref {averagedKl,5:F1}");
rose &= averaged > before + 2;
Console.WriteLine(rose ? "every run and their average earn at least 2 more than the start" : "a run did not learn");
return rose ? 0 : 1;

IReadOnlyList<double> Rewards((int Prompt, int[] Ids)[] answers) =>
    [.. reward.Score([.. answers.Select(a => Candidate.OfResponse(prompts[a.Prompt], reference.Tokenizer.Decode(a.Ids, skipSpecialTokens: true)))]).Select(score => (double)score.Reward)];

double[] LogRatios(Bigrams policy, (int Prompt, int[] Ids)[] answers)
{
    IReadOnlyList<ResponseLogProbability> under = reference.LogProbabilities([.. answers.Select(a => new TokenSequence(reference.ReadPrompt(questions[a.Prompt]), a.Ids))]);
    return [.. answers.Zip(under, (a, r) => policy.LogProbability(a.Ids) - r.Sum)];
}

(double Reward, double Kl) Judge(Bigrams policy, Random random)
{
    (int Prompt, int[] Ids)[] answers = [.. Enumerable.Range(0, 96).Select(i => (i % prompts.Length, policy.Draw(random, longest)))];
    return (Rewards(answers).Average(), LogRatios(policy, answers).Average());
}

/// <summary>p(token | token before) = softmax of a row of a table, plus a shift that all rows share. Over the tokens that occurred; the last of them ends an answer.</summary>
internal sealed class Bigrams(int[] tokens, float[] table, float[] shift) : Weights
{
    private int Count => tokens.Length;

    public static Bigrams Of(IEnumerable<IReadOnlyList<int>> texts, int end)
    {
        int[] tokens = [.. texts.SelectMany(ids => ids).Where(id => id != end).CountBy(id => id).OrderByDescending(c => c.Value).ThenBy(c => c.Key).Take(300).Select(c => c.Key), end];
        double[] counts = new double[tokens.Length * tokens.Length], alone = new double[tokens.Length];
        foreach (IReadOnlyList<int> ids in texts)
        {
            int before = tokens.Length - 1;
            foreach (int now in ids.Select(id => Array.IndexOf(tokens, id)).Where(at => at >= 0))
            {
                counts[before * tokens.Length + now]++;
                alone[now]++;
                before = now;
            }
        }
        double sum = alone.Sum();
        return new Bigrams(tokens, [.. counts.Select((count, i) => (float)Math.Log(count + 0.5 * (alone[i % tokens.Length] + 0.1) / sum))], new float[tokens.Length]);
    }

    public Bigrams Copy() => new(tokens, [.. table], [.. shift]);

    private double[] Row(int before)
    {
        double[] row = [.. Enumerable.Range(0, Count).Select(v => (double)table[before * Count + v] + shift[v])];
        double largest = row.Max(), sum = row.Sum(l => Math.Exp(l - largest));
        return [.. row.Select(l => Math.Exp(l - largest) / sum)];
    }

    public int[] Draw(Random random, int longest)
    {
        var ids = new List<int>();
        for (int before = Count - 1; ids.Count < longest;)
        {
            double[] row = Row(before);
            double left = random.NextDouble();
            before = 0;
            while (before < Count - 1 && (left -= row[before]) > 0) before++;
            ids.Add(tokens[before]);
            if (before == Count - 1) break;
        }
        return [.. ids];
    }

    public double LogProbability(int[] ids)
    {
        double sum = 0;
        int before = Count - 1;
        foreach (int id in ids)
        {
            int now = Array.IndexOf(tokens, id);
            sum += Math.Log(Row(before)[now]);
            before = now;
        }
        return sum;
    }

    /// <summary>Adds amount x d log p / d parameters: 1 - p for what was drawn, -p for all else.</summary>
    public void Step(int[] ids, double amount)
    {
        int before = Count - 1;
        foreach (int id in ids)
        {
            int now = Array.IndexOf(tokens, id);
            double[] row = Row(before);
            for (int v = 0; v < Count; v++)
            {
                float move = (float)(amount * ((v == now ? 1 : 0) - row[v]));
                table[before * Count + v] += move;
                shift[v] += 0.2f * move;
            }
            before = now;
        }
    }

    public static Bigrams Open(Weights saved, Bigrams like)
    {
        Bigrams policy = like.Copy();
        saved.Read("policy.table", 0, policy.Tensor("policy.table").AsSpan());
        saved.Read("policy.shift", 0, policy.Tensor("policy.shift").AsSpan());
        return policy;
    }

    // What makes any tensors Warm's: names, shapes and values. Save, WeightAverage, distances and interpolation follow.
    private float[] Tensor(string name) => name == "policy.table" ? table : shift;
    public override string Name => "policy";
    public override IReadOnlyList<string> Names => ["policy.shift", "policy.table"];
    public override bool Contains(string name) => Names.Contains(name);
    public override TensorInfo Info(string name) => new(name, DType.F32, name == "policy.table" ? new Shape(Count, Count) : new Shape(Count));
    public override void ReadRaw(string name, long start, Span<byte> destination) => MemoryMarshal.AsBytes(Tensor(name).AsSpan((int)start)).Slice(0, destination.Length).CopyTo(destination);
    public override void Read(string name, long start, Span<float> destination) => Tensor(name).AsSpan((int)start, destination.Length).CopyTo(destination);
    public override void Read(string name, long start, Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i++) destination[i] = Tensor(name)[start + i];
    }
}
