using System.Runtime.CompilerServices;

namespace Warm.Transformers;

/// <summary>
/// The innermost products: a tile of C [rows, 2 vectors] = (what is there +) A B, held in registers while k runs. A is read as <c>a[k aStep + r aRow]</c>, B as vectors at
/// <c>b + k bStep</c>. Each value of C is one chain over k, ascending, whatever the tile's height: so all tiles give the same bits, and a chain may be cut into stretches of k.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Rows of the tallest tile that the registers hold.</summary>
    public static int Rows<S, V>() where S : ISimd<V> where V : struct => S.Lanes switch { 16 => 14, 8 => 6, _ => 4 };

    /// <summary>A tile of that many rows (<see cref="Rows"/> or 4), A and B packed k by k.</summary>
    public static void Multiply<S, V>(int rows, float* a, float* b, int count, float* c, long cRow, bool add) where S : ISimd<V> where V : struct
    {
        switch (rows)
        {
            case 14: Fourteen<S, V>(a, b, count, c, cRow, add); break;
            case 6: Six<S, V>(a, b, count, c, cRow, add); break;
            default: Four<S, V>(a, 1, 4, b, 2 * S.Lanes, count, c, cRow, add); break;
        }
    }

    /// <summary>Four rows of two vectors: eight chains, enough to hide the latency of a multiply-add.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    /// <summary>Fourteen rows of two vectors, A packed k by k: 28 of the 32 registers of AVX-512 hold chains, 16 loads feed 28 multiply-adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fourteen<S, V>(float* a, float* b, int count, float* c, long cRow, bool add) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes;
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51, c60, c61, c70, c71, c80, c81, c90, c91, ca0, ca1, cb0, cb1, cc0, cc1, cd0, cd1;
        if (add)
        {
            float* from = c;
            c00 = S.Load(from); c01 = S.Load(from + lanes); from += cRow;
            c10 = S.Load(from); c11 = S.Load(from + lanes); from += cRow;
            c20 = S.Load(from); c21 = S.Load(from + lanes); from += cRow;
            c30 = S.Load(from); c31 = S.Load(from + lanes); from += cRow;
            c40 = S.Load(from); c41 = S.Load(from + lanes); from += cRow;
            c50 = S.Load(from); c51 = S.Load(from + lanes); from += cRow;
            c60 = S.Load(from); c61 = S.Load(from + lanes); from += cRow;
            c70 = S.Load(from); c71 = S.Load(from + lanes); from += cRow;
            c80 = S.Load(from); c81 = S.Load(from + lanes); from += cRow;
            c90 = S.Load(from); c91 = S.Load(from + lanes); from += cRow;
            ca0 = S.Load(from); ca1 = S.Load(from + lanes); from += cRow;
            cb0 = S.Load(from); cb1 = S.Load(from + lanes); from += cRow;
            cc0 = S.Load(from); cc1 = S.Load(from + lanes); from += cRow;
            cd0 = S.Load(from); cd1 = S.Load(from + lanes);
        }
        else c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = c60 = c61 = c70 = c71 = c80 = c81 = c90 = c91 = ca0 = ca1 = cb0 = cb1 = cc0 = cc1 = cd0 = cd1 = S.Broadcast(0);
        for (float* end = a + 14 * count; a < end; a += 14, b += 2 * lanes)
        {
            V b0 = S.Load(b), b1 = S.Load(b + lanes), x;
            x = S.Broadcast(*a); c00 = S.MultiplyAdd(x, b0, c00); c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Broadcast(a[1]); c10 = S.MultiplyAdd(x, b0, c10); c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Broadcast(a[2]); c20 = S.MultiplyAdd(x, b0, c20); c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Broadcast(a[3]); c30 = S.MultiplyAdd(x, b0, c30); c31 = S.MultiplyAdd(x, b1, c31);
            x = S.Broadcast(a[4]); c40 = S.MultiplyAdd(x, b0, c40); c41 = S.MultiplyAdd(x, b1, c41);
            x = S.Broadcast(a[5]); c50 = S.MultiplyAdd(x, b0, c50); c51 = S.MultiplyAdd(x, b1, c51);
            x = S.Broadcast(a[6]); c60 = S.MultiplyAdd(x, b0, c60); c61 = S.MultiplyAdd(x, b1, c61);
            x = S.Broadcast(a[7]); c70 = S.MultiplyAdd(x, b0, c70); c71 = S.MultiplyAdd(x, b1, c71);
            x = S.Broadcast(a[8]); c80 = S.MultiplyAdd(x, b0, c80); c81 = S.MultiplyAdd(x, b1, c81);
            x = S.Broadcast(a[9]); c90 = S.MultiplyAdd(x, b0, c90); c91 = S.MultiplyAdd(x, b1, c91);
            x = S.Broadcast(a[10]); ca0 = S.MultiplyAdd(x, b0, ca0); ca1 = S.MultiplyAdd(x, b1, ca1);
            x = S.Broadcast(a[11]); cb0 = S.MultiplyAdd(x, b0, cb0); cb1 = S.MultiplyAdd(x, b1, cb1);
            x = S.Broadcast(a[12]); cc0 = S.MultiplyAdd(x, b0, cc0); cc1 = S.MultiplyAdd(x, b1, cc1);
            x = S.Broadcast(a[13]); cd0 = S.MultiplyAdd(x, b0, cd0); cd1 = S.MultiplyAdd(x, b1, cd1);
        }
        S.Store(c, c00); S.Store(c + lanes, c01); c += cRow;
        S.Store(c, c10); S.Store(c + lanes, c11); c += cRow;
        S.Store(c, c20); S.Store(c + lanes, c21); c += cRow;
        S.Store(c, c30); S.Store(c + lanes, c31); c += cRow;
        S.Store(c, c40); S.Store(c + lanes, c41); c += cRow;
        S.Store(c, c50); S.Store(c + lanes, c51); c += cRow;
        S.Store(c, c60); S.Store(c + lanes, c61); c += cRow;
        S.Store(c, c70); S.Store(c + lanes, c71); c += cRow;
        S.Store(c, c80); S.Store(c + lanes, c81); c += cRow;
        S.Store(c, c90); S.Store(c + lanes, c91); c += cRow;
        S.Store(c, ca0); S.Store(c + lanes, ca1); c += cRow;
        S.Store(c, cb0); S.Store(c + lanes, cb1); c += cRow;
        S.Store(c, cc0); S.Store(c + lanes, cc1); c += cRow;
        S.Store(c, cd0); S.Store(c + lanes, cd1);
    }

    /// <summary>Six rows of two vectors, A packed k by k: 12 of the 16 registers of AVX2 hold chains.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Six<S, V>(float* a, float* b, int count, float* c, long cRow, bool add) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes;
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51;
        if (add)
        {
            float* from = c;
            c00 = S.Load(from); c01 = S.Load(from + lanes); from += cRow;
            c10 = S.Load(from); c11 = S.Load(from + lanes); from += cRow;
            c20 = S.Load(from); c21 = S.Load(from + lanes); from += cRow;
            c30 = S.Load(from); c31 = S.Load(from + lanes); from += cRow;
            c40 = S.Load(from); c41 = S.Load(from + lanes); from += cRow;
            c50 = S.Load(from); c51 = S.Load(from + lanes);
        }
        else c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = S.Broadcast(0);
        for (float* end = a + 6 * count; a < end; a += 6, b += 2 * lanes)
        {
            V b0 = S.Load(b), b1 = S.Load(b + lanes), x;
            x = S.Broadcast(*a); c00 = S.MultiplyAdd(x, b0, c00); c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Broadcast(a[1]); c10 = S.MultiplyAdd(x, b0, c10); c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Broadcast(a[2]); c20 = S.MultiplyAdd(x, b0, c20); c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Broadcast(a[3]); c30 = S.MultiplyAdd(x, b0, c30); c31 = S.MultiplyAdd(x, b1, c31);
            x = S.Broadcast(a[4]); c40 = S.MultiplyAdd(x, b0, c40); c41 = S.MultiplyAdd(x, b1, c41);
            x = S.Broadcast(a[5]); c50 = S.MultiplyAdd(x, b0, c50); c51 = S.MultiplyAdd(x, b1, c51);
        }
        S.Store(c, c00); S.Store(c + lanes, c01); c += cRow;
        S.Store(c, c10); S.Store(c + lanes, c11); c += cRow;
        S.Store(c, c20); S.Store(c + lanes, c21); c += cRow;
        S.Store(c, c30); S.Store(c + lanes, c31); c += cRow;
        S.Store(c, c40); S.Store(c + lanes, c41); c += cRow;
        S.Store(c, c50); S.Store(c + lanes, c51);
    }

    /// <summary>The largest number of rows that <see cref="Stack"/> takes at a time: rows are a multiple of it.</summary>
    public const int MixedRows = 8;

    /// <summary>C [rows, 2 vectors] = (what is there +) A B over <paramref name="count"/> steps of k, for A [count, rows] k by k and B and C two vectors wide.</summary>
    public static void Stack<S, V>(float* a, int rows, float* b, int count, float* c, bool add) where S : ISimd<V> where V : struct
    {
        int panel = 2 * S.Lanes;
        if (S.Lanes == 16)
            for (int r = 0; r < rows; r += 8) Eight<S, V>(a + r, rows, b, count, c + r * panel, add);
        else
            for (int r = 0; r < rows; r += 4) Four<S, V>(a + r, 1, rows, b, panel, count, c + r * panel, panel, add);
    }

    /// <summary>Eight rows of two vectors of a C that is two vectors wide: sixteen chains.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight<S, V>(float* a, int aStep, float* b, int count, float* c, bool add) where S : ISimd<V> where V : struct
    {
        int lanes = S.Lanes;
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51, c60, c61, c70, c71;
        if (add)
        {
            c00 = S.Load(c + 0 * lanes); c01 = S.Load(c + 1 * lanes);
            c10 = S.Load(c + 2 * lanes); c11 = S.Load(c + 3 * lanes);
            c20 = S.Load(c + 4 * lanes); c21 = S.Load(c + 5 * lanes);
            c30 = S.Load(c + 6 * lanes); c31 = S.Load(c + 7 * lanes);
            c40 = S.Load(c + 8 * lanes); c41 = S.Load(c + 9 * lanes);
            c50 = S.Load(c + 10 * lanes); c51 = S.Load(c + 11 * lanes);
            c60 = S.Load(c + 12 * lanes); c61 = S.Load(c + 13 * lanes);
            c70 = S.Load(c + 14 * lanes); c71 = S.Load(c + 15 * lanes);
        }
        else c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = c60 = c61 = c70 = c71 = S.Broadcast(0);
        for (float* end = b + 2 * lanes * count; b < end; a += aStep, b += 2 * lanes)
        {
            V b0 = S.Load(b), b1 = S.Load(b + lanes), x;
            x = S.Broadcast(*a); c00 = S.MultiplyAdd(x, b0, c00); c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Broadcast(a[1]); c10 = S.MultiplyAdd(x, b0, c10); c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Broadcast(a[2]); c20 = S.MultiplyAdd(x, b0, c20); c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Broadcast(a[3]); c30 = S.MultiplyAdd(x, b0, c30); c31 = S.MultiplyAdd(x, b1, c31);
            x = S.Broadcast(a[4]); c40 = S.MultiplyAdd(x, b0, c40); c41 = S.MultiplyAdd(x, b1, c41);
            x = S.Broadcast(a[5]); c50 = S.MultiplyAdd(x, b0, c50); c51 = S.MultiplyAdd(x, b1, c51);
            x = S.Broadcast(a[6]); c60 = S.MultiplyAdd(x, b0, c60); c61 = S.MultiplyAdd(x, b1, c61);
            x = S.Broadcast(a[7]); c70 = S.MultiplyAdd(x, b0, c70); c71 = S.MultiplyAdd(x, b1, c71);
        }
        S.Store(c + 0 * lanes, c00); S.Store(c + 1 * lanes, c01);
        S.Store(c + 2 * lanes, c10); S.Store(c + 3 * lanes, c11);
        S.Store(c + 4 * lanes, c20); S.Store(c + 5 * lanes, c21);
        S.Store(c + 6 * lanes, c30); S.Store(c + 7 * lanes, c31);
        S.Store(c + 8 * lanes, c40); S.Store(c + 9 * lanes, c41);
        S.Store(c + 10 * lanes, c50); S.Store(c + 11 * lanes, c51);
        S.Store(c + 12 * lanes, c60); S.Store(c + 13 * lanes, c61);
        S.Store(c + 14 * lanes, c70); S.Store(c + 15 * lanes, c71);
    }
}
