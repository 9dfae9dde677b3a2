namespace Warm;

/// <summary>Texts in the order of their code points, which is the order of their UTF-8 bytes: what safetensors and Python sort by. UTF-16 differs above U+FFFF.</summary>
internal sealed class CodePointOrder : IComparer<string>
{
    /// <summary>The one instance.</summary>
    public static CodePointOrder Instance { get; } = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        if (x is null || y is null) return x is null ? (y is null ? 0 : -1) : 1;
        int common = x.AsSpan().CommonPrefixLength(y);
        if (common == x.Length || common == y.Length) return x.Length - y.Length;
        char a = x[common], b = y[common];
        // Surrogates (D800 to DFFF) stand for code points above all of E000 to FFFF.
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a - b : char.IsSurrogate(a) ? 1 : -1;
    }
}
