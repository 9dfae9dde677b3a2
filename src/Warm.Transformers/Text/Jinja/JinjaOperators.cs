using System.Numerics;

namespace Warm.Transformers;

/// <summary>Python's operators.</summary>
internal static class JinjaOperators
{
    public static JinjaValue Arithmetic(JinjaRun run, string name, JinjaValue left, JinjaValue right)
    {
        if (left is JinjaUndefined a) throw a.Error();
        if (name == "%" && left is JinjaString format) return JinjaPercentFormat.Apply(run, format, right);
        if (right is JinjaUndefined b) throw b.Error();
        if (JinjaNumber.IsNumber(left) && JinjaNumber.IsNumber(right)) return Numbers(run, name, left, right);
        if (name == "+")
        {
            if (left is JinjaString x && right is JinjaString y) return Join(run, x, y);
            if (left is JinjaList l && right is JinjaList m) return new JinjaList(Join(run, l, m));
            if (left is JinjaTuple t && right is JinjaTuple u) return new JinjaTuple(Join(run, t, u));
            if (left is JinjaString or JinjaList or JinjaTuple)
                throw JinjaException.Type($"can only concatenate {left.TypeName} (not \"{right.TypeName}\") to {left.TypeName}");
        }
        if (name == "*")
        {
            if (left is JinjaString or JinjaSequence && right is JinjaInteger or JinjaBoolean) return Repeat(run, left, right);
            if (right is JinjaString or JinjaSequence && left is JinjaInteger or JinjaBoolean) return Repeat(run, right, left);
            if (left is JinjaString or JinjaSequence || right is JinjaString or JinjaSequence)
                throw JinjaException.Type($"can't multiply sequence by non-int of type '{(left is JinjaString or JinjaSequence ? right : left).TypeName}'");
        }
        throw JinjaException.Type($"unsupported operand type(s) for {(name == "**" ? "** or pow()" : name)}: '{left.TypeName}' and '{right.TypeName}'");
    }

    private static JinjaString Join(JinjaRun run, JinjaString left, JinjaString right)
    {
        run.Reserve((long)left.Value.Length + right.Value.Length);
        if (left.Safe == right.Safe) return new JinjaString(left.Value + right.Value, left.Safe);
        return new JinjaString((left.Safe ? left.Value : JinjaString.Escape(left.Value)) + (right.Safe ? right.Value : JinjaString.Escape(right.Value)), safe: true);
    }

    private static List<JinjaValue> Join(JinjaRun run, JinjaSequence left, JinjaSequence right)
    {
        run.ReserveList((long)left.Elements.Count + right.Elements.Count);
        return [.. left.Elements, .. right.Elements];
    }

    private static JinjaValue Repeat(JinjaRun run, JinjaValue what, JinjaValue times)
    {
        int count = Math.Max(0, JinjaNumber.Index(times));
        if (what is JinjaString text)
        {
            run.Reserve((long)text.Value.Length * count);
            return new JinjaString(new System.Text.StringBuilder(text.Value.Length * count).Insert(0, text.Value, count).ToString(), text.Safe);
        }
        IReadOnlyList<JinjaValue> items = ((JinjaSequence)what).Elements;
        run.ReserveList((long)items.Count * count);
        var list = new List<JinjaValue>(items.Count * count);
        for (int i = 0; i < count; i++) list.AddRange(items);
        return what is JinjaTuple ? new JinjaTuple(list) : new JinjaList(list);
    }

