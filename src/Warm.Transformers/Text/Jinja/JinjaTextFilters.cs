using System.Text;
using System.Text.RegularExpressions;

namespace Warm.Transformers;

/// <summary>Filters that make a text of a text.</summary>
internal static partial class JinjaTextFilters
{
    public static readonly (string Name, string Parameters, JinjaFilters.Body Body)[] All =
    [
        ("upper", "s", (run, a) => Map(run, a[0]!, JinjaUnicode.Upper)),
        ("lower", "s", (run, a) => Map(run, a[0]!, JinjaUnicode.Lower)),
        ("capitalize", "s", (run, a) => Map(run, a[0]!, JinjaUnicode.Capitalize)),
        ("title", "s", (run, a) => Map(run, a[0]!, Title)),
        ("trim", "value chars?", (run, a) => Map(run, a[0]!, s => JinjaStringMethods.Strip(s, a[1], "strip"))),
        ("string", "object", (run, a) => JinjaFilters.Text(run, a[0]!)),
        ("safe", "value", (run, a) => new JinjaString(a[0]!.ToText(run), safe: true)),
        ("escape", "value", (run, a) => Escape(run, a[0]!)),
        ("forceescape", "value", (run, a) => run.Text(JinjaString.Escape(a[0]!.ToText(run)), safe: true)),
        ("striptags", "value", (run, a) => run.Text(StripTags(a[0]!.ToText(run)))),
        ("replace", "s old new count?", (run, a) => Replace(run, a)),
        ("center", "value width?", (run, a) => Map(run, a[0]!, s => JinjaStringMethods.Justify(run, new JinjaString(s), a[1] is null ? 80 : JinjaNumber.Index(a[1]!), " ", before: true, after: true))),
        ("indent", "s width? first? blank?", (run, a) => Indent(run, a)),
        ("truncate", "s length? killwords? end? leeway?", (run, a) => Truncate(run, a)),
        ("wordwrap", "s width? break_long_words? wrapstring? break_on_hyphens?", (run, a) => run.Text(JinjaWordWrap.Of(run, Required(a[0]!).Value,
            a[1] is null ? 79 : JinjaNumber.Index(a[1]!), a[2]?.IsTrue ?? true, a[3] is null or JinjaNone ? "\n" : a[3]!.ToText(run), a[4]?.IsTrue ?? true))),
        ("wordcount", "s", (run, a) => JinjaInteger.Of(WordCount(a[0]!.ToText(run)))),
        ("urlencode", "value", (run, a) => UrlEncode(run, a[0]!)),
        ("urlize", "value trim_url_limit? nofollow? target? rel? extra_schemes?", (run, a) => Urlize(run, a[0]!.ToText(run))),
        ("xmlattr", "d autospace?", (run, a) => XmlAttributes(run, a)),
    ];

    private static JinjaString Map(JinjaRun run, JinjaValue value, Func<string, string> map)
    {
        JinjaString text = JinjaFilters.Text(run, value);
        return run.Text(map(text.Value), text.Safe);
    }

    /// <summary>A text, where the Python filter would fail on anything else.</summary>
    private static JinjaString Required(JinjaValue value) =>
        value as JinjaString ?? throw (value is JinjaUndefined undefined ? undefined.Error() : new JinjaException("AttributeError", $"'{value.TypeName}' object has no attribute 'splitlines'"));

