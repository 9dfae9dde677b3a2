using System.Text.Json;

namespace Warm;

/// <summary>What a trainer wrote beside a checkpoint, trainer_state.json: how far the run had come, and the losses that it had logged.</summary>
/// <param name="File">The file.</param>
/// <param name="Step">Steps done; null where it does not say.</param>
/// <param name="Steps">Steps of the whole run; null where it does not say.</param>
/// <param name="Losses">The logged losses with their steps, in the file's order and spelling: two records of one run have the same text.</param>
internal sealed record TrainerState(string File, long? Step, long? Steps, IReadOnlyList<(long Step, string Loss)> Losses)
{
    private const string FileName = "trainer_state.json";

    /// <summary>The record of a folder; null where there is none.</summary>
    /// <exception cref="WarmException">The file is there and is no such record: torn, or with a step that is no number.</exception>
    public static TrainerState? Of(string folder)
    {
        string file = Path.Combine(folder, FileName);
        if (!System.IO.File.Exists(file)) return null;
        JsonElement state = JsonText.Read(file, namedNumbers: true);
        if (state.ValueKind != JsonValueKind.Object) throw new WarmException(file, $"is {JsonText.Kind(state)}", "a trainer's record: an object");
        var losses = new List<(long, string)>();
        if (Find(state, "log_history") is { } history)
        {
            if (history.ValueKind != JsonValueKind.Array) throw new WarmException(file, $"\"log_history\" is {JsonText.Kind(history)}", "a list");
            foreach ((JsonElement entry, int i) in history.EnumerateArray().Select((entry, i) => (entry, i)))
            {
                string at = FormattableString.Invariant($"\"log_history\"[{i}]");
                if (entry.ValueKind != JsonValueKind.Object) throw new WarmException(file, $"{at} is {JsonText.Kind(entry)}", "an object");
                if (Find(entry, "loss") is { } loss && Count(entry, "step", $"{at}.") is { } step) losses.Add((step, loss.GetRawText()));
            }
        }
        return new(file, Count(state, "global_step"), Count(state, "max_steps"), losses);

        long? Count(JsonElement json, string key, string prefix = "") => Find(json, key) is not { } value ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long count) ? count
            : throw new WarmException(file, $"{prefix}\"{key}\" is {JsonText.Show(value)}", "a whole number");
    }

    private static JsonElement? Find(JsonElement json, string key) => json.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
