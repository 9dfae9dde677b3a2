namespace Warm.Transformers;

/// <summary>How responses are drawn. The defaults draw from the model's own distribution.</summary>
public sealed record SamplingOptions
{
    /// <summary>The defaults.</summary>
    public static SamplingOptions Default { get; } = new();

    /// <summary>The most probable token each time; of equals the lowest id.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Logits are divided by it, at least 0; default 1. 0 takes the most probable token each time.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only the most probable tokens that together have at least this probability, above 0 and at most 1; default 1, all. After the temperature, as transformers does.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only so many of the most probable tokens, at least 1; null (default) for all. Before top-p. Of equals the lower id counts as more probable.</summary>
    public int? TopK { get; init; }

    /// <summary>Most tokens of a response, at least 1; default 256. A position table ends it earlier.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Where the numbers come from; default 0. The response to prompt i of a call is the one that the prompt alone gets with seed Seed + i.</summary>
    public long Seed { get; init; }

    /// <summary>Texts that end a response; they and what follows are not part of it. Default none.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>Most responses that are drawn together, at least 1; default 32. More memory, fewer passes; no response depends on it.</summary>
    public int Together { get; init; } = 32;

    /// <summary>Whether keys and values of earlier tokens are kept (default) or computed anew for each token: the same bits, slowly.</summary>
    public bool Cache { get; init; } = true;

    /// <summary>Refuses what is out of range.</summary>
    internal void Check()
    {
        if (!(Temperature >= 0) || double.IsInfinity(Temperature)) throw Refusal($"the temperature is {Temperature}", "a finite number of at least 0");
        if (!(TopP > 0 && TopP <= 1)) throw Refusal($"top-p is {TopP}", "a number above 0 and at most 1");
        if (TopK < 1) throw Refusal($"top-k is {TopK}", "at least 1, or null for all");
        if (MaxTokens < 1) throw Refusal($"the longest response has {MaxTokens} tokens", "at least 1");
        if (Together < 1) throw Refusal($"{Together} responses are drawn together", "at least 1");
        if (StopTexts.Any(string.IsNullOrEmpty)) throw Refusal($"a stop text is empty", "at least one character");

        static WarmException Refusal(FormattableString found, string expected) => new("sampling options", FormattableString.Invariant(found), expected);
    }
}
