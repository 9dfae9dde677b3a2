namespace Warm.Transformers;

/// <summary>How probable a language model finds a response, token by token. Natural logarithms.</summary>
public sealed record ResponseLogProbability
{
    /// <summary>The sequence's own, unchanged.</summary>
    public string? Id { get; init; }

    /// <summary>log p(token | all before it) of each token of the response, at most 0.</summary>
    public required IReadOnlyList<float> Tokens { get; init; }

    /// <summary>log p(response | prompt): the sum over its tokens, in double; 0 for an empty response.</summary>
    public double Sum
    {
        get
        {
            double sum = 0;
            foreach (float token in Tokens) sum += token;
            return sum;
        }
    }

    /// <summary>The mean over its tokens; not a number for an empty response.</summary>
    public double Mean => Sum / Tokens.Count;

    /// <summary>e^-mean: 1 for a response that the model is sure of.</summary>
    public double Perplexity => Math.Exp(-Mean);

    /// <summary><c>-17.215 over 12 tokens</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Sum:F3} over {Tokens.Count} tokens");
}
