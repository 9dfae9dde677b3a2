using System.Runtime.InteropServices;

namespace Warm.Benchmarks;

/// <summary>A tensor of small random numbers in native memory.</summary>
internal sealed unsafe class Memory : TensorView
{
    private readonly byte* _bytes;

    public Memory(DType dtype, params long[] shape) : base(new TensorInfo("w", dtype, new Shape(shape)))
    {
        _bytes = (byte*)NativeMemory.AlignedAlloc((nuint)Info.Bytes, 64);
        var random = new Random(2);
        for (long i = 0; i < Info.Count; i++)
        {
            float value = random.NextSingle() * 0.2f - 0.1f;
            if (dtype == DType.F32) ((float*)_bytes)[i] = value;
            else ((ushort*)_bytes)[i] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        }
    }

    public override nint Address => (nint)_bytes;

    public override void Dispose() => NativeMemory.AlignedFree(_bytes);
}
