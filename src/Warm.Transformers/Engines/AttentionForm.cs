namespace Warm.Transformers;

/// <summary>
/// Which attention is computed. For query i and key j of one text: <c>s = scale q_i . k_j</c>; <c>s = softcap tanh(s / softcap)</c>; <c>s += bias</c>; forbidden places drop out;
/// <c>out_i = sum_j softmax_j(s) v_j</c>. Query head h uses key head h div (<see cref="Heads"/> / <see cref="KeyHeads"/>).
/// </summary>
public sealed record AttentionForm
{
    /// <summary>Number of query heads; queries have Heads x HeadSize columns, head by head.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of key and value heads, a divisor of <see cref="Heads"/>.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Width of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Factor on q . k, usually HeadSize^-1/2.</summary>
    public required double Scale { get; init; }

    /// <summary>Bound of a score (Gemma 2), or null.</summary>
    public double? Softcap { get; init; }

    /// <summary>Whether token i sees only tokens j &lt;= i.</summary>
    public required bool Causal { get; init; }

    /// <summary>Token i sees only j &gt;= i - WindowLeft, or null. (A sliding window of w tokens, itself included, is w - 1.)</summary>
    public int? WindowLeft { get; init; }

    /// <summary>Token i sees only j &lt;= i + WindowRight, or null.</summary>
    public int? WindowRight { get; init; }

    /// <summary>ALiBi: the slope of each query head; <c>slope_h j</c> is added to a score after scaling. Empty for none.</summary>
    public ReadOnlyMemory<float> AlibiSlopes { get; init; }

    /// <summary>A bias by the distance of query and key, added to a score after scaling, or null.</summary>
    public BucketBias? Buckets { get; init; }
}
