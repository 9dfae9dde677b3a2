namespace Warm.Cli;

/// <summary>What a command line calls a model: a folder, a weight file, or <c>avg:DIR,DIR,..</c>, their average, computed while reading and never written.</summary>
internal static class ModelArgument
{
    private const string Average = "avg:";

    /// <summary>How the argument is described in help.</summary>
    public const string Description = "A model folder, a weight file, or avg:DIR,DIR,.. for an average that is never written.";

    /// <summary>Opens a model; reads headers only. <paramref name="dtype"/> is the type in which its weights are read: null keeps them.</summary>
    public static Weights Open(string argument, DType? dtype = null)
    {
        if (argument.StartsWith(Average, StringComparison.Ordinal))
        {
            string[] parts = argument[Average.Length..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 0) throw new WarmException(argument, "names no model", "avg:DIR,DIR,..");
            return WeightAverage.Of([.. parts.Select(part => Open(part))], new AverageOptions { DType = dtype });
        }
        Weights weights = OpenOne(argument);
        return dtype is null || weights.Names.All(name => !weights.Info(name).DType.IsFloat() || weights.Info(name).DType == dtype) ? weights
            : WeightAverage.Of([weights], new AverageOptions { DType = dtype });
    }

    /// <summary>The number type of <c>--dtype</c>: null for keep.</summary>
    public static DType? ParseDType(string? text) => text?.ToLowerInvariant() switch
    {
        null or "keep" => null,
        "f64" => DType.F64,
        "f32" => DType.F32,
        "bf16" => DType.BF16,
        "f16" => DType.F16,
        _ => throw new WarmException("--dtype", $"is {text}", "keep, f64, f32, bf16 or f16"),
    };

    private static Checkpoint OpenOne(string path)
    {
        if (!Path.Exists(path) && path.Split('+') is [{ Length: > 0 } model, { Length: > 0 } adapter] && Path.Exists(model))
            throw new WarmException(adapter, "is asked for as an adapter, which this version does not read", "a folder with the whole model", "Merge the adapter into its base first (PEFT: merge_and_unload).");
        if (File.Exists(Path.Combine(path, "adapter_config.json")) && !File.Exists(Path.Combine(path, "config.json")))
            throw new WarmException(path, "is a PEFT adapter, which this version does not read", "a folder with the whole model", "Merge the adapter into its base first (PEFT: merge_and_unload).");
        return Checkpoint.Open(path);
    }
}
