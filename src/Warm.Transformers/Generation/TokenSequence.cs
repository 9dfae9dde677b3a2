namespace Warm.Transformers;

/// <summary>A response to a prompt as a language model reads it. Responses are judged token by token, each after all that stands before it.</summary>
/// <param name="Prompt">Token ids of the prompt, at least one.</param>
/// <param name="Response">Token ids of the response, the end token included where it has one; may be empty.</param>
/// <param name="Id">Carried through to the result unchanged.</param>
public sealed record TokenSequence(IReadOnlyList<int> Prompt, IReadOnlyList<int> Response, string? Id = null)
{
    /// <summary><c>38 + 12 tokens</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Prompt.Count} + {Response.Count} tokens");
}
