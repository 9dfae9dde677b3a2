namespace Warm.Transformers;

/// <summary>A stretch of a stored weight as a panel [k, outputs] of singles, which is what the innermost product reads.</summary>
internal static unsafe class PackedWeight
{
    private const int RowsAtOnce = 4;

    /// <summary>Singles that <see cref="Pack"/> needs beside its destination.</summary>
    public static int Scratch(int depth) => RowsAtOnce * depth;

    /// <summary>Packs inputs depth .. depth + count - 1 of outputs first .. first + outputs - 1 to [count, width]; columns beyond the outputs become 0.</summary>
    public static void Pack(CpuWeight weight, bool transposed, int first, int outputs, int depth, int count, float* destination, int width, float* scratch)
    {
        if (transposed) // the lanes already lie side by side
        {
            for (int k = 0; k < count; k++)
            {
                weight.Widen((long)(depth + k) * weight.Columns + first, outputs, destination + (long)k * width);
                new Span<float>(destination + (long)k * width + outputs, width - outputs).Clear();
            }
        }
        else if (weight.Info.DType == DType.F32)
            Panel.Transpose((float*)weight.Pointer + (long)first * weight.Columns + depth, weight.Columns, outputs, count, destination, width);
        else
        {
            for (int r = 0; r < outputs; r += RowsAtOnce)
            {
                int rows = Math.Min(RowsAtOnce, outputs - r);
                for (int i = 0; i < rows; i++) weight.Widen((long)(first + r + i) * weight.Columns + depth, count, scratch + (long)i * count);
                Panel.Columns(scratch, count, rows, count, destination + r, width);
            }
            Panel.Clear(destination, outputs, count, width);
        }
    }
}
