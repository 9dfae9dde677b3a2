using BenchmarkDotNet.Attributes;
using Warm.Transformers;

namespace Warm.Benchmarks;

/// <summary>The product on one thread beside its naive twin: three loops over the same matrices.</summary>
public class ProductBenchmarks
{
    private readonly float[] _x, _w, _y;
    private readonly Dictionary<CpuKernel, (CpuEngine Engine, EngineTensor X, LinearWeight W)> _kernels = [];
    private const int Size = 512;

    public ProductBenchmarks()
    {
        var random = new Random(1);
        _x = [.. Enumerable.Range(0, Size * Size).Select(_ => random.NextSingle() - 0.5f)];
        _w = [.. Enumerable.Range(0, Size * Size).Select(_ => random.NextSingle() - 0.5f)];
        _y = new float[Size * Size];
        foreach (CpuKernel kernel in new[] { CpuKernel.Vector512, CpuKernel.Vector256, CpuKernel.Portable }.Where(CpuEngine.Supports))
        {
            var engine = new CpuEngine(new() { Kernel = kernel, Threads = 1 });
            _kernels[kernel] = (engine, engine.Upload(_x, Size, Size), new(engine.Load(new Memory(DType.F32, Size, Size))));
        }
    }

    [Benchmark(Baseline = true)]
    public float[] Naive()
    {
        for (int row = 0; row < Size; row++)
            for (int output = 0; output < Size; output++)
            {
                float sum = 0;
                for (int k = 0; k < Size; k++) sum += _x[row * Size + k] * _w[output * Size + k];
                _y[row * Size + output] = sum;
            }
        return _y;
    }

    [Benchmark]
    public void Vector512() => Run(CpuKernel.Vector512);

    [Benchmark]
    public void Vector256() => Run(CpuKernel.Vector256);

    [Benchmark]
    public void Portable() => Run(CpuKernel.Portable);

    private void Run(CpuKernel kernel)
    {
        if (!_kernels.TryGetValue(kernel, out var run)) throw new NotSupportedException($"This processor has no {kernel}.");
        run.Engine.Linear(run.X, run.W).Dispose();
    }
}
