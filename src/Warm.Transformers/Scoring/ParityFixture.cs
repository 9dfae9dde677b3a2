using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>One text of a fixture, what it became and what it got.</summary>
/// <param name="Prompt">What stands before the response, or null for a bare text (or ids alone).</param>
/// <param name="Text">The text, or the response; null where the folder has no tokenizer and only ids are recorded.</param>
/// <param name="Ids">Token ids that the model reads.</param>
/// <param name="TypeIds">Their types, or null for all 0.</param>
/// <param name="Reward">The raw reward.</param>
public sealed record ParityText(string? Prompt, string? Text, IReadOnlyList<int> Ids, IReadOnlyList<int>? TypeIds, float Reward);

/// <summary>What a text of a fixture gets now.</summary>
/// <param name="Recorded">The text as it was recorded.</param>
/// <param name="Ids">The ids that it becomes now; the recorded ones where only ids were recorded.</param>
/// <param name="Now">The reward now; NaN where it could not be had.</param>
/// <param name="Ok">Whether the ids are the same and the reward is within the tolerance.</param>
public sealed record ParityCheck(ParityText Recorded, IReadOnlyList<int> Ids, float Now, bool Ok)
{
    /// <summary>The text in one piece: prompt, a line break, response.</summary>
    public string Text => Recorded.Text is null ? $"ids {string.Join(' ', Recorded.Ids)}" : Recorded.Prompt is null ? Recorded.Text : $"{Recorded.Prompt}\n{Recorded.Text}";
}

/// <summary>
/// A few texts with their ids and rewards, recorded in a model's <c>warm.json</c> when it was written: whoever loads the folder later, here or on a server, can see that text still becomes the same ids
/// and the same rewards.
/// </summary>
/// <remarks>
/// Recorded with the portable kernel, whose bits are the same on any machine, so that a folder's bytes are too; checked with whatever engine is at hand, within <see cref="Tolerance"/>. The model
/// is mapped, not loaded into memory: a fixture costs one pass over the weights.
/// </remarks>
public sealed class ParityFixture
{
    /// <summary>How far a reward may be from the recorded one: 1e-4, times its size where that is above 1. Kernels in single differ by 1e-6 to 1e-5.</summary>
    public const double Tolerance = 1e-4;

    private const string Key = "fixture";

    // Two responses to one prompt, and a bare text with what tokenizers like to get wrong.
    private static readonly Candidate[] Texts =
    [
        Candidate.OfResponse("How do I boil an egg?", "Seven minutes in boiling water, then cold water."),
        Candidate.OfResponse("How do I boil an egg?", "I don't know."),
        Candidate.OfText("  Naïve café:\t3.14 × 10² = 314, 数字 and 🙂\n"),
    ];

    private ParityFixture(IReadOnlyList<ParityText> texts, string textForm, int label) => (Entries, TextForm, Label) = (texts, textForm, label);

    /// <summary>The texts, at least one.</summary>
    public IReadOnlyList<ParityText> Entries { get; }

    /// <summary>How prompt and response became text.</summary>
    public string TextForm { get; }

    /// <summary>Which output of the head the rewards are.</summary>
    public int Label { get; }

    /// <summary>
    /// Scores the texts with a model folder. Texts that the model cannot read (longer than its position table, ids beyond its vocabulary, no tokenizer) are left out; where none is left, a few ids are taken.
    /// </summary>
    /// <exception cref="WarmException">The folder is no reward model that is built here.</exception>
    public static ParityFixture Record(Weights model, int threads = 0, CancellationToken cancellation = default)
    {
        using RewardModel loaded = Load(model, CpuKernel.Portable, threads, label: 0);
        List<(Candidate Candidate, EncodedText Read)> read = [];
        foreach (Candidate candidate in Texts)
            try
            {
                read.Add((candidate, loaded.Read(candidate, ScoringOptions.Default)));
            }
            catch (WarmException) { } // this text is not for this model; the others may be
        if (read.Count == 0)
        {
            Candidate ids = Candidate.OfIds([.. Enumerable.Range(1, 8).Select(i => i % loaded.VocabularySize)]);
            read.Add((ids, loaded.Read(ids, ScoringOptions.Default)));
        }
        IReadOnlyList<Score> scores = loaded.Score([.. read.Select(r => r.Read)], [.. read.Select(r => r.Candidate.Id)], ScoringOptions.Default, null, cancellation);
        return new([.. read.Select((r, i) => new ParityText(r.Candidate.Prompt, r.Candidate.Response ?? r.Candidate.Text, r.Read.Ids, r.Read.TypeIds, scores[i].Reward))], loaded.TextForm.Name, 0);
    }

    /// <summary>Records a fixture in the recipe of a folder that is being saved: what <see cref="SaveOptions.Complete"/> takes. A folder that is no reward model built here gets none, and a remark says why.</summary>
    public static IReadOnlyList<string> Complete(string folder, JsonObject recipe, CancellationToken cancellation)
    {
        try
        {
            using Checkpoint written = Checkpoint.Open(folder);
            if (written.Folder?.Config is null) return ["no parity fixture: there is no config.json"];
            Record(written, 0, cancellation).AddTo(recipe);
            return [];
        }
        catch (WarmException refusal)
        {
            return [$"no parity fixture: {refusal.Message.Replace(folder, Path.GetFileName(folder), StringComparison.Ordinal)}"];
        }
    }

