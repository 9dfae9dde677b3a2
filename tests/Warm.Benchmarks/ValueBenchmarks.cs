using BenchmarkDotNet.Attributes;
using Warm.Transformers;

namespace Warm.Benchmarks;

/// <summary>Activations and norms over a million values on one thread, beside scalar loops with the library's functions.</summary>
public class ValueBenchmarks
{
    private const int Rows = 1024, Columns = 1024;
    private readonly float[] _values, _y = new float[Rows * Columns];
    private readonly CpuEngine _engine = new(new() { Threads = 1 });
    private readonly EngineTensor _x;
    private readonly EngineWeight _weight;

    public ValueBenchmarks()
    {
        var random = new Random(1);
        _values = [.. Enumerable.Range(0, Rows * Columns).Select(_ => random.NextSingle() * 6 - 3)];
        _x = _engine.Upload(_values, Rows, Columns);
        _weight = _engine.Load(new Memory(DType.F32, Columns));
    }

    [Benchmark(Baseline = true)]
    public float[] SiluNaive()
    {
        for (int i = 0; i < _y.Length; i++) _y[i] = _values[i] / (1 + MathF.Exp(-_values[i]));
        return _y;
    }

    [Benchmark]
    public void Silu() => _engine.Activate(_x, Activation.Silu).Dispose();

    [Benchmark]
    public void Gelu() => _engine.Activate(_x, Activation.Gelu).Dispose();

    [Benchmark]
    public void RmsNorm() => _engine.RmsNorm(_x, _weight, 1e-6).Dispose();

    [Benchmark]
    public void LayerNorm() => _engine.LayerNorm(_x, _weight, _weight, 1e-5).Dispose();
}
