using System.Text.RegularExpressions;

namespace Warm;

/// <summary>What a tensor is for, as far as its name tells; only the rules of averaging look at it, never a model.</summary>
internal static partial class TensorRole
{
    /// <summary>Part of what turns a hidden state into the reward: trained from a fresh start, so its kinship says nothing of the backbone's.</summary>
    public static bool IsHead(string name) => HeadLayout.IsPart(name);

    /// <summary>The table of input tokens, one row a token.</summary>
    public static bool IsEmbedding(string name) => Embedding().IsMatch(name);

    /// <summary>A normalisation's scale, near 1 in most models.</summary>
    public static bool IsNormScale(string name) => name.EndsWith("weight", StringComparison.Ordinal) && Norm().IsMatch(name);

    /// <summary>A reward normaliser's mean, variance or count (Beaver): statistics of one model's rewards, which have no mean.</summary>
    public static bool IsNormaliser(string name) => Normaliser().IsMatch(name);

    /// <summary>A buffer that older libraries saved and newer ones compute: rotary frequencies, position ids, causal masks.</summary>
    public static bool IsComputedBuffer(string name, TensorInfo info) =>
        name.EndsWith("position_ids", StringComparison.Ordinal) || name.EndsWith("token_type_ids", StringComparison.Ordinal) || name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || name.EndsWith("masked_bias", StringComparison.Ordinal)
        || name.EndsWith("cos_cached", StringComparison.Ordinal) || name.EndsWith("sin_cached", StringComparison.Ordinal)
        || ((name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attention.bias", StringComparison.Ordinal)) && info.Shape.Rank == 4);

    [GeneratedRegex(@"(^|\.)(embed_tokens|word_embeddings|wte|embed_in|tok_embeddings|shared|lm_head|decoder)\.weight$")]
    private static partial Regex Embedding();

    [GeneratedRegex(@"(norm|(^|[._])ln[._\d])", RegexOptions.IgnoreCase)]
    private static partial Regex Norm();

    [GeneratedRegex(@"(^|\.)normali[sz]er\.(mean|var|count)$")]
    private static partial Regex Normaliser();
}
