namespace Warm.Transformers;

/// <summary>
/// The product y = x W^T + b: [rows, inputs] times [outputs, inputs] (or [inputs, outputs] where transposed) to [rows, outputs].
/// </summary>
/// <remarks>
/// W is widened and packed in slices of 256 k by up to 1024 outputs, panels of two vectors' width side by side: a slice lies in the second-level cache while a block of rows passes over it, beside that
/// block's y; a tile of rows is packed k by k and lies in the first-level cache. Lanes are outputs; every y is one chain over k, ascending; the bias comes last.
/// So a row's bits depend on no other row, and threads share rows or columns but never k.
/// </remarks>
internal static unsafe class MatMul
{
    private const int Depth = 256, WidestSlice = 1024, RowBlock = 252, FewRows = 128;
    private const long MostPacked = 1 << 22; // values of W packed at a time: 16 MB

    /// <summary>What is multiplied. A class so that threads share it.</summary>
    private sealed class Operands
    {
        public required CpuWeight Weight;
        public float* X, Y, Bias;
        public int Rows, Inputs, Outputs;
        public bool Transposed;
    }

    public static void Forward<S, V>(float* x, int rows, int inputs, CpuWeight weight, bool transposed, float* bias, float* y, int outputs, int threads) where S : ISimd<V> where V : struct
    {
        if (rows == 0 || outputs == 0) return;
        var operands = new Operands { Weight = weight, X = x, Y = y, Bias = bias, Rows = rows, Inputs = inputs, Outputs = outputs, Transposed = transposed };
        int panel = 2 * S.Lanes, panels = (outputs + panel - 1) / panel;
        if (rows <= FewRows)
        {
            // Few rows: packing is most of the work. Each thread packs and uses its own columns, a slice at a time.
            int pieces = threads == 1 ? 1 : Math.Min(panels, 2 * threads), step = (panels + pieces - 1) / pieces * panel;
            Work.Run(threads, (outputs + step - 1) / step, piece => Columns<S, V>(operands, piece * step, Math.Min(outputs, (piece + 1) * step)));
            return;
        }
        // Many rows: all threads pack, then each takes some rows.
        int width = SliceWidth(outputs, panel), depths = Math.Max(1, (inputs + Depth - 1) / Depth);
        int slicesAtOnce = (int)Math.Clamp(MostPacked / ((long)depths * Depth * width), 1, (outputs + width - 1) / width);
        int tall = Tile.Rows<S, V>(), blocks = Math.Max((rows + RowBlock - 1) / RowBlock, Math.Min(4 * threads, rows / tall)), rowStep = ((rows + blocks - 1) / blocks + tall - 1) / tall * tall;
        using var memory = new CpuMemory((long)slicesAtOnce * depths * Depth * width);
        float* packed = memory.Pointer;
        for (int first = 0; first < outputs; first += slicesAtOnce * width)
        {
            int from = first, slices = Math.Min(slicesAtOnce, (outputs - first + width - 1) / width);
            Work.Run(threads, slices * depths, slice => Pack<S, V>(operands, from + slice / depths * width, width, slice % depths * Depth, packed + (long)slice * Depth * width));
            Work.Run(threads, (rows + rowStep - 1) / rowStep, block =>
            {
                for (int slice = 0; slice < slices * depths; slice++)
                    Multiply<S, V>(operands, block * rowStep, Math.Min(rows, (block + 1) * rowStep), from + slice / depths * width, Math.Min(outputs, from + (slice / depths + 1) * width),
                        slice % depths * Depth, packed + (long)slice * Depth * width);
            });
        }
    }

    /// <summary>All rows of some columns, on one thread.</summary>
    private static void Columns<S, V>(Operands o, int first, int end) where S : ISimd<V> where V : struct
    {
        int width = SliceWidth(end - first, 2 * S.Lanes);
        using var packed = new CpuMemory((long)Depth * width);
        for (int column = first; column < end; column += width)
            for (int depth = 0; depth == 0 || depth < o.Inputs; depth += Depth)
            {
                Pack<S, V>(o, column, Math.Min(width, end - column), depth, packed.Pointer);
                Multiply<S, V>(o, 0, o.Rows, column, Math.Min(end, column + width), depth, packed.Pointer);
            }
    }

    /// <summary>Columns cut evenly into slices of whole panels.</summary>
    private static int SliceWidth(int columns, int panel)
    {
        int slices = (columns + WidestSlice - 1) / WidestSlice;
        return ((columns + slices - 1) / slices + panel - 1) / panel * panel;
    }

    /// <summary>Packs a slice of W: panel after panel, each [k, panel].</summary>
    private static void Pack<S, V>(Operands o, int column, int columns, int depth, float* packed) where S : ISimd<V> where V : struct
    {
        int panel = 2 * S.Lanes, count = Math.Min(Depth, o.Inputs - depth), end = Math.Min(o.Outputs, column + columns);
        using var widened = new CpuMemory(PackedWeight.Scratch(Depth));
        for (int c = column; c < end; c += panel, packed += (long)panel * count)
            PackedWeight.Pack(o.Weight, o.Transposed, c, Math.Min(panel, end - c), depth, count, packed, panel, widened.Pointer);
    }

    /// <summary>Some rows over one slice: begins their chains, or goes on with them.</summary>
    private static void Multiply<S, V>(Operands o, int row, int endRow, int column, int endColumn, int depth, float* packed) where S : ISimd<V> where V : struct
    {
        int panel = 2 * S.Lanes, tallest = Tile.Rows<S, V>(), count = Math.Min(Depth, o.Inputs - depth);
        float* tile = stackalloc float[Depth * tallest], edge = stackalloc float[tallest * panel];
        bool goesOn = depth > 0, ends = depth + count == o.Inputs;
        while (row < endRow)
        {
            int left = endRow - row, tileRows = left >= tallest ? tallest : 4, height = Math.Min(tileRows, left);
            Panel.Transpose(o.X + (long)row * o.Inputs + depth, o.Inputs, height, count, tile, tileRows);
            float* weights = packed, y = o.Y + (long)row * o.Outputs;
            for (int c = column; c < endColumn; c += panel, weights += (long)panel * count)
            {
                int width = Math.Min(panel, endColumn - c);
                if (height == tileRows && width == panel) Tile.Multiply<S, V>(tileRows, tile, weights, count, y + c, o.Outputs, goesOn);
                else
                {
                    // At an edge the whole tile is computed beside, and what is wanted copied: the same chains.
                    if (goesOn) Copy(y + c, o.Outputs, edge, panel, height, width);
                    Tile.Multiply<S, V>(tileRows, tile, weights, count, edge, panel, goesOn);
                    Copy(edge, panel, y + c, o.Outputs, height, width);
                }
            }
            if (ends && o.Bias is not null)
                for (int r = 0; r < height; r++) Elementwise.AddTo<S, V>(y + (long)r * o.Outputs + column, o.Bias + column, endColumn - column);
            row += height;
        }
    }

    private static void Copy(float* from, long fromStride, float* to, long toStride, int rows, int columns)
    {
        for (int r = 0; r < rows; r++) new ReadOnlySpan<float>(from + r * fromStride, columns).CopyTo(new Span<float>(to + r * toStride, columns));
    }
}
