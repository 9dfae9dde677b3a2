using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>
/// The normaliser of a reward model as OpenRLHF keeps it: <c>mean</c>, <c>std</c> and <c>normalize_reward</c> in config.json. Of an average nobody knows them until its own rewards are measured.
/// </summary>
public static class RewardNormalisation
{
    /// <summary>
    /// Measures the rewards of a folder that is being saved and writes their mean and standard deviation into its config.json and recipe: to be called in <see cref="SaveOptions.Complete"/>. Rounded to
    /// a thousandth of a percent of the deviation: what lies beyond is the kernel's, not the model's.
    /// </summary>
    /// <param name="folder">The folder; its config.json is written again.</param>
    /// <param name="recipe">Gets <c>statistics</c>: pairs, their number, mean, std.</param>
    /// <param name="pairs">What the rewards are measured on.</param>
    /// <param name="engine">What computes; null for a <see cref="CpuEngine"/> on all cores.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <returns>A remark that tells the figures.</returns>
    /// <exception cref="WarmException">The model does not load, keeps its normaliser in tensors (Beaver), or gives every text the same reward.</exception>
    public static IReadOnlyList<string> Complete(string folder, JsonObject recipe, SelectionPairs pairs, Engine? engine = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(pairs);
        RewardStatistics measured;
        using (Checkpoint written = Checkpoint.Open(folder))
        {
            if (HeadLayout.Of(written) is { Statistics.Count: > 0 } head)
                throw new WarmException(head.Statistics[0], "is the model's own normaliser, a tensor of the first member", "a normaliser in config.json (OpenRLHF)", "Leave --statistics out; rewards are raw either way.");
            using RewardModel model = RewardModel.Load(written, engine);
            measured = RewardStatistics.MeasureAsync(model, pairs.Pairs, null, cancellation).GetAwaiter().GetResult();
        }
        if (!(measured.Std > 0)) throw new WarmException(pairs.Name, "every text has the same reward", "rewards that differ, so that there is a deviation to divide by");
        int digits = Math.Clamp(5 - (int)Math.Floor(Math.Log10(measured.Std)), 0, 15);
        (double mean, double std) = (Math.Round(measured.Mean, digits), Math.Round(measured.Std, digits));
        string path = Path.Combine(folder, "config.json");
        var config = (JsonObject)JsonNode.Parse(File.ReadAllBytes(path))!;
        (config["normalize_reward"], config["mean"], config["std"]) = (true, mean, std);
        AtomicFile.Write(path, System.Text.Encoding.UTF8.GetBytes($"{config.ToJsonString(Recipe.Json)}\n"), overwrite: true);
        recipe["statistics"] = new JsonObject { ["pairs"] = Path.GetFileName(pairs.Name), ["n"] = measured.Pairs, ["mean"] = mean, ["std"] = std };
        return [FormattableString.Invariant($"config.json: mean {mean} and std {std} of the rewards were measured on {Path.GetFileName(pairs.Name)} ({measured.Pairs:N0} pairs); normalize_reward is true")];
    }
}
