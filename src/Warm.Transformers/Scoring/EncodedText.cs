namespace Warm.Transformers;

/// <summary>A candidate as the model reads it.</summary>
/// <param name="Ids">Token ids, at least one.</param>
/// <param name="TypeIds">Token types, or null for all 0.</param>
/// <param name="ReadAt">Index of the token that carries the reward; -1 for a mean.</param>
/// <param name="Truncated">Number of tokens that were cut off.</param>
/// <param name="Remarks">What a reader should know.</param>
internal sealed record EncodedText(IReadOnlyList<int> Ids, IReadOnlyList<int>? TypeIds, int ReadAt, int Truncated, IReadOnlyList<string> Remarks);
