namespace Warm.Transformers;

/// <summary>
/// The innermost products: a tile of C [rows, 2 vectors] = (what is there +) A B, held in registers while k runs. A is read as <c>a[k aStep + r aRow]</c>, B as vectors at
/// <c>b + k bStep</c>. Each value of C is one chain over k, ascending, whatever the tile's height: so all tiles give the same bits, and a chain may be cut into stretches of k.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Four rows of two vectors: eight chains, enough to hide the latency of a multiply-add.</summary>
    public static void Four<S, V>(float* a, long aRow, long aStep, float* b, long bStep, int count, float* c, long cRow, bool add) where S : ISimd<V> where V : struct
    {
        V c00, c01, c10, c11, c20, c21, c30, c31;
        int lanes = S.Lanes;
        if (add)
        {
            c00 = S.Load(c); c01 = S.Load(c + lanes);
            c10 = S.Load(c + cRow); c11 = S.Load(c + cRow + lanes);
            c20 = S.Load(c + 2 * cRow); c21 = S.Load(c + 2 * cRow + lanes);
            c30 = S.Load(c + 3 * cRow); c31 = S.Load(c + 3 * cRow + lanes);
        }
        else c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = S.Broadcast(0);
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (int k = 0; k < count; k++)
        {
            V b0 = S.Load(b), b1 = S.Load(b + lanes);
            V x = S.Broadcast(*a); c00 = S.MultiplyAdd(x, b0, c00); c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Broadcast(*a1); c10 = S.MultiplyAdd(x, b0, c10); c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Broadcast(*a2); c20 = S.MultiplyAdd(x, b0, c20); c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Broadcast(*a3); c30 = S.MultiplyAdd(x, b0, c30); c31 = S.MultiplyAdd(x, b1, c31);
            a += aStep; a1 += aStep; a2 += aStep; a3 += aStep;
            b += bStep;
        }
        S.Store(c, c00); S.Store(c + lanes, c01);
        S.Store(c + cRow, c10); S.Store(c + cRow + lanes, c11);
        S.Store(c + 2 * cRow, c20); S.Store(c + 2 * cRow + lanes, c21);
        S.Store(c + 3 * cRow, c30); S.Store(c + 3 * cRow + lanes, c31);
    }
}
