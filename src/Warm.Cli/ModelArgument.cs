using System.CommandLine;

namespace Warm.Cli;

/// <summary>
/// What a command line calls a model: a folder, a weight file, <c>DIR+ADAPTERDIR</c> (a PEFT adapter on its base), an adapter's folder alone where <c>--base</c> says what it stands on, or
/// <c>avg:MODEL,MODEL,..</c>, their average, computed while reading and never written.
/// </summary>
internal static class ModelArgument
{
    private const string Average = "avg:";

    /// <summary>How the argument is described in help.</summary>
    public const string Description = "A model folder, a weight file, DIR+ADAPTERDIR for a PEFT adapter on its base, or avg:DIR,DIR,.. for an average that is never written.";

    /// <summary>The base of adapters that stand alone on the command line.</summary>
    public static Option<string> Base() => new("--base") { Description = "The base of models that are PEFT adapter folders.", HelpName = "DIR" };

    /// <summary>The model as results call it: without a slash at its end.</summary>
    public static string Shown(string argument) => argument.Length > 1 ? argument.TrimEnd('/', '\\') : argument;

    /// <summary>Opens a model; reads headers only.</summary>
    /// <param name="argument">As it stands on the command line.</param>
    /// <param name="base">What <c>--base</c> says, or null.</param>
    /// <param name="dtype">The type in which its weights are read: null keeps them.</param>
    public static Weights Open(string argument, string? @base = null, DType? dtype = null)
    {
        if (argument.StartsWith(Average, StringComparison.Ordinal))
        {
            string[] parts = argument[Average.Length..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 0) throw new WarmException(argument, "names no model", "avg:DIR,DIR,..");
            return WeightAverage.Of([.. parts.Select(part => Open(part, @base))], new AverageOptions { DType = dtype });
        }
        Weights weights = OpenOne(argument, @base);
        return dtype is null || weights.Names.All(name => !weights.Info(name).DType.IsFloat() || weights.Info(name).DType == dtype) ? weights
            : WeightAverage.Of([weights], new AverageOptions { DType = dtype });
    }

    /// <summary>Opens a model where <c>--base</c> has no other meaning; one that does not need it is refused.</summary>
    public static Weights OpenWith(string? @base, string argument, DType? dtype = null) =>
        @base is null || NeedsBase(argument) ? Open(argument, @base, dtype)
        : throw new WarmException("--base", $"stands beside {argument}, which is no adapter's folder", "a PEFT adapter's folder", "Leave --base out.");

    /// <summary>Whether a model of the command line stands on what <c>--base</c> says: it is an adapter's folder, or holds one.</summary>
    public static bool NeedsBase(string argument) =>
        argument.StartsWith(Average, StringComparison.Ordinal) ? argument[Average.Length..].Split(',').Any(NeedsBase) : LowRankAdapter.IsAdapter(argument.Trim());

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

    private static Weights OpenOne(string path, string? @base)
    {
        if (!Path.Exists(path) && SplitAtAdapter(path) is var (model, adapter)) return LowRankAdapter.Open(OpenOne(model, null), adapter);
        return @base is not null && LowRankAdapter.IsAdapter(path) ? LowRankAdapter.Open(Open(@base, null), path) : Checkpoint.Open(path);
    }

    /// <summary>The base and the adapter of <c>DIR+ADAPTERDIR</c>; folders may have a + in their names. Several adapters in a row are added one after the other.</summary>
    private static (string Model, string Adapter)? SplitAtAdapter(string path)
    {
        for (int at = path.LastIndexOf('+'); at > 0; at = path.LastIndexOf('+', at - 1))
        {
            (string model, string adapter) = (path[..at], path[(at + 1)..]);
            if (adapter.Length > 0 && (Path.Exists(model) || SplitAtAdapter(model) is not null)) return (model, adapter);
        }
        return null;
    }
}
