namespace Warm.Transformers;

/// <summary>
/// A set of code points: two-stage bitmap, so that asking costs two loads wherever the point lies. Pages of 256 points; equal pages are not shared
/// but empty and full ones are.
/// </summary>
internal sealed class CodePointSet
{
    public const int Limit = 0x110000;
    private static readonly ulong[] s_none = new ulong[4], s_all = [ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue];

    private readonly ulong[][] _pages = new ulong[Limit >> 8][];

    private CodePointSet() => Array.Fill(_pages, s_none);

    /// <summary>No code point.</summary>
    public static CodePointSet Empty { get; } = new();

    /// <summary>The points of the given ranges, ends included.</summary>
    public static CodePointSet Of(params IEnumerable<(int First, int Last)> ranges)
    {
        var set = new CodePointSet();
        foreach ((int first, int last) in ranges)
            for (int at = first; at <= last;)
            {
                int page = at >> 8, end = Math.Min(last, (page << 8) | 255);
                if ((at & 255) == 0 && (end & 255) == 255) set._pages[page] = s_all;
                else if (!ReferenceEquals(set._pages[page], s_all))
                {
                    if (ReferenceEquals(set._pages[page], s_none)) set._pages[page] = new ulong[4];
                    for (int point = at; point <= end; point++) set._pages[page][(point >> 6) & 3] |= 1UL << point;
                }
                at = end + 1;
            }
        return set;
    }

    public bool Contains(int point) => (_pages[point >> 8][(point >> 6) & 3] >> point & 1) != 0;

    public CodePointSet Union(CodePointSet other) => Combine(other, (a, b) => a | b);

    public CodePointSet Intersect(CodePointSet other) => Combine(other, (a, b) => a & b);

    public CodePointSet Complement() => Combine(this, (a, _) => ~a);

    /// <summary>The ranges of the set, ascending.</summary>
    public IEnumerable<(int First, int Last)> Ranges()
    {
        int first = -1;
        for (int point = 0; point <= Limit; point++)
        {
            if (first < 0 && point < Limit && (point & 255) == 0 && ReferenceEquals(_pages[point >> 8], s_none)) { point |= 255; continue; }
            bool inside = point < Limit && Contains(point);
            if (inside && first < 0) first = point;
            else if (!inside && first >= 0) { yield return (first, point - 1); first = -1; }
        }
    }

    private CodePointSet Combine(CodePointSet other, Func<ulong, ulong, ulong> join)
    {
        var result = new CodePointSet();
        for (int page = 0; page < _pages.Length; page++)
        {
            ulong[] a = _pages[page], b = other._pages[page];
            ulong[] c = [join(a[0], b[0]), join(a[1], b[1]), join(a[2], b[2]), join(a[3], b[3])];
            result._pages[page] = (c[0] | c[1] | c[2] | c[3]) == 0 ? s_none : (c[0] & c[1] & c[2] & c[3]) == ulong.MaxValue ? s_all : c;
        }
        return result;
    }
}
