namespace Warm.Transformers;

/// <summary>Which instructions a <see cref="CpuEngine"/> computes with. Each gives the same bits on every run; two of them differ in the last digits.</summary>
public enum CpuKernel
{
    /// <summary>The widest that this processor has.</summary>
    Best,
    /// <summary>16 values at once (AVX-512), fused multiply-add.</summary>
    Vector512,
    /// <summary>8 values at once (AVX2), fused multiply-add.</summary>
    Vector256,
    /// <summary>4 values at once on any processor (SSE, NEON); products are rounded, then added.</summary>
    Portable,
}
