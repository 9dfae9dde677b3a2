namespace Warm.Transformers;

/// <summary>
/// The product y = x W^T + b: [rows, inputs] times [outputs, inputs] (or [inputs, outputs] where transposed) to [rows, outputs].
/// </summary>
/// <remarks>
/// W is widened and packed a block of (256 k) x (up to 1024 outputs) at a time, in panels of two vectors' width, so that it lies in the second-level cache while all rows pass over it;
/// a tile of rows is packed k by k and lies in the first-level cache. Lanes are outputs; every y is one chain over k, ascending; the bias comes last.
/// So a row's bits depend on no other row, and threads share rows or columns but never k.
/// </remarks>
internal static unsafe class MatMul
{
    private const int DepthBlock = 256, OutputBlock = 1024, RowBlock = 504;

    public static void Forward<S, V>(float* x, int rows, int inputs, CpuWeight weight, bool transposed, float* bias, float* y, int outputs, int threads) where S : ISimd<V> where V : struct
    {
        if (rows == 0 || outputs == 0) return;
        // Many rows: each thread takes some and packs W for itself, which costs a few per cent. Few rows: each takes some columns.
        int rowPieces = (rows + RowBlock - 1) / RowBlock, columnPieces = 1, panel = 2 * S.Lanes;
        if (rowPieces < 2 * threads && threads > 1)
        {
            rowPieces = rows >= 128 * threads ? threads : 1;
            columnPieces = rowPieces == 1 ? Math.Min(2 * threads, (outputs + panel - 1) / panel) : 1;
        }
        int rowStep = RoundUp((rows + rowPieces - 1) / rowPieces, Tile.Rows<S, V>()), columnStep = RoundUp((outputs + columnPieces - 1) / columnPieces, panel);
        rowPieces = (rows + rowStep - 1) / rowStep;
        columnPieces = (outputs + columnStep - 1) / columnStep;
        Work.Run(threads, rowPieces * columnPieces, piece =>
        {
            int row = piece / columnPieces * rowStep, column = piece % columnPieces * columnStep;
            Block<S, V>(x, inputs, weight, transposed, bias, y, outputs, row, Math.Min(rows, row + rowStep), column, Math.Min(outputs, column + columnStep));
        });
    }

    /// <summary>The product for some rows and columns, on one thread.</summary>
    private static void Block<S, V>(float* x, int inputs, CpuWeight weight, bool transposed, float* bias, float* y, int outputs, int firstRow, int endRow, int firstColumn, int endColumn)
        where S : ISimd<V> where V : struct
    {
        int panel = 2 * S.Lanes, tallest = Tile.Rows<S, V>(), widest = Math.Min(OutputBlock, RoundUp(endColumn - firstColumn, panel));
        using var scratch = new CpuMemory((long)DepthBlock * (widest + tallest) + tallest * panel + PackedWeight.Scratch(DepthBlock));
        float* packed = scratch.Pointer, tile = packed + DepthBlock * widest, edge = tile + DepthBlock * tallest, widened = edge + tallest * panel;
        for (int column = firstColumn; column < endColumn; column += widest)
        {
            int columns = Math.Min(widest, endColumn - column);
            for (int depth = 0; depth == 0 || depth < inputs; depth += DepthBlock)
            {
                int count = Math.Min(DepthBlock, inputs - depth);
                for (int c = 0; c < columns; c += panel)
                    PackedWeight.Pack(weight, transposed, column + c, Math.Min(panel, columns - c), depth, count, packed + (long)c * count, panel, widened);
                for (int row = firstRow; row < endRow;)
                {
                    int left = endRow - row, tileRows = left >= tallest ? tallest : 4, height = Math.Min(tileRows, left);
                    Panel.Transpose(x + (long)row * inputs + depth, inputs, height, count, tile, tileRows);
                    for (int c = 0; c < columns; c += panel)
                    {
                        float* to = y + (long)row * outputs + column + c;
                        int width = Math.Min(panel, columns - c);
                        if (height == tileRows && width == panel)
                        {
                            Tile.Multiply<S, V>(tileRows, tile, packed + (long)c * count, count, to, outputs, depth > 0);
                            continue;
                        }
                        // At an edge the whole tile is computed beside, and what is wanted copied: the same chains.
                        if (depth > 0) Copy(to, outputs, edge, panel, height, width);
                        Tile.Multiply<S, V>(tileRows, tile, packed + (long)c * count, count, edge, panel, depth > 0);
                        Copy(edge, panel, to, outputs, height, width);
                    }
                    row += height;
                }
            }
        }
        if (bias is not null)
            for (int row = firstRow; row < endRow; row++) Elementwise.AddTo<S, V>(y + (long)row * outputs + firstColumn, bias + firstColumn, endColumn - firstColumn);
    }

    private static void Copy(float* from, long fromStride, float* to, long toStride, int rows, int columns)
    {
        for (int r = 0; r < rows; r++) new ReadOnlySpan<float>(from + r * fromStride, columns).CopyTo(new Span<float>(to + r * toStride, columns));
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
