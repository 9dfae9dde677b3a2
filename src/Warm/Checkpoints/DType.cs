namespace Warm;

/// <summary>The number types of safetensors 0.8, spelt as in a file's header by <see cref="DTypes.Name"/>.</summary>
public enum DType
{
    /// <summary>One byte a value, 0 or 1.</summary>
    Bool,
    /// <summary>Four-bit float (two a byte).</summary>
    F4,
    /// <summary>Six-bit float, 2 exponent and 3 fraction bits.</summary>
    F6E2M3,
    /// <summary>Six-bit float, 3 exponent and 2 fraction bits.</summary>
    F6E3M2,
    /// <summary>Unsigned byte.</summary>
    U8,
    /// <summary>Signed byte.</summary>
    I8,
    /// <summary>Eight-bit float, 5 exponent bits; has infinity.</summary>
    F8E5M2,
    /// <summary>Eight-bit float, 4 exponent bits; no infinity, largest value 448.</summary>
    F8E4M3,
    /// <summary>Powers of two, 255 is NaN.</summary>
    F8E8M0,
    /// <summary>Eight-bit float without negative zero, 4 exponent bits.</summary>
    F8E4M3Fnuz,
    /// <summary>Eight-bit float without negative zero, 5 exponent bits.</summary>
    F8E5M2Fnuz,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>IEEE half.</summary>
    F16,
    /// <summary>bfloat16: the upper half of a float.</summary>
    BF16,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>IEEE single.</summary>
    F32,
    /// <summary>Complex number of two singles.</summary>
    C64,
    /// <summary>IEEE double.</summary>
    F64,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Size, kind and spelling of a <see cref="DType"/>.</summary>
public static class DTypes
{
    private static readonly string[] Names =
        ["BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
         "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"];

    /// <summary>The spelling in a safetensors header: <c>F32</c>, <c>BF16</c> ...</summary>
    public static string Name(this DType dtype) => Names[(int)dtype];

    /// <summary>The type of that spelling, or null.</summary>
    public static DType? Parse(string name) => Array.IndexOf(Names, name) is >= 0 and var i ? (DType)i : null;

    /// <summary>Bits of one value: 4 to 64.</summary>
    public static int Bits(this DType dtype) => dtype switch
    {
        DType.F4 => 4,
        DType.F6E2M3 or DType.F6E3M2 => 6,
        DType.I16 or DType.U16 or DType.F16 or DType.BF16 => 16,
        DType.I32 or DType.U32 or DType.F32 => 32,
        DType.C64 or DType.F64 or DType.I64 or DType.U64 => 64,
        _ => 8,
    };

    /// <summary>Whether values can be read as numbers and averaged: every real floating-point type. Integers, booleans and complex numbers have raw bits only.</summary>
    public static bool IsFloat(this DType dtype) => dtype switch
    {
        DType.Bool or DType.U8 or DType.I8 or DType.I16 or DType.U16 or DType.I32 or DType.U32 or DType.I64 or DType.U64 or DType.C64 => false,
        _ => true,
    };

    /// <summary>The narrowest of F64, F32, BF16 and F16 that holds all values of those types exactly; one type alone stays as it is.</summary>
    internal static DType Widest(IEnumerable<DType> types)
    {
        DType[] all = [.. types.Distinct()];
        if (all.Length == 1) return all[0];
        if (all.Contains(DType.F64)) return DType.F64;
        if (all.Contains(DType.F32)) return DType.F32;
        bool brain = all.Contains(DType.BF16), half = all.Contains(DType.F16);
        return brain && half ? DType.F32 : half && !all.Contains(DType.F8E8M0) ? DType.F16 : half ? DType.F32 : DType.BF16;
    }
}