    /// <summary>The fixture of a folder's <c>warm.json</c>; null where it holds none.</summary>
    public static ParityFixture? Read(string folder)
    {
        string path = Path.Combine(folder, Recipe.FileName);
        JsonElement recipe = JsonText.Read(path, namedNumbers: true);
        if (recipe.ValueKind != JsonValueKind.Object || !recipe.TryGetProperty(Key, out JsonElement fixture)) return null;
        try
        {
            ParityText[] texts = [.. fixture.GetProperty("texts").EnumerateArray().Select(Entry)];
            if (texts.Length > 0) return new(texts, fixture.GetProperty("textForm").GetString()!, fixture.GetProperty("label").GetInt32());
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Malformed(path, error);
        }
        throw Malformed(path, null);
    }

    /// <summary>What the texts get from a model folder now.</summary>
    public IReadOnlyList<ParityCheck> Check(Weights model, int threads = 0, CancellationToken cancellation = default)
    {
        using RewardModel loaded = Load(model, CpuKernel.Best, threads, Label);
        var form = new ScoringOptions { TextForm = Warm.TextForm.Parse(TextForm) };
        EncodedText?[] texts = [.. Entries.Select(Read)];
        EncodedText[] readable = [.. texts.OfType<EncodedText>()];
        var rewards = new Queue<float>(loaded.Score(readable, new string?[readable.Length], form, null, cancellation).Select(score => score.Reward)); // one pass over the weights for all
        return [.. Entries.Select((entry, i) => texts[i] is { } text && rewards.Dequeue() is var reward ? new ParityCheck(entry, text.Ids, reward, text.Ids.SequenceEqual(entry.Ids) && Agrees(entry.Reward, reward))
            : new ParityCheck(entry, [], float.NaN, false))];

        EncodedText? Read(ParityText entry)
        {
            try
            {
                return loaded.Read(entry.Text is not { } text ? Candidate.OfIds(entry.Ids, entry.TypeIds) : entry.Prompt is { } prompt ? Candidate.OfResponse(prompt, text) : Candidate.OfText(text), form);
            }
            catch (WarmException)
            {
                return null; // the model no longer reads it
            }
        }
    }

    /// <summary>Whether a reward is the recorded one within the tolerance; NaN agrees with NaN only.</summary>
    public static bool Agrees(float recorded, float now) => float.IsFinite(recorded) ? Math.Abs((double)now - recorded) <= Tolerance * Math.Max(1, Math.Abs(recorded)) : recorded.Equals(now);

    /// <summary>Puts the fixture into a recipe.</summary>
    public void AddTo(JsonObject recipe) => recipe[Key] = new JsonObject
    {
        ["textForm"] = TextForm,
        ["label"] = Label,
        ["tolerance"] = Tolerance,
        ["texts"] = new JsonArray([.. Entries.Select(Entry)]),
    };

    /// <summary><c>3 texts, rewards 0.81, -0.2, 0.05</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Entries.Count} text{(Entries.Count == 1 ? "" : "s")}, rewards {string.Join(", ", Entries.Select(e => FormattableString.Invariant($"{e.Reward:G4}")))}");

    private static RewardModel Load(Weights model, CpuKernel kernel, int threads, int label) =>
        RewardModel.Load(model, new CpuEngine(new CpuOptions { Kernel = kernel, Threads = threads > 0 ? threads : Environment.ProcessorCount }), new RewardModelOptions { Labels = [label] });

    private static JsonNode Entry(ParityText text)
    {
        var entry = new JsonObject();
        if (text.Prompt is not null) entry["prompt"] = text.Prompt;
        if (text.Text is not null) entry["text"] = text.Text;
        entry["ids"] = Numbers(text.Ids);
        if (text.TypeIds is { } types) entry["typeIds"] = Numbers(types);
        entry["reward"] = float.IsFinite(text.Reward) ? text.Reward : JsonValue.Create(text.Reward.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return entry;

        static JsonArray Numbers(IEnumerable<int> numbers) => new([.. numbers.Select(n => (JsonNode)n)]);
    }

    private static ParityText Entry(JsonElement entry)
    {
        string? Of(string key) => entry.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;
        static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetInt32())];
        JsonElement reward = entry.GetProperty("reward");
        return new(Of("prompt"), Of("text"), Numbers(entry.GetProperty("ids")), entry.TryGetProperty("typeIds", out JsonElement types) ? Numbers(types) : null,
            reward.ValueKind == JsonValueKind.String ? float.Parse(reward.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : reward.GetSingle());
    }

    private static WarmException Malformed(string path, Exception? error) =>
        new($"{path}: {Key}", "is malformed", "textForm, label and texts [{prompt?, text?, ids, reward}]", "Write the model again.", error);
}
