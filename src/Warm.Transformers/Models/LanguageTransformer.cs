namespace Warm.Transformers;

/// <summary>A decoder with the head that gives the next token's logits.</summary>
/// <param name="Name">The class that config.json names.</param>
/// <param name="Architecture">Ids to hidden states.</param>
/// <param name="Head">Hidden states to logits.</param>
/// <param name="Remarks">What a reader should know: keys that are not known.</param>
internal sealed record LanguageTransformer(string Name, Architecture Architecture, LanguageHead Head, IReadOnlyList<string> Remarks) : IDisposable
{
    /// <summary>Gives the weights back.</summary>
    public void Dispose()
    {
        Architecture.Dispose();
        Head.Dispose();
    }
}
