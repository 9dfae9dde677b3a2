using TorchSharp;
using static TorchSharp.torch;

namespace Warm.Torch;

/// <summary>
/// The exponential moving average of a module while it trains: after each step <c>a = decay a + (1 - decay) theta</c>, kept in single precision (double for doubles) on the module's device. Integers and
/// booleans are taken over as they are. To use it: <see cref="CopyTo"/> another module, or <c>ModuleWeights.Of(copy)</c> to save and average it.
/// </summary>
/// <remarks>Memory: one copy of the module's state dict. Not safe from several threads.</remarks>
public sealed class ModuleMovingAverage : IDisposable
{
    private readonly nn.Module _module;
    private readonly Dictionary<string, Tensor> _average = [];

    /// <summary>Begins with the module's values.</summary>
    /// <param name="module">The live module; it stays the caller's.</param>
    /// <param name="decay">From 0 (the last values) to below 1.</param>
    public ModuleMovingAverage(nn.Module module, double decay)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (!(decay >= 0 && decay < 1)) throw new WarmException("moving average", FormattableString.Invariant($"the decay is {decay}"), "a number from 0 to below 1");
        (_module, Decay) = (module, decay);
        using var noGradients = no_grad();
        foreach ((string name, Tensor tensor) in module.state_dict())
        {
            TorchDType.Of(tensor.dtype, name);
            Tensor copy = tensor.detach().to(Kept(tensor.dtype), copy: true);
            _average[name] = copy.DetachFromDisposeScope();
        }
    }

    /// <summary>The share of the old average in the new.</summary>
    public double Decay { get; }

    /// <summary>Number of updates so far.</summary>
    public int Updates { get; private set; }

    /// <summary>Takes the module's present values in. After each optimizer step.</summary>
    /// <exception cref="WarmException">The module has lost a tensor, or one has another shape.</exception>
    public void Update()
    {
        using var noGradients = no_grad();
        Dictionary<string, Tensor> now = _module.state_dict();
        Check(now);
        foreach ((string name, Tensor average) in _average)
        {
            using var scope = NewDisposeScope();
            Tensor value = now[name].detach().to(average.dtype, average.device);
            if (average.is_floating_point()) average.mul_(Decay).add_(value * (1 - Decay));
            else average.copy_(value);
        }
        Updates++;
    }

    /// <summary>Writes the average into a module of the same shapes, rounded once to its types.</summary>
    /// <exception cref="WarmException">A tensor is missing or of another shape; nothing was written.</exception>
    public void CopyTo(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var noGradients = no_grad();
        Dictionary<string, Tensor> target = module.state_dict();
        Check(target);
        foreach ((string name, Tensor average) in _average) target[name].copy_(average);
    }

    private void Check(Dictionary<string, Tensor> state)
    {
        string[] problems = [.. _average.Where(a => !state.TryGetValue(a.Key, out Tensor? own) || !own.shape.SequenceEqual(a.Value.shape)).Select(a => state.ContainsKey(a.Key) ? $"'{a.Key}' has another shape" : $"'{a.Key}' is missing")];
        if (problems.Length > 0) throw new WarmException("module", string.Join("; ", problems.Take(12)), "the state dict that the average began with");
    }

    private static ScalarType Kept(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _average.Values) tensor.Dispose();
        _average.Clear();
    }
}
