using System.Text;

namespace Warm.Transformers;

/// <summary>
/// A text. Python counts code points, .NET UTF-16 units: wherever the text holds a surrogate pair, positions are those of <see cref="CodePoints"/>.
/// A lone surrogate is a code point of its own and passes through.
/// </summary>
/// <param name="value">The text.</param>
/// <param name="safe">Whether it is Markup: HTML that autoescape leaves alone.</param>
internal sealed class JinjaString(string value, bool safe = false) : JinjaValue
{
    public static JinjaString Empty { get; } = new("");
    private int _count = -1;

    public string Value { get; } = value;
    public bool Safe { get; } = safe;

    /// <summary>Number of code points.</summary>
    public int Count => _count >= 0 ? _count : _count = CountOf(Value);

    /// <summary>Whether positions in code points and in UTF-16 units agree.</summary>
    public bool IsPlain => Count == Value.Length;

    public override string TypeName => Safe ? "Markup" : "str";
    public override bool IsTrue => Value.Length > 0;
    public override string ToText(JinjaRun run) => Value;
    public override void Repr(JinjaRepr to) => to.Append(Safe ? $"Markup({JinjaRepr.Quote(Value)})" : JinjaRepr.Quote(Value));
    public override int? Length => Count;
    public override JinjaValue? Attribute(string name) => JinjaStringMethods.Find(this, name);
    public override JinjaValue? Item(JinjaRun run, JinjaValue key)
    {
        if (key is JinjaSlice slice)
        {
            (int start, int count, int step) = slice.Of(Count);
            if (step == 1 && IsPlain) return run.Text(Value.Substring(start, count), Safe);
            int[] points = CodePoints(Value);
            var text = new StringBuilder();
            for (int i = 0; i < count; i++) Append(text, points[start + i * step]);
            return run.Text(text.ToString(), Safe);
        }
        if (!JinjaNumber.TryInteger(key, out System.Numerics.BigInteger index)) return null;
        if (index < 0) index += Count;
        if (index < 0 || index >= Count) return null;
        return IsPlain ? Of(Value[(int)index]) : new JinjaString(PointText(CodePoints(Value)[(int)index]));
    }
    public override IEnumerable<JinjaValue> Iterate()
    {
        for (int i = 0; i < Value.Length; i++)
            if (char.IsHighSurrogate(Value[i]) && i + 1 < Value.Length && char.IsLowSurrogate(Value[i + 1])) yield return new JinjaString(Value.Substring(i++, 2));
            else yield return Of(Value[i]);
    }
    public override bool? Contains(JinjaValue item) =>
        item is JinjaString text ? Value.Contains(text.Value, StringComparison.Ordinal)
        : throw JinjaException.Type($"'in <string>' requires string as left operand, not {item.TypeName}");
    public override bool Equals(object? other) => other is JinjaString text && text.Value == Value;
    public override int GetHashCode() => Value.GetHashCode(StringComparison.Ordinal);
    public override string ToString() => Value;

    private static readonly JinjaString[] Ascii = [.. Enumerable.Range(0, 128).Select(c => new JinjaString(((char)c).ToString()))];
    private static JinjaString Of(char c) => c < 128 ? Ascii[c] : new(c.ToString());

    /// <summary>The text's code points; lone surrogates as themselves.</summary>
    public static int[] CodePoints(string text)
    {
        var points = new int[CountOf(text)];
        for (int i = 0, n = 0; i < text.Length; i++)
            points[n++] = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? char.ConvertToUtf32(text[i], text[++i]) : text[i];
        return points;
    }

    public static int CountOf(ReadOnlySpan<char> text)
    {
        int pairs = 0;
        for (int i = text.IndexOfAnyInRange('\uD800', '\uDBFF'); i >= 0 && i + 1 < text.Length; i++)
            if (char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1])) { pairs++; i++; }
        return text.Length - pairs;
    }

    /// <summary>The code point as a text; surrogates as they are.</summary>
    public static string PointText(int point) => point < 0x10000 ? ((char)point).ToString() : char.ConvertFromUtf32(point);

    public static void Append(StringBuilder text, int point)
    {
        if (point < 0x10000) text.Append((char)point);
        else text.Append(char.ConvertFromUtf32(point));
    }

    /// <summary>The UTF-16 position of a code point's position.</summary>
    public int UnitAt(int point)
    {
        if (IsPlain) return point;
        int unit = 0;
        for (; point > 0; point--) unit += char.IsHighSurrogate(Value[unit]) && unit + 1 < Value.Length && char.IsLowSurrogate(Value[unit + 1]) ? 2 : 1;
        return unit;
    }

    /// <summary>The code point position of a UTF-16 position.</summary>
    public int PointAt(int unit) => IsPlain ? unit : CountOf(Value.AsSpan(0, unit));

    /// <summary>Text as HTML.</summary>
    public static string Escape(string text) =>
        text.AsSpan().ContainsAny("&<>'\"") ? text.Replace("&", "&amp;").Replace(">", "&gt;").Replace("<", "&lt;").Replace("'", "&#39;").Replace("\"", "&#34;") : text;
}
