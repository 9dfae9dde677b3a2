using System.Runtime.InteropServices;

namespace Warm.Transformers.Tests;

/// <summary>A tensor of a test's own values, as if it lay in a file: any float type, rounded from double.</summary>
internal sealed class PinnedView : TensorView
{
    private GCHandle _pin;

    private PinnedView(TensorInfo info, byte[] bytes) : base(info) => _pin = GCHandle.Alloc(bytes, GCHandleType.Pinned);

    /// <summary>Values in single.</summary>
    public static PinnedView Of(string name, ReadOnlySpan<float> values, params long[] shape) =>
        new(Describe(name, DType.F32, values.Length, shape), MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Values in double.</summary>
    public static PinnedView Of(string name, ReadOnlySpan<double> values, params long[] shape) =>
        new(Describe(name, DType.F64, values.Length, shape), MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Values in half.</summary>
    public static PinnedView Of(string name, ReadOnlySpan<Half> values, params long[] shape) =>
        new(Describe(name, DType.F16, values.Length, shape), MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Values in bfloat16, given as the upper halves of singles.</summary>
    public static PinnedView OfBFloat16(string name, ReadOnlySpan<ushort> bits, params long[] shape) =>
        new(Describe(name, DType.BF16, bits.Length, shape), MemoryMarshal.AsBytes(bits).ToArray());

    /// <summary>Bytes as they lie in a file.</summary>
    public static PinnedView Of(TensorInfo info, byte[] bytes) => new(info, bytes);

    public override nint Address => _pin.AddrOfPinnedObject();

    public override void Dispose()
    {
        if (_pin.IsAllocated) _pin.Free();
    }

    private static TensorInfo Describe(string name, DType dtype, int count, long[] shape)
    {
        var info = new TensorInfo(name, dtype, new Shape(shape));
        Assert.Equal(count, info.Count);
        return info;
    }
}
