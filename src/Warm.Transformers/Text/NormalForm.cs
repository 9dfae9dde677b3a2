namespace Warm.Transformers;

/// <summary>
/// NFC, NFD, NFKC and NFKD with the tokenizers library's tables (about Unicode 9) and its alignment: decomposed characters point to their source,
/// a composed one to the first of its sources, and marks that change places take the spans of the places.
/// </summary>
internal sealed class NormalForm(string name, bool compatible, bool composes) : Normalizer
{
    private static readonly Dictionary<int, int> s_classes = UnicodeTables.Map("marks").ToDictionary(e => e.Key, e => e.Value[0]);
    private static readonly Dictionary<long, int> s_pairs = UnicodeTables.Map("compose").ToDictionary(e => Pair(e.Value[0], e.Value[1]), e => e.Key);
    private static readonly Dictionary<int, int[]> s_canonical = UnicodeTables.Map("NFD"), s_compatible = UnicodeTables.Map("NFKD");

    // Every form leaves the points below these alone: NFC up to U+02FF, NFD below U+00C0, the compatible ones below U+00A0.
    private readonly int _stable = compatible ? 0xA0 : composes ? 0x300 : 0xC0;
    private readonly Dictionary<int, int[]> _decompositions = compatible ? s_compatible : s_canonical;

    public static NormalForm Decomposed { get; } = new("NFD", false, false);

    public override AlignedText Apply(AlignedText text)
    {
        ReadOnlySpan<char> units = text.Units;
        if (IsStable(units)) return text;
        var points = new List<(int Point, int Change)>(units.Length + 16);
        Decompose(text, points);
        if (composes) points = Compose(points);
        return Transform(text, points);
    }

    public override string ToString() => name;

    private bool IsStable(ReadOnlySpan<char> units)
    {
        foreach (char unit in units) if (unit >= _stable) return false;
        return true;
    }

    private void Decompose(AlignedText text, List<(int Point, int Change)> points)
    {
        int sorted = 0; // points before this one are in order
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            at += width;
            if (point is >= 0xAC00 and <= 0xD7A3)
            {
                int syllable = point - 0xAC00;
                Add(0x1100 + syllable / 588, 0);
                Add(0x1161 + syllable % 588 / 28, 1);
                if (syllable % 28 != 0) Add(0x11A7 + syllable % 28, 1);
            }
            else if (point >= 0xA0 && _decompositions.TryGetValue(point, out int[]? parts))
                for (int i = 0; i < parts.Length; i++) Add(parts[i], i == 0 ? 0 : 1);
            else Add(point, 0);
        }
        Sort(points.Count);

        void Add(int point, int change)
        {
            if (Class(point) == 0) { Sort(points.Count); points.Add((point, change)); sorted = points.Count; }
            else points.Add((point, change));
        }

        void Sort(int end) // a run of marks, by class, those of one class in their order
        {
            if (end - sorted > 1)
            {
                (int Point, int Change)[] marks = [.. points.GetRange(sorted, end - sorted).OrderBy(mark => Class(mark.Point))];
                for (int i = 0; i < marks.Length; i++) points[sorted + i] = marks[i];
            }
            sorted = end;
        }
    }

    private static List<(int Point, int Change)> Compose(List<(int Point, int Change)> points)
    {
        var result = new List<(int Point, int Change)>(points.Count);
        int starter = -1, lastClass = -1; // index in the result of the last starter; class of the last mark kept behind it, -1 for none
        foreach ((int point, int change) in points)
        {
            int @class = Class(point);
            if (starter >= 0 && (lastClass < 0 || lastClass < @class) && Join(result[starter].Point, point) is int joined)
            {
                result[starter] = (joined, result[starter].Change + change - 1);
                continue;
            }
            result.Add((point, change));
            if (@class == 0) (starter, lastClass) = (result.Count - 1, -1);
            else if (starter >= 0) lastClass = @class;
        }
        return result;
    }

    private static int? Join(int a, int b)
    {
        if (a is >= 0x1100 and <= 0x1112 && b is >= 0x1161 and <= 0x1175) return 0xAC00 + ((a - 0x1100) * 21 + b - 0x1161) * 28;
        if (a is >= 0xAC00 and <= 0xD7A3 && (a - 0xAC00) % 28 == 0 && b is > 0x11A7 and <= 0x11C2) return a + b - 0x11A7;
        return s_pairs.TryGetValue(Pair(a, b), out int joined) ? joined : null;
    }

    private static int Class(int point) => point < 0x300 ? 0 : s_classes.GetValueOrDefault(point);

    private static long Pair(int a, int b) => (long)a << 32 | (uint)b;
}
