using System.Globalization;
using System.Text.RegularExpressions;

namespace Warm.HouseTests;

/// <summary>
/// What a document shows beside what is printed now. Times, speeds and temporary paths are masked; numbers may differ by one in their last digit, or by 2e-5 (other processors add in other orders).
/// </summary>
internal static partial class ShownOutput
{
    /// <summary>The lines that differ, each as it is shown and as it is now.</summary>
    /// <param name="then">What the document shows.</param>
    /// <param name="now">What is printed.</param>
    /// <param name="line">The document's number of the first line.</param>
    public static IEnumerable<string> Differences(string[] then, string[] now, int line)
    {
        for (int i = 0; i < Math.Max(then.Length, now.Length); i++)
        {
            string old = i < then.Length ? then[i] : "", fresh = i < now.Length ? now[i] : "";
            if (!Alike(Masked(old), Masked(fresh))) yield return $"line {line + i}\n  shown: {old}\n  now:   {fresh}";
        }
    }

    /// <summary>A line as a document shows it: <c>/tmp/warm-…</c> for a folder that is another each time.</summary>
    public static string WithoutTemporaryPaths(string line) => TemporaryPath().Replace(line, "/tmp/warm-…");

    /// <summary>Equal but for the last digit of numbers with a fraction.</summary>
    private static bool Alike(string a, string b)
    {
        if (Fraction().Replace(a, "#") != Fraction().Replace(b, "#")) return false;
        return Fraction().Matches(a).Zip(Fraction().Matches(b)).All(pair =>
            Math.Abs(double.Parse(pair.First.Value, CultureInfo.InvariantCulture) - double.Parse(pair.Second.Value, CultureInfo.InvariantCulture))
                <= Math.Max(2e-5, 1.01 * Math.Pow(10, -Math.Min(pair.First.Value.Split('.')[1].Length, pair.Second.Value.Split('.')[1].Length))));
    }

    private static string Masked(string line) => Blanks().Replace(Time().Replace(WithoutTemporaryPaths(line), "#"), " ").TrimEnd();

    [GeneratedRegex(@"-?\d+\.\d+")] private static partial Regex Fraction();
    [GeneratedRegex(@"[\d.,]+ ?(s|ms|MB/s|GB/s|tokens/s|MB private)\b")] private static partial Regex Time();
    [GeneratedRegex(@"/tmp/warm-[A-Za-z0-9…-]+")] private static partial Regex TemporaryPath();
    [GeneratedRegex(@" +")] private static partial Regex Blanks();
}
