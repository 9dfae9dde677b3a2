using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>
/// Python's rules for letters: full case mappings (one letter may become three), title case, case folding, white space, what can be printed.
/// .NET's own mappings are one to one; the tables hold what differs (made by asking CPython 3.13 for all code points).
/// </summary>
internal static class JinjaUnicode
{
    public static string Upper(string text) => Ascii.IsValid(text) ? text.ToUpperInvariant() : Map(text, (b, p, _) => AppendUpper(b, p));
    public static string Lower(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : Map(text, (b, p, at) => AppendLower(b, p, text, at));
    public static string Fold(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : Map(text, (b, p, _) => AppendFold(b, p));

    /// <summary>The first letter in title case, the rest in lower case.</summary>
    public static string Capitalize(string text) => Map(text, (b, p, at) => { if (at == 0) AppendTitle(b, p); else AppendLower(b, p, text, at); });

    /// <summary>A letter after anything that has no case: title case; other letters: lower case.</summary>
    public static string Title(string text)
    {
        bool inside = false;
        return Map(text, (b, p, at) =>
        {
            if (inside) AppendLower(b, p, text, at);
            else AppendTitle(b, p);
            inside = IsCased(p);
        });
    }

    public static string SwapCase(string text) => Map(text, (b, p, at) =>
    {
        if (IsUpper(p)) AppendLower(b, p, text, at);
        else if (IsLower(p)) AppendUpper(b, p);
        else JinjaString.Append(b, p);
    });

    /// <summary>Space as str.isspace and str.strip have it: with U+001C to U+001F and U+0085, without U+200B.</summary>
    public static bool IsSpace(int point) => point is >= 9 and <= 13 or >= 0x1C and <= 0x20 or 0x85 or 0xA0 or 0x1680 or >= 0x2000 and <= 0x200A or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000;

    public static bool IsPrintable(int point) => point == ' ' || Category(point) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    public static bool IsAlpha(int point) => Category(point) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;
    public static bool IsDecimal(int point) => Category(point) == UnicodeCategory.DecimalDigitNumber;
    public static bool IsDigit(int point) => CharUnicodeInfo.GetDigitValue(JinjaString.PointText(point), 0) >= 0;
    public static bool IsNumeric(int point) => CharUnicodeInfo.GetNumericValue(JinjaString.PointText(point), 0) != -1 || Numerals.Contains(point);

    /// <summary>Ideographs that are numbers, which .NET does not count.</summary>
    private static readonly FrozenSet<int> Numerals = JinjaString.CodePoints(
        "\u3405\u3483\u382A\u3B4D\u4E00\u4E03\u4E07\u4E09\u4E5D\u4E8C\u4E94\u4E96\u4EBF\u4EC0\u4EDF\u4EE8\u4F0D\u4F70\u5104\u5146\u5169\u516B\u516D\u5341\u5343\u5344\u5345\u534C\u53C1\u53C2\u53C3\u53C4\u56DB\u58F1\u58F9\u5E7A" +
        "\u5EFE\u5EFF\u5F0C\u5F0D\u5F0E\u5F10\u62FE\u634C\u67D2\u6F06\u7396\u767E\u8086\u842C\u8CAE\u8CB3\u8D30\u9621\u9646\u964C\u9678\u96F6\U00020001\U00020064\U000200E2\U00020121\U0002092A\U00020983\U0002098C\U0002099C\U00020AEA\U00020AFD\U00020B19").ToFrozenSet();

    /// <summary>A letter or digit of a word as regular expressions see it.</summary>
    public static bool IsWord(int point) => point == '_' || IsAlpha(point) || IsNumeric(point);

    public static bool IsUpper(int point) => Category(point) == UnicodeCategory.UppercaseLetter || point is >= 0x2160 and <= 0x216F or >= 0x24B6 and <= 0x24CF or >= 0x1F130 and <= 0x1F149 or >= 0x1F150 and <= 0x1F169 or >= 0x1F170 and <= 0x1F189;
    public static bool IsLower(int point) => Category(point) == UnicodeCategory.LowercaseLetter || point is 0xAA or 0xBA or >= 0x2B0 and <= 0x2B8 or 0x2C0 or 0x2C1 or >= 0x2E0 and <= 0x2E4 or 0x345 or 0x37A or >= 0x1D2C and <= 0x1D6A or 0x1D78 or >= 0x1D9B and <= 0x1DBF
        or 0x2071 or 0x207F or >= 0x2090 and <= 0x209C or >= 0x2170 and <= 0x217F or >= 0x24D0 and <= 0x24E9 or 0x2C7C or 0x2C7D or 0xA69C or 0xA69D or 0xA770 or 0xA7F8 or 0xA7F9 or >= 0xAB5C and <= 0xAB5F or >= 0x10780 and <= 0x107BA and not (0x10781 or 0x10782 or 0x10786 or 0x107B1);
    public static bool IsTitle(int point) => Category(point) == UnicodeCategory.TitlecaseLetter;
    public static bool IsCased(int point) => IsUpper(point) || IsLower(point) || IsTitle(point);

    private static UnicodeCategory Category(int point) => CharUnicodeInfo.GetUnicodeCategory(point);

    private static string Map(string text, Action<StringBuilder, int, int> append)
    {
        var result = new StringBuilder(text.Length);
        int at = 0;
        foreach (int point in JinjaString.CodePoints(text))
        {
            append(result, point, at);
            at += point > 0xFFFF ? 2 : 1;
        }
        return result.ToString();
    }

    private static void AppendUpper(StringBuilder to, int point)
    {
        if (UpperTable.TryGetValue(point, out string? text)) to.Append(text);
        else if (point is 0x131 or 0x17F) to.Append(point == 0x131 ? 'I' : 'S'); // .NET leaves these two alone
        else JinjaString.Append(to, Rune.IsValid(point) ? Rune.ToUpperInvariant(new Rune(point)).Value : point);
    }

    private static void AppendTitle(StringBuilder to, int point)
    {
        if (TitleTable.TryGetValue(point, out string? text)) to.Append(text);
        else if (point is >= 0x10D0 and <= 0x10FF) JinjaString.Append(to, point); // Georgian has no title case
        else AppendUpper(to, point);
    }

    private static void AppendLower(StringBuilder to, int point, string text, int at)
    {
        if (point == 0x130) to.Append("i\u0307");
        else if (point == 0x3A3) to.Append(IsFinalSigma(text, at) ? '\u03C2' : '\u03C3');
        else JinjaString.Append(to, Rune.IsValid(point) ? Rune.ToLowerInvariant(new Rune(point)).Value : point);
    }

    private static void AppendFold(StringBuilder to, int point)
    {
        if (FoldTable.TryGetValue(point, out string? text)) to.Append(text);
        else if (point is >= 0x13A0 and <= 0x13F5) JinjaString.Append(to, point); // Cherokee folds to its upper case
        else if (point is >= 0x13F8 and <= 0x13FD) JinjaString.Append(to, point - 8);
        else if (point is >= 0xAB70 and <= 0xABBF) JinjaString.Append(to, point - 0xAB70 + 0x13A0);
        else if (point == 0x3A3) to.Append('\u03C3');
        else AppendLower(to, point, "", 0);
    }

    /// <summary>A sigma at the end of a word: a cased letter before it and none after it, whatever is ignored in between.</summary>
    private static bool IsFinalSigma(string text, int at)
    {
        int before = at - 1, after = at + 1;
        while (before >= 0 && IsCaseIgnorable(text, before)) before--;
        if (before < 0 || !IsCased(PointAt(text, before))) return false;
        while (after < text.Length && IsCaseIgnorable(text, after)) after++;
        return after >= text.Length || !IsCased(PointAt(text, after));
    }

    private static bool IsCaseIgnorable(string text, int unit)
    {
        int point = PointAt(text, unit);
        return point is '\'' or '.' or ':' or '^' or '`' or 0xA8 or 0xAD or 0xAF or 0xB4 or 0xB7 or 0xB8 or 0x387 or 0x2018 or 0x2019 or 0x2024 or 0x2027
            || Category(point) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
    }

    /// <summary>The code point that the unit is part of.</summary>
    private static int PointAt(string text, int unit)
    {
        if (char.IsLowSurrogate(text[unit]) && unit > 0 && char.IsHighSurrogate(text[unit - 1])) unit--;
        return char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length && char.IsLowSurrogate(text[unit + 1]) ? char.ConvertToUtf32(text[unit], text[unit + 1]) : text[unit];
    }

    private static FrozenDictionary<int, string> Table(string entries) => entries.Split(' ').ToFrozenDictionary(e => (int)e[0], e => e[1..]);

    private static readonly FrozenDictionary<int, string> UpperTable = Table(
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552 \u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A " +
        "\u1E99Y\u030A \u1E9AA\u02BE \u1F50\u03A5\u0313 \u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 \u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 " +
        "\u1F81\u1F09\u0399 \u1F82\u1F0A\u0399 \u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 \u1F86\u1F0E\u0399 \u1F87\u1F0F\u0399 " +
        "\u1F88\u1F08\u0399 \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 \u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 \u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399 " +
        "\u1F8F\u1F0F\u0399 \u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 \u1F93\u1F2B\u0399 \u1F94\u1F2C\u0399 \u1F95\u1F2D\u0399 " +
        "\u1F96\u1F2E\u0399 \u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 \u1F9A\u1F2A\u0399 \u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 " +
        "\u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 \u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399 \u1FA1\u1F69\u0399 \u1FA2\u1F6A\u0399 \u1FA3\u1F6B\u0399 " +
        "\u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399 \u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 \u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 " +
        "\u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399 \u1FAD\u1F6D\u0399 \u1FAE\u1F6E\u0399 \u1FAF\u1F6F\u0399 \u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 " +
        "\u1FB4\u0386\u0399 \u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 \u1FC3\u0397\u0399 \u1FC4\u0389\u0399 " +
        "\u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 \u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300 \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 " +
        "\u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 \u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 " +
        "\u1FF2\u1FFA\u0399 \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 \u1FFC\u03A9\u0399 \uFB00FF \uFB01FI \uFB02FL " +
        "\uFB03FFI \uFB04FFL \uFB05ST \uFB06ST \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 \uFB17\u0544\u053D");

    private static readonly FrozenDictionary<int, string> TitleTable = Table(
        "\u00DFSs \u01C4\u01C5 \u01C5\u01C5 \u01C6\u01C5 \u01C7\u01C8 \u01C8\u01C8 \u01C9\u01C8 \u01CA\u01CB \u01CB\u01CB \u01CC\u01CB \u01F1\u01F2 " +
        "\u01F2\u01F2 \u01F3\u01F2 \u0587\u0535\u0582 \u1F80\u1F88 \u1F81\u1F89 \u1F82\u1F8A \u1F83\u1F8B \u1F84\u1F8C \u1F85\u1F8D \u1F86\u1F8E \u1F87\u1F8F " +
        "\u1F88\u1F88 \u1F89\u1F89 \u1F8A\u1F8A \u1F8B\u1F8B \u1F8C\u1F8C \u1F8D\u1F8D \u1F8E\u1F8E \u1F8F\u1F8F \u1F90\u1F98 \u1F91\u1F99 \u1F92\u1F9A " +
        "\u1F93\u1F9B \u1F94\u1F9C \u1F95\u1F9D \u1F96\u1F9E \u1F97\u1F9F \u1F98\u1F98 \u1F99\u1F99 \u1F9A\u1F9A \u1F9B\u1F9B \u1F9C\u1F9C \u1F9D\u1F9D " +
        "\u1F9E\u1F9E \u1F9F\u1F9F \u1FA0\u1FA8 \u1FA1\u1FA9 \u1FA2\u1FAA \u1FA3\u1FAB \u1FA4\u1FAC \u1FA5\u1FAD \u1FA6\u1FAE \u1FA7\u1FAF \u1FA8\u1FA8 " +
        "\u1FA9\u1FA9 \u1FAA\u1FAA \u1FAB\u1FAB \u1FAC\u1FAC \u1FAD\u1FAD \u1FAE\u1FAE \u1FAF\u1FAF \u1FB2\u1FBA\u0345 \u1FB3\u1FBC \u1FB4\u0386\u0345 " +
        "\u1FB7\u0391\u0342\u0345 \u1FBC\u1FBC \u1FC2\u1FCA\u0345 \u1FC3\u1FCC \u1FC4\u0389\u0345 \u1FC7\u0397\u0342\u0345 \u1FCC\u1FCC \u1FF2\u1FFA\u0345 " +
        "\u1FF3\u1FFC \u1FF4\u038F\u0345 \u1FF7\u03A9\u0342\u0345 \u1FFC\u1FFC \uFB00Ff \uFB01Fi \uFB02Fl \uFB03Ffi \uFB04Ffl \uFB05St \uFB06St " +
        "\uFB13\u0544\u0576 \uFB14\u0544\u0565 \uFB15\u0544\u056B \uFB16\u054E\u0576 \uFB17\u0544\u056D");

    private static readonly FrozenDictionary<int, string> FoldTable = Table(
        "\u00B5\u03BC \u00DFss \u0149\u02BCn \u017Fs \u01F0j\u030C \u0345\u03B9 \u0390\u03B9\u0308\u0301 \u03B0\u03C5\u0308\u0301 \u03C2\u03C3 \u03D0\u03B2 " +
        "\u03D1\u03B8 \u03D5\u03C6 \u03D6\u03C0 \u03F0\u03BA \u03F1\u03C1 \u03F5\u03B5 \u0587\u0565\u0582 \u1C80\u0432 \u1C81\u0434 \u1C82\u043E \u1C83\u0441 " +
        "\u1C84\u0442 \u1C85\u0442 \u1C86\u044A \u1C87\u0463 \u1C88\uA64B \u1E96h\u0331 \u1E97t\u0308 \u1E98w\u030A \u1E99y\u030A \u1E9Aa\u02BE \u1E9B\u1E61 " +
        "\u1E9Ess \u1F50\u03C5\u0313 \u1F52\u03C5\u0313\u0300 \u1F54\u03C5\u0313\u0301 \u1F56\u03C5\u0313\u0342 \u1F80\u1F00\u03B9 \u1F81\u1F01\u03B9 " +
        "\u1F82\u1F02\u03B9 \u1F83\u1F03\u03B9 \u1F84\u1F04\u03B9 \u1F85\u1F05\u03B9 \u1F86\u1F06\u03B9 \u1F87\u1F07\u03B9 \u1F88\u1F00\u03B9 " +
        "\u1F89\u1F01\u03B9 \u1F8A\u1F02\u03B9 \u1F8B\u1F03\u03B9 \u1F8C\u1F04\u03B9 \u1F8D\u1F05\u03B9 \u1F8E\u1F06\u03B9 \u1F8F\u1F07\u03B9 " +
        "\u1F90\u1F20\u03B9 \u1F91\u1F21\u03B9 \u1F92\u1F22\u03B9 \u1F93\u1F23\u03B9 \u1F94\u1F24\u03B9 \u1F95\u1F25\u03B9 \u1F96\u1F26\u03B9 " +
        "\u1F97\u1F27\u03B9 \u1F98\u1F20\u03B9 \u1F99\u1F21\u03B9 \u1F9A\u1F22\u03B9 \u1F9B\u1F23\u03B9 \u1F9C\u1F24\u03B9 \u1F9D\u1F25\u03B9 " +
        "\u1F9E\u1F26\u03B9 \u1F9F\u1F27\u03B9 \u1FA0\u1F60\u03B9 \u1FA1\u1F61\u03B9 \u1FA2\u1F62\u03B9 \u1FA3\u1F63\u03B9 \u1FA4\u1F64\u03B9 " +
        "\u1FA5\u1F65\u03B9 \u1FA6\u1F66\u03B9 \u1FA7\u1F67\u03B9 \u1FA8\u1F60\u03B9 \u1FA9\u1F61\u03B9 \u1FAA\u1F62\u03B9 \u1FAB\u1F63\u03B9 " +
        "\u1FAC\u1F64\u03B9 \u1FAD\u1F65\u03B9 \u1FAE\u1F66\u03B9 \u1FAF\u1F67\u03B9 \u1FB2\u1F70\u03B9 \u1FB3\u03B1\u03B9 \u1FB4\u03AC\u03B9 " +
        "\u1FB6\u03B1\u0342 \u1FB7\u03B1\u0342\u03B9 \u1FBC\u03B1\u03B9 \u1FBE\u03B9 \u1FC2\u1F74\u03B9 \u1FC3\u03B7\u03B9 \u1FC4\u03AE\u03B9 " +
        "\u1FC6\u03B7\u0342 \u1FC7\u03B7\u0342\u03B9 \u1FCC\u03B7\u03B9 \u1FD2\u03B9\u0308\u0300 \u1FD3\u03B9\u0308\u0301 \u1FD6\u03B9\u0342 " +
        "\u1FD7\u03B9\u0308\u0342 \u1FE2\u03C5\u0308\u0300 \u1FE3\u03C5\u0308\u0301 \u1FE4\u03C1\u0313 \u1FE6\u03C5\u0342 \u1FE7\u03C5\u0308\u0342 " +
        "\u1FF2\u1F7C\u03B9 \u1FF3\u03C9\u03B9 \u1FF4\u03CE\u03B9 \u1FF6\u03C9\u0342 \u1FF7\u03C9\u0342\u03B9 \u1FFC\u03C9\u03B9 \uFB00ff \uFB01fi \uFB02fl " +
        "\uFB03ffi \uFB04ffl \uFB05st \uFB06st \uFB13\u0574\u0576 \uFB14\u0574\u0565 \uFB15\u0574\u056B \uFB16\u057E\u0576 \uFB17\u0574\u056D");
}
