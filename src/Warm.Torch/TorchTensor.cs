using TorchSharp;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <summary>Activations [rows, columns] on a <see cref="TorchEngine"/>: a tensor that belongs to no dispose scope but to this object.</summary>
internal sealed class TorchTensor(Tensor value) : Transformers.EngineTensor(checked((int)value.shape[0]), checked((int)value.shape[1]))
{
    public Tensor Value => value.IsInvalid ? throw new ObjectDisposedException(nameof(Transformers.EngineTensor)) : value;

    public override void Dispose() => value.Dispose();
}

/// <summary>A parameter on a <see cref="TorchEngine"/>, in the type it is stored in: [rows, columns], or [columns] for a vector.</summary>
internal sealed class TorchWeight(TensorInfo info, Tensor value) : Transformers.EngineWeight(info)
{
    public Tensor Value => value.IsInvalid ? throw new ObjectDisposedException(Info.Name) : value;

    public override void Dispose() => value.Dispose();
}
