using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>The methods of str. Each is looked up by name and bound to its text.</summary>
internal static class JinjaStringMethods
{
    private delegate JinjaValue Method(JinjaRun run, JinjaString self, JinjaValue?[] a);

    private static readonly Dictionary<string, (JinjaSignature Signature, Method Body)> All = new Dictionary<string, (string, Method)>
    {
        ["upper"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.Upper(s.Value))),
        ["lower"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.Lower(s.Value))),
        ["title"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.Title(s.Value))),
        ["capitalize"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.Capitalize(s.Value))),
        ["swapcase"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.SwapCase(s.Value))),
        ["casefold"] = ("", (run, s, _) => Like(run, s, JinjaUnicode.Fold(s.Value))),
        ["strip"] = ("chars?", (run, s, a) => Like(run, s, Strip(s.Value, a[0], "strip"))),
        ["lstrip"] = ("chars?", (run, s, a) => Like(run, s, Strip(s.Value, a[0], "lstrip", right: false))),
        ["rstrip"] = ("chars?", (run, s, a) => Like(run, s, Strip(s.Value, a[0], "rstrip", left: false))),
        ["split"] = ("sep? maxsplit?", (run, s, a) => Split(run, s, a, fromRight: false)),
        ["rsplit"] = ("sep? maxsplit?", (run, s, a) => Split(run, s, a, fromRight: true)),
        ["splitlines"] = ("keepends?", (run, s, a) => List(run, s, Lines(s.Value, a[0]?.IsTrue ?? false))),
        ["partition"] = ("sep", (run, s, a) => Partition(s, Text(a[0]!, "must be str, not {0}"), fromRight: false)),
        ["rpartition"] = ("sep", (run, s, a) => Partition(s, Text(a[0]!, "must be str, not {0}"), fromRight: true)),
        ["startswith"] = ("prefix start? end?", (run, s, a) => StartsOrEnds("startswith", s, a, (x, y) => x.StartsWith(y, StringComparison.Ordinal))),
        ["endswith"] = ("suffix start? end?", (run, s, a) => StartsOrEnds("endswith", s, a, (x, y) => x.EndsWith(y, StringComparison.Ordinal))),
        ["replace"] = ("old new count?", (run, s, a) => Like(run, s, Replace(run, s.Value, Text(a[0]!, "replace() argument 1 must be str, not {0}"), Text(a[1]!, "replace() argument 2 must be str, not {0}"), a[2] is null ? -1 : JinjaNumber.Index(a[2]!)))),
        ["find"] = ("sub start? end?", (_, s, a) => JinjaInteger.Of(Find(s, a, last: false))),
        ["rfind"] = ("sub start? end?", (_, s, a) => JinjaInteger.Of(Find(s, a, last: true))),
        ["index"] = ("sub start? end?", (_, s, a) => Found(Find(s, a, last: false))),
        ["rindex"] = ("sub start? end?", (_, s, a) => Found(Find(s, a, last: true))),
        ["count"] = ("sub start? end?", (_, s, a) => JinjaInteger.Of(Count(s, a))),
        ["join"] = ("iterable", (run, s, a) => Join(run, s, a[0]!)),
        ["zfill"] = ("width", (run, s, a) => Like(run, s, ZeroFill(run, s, JinjaNumber.Index(a[0]!)))),
        ["ljust"] = ("width fillchar?", (run, s, a) => Like(run, s, Justify(run, s, a, before: false, after: true))),
        ["rjust"] = ("width fillchar?", (run, s, a) => Like(run, s, Justify(run, s, a, before: true, after: false))),
        ["center"] = ("width fillchar?", (run, s, a) => Like(run, s, Justify(run, s, a, before: true, after: true))),
        ["expandtabs"] = ("tabsize?", (run, s, a) => Like(run, s, ExpandTabs(run, s.Value, a[0] is null ? 8 : JinjaNumber.Index(a[0]!)))),
        ["removeprefix"] = ("prefix", (run, s, a) => Like(run, s, Text(a[0]!, "removeprefix() argument must be str, not {0}") is var p && s.Value.StartsWith(p, StringComparison.Ordinal) ? s.Value[p.Length..] : s.Value)),
        ["removesuffix"] = ("suffix", (run, s, a) => Like(run, s, Text(a[0]!, "removesuffix() argument must be str, not {0}") is var p && s.Value.EndsWith(p, StringComparison.Ordinal) ? s.Value[..^p.Length] : s.Value)),
        ["encode"] = ("encoding? errors?", (run, s, a) => JinjaBytes.Encode(run, s.Value, a)),
        ["translate"] = ("table", (run, s, a) => Translate(run, s, a[0]!)),
        ["maketrans"] = ("x y? z?", (run, _, a) => MakeTranslation(run, a)),
        ["isdigit"] = ("", (_, s, _) => Each(s, JinjaUnicode.IsDigit)),
        ["isdecimal"] = ("", (_, s, _) => Each(s, JinjaUnicode.IsDecimal)),
        ["isnumeric"] = ("", (_, s, _) => Each(s, JinjaUnicode.IsNumeric)),
        ["isalpha"] = ("", (_, s, _) => Each(s, JinjaUnicode.IsAlpha)),
        ["isalnum"] = ("", (_, s, _) => Each(s, p => JinjaUnicode.IsAlpha(p) || JinjaUnicode.IsNumeric(p))),
        ["isspace"] = ("", (_, s, _) => Each(s, JinjaUnicode.IsSpace)),
        ["isprintable"] = ("", (_, s, _) => JinjaBoolean.Of(JinjaString.CodePoints(s.Value).All(JinjaUnicode.IsPrintable))),
        ["isascii"] = ("", (_, s, _) => JinjaBoolean.Of(Ascii.IsValid(s.Value))),
        ["isupper"] = ("", (_, s, _) => JinjaBoolean.Of(IsUpper(s.Value))),
        ["islower"] = ("", (_, s, _) => JinjaBoolean.Of(IsLower(s.Value))),
        ["istitle"] = ("", (_, s, _) => JinjaBoolean.Of(IsTitle(s.Value))),
        ["isidentifier"] = ("", (_, s, _) => JinjaBoolean.Of(IsIdentifier(s.Value))),
    }.ToDictionary(m => m.Key, m => (new JinjaSignature($"str.{m.Key}", m.Key is "split" or "rsplit" or "splitlines" or "expandtabs" or "encode" ? m.Value.Item1 : "/" + m.Value.Item1), m.Value.Item2));

    public static JinjaValue? Find(JinjaString self, string name)
    {
        if (name == "format") return new JinjaFunction("format", (run, a) => Like(run, self, JinjaBraceFormat.Apply(run, self.Value, a)));
        if (name == "format_map")
            return new JinjaFunction("format_map", new JinjaSignature("format_map", "mapping"), (run, a) => Like(run, self, JinjaBraceFormat.Apply(run, self.Value, JinjaArguments.None, a[0])));
        return All.TryGetValue(name, out var method) ? new JinjaFunction(name, method.Signature, (run, a) => method.Body(run, self, a)) : null;
    }

    private static JinjaString Like(JinjaRun run, JinjaString self, string text) => run.Text(text, self.Safe);

    private static string Text(JinjaValue value, string message) =>
        value is JinjaString text ? text.Value : throw JinjaException.Type(string.Format(CultureInfo.InvariantCulture, message, value.TypeName));

    private static JinjaBoolean Each(JinjaString text, Func<int, bool> holds) => JinjaBoolean.Of(text.Value.Length > 0 && JinjaString.CodePoints(text.Value).All(holds));

    public static bool IsUpper(string text) => JinjaString.CodePoints(text) is var p && p.Any(JinjaUnicode.IsUpper) && !p.Any(x => JinjaUnicode.IsLower(x) || JinjaUnicode.IsTitle(x));
    public static bool IsLower(string text) => JinjaString.CodePoints(text) is var p && p.Any(JinjaUnicode.IsLower) && !p.Any(x => JinjaUnicode.IsUpper(x) || JinjaUnicode.IsTitle(x));

    private static bool IsTitle(string text)
    {
        bool inside = false, any = false;
        foreach (int point in JinjaString.CodePoints(text))
        {
            bool begins = JinjaUnicode.IsUpper(point) || JinjaUnicode.IsTitle(point), goesOn = JinjaUnicode.IsLower(point);
            if (begins && inside || goesOn && !inside) return false;
            inside = begins || goesOn;
            any |= inside;
        }
        return any;
    }

    private static bool IsIdentifier(string text)
    {
        int[] points = JinjaString.CodePoints(text);
        return points.Length > 0 && points.Select((p, i) => p == '_' || JinjaUnicode.IsAlpha(p) || i > 0 && (JinjaUnicode.IsDecimal(p)
            || CharUnicodeInfo.GetUnicodeCategory(p) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation)).All(x => x);
    }

    /// <summary>Without the characters at its ends; without white space where none are given.</summary>
    public static string Strip(string text, JinjaValue? chars, string name, bool left = true, bool right = true)
    {
        if (chars is not (null or JinjaNone or JinjaString)) throw JinjaException.Type($"{name} arg must be None or str");
        HashSet<int>? set = chars is JinjaString given ? [.. JinjaString.CodePoints(given.Value)] : null;
        bool Goes(int point) => set?.Contains(point) ?? JinjaUnicode.IsSpace(point);
        int start = 0, end = text.Length;
        if (left)
            while (start < end && Goes(PointAfter(text, start, end))) start += PointAfter(text, start, end) > 0xFFFF ? 2 : 1;
        if (right)
            while (end > start && Goes(PointBefore(text, start, end))) end -= PointBefore(text, start, end) > 0xFFFF ? 2 : 1;
        return text[start..end];
    }

    private static int PointAfter(string text, int at, int end) => char.IsHighSurrogate(text[at]) && at + 1 < end && char.IsLowSurrogate(text[at + 1]) ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];
    private static int PointBefore(string text, int start, int at) => char.IsLowSurrogate(text[at - 1]) && at - 2 >= start && char.IsHighSurrogate(text[at - 2]) ? char.ConvertToUtf32(text[at - 2], text[at - 1]) : text[at - 1];

    private static JinjaList List(JinjaRun run, JinjaString like, List<string> parts)
    {
        run.ReserveList(parts.Count);
        return new JinjaList([.. parts.Select(p => new JinjaString(p, like.Safe))]);
    }

    private static JinjaList Split(JinjaRun run, JinjaString self, JinjaValue?[] a, bool fromRight)
    {
        run.Reserve(self.Value.Length);
        int limit = a[1] is null ? -1 : JinjaNumber.Index(a[1]!);
        if (a[0] is null or JinjaNone) return List(run, self, fromRight ? SplitSpaceFromRight(self.Value, limit) : SplitSpace(self.Value, limit));
        string by = Text(a[0]!, "must be str or None, not {0}");
        return by.Length == 0 ? throw JinjaException.Value("empty separator") : List(run, self, fromRight ? SplitFromRight(self.Value, by, limit) : SplitText(self.Value, by, limit));
    }

    private static List<string> SplitText(string text, string by, int limit)
    {
        var parts = new List<string>();
        int at = 0;
        for (int found; limit != parts.Count && (found = text.IndexOf(by, at, StringComparison.Ordinal)) >= 0; at = found + by.Length) parts.Add(text[at..found]);
        parts.Add(text[at..]);
        return parts;
    }

    private static List<string> SplitFromRight(string text, string by, int limit)
    {
        var parts = new List<string>();
        int end = text.Length;
        while (limit != parts.Count && end >= by.Length)
        {
            int found = text.AsSpan(0, end).LastIndexOf(by);
            if (found < 0) break;
            parts.Add(text[(found + by.Length)..end]);
            end = found;
        }
        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<string> SplitSpace(string text, int limit)
    {
        var parts = new List<string>();
        int at = 0;
        while (true)
        {
            while (at < text.Length && JinjaUnicode.IsSpace(text[at])) at++;
            if (at == text.Length) return parts;
            if (parts.Count == limit)
            {
                parts.Add(Strip(text[at..], null, "split", left: false));
                return parts;
            }
            int begin = at;
            while (at < text.Length && !JinjaUnicode.IsSpace(text[at])) at++;
            parts.Add(text[begin..at]);
        }
    }

    private static List<string> SplitSpaceFromRight(string text, int limit)
    {
        var parts = new List<string>();
        int end = text.Length;
        while (true)
        {
            while (end > 0 && JinjaUnicode.IsSpace(text[end - 1])) end--;
            if (end == 0) break;
            if (parts.Count == limit)
            {
                parts.Add(Strip(text[..end], null, "rsplit", right: false));
                break;
            }
            int last = end;
            while (end > 0 && !JinjaUnicode.IsSpace(text[end - 1])) end--;
            parts.Add(text[end..last]);
        }
        parts.Reverse();
        return parts;
    }

    /// <summary>Lines as Python cuts them: at ten kinds of line ends.</summary>
    public static List<string> Lines(string text, bool keepEnds)
    {
        var lines = new List<string>();
        int begin = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or '\x1C' or '\x1D' or '\x1E' or '\x85' or '\u2028' or '\u2029')) continue;
            int end = text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n' ? i + 2 : i + 1;
            lines.Add(text[begin..(keepEnds ? end : i)]);
            begin = end;
            i = end - 1;
        }
        if (begin < text.Length) lines.Add(text[begin..]);
        return lines;
    }

    private static JinjaTuple Partition(JinjaString self, string by, bool fromRight)
    {
        if (by.Length == 0) throw JinjaException.Value("empty separator");
        int at = fromRight ? self.Value.LastIndexOf(by, StringComparison.Ordinal) : self.Value.IndexOf(by, StringComparison.Ordinal);
        string[] parts = at >= 0 ? [self.Value[..at], by, self.Value[(at + by.Length)..]] : fromRight ? ["", "", self.Value] : [self.Value, "", ""];
        return JinjaTuple.Of([.. parts.Select(p => new JinjaString(p, self.Safe))]);
    }

    /// <summary>The part between two positions given as arguments, and where it begins in code points; null where it begins beyond the end.</summary>
    private static (string Text, int Start)? Between(JinjaString self, JinjaValue? from, JinjaValue? to)
    {
        int start = Position(from, 0), end = Math.Min(Position(to, self.Count), self.Count);
        if (start > self.Count || start > end) return null;
        int a = self.UnitAt(start), b = self.UnitAt(end);
        return (self.Value[a..b], start);

        int Position(JinjaValue? value, int otherwise)
        {
            if (value is null or JinjaNone) return otherwise;
            if (!JinjaNumber.TryInteger(value, out _)) throw JinjaException.Type("slice indices must be integers or None or have an __index__ method");
            long index = JinjaNumber.Index(value);
            return (int)(index < 0 ? Math.Max(0, index + self.Count) : index);
        }
    }

    private static JinjaBoolean StartsOrEnds(string name, JinjaString self, JinjaValue?[] a, Func<string, string, bool> test)
    {
        IReadOnlyList<JinjaValue> options = a[0] is JinjaTuple tuple ? tuple.Elements : [a[0]!];
        if (options.FirstOrDefault(o => o is not JinjaString) is { } wrong) throw JinjaException.Type($"{name} first arg must be str or a tuple of str, not {wrong.TypeName}");
        return JinjaBoolean.Of(Between(self, a[1], a[2]) is { } part && options.Any(o => test(part.Text, ((JinjaString)o).Value)));
    }

    private static int Find(JinjaString self, JinjaValue?[] a, bool last)
    {
        string what = Text(a[0]!, "must be str, not {0}");
        if (Between(self, a[1], a[2]) is not { } part) return -1;
        int at = last ? part.Text.LastIndexOf(what, StringComparison.Ordinal) : part.Text.IndexOf(what, StringComparison.Ordinal);
        return at < 0 ? -1 : part.Start + JinjaString.CountOf(part.Text.AsSpan(0, at));
    }

    private static JinjaInteger Found(int at) => at >= 0 ? JinjaInteger.Of(at) : throw JinjaException.Value("substring not found");

    private static int Count(JinjaString self, JinjaValue?[] a)
    {
        string what = Text(a[0]!, "must be str, not {0}");
        return Between(self, a[1], a[2]) is not { } part ? 0 : what.Length == 0 ? JinjaString.CountOf(part.Text) + 1 : part.Text.AsSpan().Count(what);
    }

    /// <summary>With the first so many places replaced; an empty text is between all characters.</summary>
    public static string Replace(JinjaRun run, string text, string old, string with, int count)
    {
        if (count == 0) return text;
        if (old.Length == 0)
        {
            int[] points = JinjaString.CodePoints(text);
            run.Reserve((long)with.Length * (count < 0 ? points.Length + 1 : Math.Min(count, points.Length + 1)) + text.Length);
            var between = new StringBuilder();
            for (int i = 0; i <= points.Length; i++)
            {
                if (count < 0 || i < count) between.Append(with);
                if (i < points.Length) JinjaString.Append(between, points[i]);
            }
            return between.ToString();
        }
        long places = text.AsSpan().Count(old);
        if (count > 0) places = Math.Min(places, count);
        run.Reserve(text.Length + places * (with.Length - old.Length));
        run.Step(text.Length >> 4);
        if (count < 0) return text.Replace(old, with, StringComparison.Ordinal);
        return string.Join(with, SplitText(text, old, count));
    }

    private static JinjaString Join(JinjaRun run, JinjaString self, JinjaValue items)
    {
        if (items.Iterate() is null) throw JinjaException.Type("can only join an iterable");
        var result = new StringBuilder();
        int count = 0;
        foreach (JinjaValue item in items.Items(run))
        {
            if (item is not JinjaString text) throw JinjaException.Type($"sequence item {count}: expected str instance, {item.TypeName} found");
            run.Step((self.Value.Length + text.Value.Length) >> 4);
            if ((long)result.Length + self.Value.Length + text.Value.Length > JinjaLimits.Text) run.Reserve(long.MaxValue);
            if (count++ > 0) result.Append(self.Value);
            result.Append(self.Safe && !text.Safe ? JinjaString.Escape(text.Value) : text.Value);
        }
        return Like(run, self, result.ToString());
    }

    private static string ZeroFill(JinjaRun run, JinjaString self, int width)
    {
        if (width <= self.Count) return self.Value;
        run.Reserve(width);
        int sign = self.Value.StartsWith('-') || self.Value.StartsWith('+') ? 1 : 0;
        return self.Value[..sign] + new string('0', width - self.Count) + self.Value[sign..];
    }

    private static string Justify(JinjaRun run, JinjaString self, JinjaValue?[] a, bool before, bool after)
    {
        int width = JinjaNumber.Index(a[0]!);
        if (a[1] is not (null or JinjaString)) throw JinjaException.Type($"The fill character must be a unicode character, not {a[1]!.TypeName}");
        if (a[1] is JinjaString { Count: not 1 }) throw JinjaException.Type("The fill character must be exactly one character long");
        return Justify(run, self, width, (a[1] as JinjaString)?.Value ?? " ", before, after);
    }

    public static string Justify(JinjaRun run, JinjaString self, int width, string fill, bool before, bool after)
    {
        int missing = width - self.Count;
        if (missing <= 0) return self.Value;
        run.Reserve((long)width * fill.Length + self.Value.Length);
        int left = before && after ? missing / 2 + (missing & width & 1) : before ? missing : 0; // the odd one goes left where the width is odd
        var text = new StringBuilder();
        return text.Insert(0, fill, left).Append(self.Value).Append(new StringBuilder().Insert(0, fill, missing - left)).ToString();
    }

    private static string ExpandTabs(JinjaRun run, string text, int size)
    {
        if (size > JinjaLimits.Width) throw JinjaException.Limit($"tabs wider than {JinjaLimits.Width:N0}");
        run.Reserve(text.Length + (long)Math.Max(0, size) * text.AsSpan().Count('\t'));
        var result = new StringBuilder();
        int column = 0;
        foreach (int point in JinjaString.CodePoints(text))
        {
            if (point == '\t')
            {
                int blanks = size > 0 ? size - column % size : 0;
                result.Append(' ', blanks);
                column += blanks;
                continue;
            }
            JinjaString.Append(result, point);
            column = point is '\n' or '\r' ? 0 : column + 1;
        }
        return result.ToString();
    }

    private static JinjaString Translate(JinjaRun run, JinjaString self, JinjaValue table)
    {
        var result = new StringBuilder();
        foreach (int point in JinjaString.CodePoints(self.Value))
        {
            JinjaValue? to = table.Item(run, JinjaInteger.Of(point));
            if (to is null) JinjaString.Append(result, point);
            else if (to is JinjaString text) result.Append(text.Value);
            else if (to is not JinjaNone)
            {
                int code = JinjaNumber.TryInteger(to, out _) ? JinjaNumber.Index(to) : throw JinjaException.Type("character mapping must return integer, None or str");
                if (code is < 0 or > 0x10FFFF) throw JinjaException.Value("character mapping must be in range(0x110000)");
                JinjaString.Append(result, code);
            }
            if (result.Length > JinjaLimits.Text) run.Reserve(long.MaxValue);
        }
        return Like(run, self, result.ToString());
    }

    private static JinjaDictionary MakeTranslation(JinjaRun run, JinjaValue?[] a)
    {
        var table = new JinjaDictionary();
        if (a[1] is null)
        {
            if (a[0] is not JinjaDictionary from) throw JinjaException.Type("if you give only one argument to maketrans it must be a dict");
            foreach ((JinjaValue key, JinjaValue value) in from.Pairs)
                table.Set(key is JinjaString { Count: 1 } c ? JinjaInteger.Of(JinjaString.CodePoints(c.Value)[0]) : key is JinjaInteger ? key : throw JinjaException.Value("string keys in translate table must be of length 1"), value);
            return table;
        }
        int[] x = JinjaString.CodePoints(Text(a[0]!, "first maketrans argument must be a string if there is a second argument")), y = JinjaString.CodePoints(Text(a[1]!, "maketrans() argument 2 must be str, not {0}"));
        if (x.Length != y.Length) throw JinjaException.Value("the first two maketrans arguments must have equal length");
        for (int i = 0; i < x.Length; i++) table.Set(JinjaInteger.Of(x[i]), JinjaInteger.Of(y[i]));
        if (a[2] is { } gone)
            foreach (int point in JinjaString.CodePoints(Text(gone, "maketrans() argument 3 must be str, not {0}"))) table.Set(JinjaInteger.Of(point), JinjaNone.Value);
        return table;
    }
}

