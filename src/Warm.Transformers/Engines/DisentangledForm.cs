namespace Warm.Transformers;

/// <summary>
/// DeBERTa's attention, in which content and relative position meet separately. For query i and key j of one text, with c = <see cref="RowOf"/>(i - j):
/// <c>s = scale (q_i . k_j + q_i . KR_c + k_j . QR_c)</c>; <c>out_i = sum_j softmax_j(s) v_j</c>. No token is hidden from another, but for keys that are not attended. (arXiv:2006.03654)
/// </summary>
public sealed record DisentangledForm
{
    /// <summary>Number of heads; queries, keys, values and positions have Heads x HeadSize columns, head by head.</summary>
    public required int Heads { get; init; }

    /// <summary>Width of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Factor on all three terms: (HeadSize (1 + number of position terms))^-1/2.</summary>
    public required double Scale { get; init; }

    /// <summary>The row of the position matrices for a distance, query - key.</summary>
    public required Func<int, int> RowOf { get; init; }
}
