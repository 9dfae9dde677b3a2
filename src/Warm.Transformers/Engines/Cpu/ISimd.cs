namespace Warm.Transformers;

/// <summary>
/// What a kernel needs of a vector type, so that each is written once for all widths: <see cref="Simd512"/>, <see cref="Simd256"/>, <see cref="Simd128"/>.
/// The runtime compiles every kernel anew for each, and every call below becomes an instruction or two.
/// </summary>
internal unsafe interface ISimd<V> where V : struct
{
    /// <summary>Values in a vector.</summary>
    static abstract int Lanes { get; }

    static abstract V Load(float* source);
    static abstract void Store(float* destination, V value);
    static abstract V Broadcast(float value);
    static abstract V Add(V a, V b);
    static abstract V Subtract(V a, V b);
    static abstract V Multiply(V a, V b);
    static abstract V Divide(V a, V b);

    /// <summary>a b + c, rounded once where the path is fused, else twice.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The smaller; <paramref name="b"/> where either is not a number (on x86).</summary>
    static abstract V Min(V a, V b);

    /// <summary>The larger; <paramref name="b"/> where either is not a number (on x86).</summary>
    static abstract V Max(V a, V b);

    static abstract V Abs(V a);
    static abstract V CopySign(V magnitude, V sign);

    /// <summary>All bits set in the lanes where a &lt; b.</summary>
    static abstract V LessThan(V a, V b);

    /// <summary>Lane by lane: a where the mask is set, else b.</summary>
    static abstract V Select(V mask, V a, V b);

    /// <summary>2^n where the argument is 1.5 2^23 + n, n in -126 .. 127: the whole number sits in its lowest bits.</summary>
    static abstract V PowerOfTwo(V shifted);

    /// <summary>The sum of the lanes: the upper half onto the lower, again and again.</summary>
    static abstract float Sum(V a);

    /// <summary>The largest lane.</summary>
    static abstract float Maximum(V a);
}
