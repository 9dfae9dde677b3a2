namespace Warm.Transformers;

/// <summary>
/// The rows that a convolution over tokens multiplies with: [rows, inputs x kernel], value c kernel + k of token t is value c of token t + k - kernel div 2, or 0 beyond the text and where that token is
/// not attended. The product with the weight, which lies in the same order, is the convolution.
/// </summary>
internal static unsafe class TokenConvolution
{
    public static void Unfold(CpuTensor x, int kernel, BatchLayout layout, float* unfolded, int threads)
    {
        bool[]? attended = layout.Attended.IsEmpty ? null : layout.Attended.ToArray();
        BatchLayout.Segment[] texts = layout.Segments.ToArray();
        Work.Run(threads, texts.Length, text =>
        {
            (int row, int length, _, _) = texts[text];
            for (int t = 0; t < length; t++)
                for (int k = 0; k < kernel; k++)
                {
                    int from = t + k - kernel / 2;
                    float* to = unfolded + (long)(row + t) * x.Columns * kernel + k;
                    if (from < 0 || from >= length || (attended is not null && !attended[row + from]))
                        for (int c = 0; c < x.Columns; c++) to[(long)c * kernel] = 0;
                    else
                    {
                        float* values = x.Pointer + (long)(row + from) * x.Columns;
                        for (int c = 0; c < x.Columns; c++) to[(long)c * kernel] = values[c];
                    }
                }
        });
    }
}
