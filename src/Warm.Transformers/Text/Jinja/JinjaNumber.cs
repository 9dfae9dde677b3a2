using System.Globalization;
using System.Numerics;

namespace Warm.Transformers;

/// <summary>true and false; as a number 1 and 0.</summary>
internal sealed class JinjaBoolean : JinjaValue
{
    public static JinjaBoolean True { get; } = new(true);
    public static JinjaBoolean False { get; } = new(false);
    private JinjaBoolean(bool value) => Value = value;
    public bool Value { get; }
    public static JinjaBoolean Of(bool value) => value ? True : False;
    public override string TypeName => "bool";
    public override bool IsTrue => Value;
    public override string ToText(JinjaRun run) => Value ? "True" : "False";
    public override void Repr(JinjaRepr to) => to.Append(Value ? "True" : "False");
    public override JinjaValue? Attribute(string name) => JinjaNumberMethods.Find(this, name);
    public override bool Equals(object? other) => JinjaNumber.Same(this, other);
    public override int GetHashCode() => JinjaNumber.Hash(this);
}

/// <summary>An integer of any size (printing and computing stop at 4,300 digits).</summary>
internal sealed class JinjaInteger : JinjaValue
{
    private static readonly JinjaInteger[] Small = [.. Enumerable.Range(-16, 1041).Select(x => new JinjaInteger(x))];
    private JinjaInteger(BigInteger value) => Value = value;
    public BigInteger Value { get; }
    public static JinjaInteger Of(BigInteger value) => value >= -16 && value <= 1024 ? Small[(int)value + 16] : new(value);
    public static JinjaInteger Of(int value) => value is >= -16 and <= 1024 ? Small[value + 16] : new(value);
    public override string TypeName => "int";
    public override bool IsTrue => !Value.IsZero;
    public override string ToText(JinjaRun run) => Value.ToString(CultureInfo.InvariantCulture);
    public override void Repr(JinjaRepr to) => to.Append(Value.ToString(CultureInfo.InvariantCulture));
    public override JinjaValue? Attribute(string name) => JinjaNumberMethods.Find(this, name);
    public override bool Equals(object? other) => JinjaNumber.Same(this, other);
    public override int GetHashCode() => JinjaNumber.Hash(this);
}

/// <summary>A double.</summary>
internal sealed class JinjaFloat(double value) : JinjaValue
{
    public double Value { get; } = value;
    public override string TypeName => "float";
    public override bool IsTrue => Value != 0;
    public override string ToText(JinjaRun run) => JinjaNumber.Repr(Value);
    public override void Repr(JinjaRepr to) => to.Append(JinjaNumber.Repr(Value));
    public override JinjaValue? Attribute(string name) => JinjaNumberMethods.Find(this, name);
    public override bool Equals(object? other) => JinjaNumber.Same(this, other);
    public override int GetHashCode() => JinjaNumber.Hash(this);
}

/// <summary>What the three number types share.</summary>
internal static class JinjaNumber
{
    /// <summary>The value of an integer or a boolean.</summary>
    public static bool TryInteger(object? value, out BigInteger number)
    {
        number = value switch { JinjaInteger i => i.Value, JinjaBoolean b => b.Value ? BigInteger.One : BigInteger.Zero, _ => default };
        return value is JinjaInteger or JinjaBoolean;
    }

    public static bool IsNumber(object? value) => value is JinjaInteger or JinjaFloat or JinjaBoolean;

    /// <summary>The value of any number; an integer beyond doubles is Python's OverflowError.</summary>
    public static bool TryDouble(object? value, out double number)
    {
        if (value is JinjaFloat f) { number = f.Value; return true; }
        bool whole = TryInteger(value, out BigInteger integer);
        number = ToDouble(integer);
        if (double.IsInfinity(number)) throw new JinjaException("OverflowError", "int too large to convert to float");
        return whole;
    }

    /// <summary>The nearest double, half to even. (.NET's own conversion cuts off.)</summary>
    public static double ToDouble(BigInteger value)
    {
        BigInteger size = BigInteger.Abs(value);
        long bits = size.GetBitLength();
        if (bits <= 53) return (double)value;
        int shift = (int)(bits - 54);
        ulong top = (ulong)(size >> shift); // 54 bits: one more than a double has
        bool sticky = !(size & ((BigInteger.One << shift) - 1)).IsZero;
        if ((top & 1) == 1 && (sticky || (top & 2) == 2)) top++;
        return Math.ScaleB(top >> 1, shift + 1) * value.Sign;
    }

    /// <summary>A number that must be a whole one (an index, a width), within an int.</summary>
    public static int Index(JinjaValue value)
    {
        if (!TryInteger(value, out BigInteger number)) throw value is JinjaUndefined undefined ? undefined.Error() : JinjaException.Type($"'{value.TypeName}' object cannot be interpreted as an integer");
        return number > int.MaxValue ? int.MaxValue : number < int.MinValue ? int.MinValue : (int)number;
    }

    /// <summary>Python's == of numbers: exact, whatever the types.</summary>
    public static bool Same(JinjaValue left, object? right)
    {
        if (TryInteger(left, out BigInteger a)) return TryInteger(right, out BigInteger b) ? a == b : right is JinjaFloat f && Compare(a, f.Value) == 0;
        double x = ((JinjaFloat)left).Value;
        return right is JinjaFloat g ? x == g.Value : TryInteger(right, out BigInteger c) && Compare(c, x) == 0;
    }

    /// <summary>An integer against a double, without rounding; 2 where the double is not a number.</summary>
    public static int Compare(BigInteger integer, double number)
    {
        if (double.IsNaN(number)) return 2;
        if (double.IsInfinity(number)) return number > 0 ? -1 : 1;
        double floor = Math.Floor(number);
        int whole = integer.CompareTo(new BigInteger(floor));
        return whole != 0 ? whole : floor < number ? -1 : 0;
    }

    public static int Hash(JinjaValue value) =>
        TryInteger(value, out BigInteger integer) ? integer.GetHashCode()
        : value is JinjaFloat { Value: var x } && double.IsFinite(x) && Math.Floor(x) == x ? new BigInteger(x).GetHashCode()
        : ((JinjaFloat)value).Value.GetHashCode();

    /// <summary>Python's repr of a double: the shortest digits that read back; an exponent from 1e16 up and below 1e-4.</summary>
    public static string Repr(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        (string digits, int exponent, bool negative) = Shortest(value);
        string sign = negative ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            string mantissa = digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}";
            return $"{sign}{mantissa}e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent):00}";
        }
        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return digits.Length <= exponent + 1 ? $"{sign}{digits.PadRight(exponent + 1, '0')}.0" : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    /// <summary>The shortest digits that read back as the value, and the power of ten of the first one.</summary>
    public static (string Digits, int Exponent, bool Negative) Shortest(double value)
    {
        bool negative = double.IsNegative(value);
        if (value == 0) return ("0", 0, negative);
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        int mark = text.IndexOf('E');
        int power = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string number = (mark < 0 ? text : text[..mark]).TrimStart('-');
        int point = number.IndexOf('.');
        string whole = point < 0 ? number : number[..point], all = number.Replace(".", "");
        int leading = all.Length - all.TrimStart('0').Length;
        return (all.Trim('0') is { Length: > 0 } d ? d : "0", power + whole.Length - 1 - leading, negative);
    }
}
