namespace Warm;

/// <summary>Subsets of members: all of a size, or as many as are drawn.</summary>
public static class MemberSubsets
{
    /// <summary>Subsets of k of M members, numbers from 0 ascending within each. All of them in lexicographic order where they are no more than asked for, else that many different ones, drawn with the seed.</summary>
    /// <param name="members">M, 1 to 1,000.</param>
    /// <param name="k">1 to M.</param>
    /// <param name="most">At least 1; default all.</param>
    /// <param name="seed">Of the draw; default 0.</param>
    public static int[][] Of(int members, int k, int most = int.MaxValue, int seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(members, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, members);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        if (Count(members, k) <= most) return [.. All(members, k, 0)];
        var random = new Random(seed);
        var drawn = new HashSet<string>();
        var subsets = new List<int[]>();
        int[] deck = [.. Enumerable.Range(0, members)];
        while (subsets.Count < most)
        {
            for (int i = 0; i < k; i++)
            {
                int other = random.Next(i, members);
                (deck[i], deck[other]) = (deck[other], deck[i]);
            }
            int[] subset = [.. deck.Take(k).Order()];
            if (drawn.Add(string.Join(',', subset))) subsets.Add(subset);
        }
        return [.. subsets];
    }

    /// <summary>How many there are: M over k, as a double, which holds what no integer would.</summary>
    public static double Count(int members, int k)
    {
        double count = 1;
        for (int i = 1; i <= k; i++) count = Math.Round(count * (members - k + i) / i);
        return count;
    }

    private static IEnumerable<int[]> All(int members, int k, int from)
    {
        if (k == 0)
        {
            yield return [];
            yield break;
        }
        for (int first = from; first <= members - k; first++)
            foreach (int[] rest in All(members, k - 1, first + 1)) yield return [first, .. rest];
    }
}
