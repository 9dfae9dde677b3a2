using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Warm.Transformers;

/// <summary>Stored values to singles. Value by value, so where a stretch begins and ends changes nothing.</summary>
internal static unsafe class Widening
{
    /// <summary>Whether values of that type can be widened.</summary>
    public static bool Knows(DType dtype) => dtype is DType.F32 or DType.BF16 or DType.F16 or DType.F64;

    /// <summary>Widens <paramref name="count"/> values from number <paramref name="start"/> on.</summary>
    public static void ToSingle(byte* stored, DType dtype, long start, int count, float* destination)
    {
        byte* source = stored + start * (dtype.Bits() / 8);
        switch (dtype)
        {
            case DType.F32:
                Buffer.MemoryCopy(source, destination, (long)count * 4, (long)count * 4);
                break;
            case DType.BF16:
                FromBFloat16((ushort*)source, count, destination);
                break;
            case DType.F16: // exact, whatever the library's instructions
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(new ReadOnlySpan<byte>(source, count * 2)), new Span<float>(destination, count));
                break;
            case DType.F64:
                for (int i = 0; i < count; i++) destination[i] = (float)BitConverter.ToDouble(new ReadOnlySpan<byte>(source + 8L * i, 8));
                break;
            default:
                throw new ArgumentException(dtype.Name(), nameof(dtype));
        }
    }

    private static void FromBFloat16(ushort* source, int count, float* destination)
    {
        int i = 0;
        for (; i <= count - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(source + i)); // the upper half of a single
            (low << 16).AsSingle().Store(destination + i);
            (high << 16).AsSingle().Store(destination + i + 8);
        }
        for (; i < count; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }
}
