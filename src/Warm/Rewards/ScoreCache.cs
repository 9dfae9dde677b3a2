using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// Scores that were made once, kept by what they depend on: the model's <see cref="IRewardModel.Identity"/>, the candidate's content and how it was read. Two names of one model share them; ids and
/// sources are no part. Memory: about 150 bytes a score. Safe from many threads.
/// </summary>
public sealed class ScoreCache
{
    private readonly ConcurrentDictionary<(string Model, string Reading, (ulong, ulong) Candidate), Score> _scores = new();
    private long _scored, _found;

    /// <summary>Number of scores that are kept.</summary>
    public int Count => _scores.Count;

    /// <summary>Number of candidates that a model had to score.</summary>
    public long Scored => Interlocked.Read(ref _scored);

    /// <summary>Number of candidates whose score was there already.</summary>
    public long Found => Interlocked.Read(ref _found);

    /// <summary>
    /// The model through this cache: asks the model only for what is not kept. Once all that will be asked is kept, the model behind it may be disposed of: its identity is taken now.
    /// </summary>
    public IRewardModel Of(IRewardModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new Cached(this, model);
    }

    /// <summary>
    /// The scores that a file holds; an empty cache where there is no such file yet. JSON lines, one a score: <c>model</c>, <c>reading</c>, <c>text</c> (hashes), <c>reward</c>, <c>tokens</c>, <c>readAt</c>.
    /// The texts themselves are not in it.
    /// </summary>
    /// <exception cref="WarmException">A line is no score; no part of the file is taken then.</exception>
    public static ScoreCache Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var cache = new ScoreCache();
        if (!File.Exists(path)) return cache;
        using LineReader reader = LineReader.Open(path);
        while (reader.TryRead(out FileLine line))
        {
            if (line.IsBlank) continue;
            JsonObject json = line.Json();
            if (Read(json) is not var (key, score)) throw new WarmException(line.Where, "is no score", "a line that this cache wrote", "Delete the file; it holds nothing that cannot be computed again.");
            cache._scores[key] = score;
        }
        return cache;
    }

    /// <summary>Writes all scores, in one order whatever threads made them; the file is there whole or stays as it was. Rewards keep every bit.</summary>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var lines = new System.Text.StringBuilder();
        foreach (((string model, string reading, (ulong, ulong) text), Score score) in _scores.OrderBy(e => e.Key.Model, StringComparer.Ordinal).ThenBy(e => e.Key.Reading, StringComparer.Ordinal).ThenBy(e => e.Key.Candidate))
        {
            // What is not finite is no JSON number, and nothing worth keeping.
            if (!float.IsFinite(score.Reward) || (score.Normalised is { } value && !double.IsFinite(value)) || score.Rewards?.All(float.IsFinite) == false) continue;
            var json = new JsonObject
            {
                ["model"] = model, ["reading"] = reading, ["text"] = FormattableString.Invariant($"{text.Item1:x16}{text.Item2:x16}"),
                ["reward"] = score.Reward, ["tokens"] = score.Tokens, ["readAt"] = score.ReadAt,
            };
            if (score.Truncated != 0) json["truncated"] = score.Truncated;
            if (score.Normalised is { } normalised) json["normalised"] = normalised;
            if (score.Rewards is { } all) json["rewards"] = new JsonArray([.. all.Select(r => JsonValue.Create(r))]);
            if (score.Remarks.Count > 0) json["remarks"] = new JsonArray([.. score.Remarks.Select(r => JsonValue.Create(r))]);
            lines.Append(json.ToJsonString()).Append('\n');
        }
        AtomicFile.Write(path, System.Text.Encoding.UTF8.GetBytes(lines.ToString()), overwrite: true);
    }

    private static ((string, string, (ulong, ulong)), Score)? Read(JsonObject json)
    {
        try
        {
            if ((string?)json["text"] is not { Length: 32 } text || (string?)json["model"] is not { } model || (string?)json["reading"] is not { } reading) return null;
            (ulong, ulong) key = (ulong.Parse(text.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), ulong.Parse(text.AsSpan(16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            return ((model, reading, key), new Score
            {
                Reward = (float)json["reward"]!, Tokens = (int)json["tokens"]!, ReadAt = (int)json["readAt"]!, Truncated = (int?)json["truncated"] ?? 0, Normalised = (double?)json["normalised"],
                Rewards = json["rewards"] is JsonArray all ? [.. all.Select(r => (float)r!)] : null,
                Remarks = json["remarks"] is JsonArray remarks ? [.. remarks.Select(r => (string)r!)] : [],
            });
        }
        catch (Exception error) when (error is InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            return null;
        }
    }

    /// <summary><c>12,345 scores, 600 found</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Count:N0} scores, {Found:N0} found");

    private sealed class Cached(ScoreCache cache, IRewardModel model) : IRewardModel
    {
        public string Identity { get; } = model.Identity;

        public TextForm? TextForm { get; } = model.TextForm;

        public async Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options, IProgress<int>? progress, CancellationToken cancellation)
        {
            // No reward depends on how many tokens a pass holds.
            string reading = ((options ?? ScoringOptions.Default) with { TokensPerPass = 1 }).ToString();
            (string, string, (ulong, ulong))[] keys = [.. candidates.Select(candidate => (Identity, reading, CandidateHash.Of(candidate)))];
            int[] missing = [.. Enumerable.Range(0, keys.Length).Where(i => !cache._scores.ContainsKey(keys[i])).DistinctBy(i => keys[i])];
            if (missing.Length > 0)
            {
                IReadOnlyList<Score> scores = await model.ScoreAsync([.. missing.Select(i => candidates[i])], options, progress, cancellation).ConfigureAwait(false);
                if (scores.Count != missing.Length) throw new WarmException(Identity, $"the model gave {scores.Count} rewards for {missing.Length} candidates", "one for each");
                for (int m = 0; m < missing.Length; m++) cache._scores[keys[missing[m]]] = scores[m] with { Id = null };
            }
            Interlocked.Add(ref cache._scored, missing.Length);
            Interlocked.Add(ref cache._found, candidates.Count - missing.Length);
            return [.. keys.Select((key, i) => cache._scores[key] with { Id = candidates[i].Id })];
        }

        public override string ToString() => $"{model}, cached";
    }
}
