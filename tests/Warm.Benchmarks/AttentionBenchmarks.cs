using BenchmarkDotNet.Attributes;
using Warm.Transformers;

namespace Warm.Benchmarks;

/// <summary>Causal attention of one text of 512 tokens, 8 heads of 64, on one thread beside its naive twin.</summary>
public class AttentionBenchmarks
{
    private const int Tokens = 512, Heads = 8, Size = 64, Columns = Heads * Size;
    private readonly float[] _q, _y = new float[Tokens * Columns];
    private readonly CpuEngine _engine = new(new() { Threads = 1 });
    private readonly EngineTensor _x;
    private readonly BatchLayout _layout = BatchLayout.Of([new int[Tokens]]);
    private readonly AttentionForm _form = new() { Heads = Heads, KeyHeads = Heads, HeadSize = Size, Scale = 0.125, Causal = true };

    public AttentionBenchmarks()
    {
        var random = new Random(1);
        _q = [.. Enumerable.Range(0, Tokens * Columns).Select(_ => random.NextSingle() - 0.5f)];
        _x = _engine.Upload(_q, Tokens, Columns);
    }

    [Benchmark(Baseline = true)]
    public float[] Naive()
    {
        float[] scores = new float[Tokens];
        for (int head = 0; head < Heads; head++)
            for (int i = 0; i < Tokens; i++)
            {
                float largest = float.MinValue, sum = 0;
                for (int j = 0; j <= i; j++)
                {
                    float s = 0;
                    for (int c = 0; c < Size; c++) s += _q[i * Columns + head * Size + c] * _q[j * Columns + head * Size + c];
                    largest = MathF.Max(largest, scores[j] = s * 0.125f);
                }
                for (int j = 0; j <= i; j++) sum += scores[j] = MathF.Exp(scores[j] - largest);
                for (int c = 0; c < Size; c++)
                {
                    float mixed = 0;
                    for (int j = 0; j <= i; j++) mixed += scores[j] * _q[j * Columns + head * Size + c];
                    _y[i * Columns + head * Size + c] = mixed / sum;
                }
            }
        return _y;
    }

    [Benchmark]
    public void Cpu() => _engine.Attention(_x, _x, _x, _form, _layout, _layout).Dispose();
}
