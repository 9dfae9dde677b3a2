using System.Numerics;

namespace Warm.Transformers;

/// <summary>What may follow a bar: the filters by name. Their parameters are written as Python's, so that names and errors are the same.</summary>
internal static class JinjaFilters
{
    public delegate JinjaValue Filter(JinjaRun run, JinjaValue value, JinjaArguments arguments);

    /// <summary>The body of a filter with a signature: the value comes first in <c>a</c>.</summary>
    internal delegate JinjaValue Body(JinjaRun run, JinjaValue?[] a);

    public static Filter? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>For filters that take a filter's name.</summary>
    public static Filter Get(string name) => Find(name) ?? throw new JinjaException("TemplateRuntimeError", $"No filter named {JinjaRepr.Quote(name)}.");

    private static Dictionary<string, Filter> Make()
    {
        var all = new Dictionary<string, Filter>();
        foreach ((string name, string parameters, Body body) in JinjaTextFilters.All.Concat(JinjaListFilters.All).Concat(Plain))
        {
            var signature = new JinjaSignature($"do_{name}", parameters);
            all.Add(name, (run, value, arguments) => body(run, signature.Bind(arguments, value)));
        }
        foreach ((string name, Filter filter) in JinjaListFilters.Raw) all.Add(name, filter);
        all.Add("tojson", JinjaJson.Of);
        all.Add("format", (run, value, a) => a.Positional.Count > 0 && a.Named.Count > 0
            ? throw new JinjaException("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
            : JinjaPercentFormat.Apply(run, Text(run, value), a.Named.Count > 0 ? JinjaGlobals.Dictionary(run, new([], a.Named)) : new JinjaTuple(a.Positional)));
        foreach ((string alias, string name) in new[] { ("d", "default"), ("e", "escape"), ("count", "length") }) all.Add(alias, all[name]);
        return all;
    }

    private static readonly (string, string, Body)[] Plain =
    [
        ("default", "value default_value? boolean?", (_, a) => a[0] is JinjaUndefined || (a[2]?.IsTrue ?? false) && !a[0]!.IsTrue ? a[1] ?? JinjaString.Empty : a[0]!),
        ("attr", "obj name", (_, a) => Attr(a[0]!, a[1] is JinjaString name ? name.Value : throw JinjaException.Type($"attribute name must be string, not '{a[1]!.TypeName}'"))),
        ("abs", "x", (_, a) => Absolute(a[0]!)),
        ("int", "value default? base?", (run, a) => ToInteger(run, a[0]!, a[1] ?? JinjaInteger.Of(0), a[2] ?? JinjaInteger.Of(10))),
        ("float", "value default?", (run, a) => ToFloat(run, a[0]!) ?? a[1] ?? new JinjaFloat(0)),
        ("round", "value precision? method?", (run, a) => Round(run, a[0]!, a[1], a[2]?.ToText(run) ?? "common")),
        ("pprint", "value", (run, a) => run.Text(JinjaPrettyPrint.Of(run, a[0]!))),
        ("filesizeformat", "value binary?", (run, a) => run.Text(FileSize(ToFloat(run, a[0]!)?.Value ?? throw (a[0] is JinjaString bad ? JinjaException.Value($"could not convert string to float: {JinjaRepr.Short(bad)}")
            : JinjaException.Type($"float() argument must be a string or a real number, not '{a[0]!.TypeName}'")), a[1]?.IsTrue ?? false))),
    ];

    private static readonly Dictionary<string, Filter> All = Make(); // after Plain: fields begin in the order of the text

    /// <summary>The value as a text, Markup or not.</summary>
    public static JinjaString Text(JinjaRun run, JinjaValue value) => value as JinjaString ?? run.Text(value.ToText(run));

    private static JinjaValue Attr(JinjaValue of, string name) =>
        of is JinjaUndefined undefined && !name.StartsWith("__", StringComparison.Ordinal) ? throw undefined.Error() : JinjaAccess.Given(of, name) ?? JinjaUndefined.Missing(of, new JinjaString(name));

    private static JinjaValue Absolute(JinjaValue value) =>
        JinjaNumber.TryInteger(value, out BigInteger integer) ? JinjaInteger.Of(BigInteger.Abs(integer))
        : value is JinjaFloat number ? new JinjaFloat(Math.Abs(number.Value))
        : throw JinjaException.Type($"bad operand type for abs(): '{value.TypeName}'");

    private static JinjaValue ToInteger(JinjaRun run, JinjaValue value, JinjaValue otherwise, JinjaValue radix)
    {
        if (value is JinjaUndefined undefined) throw undefined.Error();
        if (JinjaNumber.TryInteger(value, out BigInteger integer)) return JinjaInteger.Of(integer);
        if (value is JinjaString text && JinjaNumber.TryInteger(radix, out _) && JinjaNumberText.TryInteger(text.Value, JinjaNumber.Index(radix), out integer)) return run.Integer(integer);
        return ToFloat(run, value) is { } number && double.IsFinite(number.Value) ? run.Integer(new BigInteger(number.Value))
            : value is JinjaFloat { Value: double.PositiveInfinity or double.NegativeInfinity } ? throw new JinjaException("OverflowError", "cannot convert float infinity to integer") : otherwise;
    }

    private static JinjaFloat? ToFloat(JinjaRun run, JinjaValue value)
    {
        run.Step();
        if (value is JinjaUndefined undefined) throw undefined.Error();
        return value is JinjaString text ? JinjaNumberText.TryFloat(text.Value, out double parsed) ? new JinjaFloat(parsed) : null
            : JinjaNumber.TryDouble(value, out double number) ? new JinjaFloat(number) : null;
    }

    private static JinjaValue Round(JinjaRun run, JinjaValue value, JinjaValue? places, string method)
    {
        if (method is not ("common" or "ceil" or "floor")) throw new JinjaException("FilterArgumentError", "method must be common, ceil or floor");
        int precision = places is null ? 0 : JinjaNumber.Index(places);
        if (method == "common")
        {
            if (JinjaNumber.TryInteger(value, out BigInteger integer)) return RoundInteger(run, integer, precision);
            if (value is not JinjaFloat number) throw JinjaException.Type($"type {value.TypeName} doesn't define __round__ method");
            if (!double.IsFinite(number.Value) || precision > 308) return number;
            if (precision < -308) return new JinjaFloat(Math.CopySign(0, number.Value));
            string text = precision >= 0 ? JinjaFloatText.Of(Math.Abs(number.Value), 'f', precision, false)! : JinjaFloatText.Scaled(Math.Abs(number.Value), precision);
            return new JinjaFloat(Math.CopySign(double.Parse(text, System.Globalization.CultureInfo.InvariantCulture), number.Value));
        }
        JinjaValue scale = JinjaOperators.Arithmetic(run, "**", JinjaInteger.Of(10), JinjaInteger.Of(precision));
        JinjaValue product = JinjaOperators.Arithmetic(run, "*", value, scale);
        if (!JinjaNumber.TryDouble(product, out double scaled)) throw JinjaException.Type($"must be real number, not {product.TypeName}");
        if (!double.IsFinite(scaled)) throw new JinjaException("OverflowError", "cannot convert float infinity to integer");
        return JinjaOperators.Arithmetic(run, "/", JinjaInteger.Of(new BigInteger(method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled))), scale);
    }

