using System.Numerics;

namespace Warm.Transformers;

/// <summary>The methods of lists, tuples and ranges that change nothing.</summary>
internal static class JinjaListMethods
{
    public static JinjaValue? Find(JinjaValue self, string name) => name switch
    {
        "index" => new JinjaFunction(name, new JinjaSignature(name, self is JinjaRange ? "/value" : "/value start? stop?"), (run, a) => Index(run, self, a)),
        "count" => new JinjaFunction(name, new JinjaSignature(name, "/value"), (run, a) => JinjaInteger.Of(self.Items(run).Count(x => x.Equals(a[0])))),
        "copy" when self is JinjaList list => new JinjaFunction(name, new JinjaSignature(name, ""), (_, _) => new JinjaList(list.Elements)),
        _ => null,
    };

    private static JinjaInteger Index(JinjaRun run, JinjaValue self, JinjaValue?[] a)
    {
        int start = a.Length < 2 || a[1] is null ? 0 : JinjaNumber.Index(a[1]!), stop = a.Length < 3 || a[2] is null ? int.MaxValue : JinjaNumber.Index(a[2]!), length = self.Length ?? 0;
        if (start < 0) start = Math.Max(0, start + length);
        if (stop < 0) stop += length;
        int at = 0;
        foreach (JinjaValue item in self.Items(run))
        {
            if (at >= start && at < stop && item.Equals(a[0])) return JinjaInteger.Of(at);
            at++;
        }
        throw JinjaException.Value(self is JinjaTuple ? "tuple.index(x): x not in tuple" : $"{JinjaRepr.Short(a[0]!)} is not in {self.TypeName}");
    }
}

/// <summary>The methods of dictionaries that change nothing.</summary>
internal static class JinjaDictionaryMethods
{
    public static JinjaValue? Find(JinjaDictionary self, string name) => name switch
    {
        "get" => new JinjaFunction(name, new JinjaSignature(name, "/key default?"), (_, a) =>
            a[0]!.IsHashable ? self.Get(a[0]!) ?? a[1] ?? JinjaNone.Value : throw JinjaException.Type($"unhashable type: '{a[0]!.TypeName}'")),
        "items" => Plain(name, run => new JinjaDictionaryView(self, "dict_items", p => JinjaTuple.Of(p.Key, p.Value))),
        "keys" => Plain(name, run => new JinjaDictionaryView(self, "dict_keys", p => p.Key)),
        "values" => Plain(name, run => new JinjaDictionaryView(self, "dict_values", p => p.Value)),
        "copy" => Plain(name, run =>
        {
            run.ReserveList(self.Pairs.Count);
            return self.Copy();
        }),
        "fromkeys" => new JinjaDictionaryType().Attribute(name),
        _ => null,
    };

    private static JinjaFunction Plain(string name, Func<JinjaRun, JinjaValue> body) => new(name, new JinjaSignature(name, ""), (run, _) => body(run));
}

/// <summary>Attributes and methods of numbers.</summary>
internal static class JinjaNumberMethods
{
    public static JinjaValue? Find(JinjaValue self, string name)
    {
        if (self is JinjaFloat number)
            return name switch
            {
                "real" => self,
                "imag" => new JinjaFloat(0),
                "conjugate" => Plain(name, _ => self),
                "is_integer" => Plain(name, _ => JinjaBoolean.Of(double.IsFinite(number.Value) && Math.Floor(number.Value) == number.Value)),
                _ => null,
            };
        JinjaNumber.TryInteger(self, out BigInteger value);
        return name switch
        {
            "real" or "numerator" => JinjaInteger.Of(value),
            "imag" => JinjaInteger.Of(0),
            "denominator" => JinjaInteger.Of(1),
            "conjugate" => Plain(name, _ => JinjaInteger.Of(value)),
            "is_integer" => Plain(name, _ => JinjaBoolean.True),
            "bit_length" => Plain(name, _ => JinjaInteger.Of((int)BigInteger.Abs(value).GetBitLength())),
            "bit_count" => Plain(name, _ => JinjaInteger.Of(BigInteger.Abs(value).ToByteArray().Sum(b => BitOperations.PopCount(b)))),
            _ => null,
        };
    }

    private static JinjaFunction Plain(string name, Func<JinjaRun, JinjaValue> body) => new(name, new JinjaSignature(name, ""), (run, _) => body(run));
}
