using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Warm.Transformers;

/// <summary>
/// Packing: rows become lanes. <c>Transpose</c> writes value k of row r to <c>destination[k width + r]</c>, so that a kernel reads one k of all rows at once.
/// Only copies: no arithmetic, no bits to promise.
/// </summary>
internal static unsafe class Panel
{
    /// <summary>Packs <paramref name="rows"/> rows (<paramref name="stride"/> apart) of <paramref name="count"/> values to [count, width]; places beyond the rows become 0.</summary>
    public static void Transpose(float* source, long stride, int rows, int count, float* destination, int width)
    {
        Columns(source, stride, rows, count, destination, width);
        Clear(destination, rows, count, width);
    }

    /// <summary>The same, but leaves places beyond the rows as they are.</summary>
    public static void Columns(float* source, long stride, int rows, int count, float* destination, int width)
    {
        if (rows >= 4)
        {
            for (int r = 0; r <= rows - 4; r += 4) TransposeFour(source + r * stride, stride, count, destination + r, width);
            if (rows % 4 != 0) TransposeFour(source + (rows - 4) * stride, stride, count, destination + rows - 4, width); // some rows once more
            return;
        }
        for (int r = 0; r < rows; r++)
        {
            float* from = source + r * stride;
            for (int k = 0; k < count; k++) destination[(long)k * width + r] = from[k];
        }
    }

    /// <summary>Sets columns from <paramref name="first"/> on of [count, width] to 0.</summary>
    public static void Clear(float* destination, int first, int count, int width)
    {
        if (first < width)
            for (int k = 0; k < count; k++) new Span<float>(destination + (long)k * width + first, width - first).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeFour(float* source, long stride, int count, float* destination, int width)
    {
        float* a = source, b = a + stride, c = b + stride, d = c + stride;
        int k = 0;
        for (; k <= count - 4; k += 4)
        {
            Vector128<float> va = Vector128.Load(a + k), vb = Vector128.Load(b + k), vc = Vector128.Load(c + k), vd = Vector128.Load(d + k);
            Vector128<float> ab = Low(va, vb), cd = Low(vc, vd), abHigh = High(va, vb), cdHigh = High(vc, vd);
            float* to = destination + (long)k * width;
            LowHalves(ab, cd).Store(to);
            HighHalves(ab, cd).Store(to + width);
            LowHalves(abHigh, cdHigh).Store(to + 2 * width);
            HighHalves(abHigh, cdHigh).Store(to + 3 * width);
        }
        for (; k < count; k++) Vector128.Create(a[k], b[k], c[k], d[k]).Store(destination + (long)k * width);
    }

    // Of x0 x1 x2 x3 and y0 y1 y2 y3: x0 y0 x1 y1, then x2 y2 x3 y3; and the lower and the upper pairs of both.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y) : Vector128.Create(x[0], y[0], x[1], y[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y) : Vector128.Create(x[2], y[2], x[3], y[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> LowHalves(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(x, y) : Vector128.Create(x.GetLower(), y.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> HighHalves(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.MoveHighToLow(y, x) : Vector128.Create(x.GetUpper(), y.GetUpper());
}
