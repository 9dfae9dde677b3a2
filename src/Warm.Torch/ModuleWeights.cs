using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <summary>
/// The state dict of an <c>nn.Module</c> as <see cref="Weights"/>: whatever takes weights takes it. Modules average with each other and with folders, are measured and saved, inside a training program:
/// <c>WeightAverage.Of([ModuleWeights.Of(a), ModuleWeights.Of(b)])</c>, <c>ModuleWeights.Load(average, into)</c>.
/// </summary>
/// <remarks>A live view: nothing is copied before it is read, and a later reading sees later values. Do not train while it is read. Tensors may be on any device; the module stays the caller's.</remarks>
public sealed class ModuleWeights : Weights
{
    private readonly SortedDictionary<string, Tensor> _tensors;
    private readonly Dictionary<string, TensorInfo> _infos;

    private ModuleWeights(string name, SortedDictionary<string, Tensor> tensors)
    {
        (Name, _tensors) = (name, tensors);
        _infos = tensors.ToDictionary(t => t.Key, t => new TensorInfo(t.Key, TorchDType.Of(t.Value.dtype, $"{name}: '{t.Key}'"), new Shape(t.Value.shape)));
        Names = [.. tensors.Keys];
    }

    /// <summary>The module's parameters and buffers under their names in its state dict.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">What messages and recipes call it; default <c>module</c>.</param>
    /// <exception cref="WarmException">A tensor's type has no counterpart (complex, quantised).</exception>
    public static ModuleWeights Of(nn.Module module, string name = "module")
    {
        ArgumentNullException.ThrowIfNull(module);
        return new ModuleWeights(name, new SortedDictionary<string, Tensor>(module.state_dict(), StringComparer.Ordinal));
    }

    /// <summary>Copies weights into a module, whatever its device; values are rounded once to the module's types. Everything is checked before the first value is written.</summary>
    /// <param name="weights">Must hold every tensor of the module's state dict, in its shape; may hold more.</param>
    /// <param name="into">The module. Its tensors keep device, type and place in the optimizer.</param>
    /// <exception cref="WarmException">A tensor is missing or of another shape; an integer tensor of another type. All are named, and nothing was written.</exception>
    public static void Load(Weights weights, nn.Module into)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ModuleWeights target = Of(into);
        var problems = new List<string>();
        foreach (string name in target.Names)
        {
            TensorInfo own = target.Info(name);
            if (!weights.Contains(name)) problems.Add($"'{name}' {own.Shape} is missing");
            else if (weights.Info(name).Shape != own.Shape) problems.Add($"'{name}' is {weights.Info(name).Shape}, and the module's is {own.Shape}");
            else if (!own.DType.IsFloat() && weights.Info(name).DType != own.DType) problems.Add($"'{name}' is {weights.Info(name).DType.Name()}, and the module's is {own.DType.Name()}");
        }
        if (problems.Count > 0)
            throw new WarmException(weights.Name, string.Join("; ", problems.Take(12)) + (problems.Count > 12 ? $"; and {problems.Count - 12} more" : ""), "every tensor of the module's state dict, in its shape");
        using var noGradients = no_grad();
        foreach (string name in target.Names)
        {
            using var scope = NewDisposeScope();
            TensorInfo own = target.Info(name), given = weights.Info(name);
            // Through single, or double where either side is wider than that: exact, but for the one rounding at the end.
            DType via = !own.DType.IsFloat() || given.DType == own.DType ? given.DType : given.DType == DType.F64 || own.DType == DType.F64 ? DType.F64 : DType.F32;
            int size = via.Bits() / 8;
            Tensor host = TorchDType.Fill(own.Shape.Sizes.ToArray(), TorchDType.Of(via, name), own.Count * size, (start, destination) =>
            {
                if (via == given.DType) weights.ReadRaw(name, start / size, destination);
                else if (via == DType.F64) weights.Read(name, start / size, MemoryMarshal.Cast<byte, double>(destination));
                else weights.Read(name, start / size, MemoryMarshal.Cast<byte, float>(destination));
            });
            target._tensors[name].copy_(host);
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names { get; }

    /// <inheritdoc/>
    public override bool Contains(string name) => _infos.ContainsKey(name);

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => _infos.TryGetValue(name, out TensorInfo? info) ? info : throw new WarmException(Name, $"has no tensor '{name}'");

    /// <inheritdoc/>
    public override void ReadRaw(string name, long start, Span<byte> destination)
    {
        int size = Info(name).DType.Bits() / 8;
        using var scope = NewDisposeScope();
        Piece(name, start, destination.Length / size).bytes.CopyTo(destination);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<float> destination)
    {
        using var scope = NewDisposeScope();
        MemoryMarshal.Cast<byte, float>(Floats(name, start, destination.Length).to(ScalarType.Float32).bytes).CopyTo(destination);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<double> destination)
    {
        using var scope = NewDisposeScope();
        MemoryMarshal.Cast<byte, double>(Floats(name, start, destination.Length).to(ScalarType.Float64).bytes).CopyTo(destination);
    }

    private Tensor Floats(string name, long start, int count) =>
        Info(name).DType.IsFloat() ? Piece(name, start, count) : throw new WarmException(Name, $"'{name}' is {Info(name).DType.Name()}", "a float type");

    /// <summary>Some values of a tensor, on the CPU.</summary>
    private Tensor Piece(string name, long start, int count)
    {
        long all = Info(name).Count;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, all, nameof(start));
        using var noGradients = no_grad();
        return _tensors[name].detach().reshape(-1).narrow(0, start, count).cpu().contiguous().clone();
    }
}
