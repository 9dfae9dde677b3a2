using TorchSharp;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <summary>Warm's number types and torch's.</summary>
internal static class TorchDType
{
    private static readonly (DType Ours, ScalarType Theirs)[] Pairs =
    [
        (DType.F64, ScalarType.Float64), (DType.F32, ScalarType.Float32), (DType.F16, ScalarType.Float16), (DType.BF16, ScalarType.BFloat16),
        (DType.I64, ScalarType.Int64), (DType.I32, ScalarType.Int32), (DType.I16, ScalarType.Int16), (DType.I8, ScalarType.Int8), (DType.U8, ScalarType.Byte), (DType.Bool, ScalarType.Bool),
    ];

    /// <summary>Warm's type; what is none of these (complex, quantised) is refused.</summary>
    public static DType Of(ScalarType type, string where)
    {
        foreach ((DType ours, ScalarType theirs) in Pairs)
            if (theirs == type) return ours;
        throw new WarmException(where, $"its type is {type}", string.Join(", ", Pairs.Select(pair => pair.Theirs)));
    }

    /// <summary>Torch's type.</summary>
    public static ScalarType Of(DType type, string where)
    {
        foreach ((DType ours, ScalarType theirs) in Pairs)
            if (ours == type) return theirs;
        throw new WarmException(where, $"its type is {type.Name()}", string.Join(", ", Pairs.Select(pair => pair.Ours.Name())));
    }

    /// <summary>Copies raw bytes into a new tensor on the CPU, a piece at a time: spans end at 2 GB. The one copy there is.</summary>
    public static Tensor Fill(long[] shape, ScalarType type, long bytes, Action<long, Span<byte>> read)
    {
        Tensor tensor = empty(shape, type, CPU);
        try
        {
            long count = tensor.NumberOfElements, size = count == 0 ? 1 : bytes / count, step = (1 << 28) / size;
            using Tensor flat = tensor.view(-1);
            for (long start = 0; start < count; start += step)
            {
                using Tensor piece = flat.narrow(0, start, Math.Min(step, count - start));
                read(start * size, piece.bytes);
            }
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }
}