    /// <summary>An integer stays one; half goes to even.</summary>
    private static JinjaValue RoundInteger(JinjaRun run, BigInteger value, int precision)
    {
        if (precision >= 0) return JinjaInteger.Of(value);
        if (-precision > JinjaLimits.Digits) return JinjaInteger.Of(0);
        BigInteger unit = BigInteger.Pow(10, -precision), quotient = BigInteger.DivRem(BigInteger.Abs(value), unit, out BigInteger rest);
        int half = (rest * 2).CompareTo(unit);
        if (half > 0 || half == 0 && !quotient.IsEven) quotient++;
        return run.Integer(quotient * unit * value.Sign);
    }

    private static string FileSize(double bytes, bool binary)
    {
        double unit = binary ? 1024 : 1000;
        if (bytes == 1) return "1 Byte";
        if (bytes < unit) return $"{new BigInteger(bytes)} Bytes";
        string[] prefixes = binary ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"] : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
        int i = 0;
        while (i < prefixes.Length - 1 && bytes >= Math.Pow(unit, i + 2)) i++;
        return $"{JinjaFloatText.Of(unit * bytes / Math.Pow(unit, i + 2), 'f', 1, false)} {prefixes[i]}";
    }
}

/// <summary>Texts that are numbers, as Python's int() and float() read them.</summary>
internal static class JinjaNumberText
{
    public static bool TryInteger(string text, int radix, out BigInteger value)
    {
        value = default;
        text = JinjaStringMethods.Strip(text, null, "int");
        bool negative = text.StartsWith('-');
        if (negative || text.StartsWith('+')) text = text[1..];
        if (radix is 16 or 0 && text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) (text, radix) = (text[2..], 16);
        else if (radix is 2 or 0 && text.StartsWith("0b", StringComparison.OrdinalIgnoreCase)) (text, radix) = (text[2..], 2);
        else if (radix is 8 or 0 && text.StartsWith("0o", StringComparison.OrdinalIgnoreCase)) (text, radix) = (text[2..], 8);
        else if (radix == 0) radix = 10;
        if (radix is < 2 or > 36) return false;
        if (text.Length == 0 || text[^1] == '_' || text.Contains("__") || text.Length > 2 * JinjaLimits.Digits * 4) return false;
        if (text[0] == '_') return false;
        foreach (int point in JinjaString.CodePoints(text.Replace("_", "")))
        {
            int digit = point < 128 ? char.IsAsciiDigit((char)point) ? point - '0' : char.IsAsciiLetter((char)point) ? (point | 32) - 'a' + 10 : 99
                : System.Globalization.CharUnicodeInfo.GetDecimalDigitValue(JinjaString.PointText(point), 0) is >= 0 and var d ? d : 99;
            if (digit >= radix) return false;
            value = value * radix + digit;
        }
        if (negative) value = -value;
        return true;
    }

    public static bool TryFloat(string text, out double value)
    {
        text = JinjaStringMethods.Strip(text, null, "float");
        value = 0;
        if (text.Length == 0 || text[0] == '_' || text[^1] == '_' || text.Contains("__")) return false;
        string word = text.TrimStart('+', '-').ToLowerInvariant();
        if (word is "inf" or "infinity" or "nan" && text.Length - word.Length <= 1)
        {
            value = word == "nan" ? double.NaN : text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        for (int i = 1; i < text.Length - 1; i++)
            if (text[i] == '_' && !(char.IsAsciiDigit(text[i - 1]) && char.IsAsciiDigit(text[i + 1]))) return false;
        return text.All(c => char.IsAsciiDigit(c) || c is '.' or 'e' or 'E' or '+' or '-' or '_')
            && double.TryParse(text.Replace("_", ""), System.Globalization.NumberStyles.Float & ~System.Globalization.NumberStyles.AllowLeadingWhite, System.Globalization.CultureInfo.InvariantCulture, out value);
    }
}