    private static JinjaValue Numbers(JinjaRun run, string name, JinjaValue left, JinjaValue right)
    {
        if (JinjaNumber.TryInteger(left, out BigInteger a) && JinjaNumber.TryInteger(right, out BigInteger b))
        {
            run.Step((a.GetByteCount() + b.GetByteCount()) >> 3);
            switch (name)
            {
                case "+": return run.Integer(a + b);
                case "-": return run.Integer(a - b);
                case "*": return run.Integer(a * b);
                case "//" or "%" when b.IsZero: throw new JinjaException("ZeroDivisionError", name == "%" ? "integer modulo by zero" : "integer division or modulo by zero");
                case "//": return JinjaInteger.Of(FloorDivide(a, b));
                case "%": return JinjaInteger.Of(a - b * FloorDivide(a, b));
                case "/": return new JinjaFloat(Quotient(a, b));
                default: return Power(run, a, b);
            }
        }
        JinjaNumber.TryDouble(left, out double x);
        JinjaNumber.TryDouble(right, out double y);
        return new JinjaFloat(name switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => y == 0 ? throw new JinjaException("ZeroDivisionError", "float division by zero") : x / y,
            "//" => y == 0 ? throw new JinjaException("ZeroDivisionError", "float floor division by zero") : FloorDivide(x, y),
            "%" => y == 0 ? throw new JinjaException("ZeroDivisionError", "float modulo") : Modulo(x, y),
            _ => Power(x, y),
        });
    }

    private static BigInteger FloorDivide(BigInteger a, BigInteger b)
    {
        BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger rest);
        return !rest.IsZero && (rest.Sign < 0) != (b.Sign < 0) ? quotient - 1 : quotient;
    }

    /// <summary>The quotient of two integers rounded once, as Python has it.</summary>
    private static double Quotient(BigInteger a, BigInteger b)
    {
        if (b.IsZero) throw new JinjaException("ZeroDivisionError", "division by zero");
        if (BigInteger.Abs(a) <= 1L << 53 && BigInteger.Abs(b) <= 1L << 53) return (double)a / (double)b;
        long shift = Math.Max(0, b.GetBitLength() - a.GetBitLength() + 66);
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(a) << (int)shift, BigInteger.Abs(b), out BigInteger rest);
        if (!rest.IsZero) quotient |= 1; // a sticky bit: below the 66 that matter
        double value = Math.ScaleB(JinjaNumber.ToDouble(quotient), (int)-shift) * (a.Sign * b.Sign);
        return double.IsInfinity(value) ? throw new JinjaException("OverflowError", "integer division result too large for a float") : value;
    }

    private static double Modulo(double x, double y)
    {
        double rest = x % y;
        if (rest != 0 && (rest < 0) != (y < 0)) rest += y;
        return rest == 0 ? Math.CopySign(0, y) : rest;
    }

    private static double FloorDivide(double x, double y)
    {
        double quotient = (x - Modulo(x, y)) / y;
        double floor = Math.Floor(quotient);
        return quotient == 0 ? Math.CopySign(0, x / y) : quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static JinjaValue Power(JinjaRun run, BigInteger a, BigInteger b)
    {
        if (b.Sign < 0) return a.IsZero ? throw new JinjaException("ZeroDivisionError", "0.0 cannot be raised to a negative power") : new JinjaFloat(Power(JinjaNumber.ToDouble(a), JinjaNumber.ToDouble(b)));
        if (a.IsOne || a.IsZero || b.IsZero) return JinjaInteger.Of(b.IsZero ? 1 : a);
        if (a == BigInteger.MinusOne) return JinjaInteger.Of(b.IsEven ? 1 : -1);
        if (b > JinjaLimits.Digits * 4 || BigInteger.Log10(BigInteger.Abs(a)) * (double)b > JinjaLimits.Digits + 1) throw JinjaRun.TooManyDigits();
        return run.Integer(BigInteger.Pow(a, (int)b));
    }

    private static double Power(double x, double y)
    {
        if (x == 0 && y < 0) throw new JinjaException("ZeroDivisionError", "0.0 cannot be raised to a negative power");
        if (x < 0 && double.IsFinite(y) && Math.Floor(y) != y) throw JinjaException.Type("a negative number to a broken power is complex, which chat templates do not have");
        double value = Math.Pow(x, y);
        return double.IsInfinity(value) && double.IsFinite(x) && double.IsFinite(y) ? throw new JinjaException("OverflowError", "(34, 'Numerical result out of range')") : value;
    }

    public static bool Compare(JinjaRun run, string name, JinjaValue left, JinjaValue right)
    {
        run.Step();
        switch (name)
        {
            case "==": return left.Equals(right);
            case "!=": return !left.Equals(right);
            case "in": return Contains(run, right, left);
            case "not in": return !Contains(run, right, left);
        }
        int? order = Order(run, name, left, right);
        return order is { } o && name switch { "<" => o < 0, "<=" => o <= 0, ">" => o > 0, _ => o >= 0 };
    }

    public static bool Contains(JinjaRun run, JinjaValue where, JinjaValue what)
    {
        run.Step(where.Length ?? 1);
        return where.Contains(what) ?? throw JinjaException.Type($"argument of type '{where.TypeName}' is not iterable");
    }

    /// <summary>Whether left comes before right, for sorting.</summary>
    public static bool Less(JinjaRun run, JinjaValue left, JinjaValue right) => Order(run, "<", left, right) < 0;

    /// <summary>-1, 0, 1, or null where nothing holds (not-a-number); an error for types that have no order.</summary>
    private static int? Order(JinjaRun run, string name, JinjaValue left, JinjaValue right)
    {
        JinjaRun.EnsureStack();
        run.Step();
        if (left is JinjaUndefined a) throw a.Error();
        if (right is JinjaUndefined b) throw b.Error();
        if (JinjaNumber.TryInteger(left, out BigInteger x))
        {
            if (JinjaNumber.TryInteger(right, out BigInteger y)) return x.CompareTo(y);
            if (right is JinjaFloat f) return Known(JinjaNumber.Compare(x, f.Value));
        }
        else if (left is JinjaFloat f)
        {
            if (right is JinjaFloat g) return double.IsNaN(f.Value) || double.IsNaN(g.Value) ? null : f.Value.CompareTo(g.Value);
            if (JinjaNumber.TryInteger(right, out BigInteger y)) return -Known(JinjaNumber.Compare(y, f.Value));
        }
        else if (left is JinjaString s && right is JinjaString t) return Texts(s.Value, t.Value);
        else if (left is JinjaSequence l && right is JinjaSequence m && left.GetType() == right.GetType())
        {
            for (int i = 0; i < l.Elements.Count && i < m.Elements.Count; i++)
                if (!ReferenceEquals(l.Elements[i], m.Elements[i]) && !l.Elements[i].Equals(m.Elements[i])) return Order(run, name, l.Elements[i], m.Elements[i]);
            return l.Elements.Count.CompareTo(m.Elements.Count);
        }
        throw JinjaException.Type($"'{name}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'");

        static int? Known(int order) => order == 2 ? null : order;
    }

    /// <summary>By code points: a surrogate pair comes after every other character.</summary>
    private static int Texts(string left, string right)
    {
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length) return left.Length.CompareTo(right.Length);
        char a = left[common], b = right[common];
        if (char.IsSurrogate(a) != char.IsSurrogate(b)) return char.IsSurrogate(a) ? (b >= 0xE000 && !IsPaired(left, common) ? -1 : 1) : a >= 0xE000 && !IsPaired(right, common) ? 1 : -1;
        return a.CompareTo(b);
    }

    private static bool IsPaired(string text, int at) =>
        char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) || char.IsLowSurrogate(text[at]) && at > 0 && char.IsHighSurrogate(text[at - 1]);
}
