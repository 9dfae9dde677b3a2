using System.CommandLine;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary>The model of a command that scores, and its options: number type, threads, label, read position, text form, longest text.</summary>
internal sealed class ScoringArguments
{
    private readonly Argument<string> _model = new("DIR") { Description = ModelArgument.Description };
    private readonly Option<string> _base = ModelArgument.Base();
    private readonly Option<string?> _dtype = new("--dtype") { Description = "The type in which weights are read: keep (default), f32, bf16, f16 or f64; an average is rounded to it.", HelpName = "TYPE" };
    private readonly Option<int?> _threads = new("--threads") { Description = "Threads; all cores by default. No reward depends on it.", HelpName = "N" };
    private readonly Option<string?> _label = new("--label") { Description = "Which outputs of a head with several labels, from 0; the first is the reward.", HelpName = "K[,K..]" };
    private readonly Option<string?> _read = new("--read") { Description = "Which token carries the reward: last-not-pad, last-attended, before-first-pad, first, last-end-of-text or mean.", HelpName = "POSITION" };
    private readonly Option<string?> _form = new("--text-form") { Description = "How prompt and response become text: template, pair, concatenate, response, or a format with {prompt} and {response}.", HelpName = "FORM" };
    private readonly Option<int?> _maxLength = new("--max-length") { Description = "Longest text in tokens; needs --truncate.", HelpName = "N" };
    private readonly Option<string?> _truncate = new("--truncate") { Description = "What is cut off a longer text: left or right.", HelpName = "SIDE" };
    private readonly Option<string?> _residency = new("--residency") { Description = "Where the weights are kept: mapped (default), resident (copied into memory once), or streamed, layer by layer, for a model larger than memory.", HelpName = "WHERE" };
    private readonly Option<int?> _tokensPerPass = new("--tokens-per-pass") { Description = "Most tokens computed at once; more memory, fewer passes over the weights.", HelpName = "N" };

    /// <summary>Adds the options, and the one model unless the command takes <paramref name="several"/> and names them itself.</summary>
    public ScoringArguments(Command command, bool several = false)
    {
        if (!several) command.Add(_model);
        command.Add(_base);
        command.Add(_dtype);
        command.Add(_threads);
        command.Add(_label);
        command.Add(_read);
        command.Add(_form);
        command.Add(_maxLength);
        command.Add(_truncate);
        command.Add(_tokensPerPass);
        command.Add(_residency);
    }

    /// <summary>The model as it was named.</summary>
    public string Model(ParseResult parsed) => parsed.GetRequiredValue(_model);

    /// <summary>Opens the model's weights; reads headers only.</summary>
    public Weights Open(ParseResult parsed) => ModelArgument.OpenWith(Base(parsed), parsed.GetRequiredValue(_model), ModelArgument.ParseDType(parsed.GetValue(_dtype)));

    /// <summary>Opens one of several models; reads headers only.</summary>
    public Weights Open(ParseResult parsed, string model) => ModelArgument.Open(model, Base(parsed), ModelArgument.ParseDType(parsed.GetValue(_dtype)));

    /// <summary>The base of models that are adapters' folders, or null.</summary>
    public string? Base(ParseResult parsed) => parsed.GetValue(_base);

    /// <summary>How members are averaged: in the type that was asked for.</summary>
    public AverageOptions Averaging(ParseResult parsed, string? allow) => new()
    {
        DType = ModelArgument.ParseDType(parsed.GetValue(_dtype)),
        Allow = allow?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
    };

    /// <summary>What computes.</summary>
    public CpuEngine Engine(ParseResult parsed) => EngineOf(parsed.GetValue(_threads));

    /// <summary>What computes with that many threads; null for all cores.</summary>
    public static CpuEngine EngineOf(int? threads) => threads switch
    {
        null => new CpuEngine(),
        >= 1 and <= 1024 => new CpuEngine(new CpuOptions { Threads = threads.Value }),
        _ => throw new WarmException("--threads", $"is {threads}", "1 to 1024"),
    };

    /// <summary>Number of threads; 0 for all cores.</summary>
    public int Threads(ParseResult parsed) => parsed.GetValue(_threads) ?? 0;

    /// <summary>How the model is loaded.</summary>
    public RewardModelOptions Loading(ParseResult parsed) => new()
    {
        Residency = parsed.GetValue(_residency) switch
        {
            null or "mapped" => Residency.Mapped,
            "resident" => Residency.Resident,
            "streamed" => Residency.Streamed,
            { } where => throw new WarmException("--residency", $"is \"{where}\"", "mapped, resident or streamed"),
        },
        Labels = parsed.GetValue(_label) is not { } labels ? null
            : [.. labels.Split(',').Select(label => int.TryParse(label, out int number) ? number : throw new WarmException("--label", $"is \"{labels}\"", "numbers apart by commas"))],
        ReadAt = parsed.GetValue(_read) is { } read ? RewardPositions.Parse(read) : null,
        TextForm = parsed.GetValue(_form) is { } form ? TextForm.Parse(form) : null,
    };

    /// <summary>Loads models one after another.</summary>
    public ModelLoader Loader(ParseResult parsed, Report report) => new(Engine(parsed), Loading(parsed), report);

    /// <summary>How texts are read.</summary>
    public ScoringOptions Options(ParseResult parsed)
    {
        ScoringOptions options = ScoringOptions.Default with
        {
            MaxLength = parsed.GetValue(_maxLength) is not { } most ? null : most >= 1 ? most : throw new WarmException("--max-length", $"is {most}", "at least 1"),
            Truncation = parsed.GetValue(_truncate) switch
            {
                null => Truncation.None,
                "left" => Truncation.Left,
                "right" => Truncation.Right,
                { } side => throw new WarmException("--truncate", $"is \"{side}\"", "left or right"),
            },
        };
        if (options.Truncation != Truncation.None && options.MaxLength is null) throw new WarmException("--truncate", "is given without --max-length", "both");
        return parsed.GetValue(_tokensPerPass) is not { } tokens ? options
            : tokens >= 1 ? options with { TokensPerPass = tokens } : throw new WarmException("--tokens-per-pass", $"is {tokens}", "at least 1");
    }
}
