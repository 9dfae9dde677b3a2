namespace Warm.Transformers;

/// <summary>For each text the mean over its attended rows: [texts, columns]. Each column is summed token by token in double and rounded once.</summary>
internal static unsafe class MeanRows
{
    public static void Forward(float* x, BatchLayout layout, int columns, float* y)
    {
        double[] sums = new double[columns];
        for (int text = 0; text < layout.Texts; text++, y += columns)
        {
            Array.Clear(sums);
            int rows = 0;
            foreach (TextRows run in TextRows.Of(layout, layout.LastSegment(text)))
                for (int row = run.Row; row < run.Row + run.Length; row++)
                {
                    if (!layout.Attended.IsEmpty && !layout.Attended[row]) continue;
                    rows++;
                    for (int c = 0; c < columns; c++) sums[c] += x[(long)row * columns + c];
                }
            for (int c = 0; c < columns; c++) y[c] = (float)(sums[c] / rows);
        }
    }
}
