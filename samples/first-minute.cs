#:project ../src/Warm/Warm.csproj
#:project ../src/Warm.Transformers/Warm.Transformers.csproj
#:property PublishAot=false

// The first minute: six reward models that were really trained are checked, averaged, and the average scores text, chooses the best of N drafts,
// and is judged beside its members on human preferences of topics that none of them ever saw.
//
//     dotnet run samples/first-minute.cs                 the family that lies beside this file
//     dotnet run samples/first-minute.cs -- FOLDER       your own: FOLDER/rm-*, FOLDER/heldout.jsonl.gz

using Warm;
using Warm.Transformers;

string family = args is [var folder, ..] ? folder : Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "family"); // beside this file
string output = Directory.CreateTempSubdirectory("warm-").FullName;

// Open reads headers only. Of() looks at configs, tokenizers, templates and heads, and refuses models that do not belong together.
Checkpoint[] runs = [.. Directory.GetDirectories(family, "rm-*").Order(StringComparer.Ordinal).Select(Checkpoint.Open)];
WeightAverage average = WeightAverage.Of(runs);
Console.WriteLine(average);
Console.WriteLine(average.Save(Path.Combine(output, "warm"))); // streams; a Hugging Face folder that transformers loads

// The average that was never written and the folder score alike, to the bit.
using RewardModel reward = RewardModel.Load(average);
const string prompt = "TV is better than Books Books";
string[] drafts =
[
    "tv rots your brain lol",
    "I like TV more because it is fun.",
    "Reading a book makes you think and use your imagination, and it improves your vocabulary, while television only shows you somebody else's pictures.",
];
foreach ((string draft, Score score) in drafts.Zip(reward.Score(prompt, drafts))) Console.WriteLine($"{score.Reward,8:F3}  {draft}");
Console.WriteLine(BestOfN.Choose(reward, prompt, drafts));

// Did averaging help? Every number with its standard error, over topics: pairs of one topic share texts and are not independent.
Preference[] heldOut = [.. PreferenceFile.Read(Path.Combine(family, "heldout.jsonl.gz"))];
AccuracyOptions byTopic = new() { Resample = "topic" };
foreach (Checkpoint run in runs)
{
    using RewardModel member = RewardModel.Load(run);
    Console.WriteLine($"{Path.GetFileName(run.Name),-12} {PairwiseAccuracy.Measure(member, heldOut, byTopic).Accuracy}");
}
PairwiseAccuracy judged = PairwiseAccuracy.Measure(reward, heldOut, byTopic);
Console.WriteLine($"{"average",-12} {judged.Accuracy}");
Console.WriteLine($"{"longer wins",-12} {judged.LongerWins}");
