namespace Warm;

/// <summary>What a misspelt word was probably meant to be.</summary>
internal static class Spelling
{
    /// <summary>The known word that is nearest, if it is near enough to be meant; else null.</summary>
    public static string? Closest(string word, IEnumerable<string> known) =>
        known.MinBy(candidate => Distance(word, candidate)) is { } close && Distance(word, close) <= Math.Max(2, close.Length / 3) ? close : null;

    /// <summary>How many letters must change to make one word the other (Levenshtein).</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
