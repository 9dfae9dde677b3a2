namespace Warm.Transformers;

/// <summary>
/// Which bucket a distance between two tokens falls into: near ones have their own, far ones share, by the logarithm. Trap: a bucket is a decision made on single-precision logarithms; in double
/// some distances fall on the other side of an edge.
/// </summary>
internal static class RelativeBuckets
{
    /// <summary>
    /// T5 and MPNet, of a distance key - query: both ways, the upper half of the buckets is for keys after the query; else all later keys fall into bucket 0.
    /// </summary>
    public static int T5(int distance, int buckets, int farthest, bool bothWays)
    {
        int first = 0, size = Math.Max(-distance, 0);
        if (bothWays)
        {
            buckets /= 2;
            first = distance > 0 ? buckets : 0;
            size = Math.Abs(distance);
        }
        int exact = buckets / 2;
        if (size < exact) return first + size;
        float share = Log((float)size / exact) / (float)Math.Log((double)farthest / exact) * (buckets - exact);
        return first + Math.Min(buckets - 1, exact + (int)share);
    }

    /// <summary>
    /// DeBERTa, of a distance query - key: itself up to <paramref name="buckets"/> / 2, then by the logarithm; odd in the distance. Without buckets every distance is its own.
    /// </summary>
    public static int Deberta(int distance, int buckets, int positions)
    {
        int middle = buckets / 2, size = Math.Abs(distance);
        if (buckets <= 0 || size <= middle) return distance;
        float log = Log((float)size / middle) / Log((float)((positions - 1) / (double)middle)) * (middle - 1);
        return Math.Sign(distance) * (int)(MathF.Ceiling(log) + middle);
    }

    /// <summary>The logarithm, rounded once to single.</summary>
    private static float Log(float x) => (float)Math.Log(x);
}
