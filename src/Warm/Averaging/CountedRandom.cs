using System.Text;

namespace Warm;

/// <summary>Random numbers by number instead of in turn: the n-th of a stream is a function of both alone, so that threads may take them in any order (SplitMix64: Steele et al. 2014).</summary>
internal static class CountedRandom
{
    /// <summary>The stream of a member's tensor.</summary>
    public static ulong Stream(long seed, string tensor, int member)
    {
        ulong hash = 14695981039346656037; // FNV-1a
        foreach (byte b in Encoding.UTF8.GetBytes(tensor)) hash = (hash ^ b) * 1099511628211;
        return Mix(Mix(hash ^ Mix((ulong)seed + Golden)) + (ulong)(member + 1) * Golden);
    }

    /// <summary>The number at an index, from 0 to below 1.</summary>
    public static double At(ulong stream, long index) => (Mix(stream + (ulong)(index + 1) * Golden) >> 11) * (1.0 / (1L << 53));

    /// <summary>The items in an order that the stream decides (Fisher and Yates).</summary>
    public static T[] Shuffled<T>(IReadOnlyList<T> items, ulong stream)
    {
        T[] row = [.. items];
        for (int i = row.Length - 1; i > 0; i--)
        {
            var j = (int)(At(stream, i) * (i + 1));
            (row[i], row[j]) = (row[j], row[i]);
        }
        return row;
    }

    private const ulong Golden = 0x9E3779B97F4A7C15;

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
