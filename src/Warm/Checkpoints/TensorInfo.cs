namespace Warm;

/// <summary>What a tensor is without its values: name, number type, shape.</summary>
public sealed record TensorInfo(string Name, DType DType, Shape Shape)
{
    /// <summary>Number of values.</summary>
    public long Count => Shape.Count;

    /// <summary>Size of the values in bytes as safetensors stores them (4- and 6-bit values are packed).</summary>
    public long Bytes => checked(Count * DType.Bits()) / 8;

    /// <summary><c>score.weight BF16 [1, 128]</c></summary>
    public override string ToString() => $"{Name} {DType.Name()} {Shape}";
}
