namespace Warm.Transformers;

/// <summary>
/// A text on its way through the pipeline, in UTF-16 units, and for every unit the span of the original text that it stands for. Where nobody asked for
/// offsets (<see cref="Aligned"/> false) only the units are kept. Every change
/// is written into a fresh text, naming for each new unit the old one whose span it takes.
/// </summary>
internal sealed class AlignedText
{
    private char[] _units;
    private int[] _from, _to;

    /// <summary>An empty text.</summary>
    public AlignedText(bool aligned, int capacity = 16)
    {
        Aligned = aligned;
        _units = new char[capacity];
        _from = aligned ? new int[capacity] : [];
        _to = aligned ? new int[capacity] : [];
    }

    public bool Aligned { get; }
    public int Length { get; private set; }
    public ReadOnlySpan<char> Units => _units.AsSpan(0, Length);
    public char this[int at] => _units[at];

    /// <summary>The span of the original text behind units start..end; an empty range is (0, 0).</summary>
    public (int Start, int End) Span(int start, int end) => !Aligned || start >= end ? (0, 0) : (_from[start], _to[end - 1]);

    /// <summary>Units start..start+length of an original text, each (or each surrogate pair) standing for itself.</summary>
    public static AlignedText Original(ReadOnlySpan<char> text, int start, bool aligned)
    {
        var made = new AlignedText(aligned, Math.Max(text.Length, 4)) { Length = text.Length };
        text.CopyTo(made._units);
        if (aligned)
            for (int i = 0; i < text.Length; i++)
            {
                bool high = char.IsHighSurrogate(text[i]), low = char.IsLowSurrogate(text[i]);
                made._from[i] = start + i - (low ? 1 : 0);
                made._to[i] = start + i + (high ? 2 : 1);
            }
        return made;
    }

    public void Clear() => Length = 0;

    /// <summary>The code point that begins at a unit, and how many units it has. Texts hold no lone surrogates.</summary>
    public int PointAt(int at, out int width)
    {
        char unit = _units[at];
        if (char.IsHighSurrogate(unit) && at + 1 < Length)
        {
            width = 2;
            return char.ConvertToUtf32(unit, _units[at + 1]);
        }
        width = 1;
        return unit;
    }

    /// <summary>Adds a code point that takes the span of a unit of another text (of none where <paramref name="at"/> is negative: then <paramref name="origin"/>, empty).</summary>
    public void Push(int point, AlignedText source, int at, int origin = 0)
    {
        int width = point < 0x10000 ? 1 : 2;
        Reserve(width);
        if (width == 1) _units[Length] = (char)point;
        else
        {
            _units[Length] = (char)(0xD7C0 + (point >> 10));
            _units[Length + 1] = (char)(0xDC00 | point & 0x3FF);
        }
        if (Aligned)
        {
            (int from, int to) = at < 0 ? (origin, origin) : (source._from[at], source._to[at]);
            for (int i = 0; i < width; i++) (_from[Length + i], _to[Length + i]) = (from, to);
        }
        Length += width;
    }

    /// <summary>Adds units start..end of another text with their spans.</summary>
    public void Append(AlignedText source, int start, int end)
    {
        int count = end - start;
        Reserve(count);
        Array.Copy(source._units, start, _units, Length, count);
        if (Aligned)
        {
            Array.Copy(source._from, start, _from, Length, count);
            Array.Copy(source._to, start, _to, Length, count);
        }
        Length += count;
    }

    /// <summary>A copy of units start..end.</summary>
    public AlignedText Slice(int start, int end)
    {
        var slice = new AlignedText(Aligned, Math.Max(end - start, 4));
        slice.Append(this, start, end);
        return slice;
    }

    /// <summary>Where this text begins in the original.</summary>
    public int Origin => Aligned && Length > 0 ? _from[0] : 0;

    public override string ToString() => Units.ToString();

    private void Reserve(int more)
    {
        if (Length + more <= _units.Length) return;
        int size = Math.Max(_units.Length * 2, Length + more);
        Array.Resize(ref _units, size);
        if (!Aligned) return;
        Array.Resize(ref _from, size);
        Array.Resize(ref _to, size);
    }
}