/// <summary>bytes: what encode() gives; printed only.</summary>
internal sealed class JinjaBytes(byte[] value) : JinjaValue
{
    public static JinjaBytes Encode(JinjaRun run, string text, JinjaValue?[] a)
    {
        run.Reserve(text.Length * 4L);
        string name = a[0] is JinjaString encoding ? encoding.Value.ToLowerInvariant().Replace('_', '-') : "utf-8";
        Encoding found = name switch
        {
            "utf-8" or "utf8" => new UTF8Encoding(false, throwOnInvalidBytes: true),
            "ascii" or "us-ascii" => Encoding.GetEncoding("us-ascii", EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback),
            "latin-1" or "latin1" or "iso-8859-1" => Encoding.GetEncoding("iso-8859-1", EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback),
            _ => throw new JinjaException("LookupError", $"unknown encoding: {name}"),
        };
        try
        {
            return new JinjaBytes(found.GetBytes(text));
        }
        catch (EncoderFallbackException error)
        {
            throw new JinjaException("UnicodeEncodeError", $"'{name}' codec can't encode character at {error.Index}");
        }
    }

    public override string TypeName => "bytes";
    public override bool IsTrue => value.Length > 0;
    public override int? Length => value.Length;
    public override IEnumerable<JinjaValue> Iterate() => value.Select(b => JinjaInteger.Of(b));
    public override void Repr(JinjaRepr to)
    {
        char quote = value.Contains((byte)'\'') && !value.Contains((byte)'"') ? '"' : '\'';
        var text = new StringBuilder("b").Append(quote);
        foreach (byte b in value)
            _ = b switch
            {
                (byte)'\\' => text.Append("\\\\"),
                (byte)'\n' => text.Append("\\n"),
                (byte)'\r' => text.Append("\\r"),
                (byte)'\t' => text.Append("\\t"),
                _ when b == quote => text.Append('\\').Append(quote),
                >= 32 and < 127 => text.Append((char)b),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
            };
        to.Append(text.Append(quote).ToString());
    }
    public override bool Equals(object? other) => other is JinjaBytes bytes && bytes.Iterate().SequenceEqual(Iterate());
    public override int GetHashCode() => value.Length;
}