    /// <summary>Words begin after blanks and <c>-([{&lt;</c>, unlike the method's.</summary>
    private static string Title(string text)
    {
        var result = new StringBuilder();
        int begin = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && !Separates(text[i])) continue;
            Word(begin, i);
            if (i < text.Length) result.Append(text[i]);
            begin = i + 1;
        }
        return result.ToString();

        static bool Separates(char c) => c is '-' or '(' or '{' or '[' or '<' || JinjaUnicode.IsSpace(c);

        void Word(int from, int to)
        {
            if (from >= to) return;
            int first = char.IsHighSurrogate(text[from]) && from + 1 < to ? 2 : 1;
            result.Append(JinjaUnicode.Upper(text.Substring(from, first))).Append(JinjaUnicode.Lower(text[(from + first)..to]));
        }
    }

    private static JinjaString Escape(JinjaRun run, JinjaValue value) => value is JinjaString { Safe: true } safe ? safe : run.Text(JinjaString.Escape(value.ToText(run)), safe: true);

    private static string StripTags(string text)
    {
        // As markupsafe: comments first, then tags; a '<' without its '>' stays. Each search begins where the last ended, so that it stays linear.
        text = Cut(Cut(text, "<!--", "-->"), "<", ">");
        string joined = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return joined.Replace("&lt;", "<").Replace("&gt;", ">").Replace("&#39;", "'").Replace("&#34;", "\"").Replace("&quot;", "\"").Replace("&nbsp;", "\u00A0").Replace("&amp;", "&");
    }

    private static string Cut(string text, string open, string close)
    {
        var result = new StringBuilder();
        int at = 0;
        while (text.IndexOf(open, at, StringComparison.Ordinal) is >= 0 and var begin && text.IndexOf(close, begin, StringComparison.Ordinal) is >= 0 and var end)
        {
            result.Append(text, at, begin - at);
            at = end + close.Length;
        }
        return result.Append(text, at, text.Length - at).ToString();
    }

    private static JinjaString Replace(JinjaRun run, JinjaValue?[] a)
    {
        int count = a[3] is null or JinjaNone ? -1 : JinjaNumber.Index(a[3]!);
        JinjaString text = JinjaFilters.Text(run, a[0]!);
        return run.Text(JinjaStringMethods.Replace(run, text.Value, a[1]!.ToText(run), a[2]!.ToText(run), count), text.Safe && run.Autoescape);
    }

    private static JinjaString Indent(JinjaRun run, JinjaValue?[] a)
    {
        if (a[0] is not JinjaString)
            throw a[0] switch
            {
                JinjaUndefined undefined => undefined.Error(),
                JinjaList => new JinjaException("AttributeError", "'list' object has no attribute 'splitlines'"),
                { } other => JinjaException.Type($"unsupported operand type(s) for +=: '{other.TypeName}' and 'str'"),
                null => throw new InvalidOperationException(),
            };
        var text = (JinjaString)a[0]!;
        string by;
        if (a[1] is JinjaString given) by = given.Value;
        else
        {
            int width = a[1] is null ? 4 : JinjaNumber.Index(a[1]!);
            if (width > JinjaLimits.Width) throw JinjaException.Limit($"an indentation wider than {JinjaLimits.Width:N0}");
            by = new string(' ', Math.Max(0, width));
        }
        bool first = a[2]?.IsTrue ?? false, blank = a[3]?.IsTrue ?? false;
        List<string> lines = JinjaStringMethods.Lines(text.Value + "\n", keepEnds: false);
        run.Reserve(text.Value.Length + (long)lines.Count * by.Length);
        var result = new StringBuilder();
        for (int i = 0; i < lines.Count; i++)
        {
            if (i > 0) result.Append('\n');
            if (i == 0 ? first : blank || lines[i].Length > 0) result.Append(by);
            result.Append(lines[i]);
        }
        return new JinjaString(result.ToString(), text.Safe);
    }

    private static JinjaValue Truncate(JinjaRun run, JinjaValue?[] a)
    {
        int length = a[1] is null ? 255 : JinjaNumber.Index(a[1]!), leeway = a[4] is null or JinjaNone ? 5 : JinjaNumber.Index(a[4]!);
        var end = new JinjaString(a[3]?.ToText(run) ?? "...");
        if (length < end.Count) throw new JinjaException("AssertionError", $"expected length >= {end.Count}, got {length}");
        if (leeway < 0) throw new JinjaException("AssertionError", $"expected leeway >= 0, got {leeway}");
        if ((a[0]!.Length ?? throw JinjaException.Type($"object of type '{a[0]!.TypeName}' has no len()")) <= (long)length + leeway) return a[0]!;
        if (a[0] is not JinjaString text) throw JinjaException.Type($"'{a[0]!.TypeName}' cannot be cut as a text");
        string cut = text.Value[..text.UnitAt(length - end.Count)];
        if (!(a[2]?.IsTrue ?? false) && cut.LastIndexOf(' ') is >= 0 and var blank) cut = cut[..blank];
        return run.Text(cut + end.Value);
    }

    private static int WordCount(string text)
    {
        int words = 0;
        bool inside = false;
        foreach (int point in JinjaString.CodePoints(text))
        {
            bool word = JinjaUnicode.IsWord(point);
            if (word && !inside) words++;
            inside = word;
        }
        return words;
    }

    private static JinjaString UrlEncode(JinjaRun run, JinjaValue value)
    {
        if (value is JinjaString || value.Iterate() is null) return run.Text(Quote(run, value, query: false));
        IEnumerable<(JinjaValue, JinjaValue)> pairs = value is JinjaDictionary dictionary ? dictionary.Pairs.Select(p => (p.Key, p.Value))
            : value.Items(run).Select(i => i.ToList(run) is [var key, var v] ? (key, v) : throw JinjaException.Value("not enough values to unpack (expected 2)"));
        return run.Text(string.Join('&', pairs.Select(p => $"{Quote(run, p.Item1, query: true)}={Quote(run, p.Item2, query: true)}")));
    }

    private static string Quote(JinjaRun run, JinjaValue value, bool query)
    {
        string text = value.ToText(run);
        run.Reserve(text.Length * 3L);
        var result = new StringBuilder();
        foreach (byte b in new UTF8Encoding(false).GetBytes(text))
            _ = b < 128 && (char.IsAsciiLetterOrDigit((char)b) || (char)b is '_' or '.' or '-' or '~' || b == '/' && !query) ? result.Append((char)b)
                : b == ' ' && query ? result.Append('+') : result.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        return result.ToString();
    }

    [GeneratedRegex(@"^(https?://|www\.)([\w%-]+\.)*[a-z]{2,63}(:[0-9]{1,5})?([/?#]\S*)?$", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Url();

    /// <summary>Links for HTML. Only a word that is a whole address is one here; no chat template makes HTML.</summary>
    private static JinjaString Urlize(JinjaRun run, string text)
    {
        run.Reserve(text.Length * 8L);
        var words = new StringBuilder();
        foreach (string word in Regex.Split(JinjaString.Escape(text), @"(\s+)"))
            words.Append(Url().IsMatch(word) ? $"<a href=\"{(word.StartsWith("www.", StringComparison.OrdinalIgnoreCase) ? "https://" : "")}{word}\" rel=\"noopener\">{word}</a>" : word);
        return run.Text(words.ToString());
    }

    private static JinjaString XmlAttributes(JinjaRun run, JinjaValue?[] a)
    {
        if (a[0] is JinjaUndefined undefined) throw undefined.Error();
        if (a[0] is not JinjaDictionary dictionary) throw new JinjaException("AttributeError", $"'{a[0]!.TypeName}' object has no attribute 'items'");
        var items = new List<string>();
        foreach ((JinjaValue key, JinjaValue value) in dictionary.Pairs)
        {
            if (value is JinjaNone or JinjaUndefined) continue;
            string name = key.ToText(run);
            if (name.AsSpan().IndexOfAny(" \t\n\r\f\v/>=") >= 0) throw JinjaException.Value($"Invalid character in attribute name: {JinjaRepr.Quote(name)}");
            items.Add($"{JinjaString.Escape(name)}=\"{Escape(run, value).Value}\"");
        }
        string text = string.Join(' ', items);
        return run.Text((a[1]?.IsTrue ?? true) && text.Length > 0 ? " " + text : text, run.Autoescape);
    }
}

/// <summary>wordwrap: lines no longer than a width, cut at blanks, after hyphens, and inside words that are too long.</summary>
internal static class JinjaWordWrap
{
    public static string Of(JinjaRun run, string text, int width, bool breakLong, string wrap, bool hyphens)
    {
        if (width <= 0) throw JinjaException.Value($"invalid width {width} (must be > 0)");
        run.Reserve(text.Length + (long)wrap.Length * (text.Length / Math.Max(1, width) + 1));
        return string.Join(wrap, JinjaStringMethods.Lines(text, keepEnds: false).Select(line => string.Join(wrap, Lines(run, line, width, breakLong, hyphens))));
    }

    private static List<string> Lines(JinjaRun run, string line, int width, bool breakLong, bool hyphens)
    {
        var lines = new List<string>();
        List<int> ends = Ends(line, hyphens); // where the pieces end, one after the other
        int piece = 0, at = 0;
        while (at < line.Length)
        {
            run.Step();
            if (lines.Count > 0 && IsBlank(line[at])) at = ends[piece++]; // blanks at the beginning of a later line
            int begin = at, last = at; // the line, and where its last piece begins
            while (piece < ends.Count && ends[piece] - begin <= width) (last, at) = (at, ends[piece++]);
            if (piece < ends.Count && ends[piece] - at > width)
            {
                if (breakLong)
                {
                    int cut = begin + width;
                    int hyphen = hyphens ? line.AsSpan(at, cut - at).LastIndexOf('-') : -1;
                    if (hyphen > 0 && line.AsSpan(at, hyphen).ContainsAnyExcept('-')) cut = at + hyphen + 1;
                    (last, at) = (at, cut); // Trap: where no room was left, the part taken is empty, and the blanks before it stay at the line's end
                }
                else if (at == begin) (last, at) = (at, ends[piece++]);
            }
            int end = last < at && line.AsSpan(last, at - last).ContainsAnyExcept(" \t\n\v\f\r") ? at : last;
            if (end > begin) lines.Add(line[begin..end]);
        }
        return lines;
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\n' or '\v' or '\f' or '\r';

    /// <summary>The ends of words and of the blanks between them; words also end after a hyphen between letters, and around dashes (two hyphens or more).</summary>
    private static List<int> Ends(string line, bool hyphens)
    {
        var ends = new List<int>();
        for (int begin = 0, end; begin < line.Length; begin = end)
        {
            end = begin + 1;
            if (IsBlank(line[begin])) while (end < line.Length && IsBlank(line[end])) end++;
            else if (hyphens && Dash(line, begin) is > 0 and int dash) end = dash;
            else
                for (bool part = false; !part && end < line.Length && !IsBlank(line[end]) && !(hyphens && Dash(line, end) > 0); end++) part = hyphens && EndsPart(line, end);
            ends.Add(end);
        }
        return ends;
    }

    /// <summary>The end of a dash that begins here between words, or 0.</summary>
    private static int Dash(string line, int at)
    {
        if (at == 0 || !Joins(line[at - 1])) return 0;
        int end = at;
        while (end < line.Length && line[end] == '-') end++;
        return end >= at + 2 && end < line.Length && JinjaUnicode.IsWord(line[end]) ? end : 0;
    }

    /// <summary>Whether a hyphen stands here behind two letters (or a letter, a hyphen and a character of words), and before two letters, which a hyphen may part.</summary>
    private static bool EndsPart(string line, int at)
    {
        bool Letter(int i) => i >= 0 && i < line.Length && JinjaUnicode.IsWord(line[i]) && !JinjaUnicode.IsDecimal(line[i]);
        return line[at] == '-' && (Letter(at - 2) && Letter(at - 1) || Letter(at - 3) && line[at - 2] == '-' && Joins(line[at - 1]))
            && Letter(at + 1) && (Letter(at + 2) || at + 2 < line.Length && line[at + 2] == '-' && Letter(at + 3));
    }

    private static bool Joins(char c) => JinjaUnicode.IsWord(c) || "!\"'&.,?".Contains(c);
}
